"""The directory of a compound file ([MS-CFB]), the container of Office before 2007, Outlook items and MSI.

Only what is asked for is read: names, class ids and the beginning of streams. Chains of sectors are followed
for a bounded number of steps, so that one that bites its tail ends like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from clement.message.attachments.budget import Unreadable

_LAST_SECTOR: Final = 0xFFFFFFFA
_HEAD_BYTES: Final = 512
_ENTRY_BYTES: Final = 128
_DIFAT_IN_HEAD: Final = 109
_DIRECTORY_SECTORS: Final = 512
_STREAM: Final = 2


class Entry(NamedTuple):
    """A storage or stream. kind: 1 storage, 2 stream, 5 root."""

    name: str
    kind: int
    class_id: bytes
    start: int
    size: int


class CompoundFile:
    """Raises Unreadable when there is no directory to read."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        if len(octets) < _HEAD_BYTES:
            raise Unreadable("cut off")
        (sector_shift, mini_shift) = struct.unpack_from("<HH", octets, 30)
        if sector_shift not in (9, 12) or mini_shift != 6:
            raise Unreadable("damaged")
        self._sector = 1 << sector_shift
        (self._fat_count, directory) = struct.unpack_from("<II", octets, 44)
        (self._cutoff, self._mini_fat) = struct.unpack_from("<II", octets, 56)
        (self._difat_start,) = struct.unpack_from("<I", octets, 68)
        self._fat_at: list[int] | None = None
        self._small: tuple[bytes, bytes] | None = None
        self._left = 2 * len(octets)
        self.entries = list(self._read_directory(directory))
        if not self.entries:
            raise Unreadable("damaged")

    @property
    def root(self) -> Entry:
        """The entry that all others are under."""
        return self.entries[0]

    def stream(self, name: str) -> Entry | None:
        """The first stream of this name, without regard to case."""
        wanted = name.lower()
        streams = (each for each in self.entries if each.kind == _STREAM)
        return next((each for each in streams if each.name.lower() == wanted), None)

    def read(self, entry: Entry, limit_bytes: int) -> bytes:
        """The beginning of a stream; less where its chain is broken, or where streams share their octets."""
        limit = min(limit_bytes, entry.size, self._left)
        self._left -= limit
        if entry.size >= self._cutoff:
            return b"".join(self._sectors(entry.start, limit))[:limit]
        holder, table = self._small_sectors()
        out = bytearray()
        sector = entry.start
        while len(out) < limit and 4 * sector + 4 <= len(table):
            out += holder[64 * sector : 64 * sector + 64]
            (sector,) = struct.unpack_from("<I", table, 4 * sector)
        return bytes(out[:limit])

    def _small_sectors(self) -> tuple[bytes, bytes]:
        """Small streams lie in sectors of 64 octets within the stream of the root, chained by themselves."""
        if self._small is None:
            holder = b"".join(self._sectors(self.root.start, min(self.root.size, 4 * 1024 * 1024)))
            self._small = holder, b"".join(self._sectors(self._mini_fat, 256 * 1024))
        return self._small

    def _read_directory(self, start: int) -> Iterator[Entry]:
        for block in self._sectors(start, _DIRECTORY_SECTORS * self._sector):
            for at in range(0, len(block) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                (length,) = struct.unpack_from("<H", block, at + 64)
                kind = block[at + 66]
                if kind not in (1, 2, 5) or not 2 <= length <= 64:
                    continue
                name = block[at : at + length - 2].decode("utf-16-le", "replace")
                (first, size) = struct.unpack_from("<II", block, at + 116)
                yield Entry(name, kind, block[at + 80 : at + 96], first, size)

    def _sectors(self, sector: int, limit_bytes: int) -> Iterator[bytes]:
        for _step in range(limit_bytes // self._sector + 1):
            at = (sector + 1) * self._sector
            if sector >= _LAST_SECTOR or at >= len(self._octets):
                return
            yield self._octets[at : at + self._sector]
            sector = self._next(sector)

    def _next(self, sector: int) -> int:
        if self._fat_at is None:
            self._fat_at = self._read_difat()
        per_sector = self._sector // 4
        place, within = divmod(sector, per_sector)
        if place >= len(self._fat_at):
            return _LAST_SECTOR
        at = (self._fat_at[place] + 1) * self._sector + 4 * within
        found = self._octets[at : at + 4]
        return int.from_bytes(found, "little") if len(found) == 4 else _LAST_SECTOR

    def _read_difat(self) -> list[int]:
        """Which sectors hold the table of all chains: 109 in the head, the others in a chain of their own."""
        most = min(self._fat_count, len(self._octets) // self._sector + 1)
        found = list(struct.unpack_from(f"<{_DIFAT_IN_HEAD}I", self._octets, 76))
        sector = self._difat_start
        per_sector = self._sector // 4 - 1
        while len(found) < most and sector < _LAST_SECTOR:
            at = (sector + 1) * self._sector
            block = self._octets[at : at + self._sector]
            if len(block) < self._sector:
                break
            found.extend(struct.unpack_from(f"<{per_sector}I", block))
            (sector,) = struct.unpack_from("<I", block, 4 * per_sector)
        return found[:most]
