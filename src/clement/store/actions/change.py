"""The frame of every action: one SQL transaction, one writer at a time, an audit entry, a new version.

An action asks for a `Change`, does its work, notes what it did, and leaves; the
frame then writes the audit entries and raises the directory's version in the
same SQL transaction, so that no snapshot can see half of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import msgspec
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, transaction
from django.db.models import F

from clement.store.access.actor import Actor
from clement.store.models import AuditEntry, DirectoryVersion, Domain
from clement.store.models.version import ONLY_ROW

Normal = TypeVar("Normal")

# Away, locked, full; read-only (PostgreSQL calls that internal); without tables.
NOT_NOW = (OperationalError, InterfaceError, InternalError, ProgrammingError)


class ActionRefused(Exception):
    """What was asked cannot be done. `field` names the value at fault, `reason` says why, for a person."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ActionForbidden(ActionRefused):
    """The thing may be seen by this person, but not changed in this way."""


class ChangedMeanwhile(ActionRefused):
    """Somebody else changed the thing after it was read (HTTP 409 or 412)."""

    def __init__(self, seen: int, current: int) -> None:
        super().__init__(
            "version", f"changed meanwhile: version {seen} was shown, it is now {current}; look again"
        )


class StoreUnavailable(Exception):
    """The database is away, locked, full or read-only; nothing was changed."""


class Tenant(NamedTuple):
    """Whose something is: ids of a group and a domain, 0 for none."""

    group_id: int = 0
    domain_id: int = 0


SITE = Tenant()


def tenant_of(domain: Domain) -> Tenant:
    """The tenant of what belongs to a domain."""
    return Tenant(domain.group_id, domain.id)


class Change:
    """One action under way: who does it, when, and what has been done so far."""

    __slots__ = ("_entries", "actor", "at_s")

    def __init__(self, actor: Actor, at_s: float) -> None:
        self.actor = actor
        self.at_s = at_s
        self._entries: list[AuditEntry] = []

    def note(
        self,
        action: str,
        object_name: str,
        tenant: Tenant = SITE,
        *,
        old: msgspec.Struct | None = None,
        new: msgspec.Struct | None = None,
    ) -> None:
        """Remember one change for the audit log; the tenant's administrators may read of it."""
        self._entries.append(
            AuditEntry(
                at_s=self.at_s,
                actor=self.actor.name[:320],
                actor_person_key=self.actor.person_id,
                origin_address=self.actor.origin_address,
                action=action,
                object_name=object_name[:320],
                group_key=tenant.group_id,
                domain_key=tenant.domain_id,
                old=_as_json(old),
                new=_as_json(new),
            )
        )

    def entries(self) -> list[AuditEntry]:
        """What has been noted."""
        return self._entries


def _as_json(row: msgspec.Struct | None) -> str:
    return "" if row is None else msgspec.json.encode(msgspec.to_builtins(row, str_keys=True)).decode()


@contextmanager
def directory_change(actor: Actor, clock: Callable[[], float] = time.time) -> Iterator[Change]:
    """Do one action. Raises StoreUnavailable when the database cannot take it.

    The version's row is locked first: whoever changes the directory waits here, so checks that span
    several tables (an address is a mailbox or an alias, never both) cannot be overtaken.
    """
    change = Change(actor, clock())
    try:
        with transaction.atomic():
            DirectoryVersion.objects.select_for_update().get(pk=ONLY_ROW)
            yield change
            if change.entries():
                AuditEntry.objects.bulk_create(change.entries(), batch_size=500)
                DirectoryVersion.objects.filter(pk=ONLY_ROW).update(number=F("number") + 1)
    except (*NOT_NOW, DirectoryVersion.DoesNotExist) as reason:
        raise StoreUnavailable(f"the database cannot take a change now: {reason}") from reason


def checked(field: str, normalise: Callable[[str], Normal], text: str) -> Normal:
    """A value in its stored form. Raises ActionRefused naming the field, with what `normalise` objects to."""
    try:
        return normalise(text)
    except ValueError as reason:
        raise ActionRefused(field, str(reason)) from reason


def check_version(seen: int | None, current: int) -> None:
    """Refuse a change made on the ground of an older version. None: the person did not look first."""
    if seen is not None and seen != current:
        raise ChangedMeanwhile(seen, current)


def bounded_note(text: str) -> str:
    """A note in one line of printable characters. Raises ActionRefused when it is too long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) > 500:
        raise ActionRefused("note", "a note has at most 500 characters")
    return line


def require_root(actor: Actor, what: str) -> None:
    """Refuse whoever is not root."""
    if not actor.root:
        raise ActionForbidden("role", f"only a root-admin may {what}")
