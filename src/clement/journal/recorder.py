"""The recorder: moves records from the journal into SQL, in batches, and removes what it has moved.

One process, no event loop. Exactly once in effect: the positions up to which segments are read stand in SQL
and move in the transaction that writes the rows. While SQL is away it keeps its batch, waits and says so;
while it is behind, for whatever reason, it says that too.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from clement.journal.lag import Lag, LagLimits
from clement.journal.ports import LogUnavailable, LogWriter, RecordRejected
from clement.journal.reader import Batch, Entry, JournalReader, say_unreadable
from clement.journal.rejected import RejectedRecords
from clement.journal.segments import Segment, listed, remove_finished
from clement.journal.thinning import Thinning
from clement.telemetry import events, metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

_log = Log("recorder")


class RecorderLimits(msgspec.Struct, frozen=True):
    """How the recorder works.

    batch_records, batch_bytes: written in one SQL transaction. pause_s: between looks at an empty journal.
    patience_s: longest pause while SQL is away. drain_s: for what is left when it has to stop.
    journal_limit_bytes: `JournalLimits.limit_bytes`.
    """

    batch_records: int = 500
    batch_bytes: int = 4 << 20
    pause_s: float = 0.2
    patience_s: float = 5.0
    drain_s: float = 5.0
    journal_limit_bytes: int = 2048 << 20
    lag: LagLimits = LagLimits()


class Recorder:
    """Empties the journal in `directory` into `writer`. There is one a directory (see `sole`)."""

    def __init__(
        self,
        directory: Path,
        writer: LogWriter,
        node: str,
        limits: RecorderLimits | None = None,
        *,
        metrics_of_process: Metrics | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._writer = writer
        self._limits = limits or RecorderLimits()
        self._metrics = metrics_of_process or Metrics.private()
        self._monotonic = monotonic
        self._pace = Pace(monotonic=monotonic)
        self._rejected = RejectedRecords(directory / "rejected", self._metrics, self._pace)
        self._reader = JournalReader(self._rejected, self._metrics, self._pace)
        self._thinning = Thinning(
            directory, node, self._limits.journal_limit_bytes, self._reader, self._metrics, self._pace
        )
        self._lag = Lag(self._limits.lag, self._metrics, now, monotonic)
        self._batch = Batch()
        self._at_once = self._limits.batch_records  # fewer while a record is looked for that SQL refuses
        self._positions: dict[str, int] | None = None
        self._unavailable_since_s: float | None = None
        self._pause_s = self._limits.pause_s

    def run(self, stop: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        """Work until `stop` says so, then empty the journal for at most `drain_s`.

        Raises OSError when the directory cannot be read.
        """
        with sole(self._directory, stop, sleep) as alone:
            if alone:
                self._run(stop, sleep)

    def _run(self, stop: Callable[[], bool], sleep: Callable[[float], None]) -> None:
        _log.info(events.RECORDER_STARTED, directory=str(self._directory))
        self._thinning.sweep()
        while not stop():
            # A batch that is not full was all there is: wait until another is worth a transaction.
            if self.step() < self._limits.batch_records:
                self._wait(stop, sleep)
        deadline_s = self._monotonic() + self._limits.drain_s
        while self.step() and self._monotonic() < deadline_s:
            continue
        _log.info(events.RECORDER_STOPPED, lag_bytes=self._lag.size_bytes)

    def step(self) -> int:
        """Write one batch; returns how many records it had, 0 when there is nothing or SQL is away.

        Raises OSError when the directory cannot be read.
        """
        segments = listed(self._directory)
        if self._thinning.enforce(segments, self._positions or {}, busy=self._batch.ends):
            segments = listed(self._directory)
        try:
            positions = self._known_positions(segments)
            if not self._batch.entries:
                self._batch = self._reader.collect(
                    segments, positions, self._limits.batch_records, self._limits.batch_bytes
                )
            self._lag.measure(segments, positions, len(self._batch.entries), self._batch.oldest_at_s)
            written = self._write_batch(positions)
            self._remove_settled(segments, positions)
        except LogUnavailable as away:
            self._unavailable(away)
            return 0
        self._available()
        return written

    def _known_positions(self, segments: Sequence[Segment]) -> dict[str, int]:
        """Return the positions, which are asked for once: nobody else moves them."""
        if self._positions is None:
            self._lag.measure(segments, {}, 0, 0.0)
            self._positions = self._writer.positions()
        return self._positions

    def _write_batch(self, positions: dict[str, int]) -> int:
        """Write the batch that was collected; what of it is not written yet is kept until it is."""
        batch = self._batch
        written = 0
        while batch.entries:
            at_once = min(self._at_once, len(batch.entries))
            if self._write(batch.entries[:at_once]):
                del batch.entries[:at_once]
                written += at_once
                self._at_once = self._limits.batch_records
            else:
                self._at_once = at_once // 2
        positions.update(batch.ends)
        self._batch = Batch()
        return written

    def _write(self, entries: Sequence[Entry]) -> bool:
        """Write entries; False when SQL refuses one of several. One that it refuses alone is set aside."""
        ends = {entry.segment: entry.end for entry in entries}
        try:
            self._writer.write([entry.record for entry in entries], ends)
        except RecordRejected as refusal:
            if len(entries) > 1:
                return False
            refused = entries[0]
            self._rejected.set_aside(refused.segment, refused.end, str(refusal), refused.payload)
            self._writer.write((), ends)
            return True
        self._lag.learn(len(entries), sum(len(entry.payload) for entry in entries))
        self._metrics.add(metrics.RECORDER_RECORDS, len(entries))
        self._metrics.add(metrics.RECORDER_BATCHES)
        return True

    def _remove_settled(self, segments: Sequence[Segment], positions: dict[str, int]) -> None:
        """Remove the finished segments of which everything is in SQL, and the positions of those removed."""
        present = set()
        for segment in segments:
            position = positions.get(segment.name, 0)
            if segment.size_bytes > position or not self._removed(segment, position):
                present.add(segment.name)
        gone = [name for name in positions if name not in present]
        if gone:
            self._writer.forget(gone)
            for name in gone:
                del positions[name]

    def _removed(self, segment: Segment, size_bytes: int) -> bool:
        try:
            return remove_finished(segment.path, size_bytes)
        except OSError as failure:
            say_unreadable(self._pace, segment, failure)
            return False

    def _unavailable(self, away: LogUnavailable) -> None:
        self._metrics.add(metrics.RECORDER_UNAVAILABLE)
        now_s = self._monotonic()
        if self._unavailable_since_s is None:
            self._unavailable_since_s = now_s
        else:
            self._pause_s = min(self._pause_s * 2, self._limits.patience_s)
        if self._pace.due(events.LOG_UNAVAILABLE):
            _log.error(events.LOG_UNAVAILABLE, why=str(away), lag_bytes=self._lag.size_bytes)

    def _available(self) -> None:
        self._pause_s = self._limits.pause_s
        if self._unavailable_since_s is not None:
            away_s = self._monotonic() - self._unavailable_since_s
            self._unavailable_since_s = None
            self._pace.over(events.LOG_UNAVAILABLE)
            _log.warning(events.LOG_AVAILABLE, after_s=round(away_s, 1), lag_bytes=self._lag.size_bytes)

    def _wait(self, stop: Callable[[], bool], sleep: Callable[[float], None]) -> None:
        """Wait for the pause that is due, in slices, so that a stop does not wait long."""
        until_s = self._monotonic() + self._pause_s
        while not stop() and (left_s := until_s - self._monotonic()) > 0:
            sleep(min(left_s, self._limits.pause_s))


@contextmanager
def sole(
    directory: Path, stop: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[bool]:
    """Be the only recorder of this directory; waits for another to end. False when `stop` came first.

    Raises OSError when the directory cannot be written.
    """
    descriptor = os.open(
        directory / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        said = False
        while not (locked := _locked(descriptor)) and not stop():
            if not said:
                said = True
                _log.warning(events.RECORDER_WAITS, directory=str(directory))
            sleep(0.2)
        yield locked
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
