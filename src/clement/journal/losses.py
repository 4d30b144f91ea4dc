"""What had to be left out of the log, counted until it can be told in a GapRecord."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec.structs import replace

from clement.journal.records import (
    GapRecord,
    HeldGone,
    HeldRecord,
    MeshRecord,
    Record,
    RefusalRun,
    ReportRecord,
    SessionRecord,
    TeachingRecord,
    TransactionRecord,
)
from clement.telemetry import metrics
from clement.telemetry.metrics import Metrics

TRANSCRIPT: Final = "transcript"
_KINDS: Final[dict[type, str]] = {
    SessionRecord: "session",
    RefusalRun: "refusals",
    TransactionRecord: "transaction",
}


def without_transcript(record: Record) -> Record:
    """Return the record shortened by its transcript; the record itself when it has none."""
    match record:
        case SessionRecord() if record.transcript:
            return replace(record, transcript=())
        case RefusalRun() if record.last.transcript or record.last_transactions:
            return replace(record, last=replace(record.last, transcript=()), last_transactions=())
        case _:
            return record


class Losses:
    """Counts of what was left out for one cause. A lost GapRecord counts with the records it told of."""

    __slots__ = ("_cause", "_counts", "_first_at_s", "_last_at_s")

    def __init__(self, cause: str) -> None:
        self._cause = cause
        self._counts: Counter[str] = Counter()
        self._first_at_s = self._last_at_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._counts)

    def transcript(self, at_s: float, metrics_of_process: Metrics) -> None:
        """Count a session that is told without its transcript."""
        self._add(TRANSCRIPT, 1, at_s, metrics_of_process)

    def record(self, record: Record, at_s: float, metrics_of_process: Metrics) -> None:
        """Count a record that is not told at all."""
        if isinstance(record, GapRecord):
            told = (record.transcripts, record.sessions, record.refusal_runs, record.transactions)
            for kind, count in zip((TRANSCRIPT, *_KINDS.values()), told, strict=True):
                self._counts[kind] += count
            self._span(record.first_at_s)
            self._span(record.last_at_s)
            return
        if isinstance(record, MeshRecord | HeldRecord | HeldGone | TeachingRecord | ReportRecord):
            # No part of the log: a peer says it again in time, a held message lies in its files, a lesson
            # is one of many, and a report was answered in its session.
            return
        self._add(_KINDS[type(record)], 1, at_s, metrics_of_process)

    def tell(self, gap_id: str, node: str) -> GapRecord:
        """Return the counts as a record, and start again from nothing."""
        counts = self._counts
        gap = GapRecord(
            id=gap_id,
            node=node,
            cause=self._cause,
            first_at_s=self._first_at_s,
            last_at_s=self._last_at_s,
            transcripts=counts[TRANSCRIPT],
            sessions=counts["session"],
            refusal_runs=counts["refusals"],
            transactions=counts["transaction"],
        )
        self._counts = Counter()
        self._first_at_s = self._last_at_s = 0.0
        return gap

    def _add(self, kind: str, count: int, at_s: float, metrics_of_process: Metrics) -> None:
        self._counts[kind] += count
        self._span(at_s)
        metrics_of_process.add(metrics.JOURNAL_DROPPED[kind], count)

    def _span(self, at_s: float) -> None:
        self._first_at_s = min(self._first_at_s or at_s, at_s)
        self._last_at_s = max(self._last_at_s, at_s)
