"""What people decide about held mail: release, delete, bring back, keep in spite of everything.

A decision is one conditional UPDATE: whoever comes second finds that there is nothing left to decide. What
follows from it (delivery, removal of files) is done by others, on the node that has the files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from django.db import transaction

from clement.store.access import held as access
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import (
    NOT_NOW,
    ActionForbidden,
    ActionRefused,
    Change,
    StoreUnavailable,
    Tenant,
    require_root,
)
from clement.store.held_records import HeldRow, HeldState
from clement.store.models import AuditEntry, HeldMessage, HeldRecipient

KEYS_AT_ONCE = 500


class Decision(msgspec.Struct, frozen=True):
    """What was decided, for the audit log; the message itself stays where it is."""

    state: HeldState
    address: str
    reverse_path: str
    subject: str


class TakenOver(msgspec.Struct, frozen=True):
    """Whose the held mail of a node is now."""

    node: str
    messages: int


class Keeping(msgspec.Struct, frozen=True):
    """Whether a message is kept in spite of everything."""

    legal_hold: bool


def release(actor: Actor, recipient: str, *, clock: Callable[[], float] = time.time) -> HeldRow:
    """Have a held message delivered to its recipient; the courier does so soon.

    Raises NotFound, ActionRefused when it is released already or deleted, StoreUnavailable.
    """
    with held_change(actor, clock) as change:
        row, message = _one_for_update(actor, recipient)
        if message.expiring:
            raise ActionRefused("state", "it has expired, and its files are being removed")
        _move(change, row, HeldState.HELD, HeldState.RELEASING, next_try_at_s=change.at_s)
        _note(change, "held.release", row, message, HeldState.RELEASING)
        return _after(actor, recipient)


def delete(actor: Actor, recipient: str, *, undo_s: float, clock: Callable[[], float] = time.time) -> HeldRow:
    """Say that a held message is not wanted; it can be brought back for `undo_s`.

    Raises NotFound, ActionRefused when it is being released or must be kept, StoreUnavailable.
    """
    with held_change(actor, clock) as change:
        row, message = _one_for_update(actor, recipient)
        if message.legal_hold:
            raise ActionForbidden("legal_hold", "an administrator keeps it; it cannot be deleted")
        _move(change, row, HeldState.HELD, HeldState.DELETED)
        _settle_expiry(message, change.at_s + undo_s)
        _note(change, "held.delete", row, message, HeldState.DELETED)
        return _after(actor, recipient)


def bring_back(actor: Actor, recipient: str, *, clock: Callable[[], float] = time.time) -> HeldRow:
    """Take a deletion back. Raises NotFound, ActionRefused, StoreUnavailable."""
    with held_change(actor, clock) as change:
        row, message = _one_for_update(actor, recipient)
        if message.expiring:
            raise ActionRefused("state", "it is too late, its files are being removed")
        _move(change, row, HeldState.DELETED, HeldState.HELD)
        HeldMessage.objects.filter(pk=message.pk).update(expires_at_s=message.due_at_s)
        _note(change, "held.bring-back", row, message, HeldState.HELD)
        return _after(actor, recipient)


def keep(
    actor: Actor, recipient: str, *, legal_hold: bool, clock: Callable[[], float] = time.time
) -> HeldRow:
    """Keep a message in spite of expiry and deletion, or no longer; for administrators.

    Raises NotFound, ActionForbidden, ActionRefused, StoreUnavailable.
    """
    with held_change(actor, clock) as change:
        row, message = _one_for_update(actor, recipient)
        if not (actor.rules_group(row.group_key) or actor.rules_domain(row.domain_key)):
            raise ActionForbidden("role", "only an administrator may keep a message")
        if message.expiring:
            raise ActionRefused("state", "it has expired, and its files are being removed")
        if message.legal_hold == legal_hold:
            raise ActionRefused("legal_hold", "it is kept already" if legal_hold else "it was not kept")
        HeldMessage.objects.filter(pk=message.pk).update(legal_hold=legal_hold, mark_due=True)
        name = "held.keep" if legal_hold else "held.keep-no-longer"
        old = Keeping(not legal_hold)
        change.note(name, message.id, _whose(row), old=old, new=Keeping(legal_hold))
        return _after(actor, recipient)


def take_over(actor: Actor, node: str, ours: str, *, clock: Callable[[], float] = time.time) -> int:
    """Make ours what another node has left, as far as the object store has it; how many messages.

    For a node that does not come back: both would make the same releases. Raises ActionForbidden.
    """
    require_root(actor, "take over the held mail of a node")
    with held_change(actor, clock) as change:
        stored = HeldMessage.objects.filter(node=node, expiring=False).exclude(object_key="")
        ids = list(stored.values_list("id", flat=True))
        for start in range(0, len(ids), KEYS_AT_ONCE):
            some = ids[start : start + KEYS_AT_ONCE]
            HeldRecipient.objects.filter(held_key__in=some).update(node=ours)
            HeldMessage.objects.filter(id__in=some).update(node=ours)
        if ids:
            change.note("held.take-over", node, new=TakenOver(ours, len(ids)))
        return len(ids)


@contextmanager
def held_change(actor: Actor, clock: Callable[[], float] = time.time) -> Iterator[Change]:
    """Do one action on held mail: one SQL transaction with its audit entry. No directory changes by it.

    Raises StoreUnavailable when the database cannot take it.
    """
    change = Change(actor, clock())
    try:
        with transaction.atomic():
            yield change
            AuditEntry.objects.bulk_create(change.entries())
    except NOT_NOW as reason:
        raise StoreUnavailable(f"the database cannot take a change now: {reason}") from reason


def _one_for_update(actor: Actor, recipient: str) -> tuple[HeldRecipient, HeldMessage]:
    """The row that an actor may decide about, its message locked: expiry waits, or has come first."""
    row = access.visible(actor).filter(id=recipient).first()
    message = HeldMessage.objects.select_for_update().filter(id=row.held_key).first() if row else None
    if row is None or message is None:
        raise NotFound("held message", recipient)
    return row, message


def _move(
    change: Change, row: HeldRecipient, before: HeldState, after: HeldState, *, next_try_at_s: float = 0.0
) -> None:
    moved = HeldRecipient.objects.filter(id=row.id, state=before).update(
        state=after,
        changed_at_s=change.at_s,
        changed_by=change.actor.name[:320],
        next_try_at_s=next_try_at_s,
        failures=0,
        failing_since_s=0.0,
        failure="",
    )
    if moved != 1:
        raise ActionRefused("state", _SAID[HeldState(HeldRecipient.objects.get(id=row.id).state)])


_SAID = {
    HeldState.HELD: "it is held, and was not deleted",
    HeldState.RELEASING: "it is being released already",
    HeldState.RELEASED: "it was released already",
    HeldState.DELETED: "it was deleted; bring it back first",
}


def _settle_expiry(message: HeldMessage, no_later_than_s: float) -> None:
    """Once nobody wants it any more, a message goes sooner than it would have."""
    recipients = HeldRecipient.objects.filter(held_key=message.id)
    if not recipients.exclude(state__in=(HeldState.DELETED, HeldState.RELEASED)).exists():
        HeldMessage.objects.filter(pk=message.pk).update(
            expires_at_s=min(message.expires_at_s, no_later_than_s)
        )


def _note(change: Change, name: str, row: HeldRecipient, message: HeldMessage, state: HeldState) -> None:
    decided = Decision(state, row.address, message.reverse_path, message.subject)
    change.note(name, row.id, _whose(row), new=decided)


def _whose(row: HeldRecipient) -> Tenant:
    return Tenant(row.group_key, row.domain_key)


def _after(actor: Actor, recipient: str) -> HeldRow:
    return access.one(actor, recipient)
