"""Held messages into SQL: each once, however often it is told.

Called by the log's writer in its SQL transaction, and by whoever makes the index anew from the files.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clement.journal.records import HeldGone, HeldRecord
from clement.spool.held_entry import HeldFacts, recipient_id
from clement.store.held_records import HeldState
from clement.store.log_rows import finite
from clement.store.log_text import fit
from clement.store.models import HeldMessage, HeldRecipient

KEYS_AT_ONCE = 500


class Marks(msgspec.Struct, frozen=True):
    """What stands beside the files: recipients who have their message, entries that must be kept."""

    released: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()


def settle(records: Sequence[HeldRecord | HeldGone]) -> None:
    """Write what was held, and forget what is gone. Works in the transaction that is open.

    A release under way is left to the courier, who says what became of it. Raises django.db.Error.
    """
    if not records:
        return
    write([record.facts for record in records if isinstance(record, HeldRecord)], Marks())
    gone = [record.id for record in records if isinstance(record, HeldGone)]
    for start in range(0, len(gone), KEYS_AT_ONCE):
        some = HeldRecipient.objects.filter(held_key__in=gone[start : start + KEYS_AT_ONCE])
        asked_for = set(some.filter(state=HeldState.RELEASING).values_list("held_key", flat=True))
        some.exclude(held_key__in=asked_for).delete()
        HeldMessage.objects.filter(id__in=set(gone[start : start + KEYS_AT_ONCE]) - asked_for).delete()


def known(ids: Sequence[str]) -> set[str]:
    """Those of the entries that are in SQL already. Raises django.db.Error."""
    found: set[str] = set()
    for start in range(0, len(ids), KEYS_AT_ONCE):
        some = ids[start : start + KEYS_AT_ONCE]
        found.update(HeldMessage.objects.filter(id__in=some).values_list("id", flat=True))
    return found


def write(entries: Sequence[HeldFacts], marks: Marks) -> int:
    """Write entries that are not there yet; how many. Works in the transaction that is open.

    Raises django.db.Error.
    """
    new = {facts.id: facts for facts in entries}
    for name in known(list(new)):
        del new[name]
    HeldMessage.objects.bulk_create([_message(facts, marks) for facts in new.values()], batch_size=100)
    recipients = [row for facts in new.values() for row in _recipients(facts, marks)]
    HeldRecipient.objects.bulk_create(recipients, batch_size=100)
    return len(new)


def _message(facts: HeldFacts, marks: Marks) -> HeldMessage:
    return HeldMessage(
        id=facts.id,
        node=fit(facts.node, 64),
        kind=fit(facts.kind, 16),
        group_key=facts.group_id,
        at_s=finite(facts.at_s),
        transaction_key=fit(facts.transaction_id, 48),
        reverse_path=fit(facts.reverse_path, 320),
        size_bytes=facts.size_bytes,
        message_id=fit(facts.message_id, 255),
        author=fit(facts.author, 320),
        subject=fit(facts.subject, 255),
        body_hash=fit(facts.body_hash, 64),
        authenticated_as=fit(facts.authenticated_as, 512),
        due_at_s=finite(facts.expires_at_s),
        expires_at_s=finite(facts.expires_at_s),
        legal_hold=facts.id in marks.kept,
    )


def _recipients(facts: HeldFacts, marks: Marks) -> list[HeldRecipient]:
    return [
        HeldRecipient(
            id=recipient_id(facts.id, number),
            held_key=facts.id,
            node=fit(facts.node, 64),
            kind=fit(facts.kind, 16),
            group_key=facts.group_id,
            domain_key=recipient.domain_id,
            mailbox_key=recipient.mailbox_id,
            address=fit(recipient.address, 320),
            forward_path=fit(recipient.forward_path, 320),
            reason=fit(recipient.reason, 64),
            score=finite(recipient.score),
            why=fit(recipient.why, 500),
            state=HeldState.RELEASED if recipient_id(facts.id, number) in marks.released else HeldState.HELD,
        )
        for number, recipient in enumerate(facts.recipients, 1)
    ]
