"""Listing cabinets, LZH and ARJ archives: names only. Their contents stay unseen.

[MS-CAB] §2; the header levels 0 to 2 of LHarc; the technical note of ARJ.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import Final

from clement.message.attachments.archive import Member
from clement.message.attachments.budget import Budget, Unreadable

_UNSEEN: Final = -1
_CAB_FILE: Final = struct.Struct("<IIHHHH")
_CAB_UTF8: Final = 0x80
_LZH_HEAD: Final = struct.Struct("<5sIIIBB")
_LZH_NAME: Final = 0x01
_LZH_FOLDER: Final = 0x02
_ARJ_GARBLED: Final = 0x01
_LONGEST_NAME: Final = 1024


class _Listed(ABC):
    """What the three have in common. Raises Unreadable where not even the first header can be read."""

    def __init__(self, octets: bytes, budget: Budget) -> None:
        self._octets = octets
        self._limit = budget.limits.entries
        self.members: list[Member] = []
        self.troubles: list[str] = []
        self.disguises: list[str] = []
        self.encrypted = False
        try:
            self._read()
        except (struct.error, IndexError) as fault:
            self.troubles.append("damaged")
            if not self.members:
                raise Unreadable("damaged") from fault
        try:
            budget.check_ratio(len(octets), sum(each.size_bytes for each in self.members))
        except Unreadable as why:
            self.troubles.append(str(why))

    def open(self, member: Member, limit_bytes: int) -> bytes:
        return b""

    @abstractmethod
    def _read(self) -> None:
        """List what the octets hold. What struct and indexing raise means that they are damaged."""

    def _add(self, name: bytes, size: int, packed: int = 0, *, encrypted: bool = False) -> bool:
        """List a file; whether more may follow."""
        if len(self.members) >= self._limit:
            self.troubles.append(f"more than {self._limit} files")
            return False
        try:
            text = name.decode("utf-8")
        except UnicodeDecodeError:
            text = name.decode("cp437")
        self.members.append(Member(text, size, packed, method=_UNSEEN, encrypted=encrypted))
        return True


class Cabinet(_Listed):
    """Implements `archive.Archive` for [MS-CAB]."""

    def _read(self) -> None:
        octets = self._octets
        (at,) = struct.unpack_from("<I", octets, 16)
        (count,) = struct.unpack_from("<H", octets, 28)
        for _file in range(count):
            size, _offset, _folder, _date, _time, _attributes = _CAB_FILE.unpack_from(octets, at)
            start = at + _CAB_FILE.size
            end = octets.find(b"\0", start, start + _LONGEST_NAME)
            if end < 0:
                raise IndexError(start)
            if not self._add(octets[start:end], size):
                return
            at = end + 1


class Lzh(_Listed):
    """Implements `archive.Archive` for the archives of LHarc."""

    def _read(self) -> None:
        octets, at = self._octets, 0
        while at < len(octets) and octets[at]:
            method, packed, size, _time, _attribute, level = _LZH_HEAD.unpack_from(octets, at + 2)
            if method[:2] != b"-l":
                raise IndexError(at)
            if level == 2:
                (whole,) = struct.unpack_from("<H", octets, at)
                name, _end = self._extensions(at + 24)
                following = at + max(whole, 26) + packed
            else:
                name_at = at + 22
                name = octets[name_at : name_at + octets[at + 21]]
                end = at + 2 + octets[at]
                if level == 1:
                    longer, _end = self._extensions(end - 2)
                    name = longer or name
                following = end + packed  # level 1 counts its extensions as packed
            if method != b"-lhd-" and not self._add(name, size, packed):
                return
            at = following

    def _extensions(self, at: int) -> tuple[bytes, int]:
        """The name that extended headers give, and where they end."""
        name = folder = b""
        for _header in range(32):
            (length,) = struct.unpack_from("<H", self._octets, at)
            if length < 3:
                break
            kind, value = self._octets[at + 2], self._octets[at + 3 : at + length]
            if kind == _LZH_NAME:
                name = value
            elif kind == _LZH_FOLDER:
                folder = value.replace(b"\xff", b"/")
            at += length
        return folder + name[:_LONGEST_NAME] if name else b"", at


class Arj(_Listed):
    """Implements `archive.Archive` for ARJ. The first header is the archive's own."""

    def _read(self) -> None:
        octets, at, is_first = self._octets, 0, True
        while octets[at : at + 2] == b"\x60\xea":
            (length,) = struct.unpack_from("<H", octets, at + 2)
            if not length:
                return
            start = at + 4
            name_at = start + octets[start]
            end = octets.find(b"\0", name_at, name_at + _LONGEST_NAME)
            packed, size = struct.unpack_from("<II", octets, start + 12)
            at = self._after_extensions(start + length + 4)
            if is_first:
                is_first = False
                continue
            is_encrypted = bool(octets[start + 4] & _ARJ_GARBLED)
            if not self._add(octets[name_at : max(end, name_at)], size, packed, encrypted=is_encrypted):
                return
            at += packed

    def _after_extensions(self, at: int) -> int:
        for _header in range(32):
            (length,) = struct.unpack_from("<H", self._octets, at)
            at += 2
            if not length:
                break
            at += length + 4
        return at
