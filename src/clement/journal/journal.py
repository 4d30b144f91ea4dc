"""The journal: an append-only record log in local files, written by receivers and emptied by the recorder.

It is not the mail queue and holds no content, and it decides nothing: `append` and `flush` never raise for a
fault of the disk, because a log row must not turn a delivered message into a 4xx. What could not be kept is
counted, and told by a GapRecord.

What it promises: a record whose `flush` returned True is in the kernel's hands and survives any death of the
process. Records are not synced one by one: loss of power may lose the log of the last seconds (never mail:
that is the spool's and the Maildir's promise).

When there is no room, the least valuable goes first:
1. the recorder thins the oldest finished segments when all together exceed half of `limit_bytes`;
2. a writer drops new sessions and refusal runs from 7/8 of the limit on, transactions at the limit;
3. while the disk refuses writes, records wait in memory: all of them up to half of `waiting_limit_bytes`,
   transactions up to the whole of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from clement.journal.frames import HEADER_BYTES, MAX_FRAME_BYTES, seal
from clement.journal.losses import Losses, without_transcript
from clement.journal.records import (
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
from clement.journal.segment_writer import SegmentWriter
from clement.journal.segments import SegmentFiles
from clement.telemetry import events, metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

MIB: Final = 1 << 20
RETRY_AFTER_S: Final = 1.0
MEASURE_EVERY_S: Final = 5.0
TELL_EVERY_S: Final = 60.0

_encode_into = msgspec.msgpack.Encoder().encode_into
_log = Log("journal")


class RecordLog(Protocol):
    """Where the records of sessions go; `Journal` is the real one."""

    def append(self, record: Record) -> None:
        """Take a record; it is safe after the next `flush` that returns True. Never raises."""

    def flush(self) -> bool:
        """Write what was appended; True when all of it is in the kernel's hands. Never raises."""

    def tick(self, now_s: float) -> None:
        """Do what is due at this monotonic time; called about once a second."""


class JournalLimits(msgspec.Struct, frozen=True):
    """rotate_bytes: size of a finished segment. limit_bytes: of all segments of all processes together.

    waiting_limit_bytes: of the records that wait in memory while the disk refuses them.
    """

    rotate_bytes: int = 16 * MIB
    limit_bytes: int = 2048 * MIB
    waiting_limit_bytes: int = 8 * MIB


