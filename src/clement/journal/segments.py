"""Segment files: their names, how their only writer opens them, how a reader sees that they are finished.

A writer holds an exclusive lock (flock) on its segment as long as it lives. The kernel takes it back when the
process ends, however it ends; so a segment that can be locked is finished, and no other mark is needed.

`SegmentFiles` is the journal's file-system port: tests replace it to fail or to kill at each of its steps.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

SUFFIX: Final = ".journal"
LEVEL_MARK: Final = "~"

# node, process, start of the process in nanoseconds, number, and how often the segment was thinned
_NAME: Final = re.compile(r"[A-Za-z0-9._]+-[A-Za-z0-9._]+-[0-9]{19}-[0-9]{6,}(?:~[1-9])?\.journal")
_OUTSIDE_NAME: Final = re.compile(r"[^A-Za-z0-9._]")


class Segment(NamedTuple):
    """A segment as listed: `name` without suffix, which is how positions are kept, and its size then."""

    name: str
    path: Path
    size_bytes: int


class OpenSegment(msgspec.Struct, frozen=True):
    """A segment opened for reading. finished: its writer is gone, and `size_bytes` is final."""

    descriptor: int
    size_bytes: int
    finished: bool

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Read up to `size_bytes` from `offset`."""
        return os.pread(self.descriptor, min(size_bytes, self.size_bytes - offset), offset)


class SegmentFiles:
    """The operations on files that the writing side makes, each of which can fail."""

    def create(self, path: Path) -> int:
        """Create and lock a segment. Raises FileExistsError when it is there, or a reader got hold of it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A reader that came between the two lines above saw an empty segment without a writer, and may
            # have removed it. What is written to it would be lost.
            if os.fstat(descriptor).st_nlink == 0:
                raise FileExistsError(f"{path} was removed while it was made")
        except BlockingIOError as busy:
            os.close(descriptor)
            raise FileExistsError(f"{path} is being read") from busy
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def write(self, descriptor: int, content: bytearray) -> int:
        """Append; returns how many octets were taken. Raises OSError."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Wait until everything is on the disk. Raises OSError."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close, and give the lock back."""
        os.close(descriptor)

    def total_bytes(self, directory: Path) -> int:
        """Size of all segments of all writers in this directory."""
        return sum(segment.size_bytes for segment in listed(directory))


def segment_name(node: str, process: str, started_ns: int, number: int) -> str:
    """Return a name that no other writer has: at most 120 ASCII characters, sorted by time for a process."""
    node, process = (_OUTSIDE_NAME.sub("_", part)[:40] for part in (node, process))
    return f"{node}-{process}-{started_ns:019d}-{number:06d}"


def writer_of(name: str) -> str:
    """Return what the names of all segments of one writer begin with."""
    return name.rpartition("-")[0]


def level_of(name: str) -> int:
    """Return how often a segment was thinned."""
    return int(name.partition(LEVEL_MARK)[2] or 0)


def listed(directory: Path) -> list[Segment]:
    """List the segments that are there now, by name. Raises OSError when the directory cannot be read."""
    segments = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            try:
                size_bytes = entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
            segments.append(Segment(entry.name.removesuffix(SUFFIX), Path(entry.path), size_bytes))
    segments.sort()
    return segments


@contextmanager
def opened(path: Path) -> Iterator[OpenSegment]:
    """Open a segment for reading; while it is open and finished, no writer can get hold of it.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # First the lock, then the size: what the size was before the writer went may not be all.
        finished = _lockable(descriptor)
        yield OpenSegment(descriptor, os.fstat(descriptor).st_size, finished)
    finally:
        os.close(descriptor)


def remove_finished(segment: Path, size_bytes: int) -> bool:
    """Remove a segment if it is finished and has exactly this size; tells whether it did. Raises OSError."""
    with opened(segment) as still:
        if not still.finished or still.size_bytes != size_bytes:
            return False
        segment.unlink()
        return True


def _lockable(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
