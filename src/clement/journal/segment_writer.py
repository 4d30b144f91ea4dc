"""The writing end of one process: a row of segments, of which the last is open.

A segment to which a write failed is never written to again: what is after a torn frame would have to be
searched for. The next write starts a new one.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

from clement.journal.frames import whole_frames
from clement.journal.segments import SUFFIX, SegmentFiles, segment_name
from clement.telemetry import events
from clement.telemetry.log import Log

_log = Log("journal")


class SegmentWriter:
    """Appends frames to segments of about `rotate_bytes` each. Every method but `close` may raise OSError."""

    __slots__ = (
        "_descriptor",
        "_directory",
        "_files",
        "_finishing",
        "_node",
        "_number",
        "_path",
        "_process",
        "_rotate_bytes",
        "_size_bytes",
        "_started_ns",
    )

    def __init__(self, directory: Path, node: str, rotate_bytes: int, files: SegmentFiles) -> None:
        self._directory = directory
        self._node = node
        self._process = str(os.getpid())
        self._started_ns = time.time_ns()  # for uniqueness only: a process id comes back some day
        self._number = 0
        self._rotate_bytes = rotate_bytes
        self._files = files
        self._path = directory
        self._descriptor = -1
        self._size_bytes = 0
        self._finishing: list[threading.Thread] = []

    @property
    def writer_name(self) -> str:
        """A name that no other writer has or will have."""
        return segment_name(self._node, self._process, self._started_ns, 0)

    def open(self) -> None:
        """Start a segment, unless one is open."""
        while self._descriptor < 0:
            self._number += 1
            name = segment_name(self._node, self._process, self._started_ns, self._number)
            self._path = self._directory / (name + SUFFIX)
            try:
                self._descriptor = self._files.create(self._path)
            except FileExistsError:
                continue
            self._size_bytes = 0

    def write(self, frames: bytearray) -> int:
        """Append frames by one system call; returns how many octets of whole frames it took, more than 0."""
        if self._descriptor < 0:
            self.open()
        try:
            written = self._files.write(self._descriptor, frames)
        except OSError:
            self._abandon()
            raise
        if written < len(frames):
            written = whole_frames(frames, written)
            self._size_bytes += written
            self._abandon()
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            return written
        self._size_bytes += written
        if self._size_bytes >= self._rotate_bytes:
            self._rotate()
        return written

    def close(self) -> None:
        """Sync and close; waits for the syncs that are under way."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._finish(descriptor)
        for thread in self._finishing:
            thread.join()

    def _rotate(self) -> None:
        """Finish the open segment in a thread: a sync may take longer than a session may wait."""
        descriptor, self._descriptor = self._descriptor, -1
        thread = threading.Thread(target=self._finish, args=(descriptor,), name="journal-sync", daemon=True)
        self._finishing = [other for other in self._finishing if other.is_alive()] + [thread]
        thread.start()

    def _finish(self, descriptor: int) -> None:
        try:
            self._files.sync(descriptor)
        except OSError as failure:
            _log.warning(events.JOURNAL_NOT_SYNCED, error=failure)
        finally:
            self._files.close(descriptor)

    def _abandon(self) -> None:
        """Close a segment that failed, and remove it if it is empty: a full disk would collect them."""
        descriptor, self._descriptor = self._descriptor, -1
        if self._size_bytes == 0:
            self._path.unlink(missing_ok=True)
        self._files.close(descriptor)
