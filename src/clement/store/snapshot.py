"""The directory as one immutable value, read from SQL with a query a table.

The policy part knows what the value means; this module only gathers it. What
is disabled or expired is left out, so nothing later has to ask.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from ipaddress import ip_network
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from clement.policy.content_rule import ContentRule, Field, RuleAction
from clement.policy.directive import Action, Directive, Origin, Scope
from clement.policy.directory import (
    Alias,
    Directory,
    DirectoryContents,
    Domain,
    Group,
    LocalMailbox,
    Mode,
    NextHop,
    Person,
    Storage,
)
from clement.policy.network import ClientNetwork, Standing
from clement.store import models
from clement.store.access import rows
from clement.store.models.version import ONLY_ROW
from clement.store.reputation.in_effect import listed_servers, reputations

Expiring = TypeVar("Expiring", models.Directive, models.ClientNetwork, models.ContentRule)


def current_version() -> int:
    """The version of the directory in SQL; `load_directory` is needed when it differs from the one at hand.

    Raises django.db.Error when SQL cannot be asked.
    """
    # Asked every second or so by every receiver's parent: without the ORM, a tenth of the time.
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM clement_directoryversion WHERE id = %s", [ONLY_ROW])
        return int(cursor.fetchone()[0])


def load_directory(clock: Callable[[], float] = time.time) -> Directory:
    """Everything a receiver must know, of one version. Raises django.db.Error when SQL cannot be asked."""
    now_s = int(clock())
    while True:
        version = current_version()
        contents = _load(version, now_s)
        # Not every database gives several queries one view of its tables; every change raises the version.
        if current_version() == version:
            return Directory(contents)


def _load(version: int, now_s: int) -> DirectoryContents:
    with transaction.atomic():
        mailboxes, owned = _mailboxes()
        return DirectoryContents(
            version=version,
            groups=_groups(),
            domains=_domains(),
            mailboxes=mailboxes,
            aliases=_aliases(),
            persons=_persons(owned),
            directives=directives_in_force(models.Directive.objects.all(), now_s),
            networks=_networks(now_s),
            servers=listed_servers(now_s),
            reputations=reputations(),
            content_rules=_content_rules(now_s),
        )


def _groups() -> tuple[Group, ...]:
    hops: dict[int, list[NextHop]] = defaultdict(list)
    for hop in models.NextHop.objects.order_by("group_id", "priority", "position"):
        hops[hop.group_id].append(rows.next_hop_of(hop))
    return tuple(
        Group(
            id=group.id,
            name=group.name,
            mode=Mode(group.mode),
            storage=Storage(group.storage),
            next_hops=tuple(hops[group.id]),
            policy=rows.policy_of(group),
        )
        for group in models.Group.objects.all()
    )


def _domains() -> tuple[Domain, ...]:
    found = models.Domain.objects.filter(enabled=True)
    columns = found.values_list("id", "name", "group_id", "catch_all", "subaddress_separator", "policy")
    return tuple(Domain(*row) for row in columns)


def _mailboxes() -> tuple[tuple[LocalMailbox, ...], dict[int, list[str]]]:
    """The mailboxes, and the addresses that each person owns."""
    found = models.Mailbox.objects.filter(enabled=True, domain__enabled=True)
    columns = found.values_list(
        "id", "address", "maildir", "quota_bytes", "owner_id", "tag_at", "quarantine_at", "refuse_at"
    )
    mailboxes = tuple(LocalMailbox(*row) for row in columns.iterator(chunk_size=10_000))
    owned: dict[int, list[str]] = defaultdict(list)
    for mailbox in mailboxes:
        if mailbox.person_id is not None:
            owned[mailbox.person_id].append(mailbox.address)
    return mailboxes, owned


def _aliases() -> tuple[Alias, ...]:
    """Aliases without the targets that are disabled; one that has no other is left out, as if disabled."""
    gone = set(models.Mailbox.objects.filter(enabled=False).values_list("address", flat=True))
    closed = set(models.Domain.objects.filter(enabled=False).values_list("name", flat=True))
    targets: dict[str, list[str]] = defaultdict(list)
    found = models.AliasTarget.objects.filter(alias__domain__enabled=True).order_by("alias_id", "position")
    for address, target in found.values_list("alias__address", "address"):
        targets[address].append(target)
    while True:
        for address, several in targets.items():
            targets[address] = [t for t in several if t not in gone and t.rpartition("@")[2] not in closed]
        empty = {address for address, several in targets.items() if not several}
        if not empty:
            return tuple(Alias(address, tuple(several)) for address, several in targets.items())
        gone |= empty
        targets = defaultdict(list, {a: several for a, several in targets.items() if several})


def _persons(owned: dict[int, list[str]]) -> tuple[Person, ...]:
    granted: dict[int, list[str]] = defaultdict(list)
    for person_id, pattern in models.SendAsGrant.objects.values_list("person_id", "pattern"):
        granted[person_id].append(pattern)
    usable = models.Person.objects.filter(Q(domain=None) | Q(domain__enabled=True), enabled=True)
    columns = usable.exclude(password_hash="").values_list("id", "login", "password_hash")
    return tuple(
        Person(
            person_id, login, hashed, frozenset(owned.get(person_id, ())).union(granted.get(person_id, ()))
        )
        for person_id, login, hashed in columns
    )


def directives_in_force(found: QuerySet[models.Directive], now_s: int) -> tuple[Directive, ...]:
    """Those that have not ended and are of no disabled domain."""
    found = found.filter(Q(domain=None) | Q(domain__enabled=True))
    columns = _unexpired(found, now_s).values_list(
        "id", "scope", "group_id", "domain__name", "address", "action", "sender_pattern", "recipient_pattern",
        "client_network", "origin", "final", "expires_at_s", "note",
    )  # fmt: skip
    return tuple(
        Directive(
            id=row[0],
            scope=Scope(row[1]),
            scope_key=row[4] or row[3] or (str(row[2]) if row[2] else ""),
            action=Action(row[5]),
            sender=row[6],
            recipient=row[7],
            client=ip_network(row[8]) if row[8] else None,
            origin=Origin(row[9]),
            final=row[10],
            expires_at=row[11],
            note=row[12],
        )
        for row in columns
    )


def _content_rules(now_s: int) -> tuple[ContentRule, ...]:
    found = models.ContentRule.objects.filter(Q(domain=None) | Q(domain__enabled=True), enabled=True)
    columns = _unexpired(found, now_s).values_list(
        "id", "scope", "group_id", "domain__name", "name", "field", "pattern", "action", "header_name",
        "weight", "expires_at_s",
    )  # fmt: skip
    return tuple(
        ContentRule(
            id=row[0],
            scope=Scope(row[1]),
            scope_key=row[3] or (str(row[2]) if row[2] else ""),
            name=row[4],
            field=Field(row[5]),
            pattern=row[6],
            action=RuleAction(row[7]),
            header_name=row[8],
            weight=row[9],
            expires_at=row[10],
        )
        for row in columns.order_by("id")
    )


def _networks(now_s: int) -> tuple[ClientNetwork, ...]:
    found = _unexpired(models.ClientNetwork.objects.all(), now_s)
    columns = found.values_list("id", "network", "standing", "note", "final", "expires_at_s")
    return tuple(
        ClientNetwork(id_, ip_network(network), Standing(standing), note, final, expires_at_s)
        for id_, network, standing, note, final, expires_at_s in columns
    )


def _unexpired(found: QuerySet[Expiring], now_s: int) -> QuerySet[Expiring]:
    return found.filter(Q(expires_at_s=0) | Q(expires_at_s__gt=now_s))
