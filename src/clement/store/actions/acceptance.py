"""What may go with the release of a held message: mail of its author is accepted from now on."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final

import msgspec
from django.db.models import Q

from clement.policy.directive import (
    Action,
    Correspondence,
    Directive,
    DirectiveIndex,
    Origin,
    Scope,
    sender_patterns,
)
from clement.store import models, names
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import ActionRefused
from clement.store.actions.directive import NewDirective, add_directive
from clement.store.held_records import HeldRow
from clement.store.records import Noted
from clement.store.snapshot import directives_in_force

_ANY_CLIENT: Final = IPv6Address(0)
"""Directives for one network are left out, so it is compared with none."""


class Acceptance(msgspec.Struct, frozen=True):
    """What came of the wish. holds: mail that is proven to be the author's is accepted.

    made: the directive for it; None when none was made, for the reason `refusal`, be it that one is there
    already. overruled_by: the directive that wins over it.
    """

    holds: bool
    made: Noted | None = None
    refusal: str = ""
    overruled_by: Directive | None = None


def accept_author(actor: Actor, row: HeldRow, clock: Callable[[], float] = time.time) -> Acceptance:
    """Add a directive for the reverse-path and the recipient of a held message. Raises StoreUnavailable."""
    if "@" not in row.reverse_path:
        return Acceptance(holds=False, refusal="the message has the null reverse-path, which is nobody's")
    wanted = NewDirective(
        scope=Scope.USER,
        scope_name=row.address,
        action=Action.ACCEPT,
        sender_pattern=row.reverse_path,
        origin=Origin.RELEASE,
        note=f"released {row.id}",
    )
    made, refusal = None, ""
    try:
        made = add_directive(actor, wanted)
    except (ActionRefused, NotFound) as reason:
        refusal = str(reason)
    winner = _winner(row, int(clock()))
    holds = winner is not None and winner.action is Action.ACCEPT
    return Acceptance(holds, made, refusal, None if holds else winner)


def _winner(row: HeldRow, now_s: int) -> Directive | None:
    """The directive that says what becomes of proven mail on this pair, whatever the client."""
    domain = models.Domain.objects.filter(name=row.address.rpartition("@")[2]).first()
    try:
        sender = names.pattern(row.reverse_path)
    except ValueError:
        return None  # a directive cannot name it
    if domain is None:
        return None
    of_scope = (
        Q(scope=Scope.SITE)
        | Q(scope=Scope.GROUP, group=domain.group_id)
        | Q(scope=Scope.DOMAIN, domain=domain)
        | Q(scope=Scope.USER, address=row.address)
    )
    found = models.Directive.objects.filter(
        of_scope, sender_pattern__in=list(sender_patterns(sender)), client_network=""
    )
    pair = Correspondence(
        client=_ANY_CLIENT,
        sender=sender,
        recipient=row.address,
        recipient_domain=domain.name,
        group_id=domain.group_id,
        authenticated=frozenset({sender}),
    )
    return DirectiveIndex(directives_in_force(found, now_s)).find(pair, now_s)
