"""Listing RAR archives: names and what is encrypted. Their packing is not undone, so contents stay unseen.

Block headers as Rarlab's technote describes them for version 4 (`technote.txt` of unrar) and version 5.
"""

from __future__ import annotations

import struct
from typing import Final

from clement.message.attachments.archive import Member
from clement.message.attachments.budget import Budget, Unreadable

_STORED4: Final = 0x30
_FILE4: Final = 0x74
_MAIN4: Final = 0x73
_END4: Final = 0x7B
_BLOCK4: Final = struct.Struct("<HBHH")
_FILE_HEAD4: Final = struct.Struct("<IIBIIBBHI")

_FILE5: Final = 2
_ENCRYPTION5: Final = 4
_END5: Final = 5
_FOLDER5: Final = 0x0001
_HAS_TIME5: Final = 0x0002
_HAS_SUM5: Final = 0x0004
_ENCRYPTION_RECORD5: Final = 0x01
_LINK_RECORD5: Final = 0x05

_PACKED: Final = -1


class RarArchive:
    """Implements `archive.Archive`. Raises Unreadable where not even the first header can be read."""

    def __init__(self, octets: bytes, budget: Budget) -> None:
        self._octets = octets
        self._limit = budget.limits.entries
        self._blocks = 0
        self.members: list[Member] = []
        self.troubles: list[str] = []
        self.disguises: list[str] = []
        self.encrypted = False
        try:
            if octets[6:7] == b"\x01":
                self._read5(8)
            else:
                self._read4(7)
        except (struct.error, IndexError) as fault:
            if not self.members:
                raise Unreadable("damaged") from fault
            self.troubles.append("cut off")
        claimed = sum(each.size_bytes for each in self.members)
        try:
            budget.check_ratio(len(octets), claimed)
        except Unreadable as why:
            self.troubles.append(str(why))

    def open(self, member: Member, limit_bytes: int) -> bytes:
        if member.method == _PACKED:
            return b""
        return self._octets[member.at : member.at + min(limit_bytes, member.packed_bytes)]

    def _full(self) -> bool:
        self._blocks += 1
        if len(self.members) < self._limit and self._blocks < 4 * self._limit:
            return False
        self.troubles.append(f"more than {self._limit} files")
        return True

    def _read4(self, at: int) -> None:
        octets = self._octets
        while at < len(octets) and not self._full():
            _crc, kind, flags, head_size = _BLOCK4.unpack_from(octets, at)
            if kind == _MAIN4 and flags & 0x0080:
                self.encrypted = True
                return
            if kind == _END4 or head_size < 7:
                return
            data = 0
            if kind == _FILE4:
                data = self._file4(at, flags, head_size)
            elif flags & 0x8000:
                (data,) = struct.unpack_from("<I", octets, at + 7)
            at += head_size + data

    def _file4(self, at: int, flags: int, head_size: int) -> int:
        packed, size, _os, _crc, _time, _need, method, name_len, attributes = _FILE_HEAD4.unpack_from(
            self._octets, at + 7
        )
        name_at = at + 32
        if flags & 0x0100:
            high_packed, high_size = struct.unpack_from("<II", self._octets, name_at)
            packed, size, name_at = packed | high_packed << 32, size | high_size << 32, name_at + 8
        if flags & 0x00E0 != 0x00E0:
            name, other = _names4(self._octets[name_at : name_at + name_len], unicode=bool(flags & 0x0200))
            self.members.append(
                Member(
                    name,
                    size,
                    packed,
                    at + head_size,
                    0 if method == _STORED4 else _PACKED,
                    bool(flags & 0x0004),
                    other,
                    attributes & 0xF0000000 == 0xA0000000,
                )
            )
        return int(packed)

    def _read5(self, at: int) -> None:
        octets = self._octets
        while at < len(octets) and not self._full():
            size, start = _number5(octets, at + 4)
            kind, place = _number5(octets, start)
            flags, place = _number5(octets, place)
            extra = data = 0
            if flags & 0x0001:
                extra, place = _number5(octets, place)
            if flags & 0x0002:
                data, place = _number5(octets, place)
            end = start + size
            if kind == _ENCRYPTION5:
                self.encrypted = True
                return
            if kind == _END5 or not size:
                return
            if kind == _FILE5:
                self._file5(place, end, extra, data)
            at = end + data

    def _file5(self, place: int, end: int, extra: int, data: int) -> None:
        octets = self._octets
        flags, place = _number5(octets, place)
        size, place = _number5(octets, place)
        _attributes, place = _number5(octets, place)
        place += 4 * bool(flags & _HAS_TIME5) + 4 * bool(flags & _HAS_SUM5)
        method, place = _number5(octets, place)
        _os, place = _number5(octets, place)
        name_len, place = _number5(octets, place)
        if flags & _FOLDER5:
            return
        name = octets[place : place + min(name_len, 4096)].decode("utf-8", "replace")
        records = self._records5(end - extra, end) if extra else frozenset[int]()
        stored = not (method >> 7) & 0x07
        self.members.append(
            Member(
                name,
                size,
                data,
                end,
                0 if stored else _PACKED,
                _ENCRYPTION_RECORD5 in records,
                link=_LINK_RECORD5 in records,
            )
        )

    def _records5(self, at: int, end: int) -> frozenset[int]:
        kinds: set[int] = set()
        while 0 < at < end and len(kinds) < 16:
            size, start = _number5(self._octets, at)
            kind, _place = _number5(self._octets, start)
            kinds.add(kind)
            at = start + max(size, 1)
        return frozenset(kinds)


def _number5(octets: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits an octet, and where it ends. Raises IndexError at the end of the file."""
    value = 0
    for place in range(10):
        octet = octets[at + place]
        value |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            return value, at + place + 1
    raise IndexError(at)


def _names4(field: bytes, *, unicode: bool) -> tuple[str, str]:
    """The name in ASCII; with the flag a NUL and the Unicode name in a packed form follow it."""
    plain, mark, packed = field.partition(b"\0")
    if unicode and mark:
        return _unpacked4(plain, packed), ""
    return field.decode("utf-8" if unicode else "cp437", "replace"), ""


def _unpacked4(plain: bytes, packed: bytes) -> str:
    """Two bits a character say how it is written: low octet, with the common high octet, whole, or a run."""
    if not packed:
        return plain.decode("cp437")
    high, at, out = packed[0], 1, ""
    flags = flag_bits = 0
    while at < len(packed) and len(out) < 2048:
        if not flag_bits:
            flags, flag_bits, at = packed[at], 8, at + 1
            continue
        flag_bits -= 2
        how = flags >> flag_bits & 3
        if how == 3:
            length = packed[at]
            if length & 0x80:
                length, at = length & 0x7F, at + 1
            out += plain[len(out) : len(out) + length + 2].decode("cp437")
            at += 1
            continue
        pair = packed[at : at + (2 if how == 2 else 1)]
        out += chr(pair[0] | (pair[1] << 8 if len(pair) == 2 else high << 8 if how == 1 else 0))
        at += len(pair)
    return out
