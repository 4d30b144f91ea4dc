"""How much is held for each group: one small file that all processes of a machine count in, under a lock.

Counting is exact while nobody is killed between a claim and its end; whoever recounts the files puts the true
numbers in its place. The file is read and written as a whole: a thousand groups are some 20 kB.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from zlib import crc32

import msgspec


class Held(msgspec.Struct, array_like=True):
    """What one group has, in octets on the disk."""

    quarantine_bytes: int = 0
    copies_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return self.quarantine_bytes + self.copies_bytes


Counts = dict[int, Held]
_decode = msgspec.msgpack.Decoder(Counts).decode


class HeldUsage:
    """The counts in one file. Every method blocks for as long as another process counts: microseconds."""

    __slots__ = ("_lock", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = Lock()

    def claim(
        self, group_id: int, kind: str, size_bytes: int, *, group_limit_bytes: int, limit_bytes: int
    ) -> int:
        """Count an entry in if it fits; 0 then, otherwise how many octets are lacking. Raises OSError."""
        with self._open() as change:
            counts = change.counts
            all_bytes = sum(each.size_bytes for each in counts.values()) + size_bytes
            group_bytes = counts.get(group_id, Held()).size_bytes + size_bytes
            lacking = max(all_bytes - limit_bytes, group_bytes - group_limit_bytes, 0)
            if not lacking:
                _add(counts, group_id, kind, size_bytes)
                change.write()
            return lacking

    def give_back(self, group_id: int, kind: str, size_bytes: int) -> None:
        """An entry has gone, or was never made. Raises OSError."""
        with self._open() as change:
            _add(change.counts, group_id, kind, -size_bytes)
            change.write()

    def look(self) -> Counts:
        """The counts as they are. Raises OSError."""
        with self._open() as change:
            return change.counts

    def correct(self, before: Counts, found: Counts) -> None:
        """Put what was found on the disk in the place of what stood there `before` it was looked for.

        What others have counted meanwhile is kept. Raises OSError.
        """
        with self._open() as change:
            for group_id in {*change.counts, *before, *found}:
                was, there = before.get(group_id, Held()), found.get(group_id, Held())
                _add(change.counts, group_id, "quarantine", there.quarantine_bytes - was.quarantine_bytes)
                _add(change.counts, group_id, "refused-copy", there.copies_bytes - was.copies_bytes)
            change.write()

    @contextmanager
    def _open(self) -> Iterator[_Change]:
        with self._lock:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield _Change(descriptor)
            finally:
                os.close(descriptor)


class _Change:
    """The file while its lock is held: a checksum, then the counts."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.counts = self._read()

    def _read(self) -> Counts:
        octets = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        if int.from_bytes(octets[:4], "little") != crc32(octets[4:]):
            return {}  # until the next recount
        try:
            return _decode(octets[4:]) if octets else {}
        except msgspec.DecodeError:
            return {}

    def write(self) -> None:
        body = msgspec.msgpack.encode(self.counts)
        octets = crc32(body).to_bytes(4, "little") + body
        os.pwrite(self._descriptor, octets, 0)
        os.ftruncate(self._descriptor, len(octets))


def _add(counts: Counts, group_id: int, kind: str, size_bytes: int) -> None:
    held = counts.setdefault(group_id, Held())
    if kind.startswith("q"):
        held.quarantine_bytes = max(0, held.quarantine_bytes + size_bytes)
    else:
        held.copies_bytes = max(0, held.copies_bytes + size_bytes)
    if not held.size_bytes:
        counts.pop(group_id)
