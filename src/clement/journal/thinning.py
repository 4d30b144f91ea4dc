"""Keeping the journal within its limit while SQL is away: the oldest segments are made thinner.

A finished segment is written again without what its level leaves out, under a name of its own; then the old
one is removed. What was left out is told by a GapRecord at its end. All segments reach one level before any
reaches the next:

    level   from this part of the limit on   leaves out
    1       1/2                              the transcripts of sessions
    2       5/8                              sessions
    3       3/4                              everything

A kill in between leaves both segments. The old one is then simply removed, for the new one is whole; records
that were read from both reach SQL once, by their ids.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from clement.journal.frames import HEADER_BYTES, seal
from clement.journal.losses import Losses, without_transcript
from clement.journal.reader import Batch, JournalReader, say_unreadable
from clement.journal.records import GapRecord, Record, SessionRecord
from clement.journal.segments import LEVEL_MARK, SUFFIX, Segment, level_of, opened, remove_finished
from clement.telemetry import events
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

UNFINISHED_SUFFIX: Final = ".new"
EIGHTHS: Final = {1: 4, 2: 5, 3: 6}

_encode_into = msgspec.msgpack.Encoder().encode_into
_log = Log("recorder")


class Thinning:
    """Thins one segment at a time; to be called at every step of the recorder."""

    def __init__(
        self,
        directory: Path,
        node: str,
        limit_bytes: int,
        reader: JournalReader,
        metrics_of_process: Metrics,
        pace: Pace,
    ) -> None:
        self._directory = directory
        self._node = node
        self._limit_bytes = limit_bytes
        self._reader = reader
        self._metrics = metrics_of_process
        self._pace = pace

    def sweep(self) -> None:
        """Remove what a recorder left that was killed while it wrote a segment again."""
        for unfinished in self._directory.glob(f"*{UNFINISHED_SUFFIX}"):
            with suppress(OSError):
                unfinished.unlink()

    def enforce(
        self, segments: Sequence[Segment], positions: Mapping[str, int], busy: Container[str]
    ) -> bool:
        """Thin the oldest segment of the lowest level, if the journal is too large for it to stay as it is.

        busy: names of segments that are not to be touched now. True when a segment was replaced.
        """
        total_bytes = sum(segment.size_bytes for segment in segments)
        for segment in sorted(segments, key=_thin_first):
            level = level_of(segment.name) + 1
            if level > max(EIGHTHS) or total_bytes * 8 < self._limit_bytes * EIGHTHS[level]:
                return False
            if segment.name in busy:
                continue
            try:
                if self._thin(segment, level, positions.get(segment.name, 0)):
                    return True
            except OSError as failure:
                say_unreadable(self._pace, segment, failure)
        return False

    def _thin(self, segment: Segment, level: int, position: int) -> bool:
        """Write a finished segment again at this level; False when it is not finished."""
        name = f"{segment.name.partition(LEVEL_MARK)[0]}{LEVEL_MARK}{level}"
        path = self._directory / (name + SUFFIX)
        with opened(segment.path) as content:
            if not content.finished:
                return False
            if not path.exists():
                batch = self._reader.read_whole(segment.name, content, position)
                _write_synced(path, self._thinned(name, level, batch))
            size_bytes = content.size_bytes
        remove_finished(segment.path, size_bytes)
        _log.error(events.JOURNAL_THINNED, segment=segment.name, level=level, size_bytes=size_bytes)
        return True

    def _thinned(self, name: str, level: int, batch: Batch) -> bytearray:
        losses = Losses("thinned")
        frames = bytearray()
        for record, at_s in ((entry.record, entry.made_at_s) for entry in batch.entries):
            kept = _kept(record, level)
            if kept is None:
                losses.record(record, at_s, self._metrics)
                continue
            if kept is not record:
                losses.transcript(at_s, self._metrics)
            _append(frames, kept)
        if losses:
            _append(frames, losses.tell(f"{name}-gap", self._node))
        return frames


def _thin_first(segment: Segment) -> tuple[int, list[str]]:
    """Sort by level, then by the start of the writer, then by number."""
    base, _, level = segment.name.partition(LEVEL_MARK)
    return int(level or 0), base.split("-")[-2:]


def _kept(record: Record, level: int) -> Record | None:
    """Return what a level leaves of a record."""
    if level >= max(EIGHTHS):
        return None
    if isinstance(record, GapRecord):
        return record
    if level == 2 and isinstance(record, SessionRecord):
        return None
    return without_transcript(record)


def _append(frames: bytearray, record: Record) -> None:
    start = len(frames)
    _encode_into(record, frames, start + HEADER_BYTES)
    seal(frames, start)


def _write_synced(path: Path, content: bytearray) -> None:
    """Make a file that is there wholly or not at all. Raises OSError."""
    making = path.with_suffix(UNFINISHED_SUFFIX)
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)
