"""Files of one compressed stream (gzip, bzip2, xz), and tar, alone or inside such a stream.

The POSIX pax format (IEEE 1003.1) and what GNU tar makes of long names; nothing of it is ever carried out.
"""

from __future__ import annotations

from typing import Final

from clement.message.attachments.archive import UNKNOWN_SIZE, Member
from clement.message.attachments.budget import Budget, Unreadable
from clement.message.attachments.unpacking import Method, beginning, whole

_BLOCK: Final = 512
_NAME_FIELDS: Final = frozenset(b"LK")
_PAX: Final = frozenset(b"xg")
_LINKS: Final = frozenset(b"12")
_NOT_FILES: Final = frozenset(b"3456")
_LONGEST_NAME: Final = 4096
_MEASURED_BYTES: Final = 4 * 1024 * 1024
"""How far a single stream is unpacked to see its ratio."""
_GZIP_NAMED: Final = 0x08
_GZIP_EXTRA: Final = 0x04


class TarArchive:
    """Implements `archive.Archive` over octets in memory. cut: why they are not all, "" if they are."""

    def __init__(self, octets: bytes | bytearray, budget: Budget, cut: str = "") -> None:
        self._octets = octets
        self.members: list[Member] = []
        self.troubles: list[str] = [cut] if cut else []
        self.disguises: list[str] = []
        self.encrypted = False
        self._read(budget)

    def open(self, member: Member, limit_bytes: int) -> bytes:
        return bytes(self._octets[member.at : member.at + min(limit_bytes, member.packed_bytes)])

    def _read(self, budget: Budget) -> None:
        octets, at, long_name, rounds = self._octets, 0, "", 0
        while at + _BLOCK <= len(octets) and octets[at]:
            rounds += 1
            if rounds > 3 * budget.limits.entries:
                self.troubles.append(f"more than {budget.limits.entries} files")
                return
            size = _number(octets[at + 124 : at + 136])
            if size is None or not _sums_up(octets, at):
                self.troubles.append("damaged")
                return
            kind, data_at = octets[at + 156], at + _BLOCK
            if kind in _NAME_FIELDS or kind in _PAX:
                head = octets[data_at : data_at + min(size, _LONGEST_NAME)]
                long_name = (_pax_path(head) if kind in _PAX else _text(head)) or long_name
            else:
                self._add(at, long_name, size)
                long_name = ""
                if kind in _LINKS or kind in _NOT_FILES:
                    size = 0
            at = data_at + (size + _BLOCK - 1) // _BLOCK * _BLOCK
        if at > len(octets) and not self.troubles:
            self.troubles.append("cut off")

    def _add(self, at: int, long_name: str, size: int) -> None:
        octets = self._octets
        kind = octets[at + 156]
        if kind in _NOT_FILES:
            return
        name = long_name or _text(octets[at : at + 100])
        if not long_name and octets[at + 257 : at + 263] == b"ustar\0" and octets[at + 345]:
            name = f"{_text(octets[at + 345 : at + 500])}/{name}"
        is_link = kind in _LINKS
        packed = 0 if is_link else min(size, max(len(octets) - at - _BLOCK, 0))
        self.members.append(Member(name, 0 if is_link else size, packed, at + _BLOCK, link=is_link))


def _number(field: bytes | bytearray) -> int | None:
    """Octal digits, or base 256 after a set bit (GNU); None for neither."""
    if field[0] & 0x80:
        return int.from_bytes(field[4:], "big")
    digits = field.strip(b" \0")
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        return None


def _sums_up(octets: bytes | bytearray, at: int) -> bool:
    wanted = _number(octets[at + 148 : at + 156])
    header = octets[at : at + _BLOCK]
    return wanted == sum(header) - sum(header[148:156]) + 8 * 0x20


def _text(field: bytes | bytearray) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _pax_path(records: bytes | bytearray) -> str:
    at = records.find(b" path=")
    end = records.find(b"\n", at)
    return records[at + 6 : end if end >= 0 else None].decode("utf-8", "replace") if at >= 0 else ""


class OneStream:
    """Implements `archive.Archive` for a stream that holds one file."""

    def __init__(self, octets: bytes, method: Method, budget: Budget) -> None:
        self._octets = octets
        self._method = method
        self._budget = budget
        self.troubles: list[str] = []
        self.disguises: list[str] = []
        self.encrypted = False
        start, why = whole(octets, method, _MEASURED_BYTES, budget)
        size = len(start)
        if why:
            size = UNKNOWN_SIZE
            if len(start) < _MEASURED_BYTES:
                self.troubles.append(why)
        name = _gzip_name(octets) if method is Method.GZIP else ""
        self.members = [Member(name, size, len(octets))]
        self._start = bytes(start)

    def open(self, member: Member, limit_bytes: int) -> bytes:
        if limit_bytes <= len(self._start) or self.troubles or member.size_bytes != UNKNOWN_SIZE:
            return self._start[:limit_bytes]
        return bytes(whole(self._octets, self._method, limit_bytes, self._budget)[0])


def open_stream(octets: bytes, method: Method, budget: Budget) -> TarArchive | OneStream:
    """A compressed tar as its members, anything else as one file. Raises Unreadable."""
    head = beginning(octets, method, _BLOCK, budget)
    if len(head) == _BLOCK and (head[257:262] == b"ustar" or (head[0] and _sums_up(head, 0))):
        unpacked, why = whole(octets, method, budget.limits.stream_bytes, budget)
        return TarArchive(unpacked, budget, why)
    if not head:
        raise Unreadable("empty or damaged")
    return OneStream(octets, method, budget)


def _gzip_name(octets: bytes) -> str:
    """RFC 1952 §2.3: the name of the original file, when there is one."""
    flags, at = octets[3], 10
    if flags & _GZIP_EXTRA:
        at += 2 + int.from_bytes(octets[10:12], "little")
    if not flags & _GZIP_NAMED:
        return ""
    end = octets.find(b"\0", at, at + 1024)
    return octets[at:end].decode("latin-1") if end > at else ""
