"""The courier's side of held mail in SQL: which releases are due, and what came of each.

Only the node that has the files delivers; where an object store has them too, the courier of any node may
take over what a node that does not come back has left (`take_over`).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F

from clement.store.held_records import DueRelease, HeldState
from clement.store.log_text import fit
from clement.store.models import HeldMessage, HeldRecipient


class SqlReleases:
    """The releases of one node. Every method raises django.db.Error when SQL is away."""

    def __init__(self, node: str) -> None:
        self._node = node

    def due(self, now_s: float, limit: int) -> Sequence[DueRelease]:
        """Releases whose time has come, the longest waiting first."""
        rows = list(
            HeldRecipient.objects.filter(
                state=HeldState.RELEASING, node=self._node, next_try_at_s__lte=now_s
            ).order_by("next_try_at_s", "id")[:limit]
        )
        keys = dict(
            HeldMessage.objects.filter(id__in={row.held_key for row in rows}).values_list("id", "object_key")
        )
        return [
            DueRelease(
                id=row.id,
                entry=row.held_key,
                requested_at_s=row.changed_at_s,
                requested_by=row.changed_by,
                failures=row.failures,
                failing_since_s=row.failing_since_s,
                object_key=keys.get(row.held_key, ""),
            )
            for row in rows
        ]

    def released(self, recipient: str, note: str) -> bool:
        """It is delivered; `note` is shown to whoever asks. False when that was known."""
        return self._end(recipient, HeldState.RELEASED, note)

    def refused(self, recipient: str, why: str) -> bool:
        """It cannot be delivered, and is held as before; `why` is shown to whoever asks."""
        return self._end(recipient, HeldState.HELD, why)

    def deferred(self, recipient: str, why: str, now_s: float, next_try_at_s: float) -> None:
        """It could not be delivered now."""
        rows = HeldRecipient.objects.filter(id=recipient, state=HeldState.RELEASING)
        rows.filter(failing_since_s=0.0).update(failing_since_s=now_s)
        rows.update(failure=fit(why, 500), failures=F("failures") + 1, next_try_at_s=next_try_at_s)

    def _end(self, recipient: str, state: HeldState, why: str) -> bool:
        rows = HeldRecipient.objects.filter(id=recipient, state=HeldState.RELEASING)
        changes = {"state": state, "failure": fit(why, 500), "next_try_at_s": 0.0}
        return rows.update(**changes) == 1
