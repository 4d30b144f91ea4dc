"""What the steward does for held mail: the index agrees with the files, and what is old goes.

Both are crash safe either way: an entry is marked, its files go, then its rows; whoever dies on the way goes
on where he was. Files without rows are told to SQL again; rows without files are dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from clement.spool.failure import StorageFailure
from clement.spool.held import HeldDamaged, HeldMissing, HeldStore
from clement.spool.held_entry import HeldFacts, recipient_id
from clement.spool.held_usage import Held, HeldUsage
from clement.store.held_expiry import SqlHeldIndex
from clement.store.held_records import ExpiredEntry
from clement.store.held_writer import Marks
from clement.telemetry import events as log_events
from clement.telemetry import metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics

log = Log("steward")

AT_ONCE: Final = 200
PAUSE_S: Final = 0.02
YOUNG_S: Final = 3600.0
"""What came later may be on its way through the journal, and half-way files may be at work."""

Stop = Callable[[], bool]


class HeldRounds:
    """The rounds of one node. Every method raises django.db.Error when SQL is away, and OSError.

    remove_elsewhere: removes what the object store has; raises StorageFailure.
    """

    def __init__(
        self,
        store: HeldStore,
        usage: HeldUsage,
        index: SqlHeldIndex,
        counters: Metrics,
        now_s: Callable[[], float] = time.time,
        remove_elsewhere: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._usage = usage
        self._index = index
        self._counters = counters
        self._now_s = now_s
        self._remove_elsewhere = remove_elsewhere

    def expire(self, stop: Stop) -> int:
        """Remove what is over; how many entries."""
        gone = 0
        while not stop():
            batch = self._index.begin_expiry(self._now_s())
            removed = [entry.id for entry in batch if self._remove(entry)]
            if removed:
                self._index.finish_expiry(removed)
                self._counters.add(metrics.HELD_EXPIRED, len(removed))
            gone += len(removed)
            if len(removed) < len(batch) or not batch:
                break
            time.sleep(PAUSE_S)
        if gone:
            log.info(log_events.HELD_EXPIRED, messages=gone)
        return gone

    def mark_kept(self) -> None:
        """Put legal holds beside the files, where receivers see them when they make room."""
        for entry, kept in self._index.unmarked():
            with suppress(HeldMissing, ValueError):
                self._store.mark_kept(entry, kept=kept)
            self._index.marked(entry, kept=kept)

    def index_all(self, stop: Stop) -> int:
        """Tell SQL of every entry on the disk that it does not know; how many."""
        return self._index_days(self._store.all_days(), stop)

    def index_recent(self, stop: Stop) -> int:
        """The same for those of today and yesterday: a receiver may have died before it wrote its journal."""
        today = datetime.fromtimestamp(self._now_s(), UTC)
        days = {(today - timedelta(days=back)).strftime("%Y-%m-%d") for back in (0, 1)}
        return self._index_days((each for each in self._store.all_days() if each[2] in days), stop)

    def sweep(self, stop: Stop) -> int:
        """Drop rows without files, files without a manifest, and count anew; how many rows and files."""
        until_s = self._now_s() - YOUNG_S
        swept = self._sweep_rows(until_s, stop)
        for kind, group, day in self._store.all_days():
            if stop():
                return swept
            swept += self._store.sweep_day(kind, group, day, until_s)
        swept += self._store.sweep_staging(until_s)
        self.count()
        return swept

    def count(self) -> None:
        """Put what is on the disk in the place of what was counted."""
        before = self._usage.look()
        self._usage.correct(before, self._counted())
        total = sum(held.size_bytes for held in self._usage.look().values())
        self._counters.set(metrics.HELD_BYTES, total)

    def _remove(self, entry: ExpiredEntry) -> bool:
        try:
            freed = self._store.remove(entry.id, entry.recipients)
            self._usage.give_back(entry.group_id, entry.kind, freed)
            if entry.object_key and self._remove_elsewhere is not None:
                self._remove_elsewhere(entry.object_key)
        except StorageFailure as fault:
            log.warning(log_events.HELD_FAILED, why=f"{entry.id}: {fault}"[:300])
            return False
        except ValueError:
            return True  # no id of ours: there can be no files
        return True

    def _index_days(self, days: Iterator[tuple[str, str, str]], stop: Stop) -> int:
        added = 0
        for kind, group, day in days:
            ids = self._store.ids(kind, group, day)
            for start in range(0, len(ids), AT_ONCE):
                if stop():
                    return added
                added += self._index_some(ids[start : start + AT_ONCE])
        if added:
            log.warning(log_events.HELD_RECONCILED, added=added)
        return added

    def _index_some(self, ids: Sequence[str]) -> int:
        known = self._index.known(ids)
        found = [facts for entry in ids if entry not in known and (facts := self._facts(entry)) is not None]
        if not found:
            return 0
        return self._index.add(found, self._marks(found))

    def _facts(self, entry: str) -> HeldFacts | None:
        try:
            return self._store.manifest(entry).facts
        except HeldMissing:
            return None  # it has gone since it was listed
        except (HeldDamaged, StorageFailure) as fault:
            log.error(log_events.HELD_DAMAGED, id=entry, why=str(fault)[:300])  # noqa: TRY400 - says all
            return None

    def _marks(self, found: Sequence[HeldFacts]) -> Marks:
        recipients = [
            recipient_id(facts.id, number)
            for facts in found
            for number in range(1, len(facts.recipients) + 1)
        ]
        return Marks(
            frozenset(each for each in recipients if self._store.was_released(each)),
            frozenset(facts.id for facts in found if self._store.is_kept(facts.id)),
        )

    def _sweep_rows(self, until_s: float, stop: Stop) -> int:
        swept, after = 0, ""
        if not self._store.is_mounted():
            return 0
        while not stop() and (page := self._index.page(after, until_s)):
            after = page[-1].id
            gone = [entry.id for entry in page if not self._store.has(entry.id)]
            if gone:
                log.warning(log_events.HELD_RECONCILED, dropped=len(gone), first=gone[0])
                self._index.finish_expiry(gone)
                swept += len(gone)
        return swept

    def _counted(self) -> dict[int, Held]:
        counts: dict[int, Held] = {}
        for kind, group, day in self._store.all_days():
            size_bytes = sum(self._store.size_bytes(entry) for entry in self._store.ids(kind, group, day))
            held = counts.setdefault(int(group), Held())
            if kind.startswith("q"):
                held.quarantine_bytes += size_bytes
            else:
                held.copies_bytes += size_bytes
        return {group: held for group, held in counts.items() if held.size_bytes}
