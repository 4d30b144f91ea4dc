"""The end of held mail in SQL: marked first, then its files go, then its rows.

The mark is one UPDATE that a legal hold or a release under way forbids, so neither can come between it and
the files. Whoever dies on the way finds the marked entries again. Small batches: nobody waits for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from clement.spool.held_entry import HeldFacts
from clement.store import held_writer
from clement.store.held_records import ExpiredEntry, HeldState
from clement.store.held_writer import Marks
from clement.store.models import HeldMessage, HeldRecipient

BATCH_ROWS = 100


class SqlHeldIndex:
    """The index of one node's held mail. Every method raises django.db.Error when SQL is away."""

    def __init__(self, node: str) -> None:
        self._node = node

    def begin_expiry(self, now_s: float, limit: int = BATCH_ROWS) -> Sequence[ExpiredEntry]:
        """Mark entries whose time is over, and give them with those marked before."""
        ours = HeldMessage.objects.filter(node=self._node)
        with transaction.atomic():
            releasing = HeldRecipient.objects.filter(held_key=OuterRef("id"), state=HeldState.RELEASING)
            over = ours.filter(~Exists(releasing), expiring=False, legal_hold=False, expires_at_s__lte=now_s)
            ids = list(over.order_by("expires_at_s").values_list("id", flat=True)[:limit])
            # In this order a decision that holds the lock of its message is waited for, and seen.
            locked = ours.select_for_update().filter(id__in=ids, legal_hold=False)
            marked = [message.id for message in locked if not self._is_releasing(message.id)]
            HeldMessage.objects.filter(id__in=marked).update(expiring=True)
        return self._expiring(limit)

    def finish_expiry(self, ids: Sequence[str]) -> None:
        """The files are gone: so are the rows."""
        with transaction.atomic():
            HeldRecipient.objects.filter(held_key__in=ids).delete()
            HeldMessage.objects.filter(id__in=ids).delete()

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the entries that are in the index."""
        return held_writer.known(ids)

    def add(self, entries: Sequence[HeldFacts], marks: Marks) -> int:
        """Add entries that were found on the disk alone; how many were missing indeed."""
        with transaction.atomic():
            return held_writer.write(entries, marks)

    def unmarked(self, limit: int = BATCH_ROWS) -> Sequence[tuple[str, bool]]:
        """Entries whose keeping, or no longer keeping, does not stand beside their files yet."""
        rows = HeldMessage.objects.filter(node=self._node, mark_due=True)
        return list(rows.values_list("id", "legal_hold")[:limit])

    def marked(self, entry: str, *, kept: bool) -> None:
        """It stands there now; unless somebody has changed his mind meanwhile."""
        HeldMessage.objects.filter(id=entry, legal_hold=kept).update(mark_due=False)

    def page(self, after: str, until_s: float, limit: int = BATCH_ROWS) -> Sequence[ExpiredEntry]:
        """Entries of this node older than `until_s`, by id, behind `after`: those that lie here alone."""
        rows = HeldMessage.objects.filter(
            node=self._node, id__gt=after, at_s__lt=until_s, legal_hold=False, object_key=""
        ).order_by("id")[:limit]
        return self._entries(list(rows))

    def stored(self, entry: str, object_key: str) -> None:
        """The object store has it."""
        HeldMessage.objects.filter(id=entry).update(object_key=object_key)

    def not_stored(self, limit: int) -> Sequence[str]:
        """Entries of this node that the object store has not."""
        rows = HeldMessage.objects.filter(node=self._node, object_key="", expiring=False).order_by("id")
        return list(rows.values_list("id", flat=True)[:limit])

    def _expiring(self, limit: int) -> Sequence[ExpiredEntry]:
        return self._entries(list(HeldMessage.objects.filter(node=self._node, expiring=True)[:limit]))

    def _is_releasing(self, entry: str) -> bool:
        return HeldRecipient.objects.filter(held_key=entry, state=HeldState.RELEASING).exists()

    def _entries(self, rows: Sequence[HeldMessage]) -> Sequence[ExpiredEntry]:
        keys = HeldRecipient.objects.filter(Q(held_key__in=[row.id for row in rows]))
        counted = Counter(keys.values_list("held_key", flat=True))
        return [
            ExpiredEntry(
                id=row.id,
                kind=row.kind,
                group_id=row.group_key,
                recipients=counted[row.id],
                object_key=row.object_key,
            )
            for row in rows
        ]