class Journal:
    """One process's end of the journal. Open it after fork; use it from one thread.

    node: name of this machine. Raises OSError when `directory` cannot be written, so that a server which
    could keep no log says so at its start.
    """

    __slots__ = (
        "_buffer",
        "_directory",
        "_files",
        "_gap_number",
        "_limits",
        "_losses",
        "_metrics",
        "_monotonic",
        "_next_measure_s",
        "_next_tell_s",
        "_next_try_s",
        "_node",
        "_now",
        "_over_limit",
        "_pace",
        "_segment",
        "_sessions_until_bytes",
        "_total_bytes",
        "_unwritable",
    )

    def __init__(
        self,
        directory: Path,
        node: str,
        limits: JournalLimits | None = None,
        *,
        files: SegmentFiles | None = None,
        metrics_of_process: Metrics | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._node = node
        self._limits = limits or JournalLimits()
        self._files = files or SegmentFiles()
        self._metrics = metrics_of_process or Metrics.private()
        self._now = now
        self._monotonic = monotonic
        self._pace = Pace(monotonic=monotonic)
        self._buffer = bytearray()
        self._losses = {cause: Losses(cause) for cause in ("limit", "disk", "record")}
        self._gap_number = 0
        self._sessions_until_bytes = self._limits.limit_bytes * 7 // 8
        self._unwritable = self._over_limit = False
        self._next_measure_s = self._next_tell_s = self._next_try_s = 0.0
        self._segment = SegmentWriter(directory, node, self._limits.rotate_bytes, self._files)
        self._segment.open()
        self._total_bytes = 0
        self._measure()

    def append(self, record: Record) -> None:
        """Encode a record; it is safe after the next `flush` that returns True."""
        if (self._unwritable or self._over_limit) and not self._has_room_for(record):
            self._losses["disk" if self._unwritable else "limit"].record(record, self._now(), self._metrics)
            return
        buffer = self._buffer
        start = len(buffer)
        try:
            _encode_into(record, buffer, start + HEADER_BYTES)
        except UnicodeEncodeError as failure:  # a lone surrogate: whoever made the record forgot to escape
            self._unfit(start, record, failure)
            return
        if len(buffer) - start > MAX_FRAME_BYTES:
            self._unfit(start, record, "too large")
            return
        seal(buffer, start)
        self._metrics.add(metrics.JOURNAL_RECORDS)

    def flush(self) -> bool:
        """Write what was appended with one write(2); False when it waits in memory for a better time."""
        if not self._buffer:
            return True
        if self._unwritable and self._monotonic() < self._next_try_s:
            return False
        try:
            while self._buffer:
                settled_bytes = self._segment.write(self._buffer)
                del self._buffer[:settled_bytes]
                self._total_bytes += settled_bytes
                self._metrics.add(metrics.JOURNAL_BYTES, settled_bytes)
        except OSError as failure:
            self._refused(failure)
            return False
        if self._unwritable:
            self._unwritable = False
            _log.warning(events.JOURNAL_WRITABLE)
        if self._total_bytes >= self._sessions_until_bytes and not self._over_limit:
            self._measure()
        return True

    def tick(self, now_s: float) -> None:
        """Measure the directory, tell what was dropped, write what waits: each when it is due."""
        if now_s >= self._next_measure_s:
            self._next_measure_s = now_s + MEASURE_EVERY_S
            self._measure()
        if now_s >= self._next_tell_s and any(self._losses.values()):
            self._next_tell_s = now_s + TELL_EVERY_S
            self._tell_losses()
        self.flush()

    def close(self) -> None:
        """Tell what was dropped, write everything, sync, and give the segment to the recorder."""
        self._next_try_s = 0.0
        self._tell_losses()
        if not self.flush():
            _log.error(events.JOURNAL_GAP, cause="disk", waiting_bytes=len(self._buffer))
        self._segment.close()

    def _has_room_for(self, record: Record) -> bool:
        limits = self._limits
        match record:
            case SessionRecord() | RefusalRun():
                waiting_bytes, total_bytes = limits.waiting_limit_bytes // 2, self._sessions_until_bytes
            case (
                TransactionRecord()
                | MeshRecord()
                | HeldRecord()
                | HeldGone()
                | TeachingRecord()
                | ReportRecord()
            ):
                waiting_bytes, total_bytes = limits.waiting_limit_bytes, limits.limit_bytes
            case _:  # a gap: some hundred octets a minute
                waiting_bytes, total_bytes = 2 * limits.waiting_limit_bytes, 2 * limits.limit_bytes
        return len(self._buffer) < waiting_bytes and self._total_bytes < total_bytes

    def _unfit(self, start: int, record: Record, why: object) -> None:
        """Take back a record that cannot stand in a frame; without its transcript it may."""
        del self._buffer[start:]
        if self._pace.due(events.JOURNAL_RECORD_UNFIT):
            _log.error(events.JOURNAL_RECORD_UNFIT, id=record.id, why=why)
        shorter = without_transcript(record)
        if shorter is record:
            self._losses["record"].record(record, self._now(), self._metrics)
        else:
            self._losses["record"].transcript(self._now(), self._metrics)
            self.append(shorter)

    def _refused(self, failure: OSError) -> None:
        self._metrics.add(metrics.JOURNAL_FAILURES)
        self._next_try_s = self._monotonic() + RETRY_AFTER_S
        if not self._unwritable:
            self._unwritable = True
            _log.error(events.JOURNAL_UNWRITABLE, error=failure)

    def _measure(self) -> None:
        """See how large the journal of all processes is, and whether it may still grow."""
        try:
            self._total_bytes = self._files.total_bytes(self._directory)
        except OSError as failure:
            if self._pace.due(events.JOURNAL_UNREADABLE):
                _log.error(events.JOURNAL_UNREADABLE, error=failure)
            return
        over_limit = self._total_bytes >= self._sessions_until_bytes
        if over_limit != self._over_limit:
            self._over_limit = over_limit
            say = _log.error if over_limit else _log.warning
            event = events.JOURNAL_LIMIT if over_limit else events.JOURNAL_BELOW_LIMIT
            say(event, size_bytes=self._total_bytes, limit_bytes=self._limits.limit_bytes)

    def _tell_losses(self) -> None:
        for losses in self._losses.values():
            if losses:
                self._gap_number += 1
                gap = losses.tell(f"{self._segment.writer_name}-gap{self._gap_number}", self._node)
                _log.error(events.JOURNAL_GAP, **msgspec.structs.asdict(gap))
                self.append(gap)
