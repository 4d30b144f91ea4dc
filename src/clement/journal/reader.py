"""Reading batches of records out of segments, whatever state they are in."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import msgspec

from clement.journal.frames import MAX_FRAME_BYTES, Frame, split
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
from clement.journal.rejected import RejectedRecords
from clement.journal.segments import OpenSegment, Segment, opened, writer_of
from clement.telemetry import events, metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

_decode = msgspec.msgpack.Decoder(Record).decode
_log = Log("recorder")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record with its place: the segment, and the offset of its end there."""

    segment: str
    end: int
    payload: bytes
    record: Record

    @property
    def made_at_s(self) -> float:
        """About when the record was appended, in Unix time."""
        match self.record:
            case SessionRecord(started_at_s=started_at_s, duration_us=duration_us):
                return started_at_s + duration_us / 1e6
            case TransactionRecord(at_s=at_s) | MeshRecord(at_s=at_s) | HeldGone(at_s=at_s):
                return at_s
            case TeachingRecord(at_s=at_s) | ReportRecord(at_s=at_s):
                return at_s
            case HeldRecord(facts=facts):
                return facts.at_s
            case RefusalRun(last_at_s=last_at_s) | GapRecord(last_at_s=last_at_s):
                return last_at_s


class Batch(msgspec.Struct):
    """Records in the order of their segments, and up to where each segment is settled by them.

    ends: positions once all entries are written; they can be beyond the last entry, where damage follows it.
    """

    entries: list[Entry] = msgspec.field(default_factory=list)
    ends: dict[str, int] = msgspec.field(default_factory=dict)
    size_bytes: int = 0

    @property
    def oldest_at_s(self) -> float:
        """Unix time at which the first of the records was made; 0 when there is none."""
        return min((entry.made_at_s for entry in self.entries), default=0.0)


def say_unreadable(pace: Pace, segment: Segment, failure: OSError) -> None:
    """Say that a segment could not be read, rewritten or removed, once a while."""
    if pace.due(segment.name):
        _log.error(events.JOURNAL_UNREADABLE, segment=segment.name, error=failure)


class JournalReader:
    """Collects batches; begins each time with another writer, so that none waits behind a busy one."""

    def __init__(self, rejected: RejectedRecords, metrics_of_process: Metrics, pace: Pace) -> None:
        self._rejected = rejected
        self._pace = pace
        self._metrics = metrics_of_process
        self._last_writer = ""

    def collect(
        self, segments: Sequence[Segment], positions: Mapping[str, int], max_records: int, max_bytes: int
    ) -> Batch:
        """Read on from `positions`, up to `max_records` and about `max_bytes`."""
        batch = Batch()
        for segment in self._in_turn(segments):
            position = positions.get(segment.name, 0)
            if segment.size_bytes <= position:
                continue
            try:
                with opened(segment.path) as content:
                    self._read(segment.name, content, position, batch, max_records, max_bytes)
            except OSError as failure:
                say_unreadable(self._pace, segment, failure)
            if len(batch.entries) >= max_records or batch.size_bytes >= max_bytes:
                self._last_writer = writer_of(segment.name)
                break
        return batch

    def read_whole(self, name: str, content: OpenSegment, position: int) -> Batch:
        """Read everything of one segment from `position` on. Raises OSError."""
        batch = Batch()
        self._read(name, content, position, batch, sys.maxsize, sys.maxsize)
        return batch

    def _in_turn(self, segments: Sequence[Segment]) -> list[Segment]:
        """Begin after the writer that filled the last batch; the segments of one writer stay in order."""
        names = enumerate(segment.name for segment in segments)
        first = next((at for at, name in names if writer_of(name) > self._last_writer), 0)
        return [*segments[first:], *segments[:first]]

    def _read(
        self, name: str, content: OpenSegment, position: int, batch: Batch, max_records: int, max_bytes: int
    ) -> None:
        """Read one segment into the batch, up to its end or until the batch is full."""
        while position < content.size_bytes:
            room = max_records - len(batch.entries)
            if room <= 0 or batch.size_bytes >= max_bytes:
                return
            # As much as the largest frame needs: whatever is incomplete in it, is so at the segment's end.
            chunk = content.read(position, MAX_FRAME_BYTES)
            last = position + len(chunk) >= content.size_bytes
            found = split(chunk, at_end=last and content.finished, at_most=room)
            if found.consumed == 0:
                return
            for frame in found.frames:
                self._take(name, position + frame.end, frame, batch)
            position += found.consumed
            batch.ends[name] = position
            if found.damages:
                self._say_damaged(name, found.damaged_bytes, torn=last and not found.frames)

    def _take(self, name: str, end: int, frame: Frame, batch: Batch) -> None:
        try:
            record = _decode(frame.payload)
        except msgspec.MsgspecError as failure:
            self._rejected.set_aside(name, end, str(failure), frame.payload)
            return
        batch.entries.append(Entry(name, end, frame.payload, record))
        batch.size_bytes += len(frame.payload)

    def _say_damaged(self, name: str, damaged_bytes: int, *, torn: bool) -> None:
        self._metrics.add(metrics.RECORDER_DAMAGED_BYTES, damaged_bytes)
        _log.error(events.JOURNAL_DAMAGED, segment=name, damaged_bytes=damaged_bytes, torn_end=torn)
