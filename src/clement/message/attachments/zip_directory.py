"""Reading a zip file by all its directories: the central one, the local headers, and what neither owns up to.

APPNOTE.TXT 6.3.10 in brief. Readers disagree about damaged and doubled zip files: some go by the central
directory at the end, some by the local headers from the start. What either would find is listed here, and a
file that makes them differ counts as disguised. Members that share octets (Fifield, "A better zip
bomb", 2019) are not opened at all.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from clement.message.attachments.archive import UNKNOWN_SIZE, Member
from clement.message.attachments.budget import Budget, Unreadable
from clement.message.attachments.unpacking import Method, beginning

_END: Final = struct.Struct("<4s4H2IH")
_END64_LOCATOR: Final = struct.Struct("<4sIQI")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_LONGEST_COMMENT: Final = 65_535
_UNKNOWN32: Final = 0xFFFFFFFF

_ENCRYPTED: Final = 0x0001
_STRONG_ENCRYPTION: Final = 0x0040
_UTF8: Final = 0x0800
_HEADERS_MASKED: Final = 0x2000

_AES: Final = 99
_METHODS: Final = {0: Method.STORED, 8: Method.DEFLATE, 12: Method.BZIP2, 95: Method.XZ}
_UNIX: Final = 3
_LINK_MODE: Final = 0xA000

_ZIP64_FIELD: Final = 0x0001
_UNICODE_NAME_FIELD: Final = 0x7075
_DESCRIPTOR_BYTES: Final = 24
"""The longest data descriptor (§4.3.9), which may stand between two members."""


class _End(NamedTuple):
    """The end of the central directory. shift: octets that somebody put before the archive."""

    at: int
    directory: int
    shift: int
    entries: int


class ZipArchive:
    """Implements `archive.Archive`. Raises Unreadable where no member can be found at all."""

    def __init__(self, octets: bytes, budget: Budget) -> None:
        self._octets = octets
        self._budget = budget
        self.members: list[Member] = []
        self.troubles: list[str] = []
        self.disguises: list[str] = []
        self.encrypted = False
        # Something is so wrong with the whole that none of its members is unpacked.
        self._closed = False
        end = _find_end(octets)
        spans: list[tuple[int, int]] = []
        if end is None:
            self.troubles.append("no central directory")
            end_at = len(octets)
        else:
            end_at = end.directory
            self._read_central(end, spans)
        self._check_overlap(spans)
        self._read_hidden(spans, end_at, doubled=end is not None)
        if not self.members and end is None:
            raise Unreadable("damaged")
        self._check_sizes()

    def open(self, member: Member, limit_bytes: int) -> bytes:
        method = _METHODS.get(member.method)
        if method is None:
            raise Unreadable(f"packed by method {member.method}")
        if self._closed:
            raise Unreadable("not unpacked")
        data = memoryview(self._octets)[member.at : member.at + member.packed_bytes]
        if member.size_bytes != UNKNOWN_SIZE:
            limit_bytes = min(limit_bytes, member.size_bytes + 1)
        return beginning(data, method, limit_bytes, self._budget)

    def _read_central(self, end: _End, spans: list[tuple[int, int]]) -> None:
        octets = self._octets
        at = end.directory
        while at + _CENTRAL.size <= end.at and octets[at : at + 4] == b"PK\x01\x02":
            if len(self.members) >= self._budget.limits.entries:
                self.troubles.append(f"more than {self._budget.limits.entries} files")
                self._closed = True
                return
            at = self._read_entry(at, end.shift, spans)
        if octets[at : at + 4] not in (b"PK\x05\x06", b"PK\x06\x06", b"PK\x05\x05") and at < end.at:
            self._note_bad_directory(at, end)
        elif (
            end.entries not in (len(self.members), 0xFFFF)
            and end.entries % 0x10000 != len(self.members) % 0x10000
        ):
            self.troubles.append("its directory miscounts")

    def _note_bad_directory(self, at: int, end: _End) -> None:
        """APPNOTE §7.3: an encrypted central directory is not where it should be readable."""
        if end.entries and not self.members:
            self.encrypted = b"PK\x06\x08" in self._octets[max(0, at - 64) :]
        self.troubles.append("its directory is damaged")

    def _read_entry(self, at: int, shift: int, spans: list[tuple[int, int]]) -> int:
        octets = self._octets
        (
            _mark, made_by, _need, flags, method, _time, _date, _crc,
            packed, size, name_len, extra_len, comment_len, _disk, _inner, mode, local,
        ) = _CENTRAL.unpack_from(octets, at)  # fmt: skip
        start = at + _CENTRAL.size
        raw = octets[start : start + name_len]
        extra = octets[start + name_len : start + name_len + extra_len]
        other = ""
        if extra:
            size, packed, local = _wide(extra, size, packed, local)
            other = _unicode_name(extra)
        name = _text(raw, flags)
        local += shift
        data_at, local_raw = self._local(local)
        if data_at < 0:
            self.troubles.append("a member is missing")
            data_at, packed = len(octets), 0
        else:
            spans.append((local, min(data_at + packed, len(octets))))
            if data_at + packed > len(octets):
                self.troubles.append("cut off")
            if local_raw != raw and not flags & _HEADERS_MASKED:
                other = _text(local_raw, flags)
                self.disguises.append("its two directories differ about names")
        self.encrypted |= bool(flags & _HEADERS_MASKED)
        self.members.append(
            Member(
                name,
                size,
                packed,
                data_at,
                method,
                bool(flags & (_ENCRYPTED | _STRONG_ENCRYPTION)) or method == _AES,
                other if other != name else "",
                made_by >> 8 == _UNIX and (mode >> 16) & 0xF000 == _LINK_MODE,
            )
        )
        return int(start + name_len + extra_len + comment_len)

    def _local(self, at: int) -> tuple[int, bytes]:
        """Where the data of the member at `at` begins, and its name there; -1 when there is no member."""
        if at < 0 or at + _LOCAL.size > len(self._octets):
            return -1, b""
        found = _LOCAL.unpack_from(self._octets, at)
        if found[0] != b"PK\x03\x04":
            return -1, b""
        name_at = at + _LOCAL.size
        return name_at + found[9] + found[10], self._octets[name_at : name_at + found[9]]

    def _check_overlap(self, spans: list[tuple[int, int]]) -> None:
        spans.sort()
        reached = 0
        for start, end in spans:
            if start < reached:
                self.troubles.append("its members overlap")
                self._closed = True
                return
            reached = end

    def _read_hidden(self, spans: list[tuple[int, int]], end_at: int, *, doubled: bool) -> None:
        """Members in the octets that the central directory does not account for."""
        reached = 0
        for start, end in [*spans, (end_at, end_at)]:
            if start - reached > _DESCRIPTOR_BYTES:
                self._read_gap(reached, start, doubled=doubled)
            reached = max(reached, end)

    def _read_gap(self, at: int, end: int, *, doubled: bool) -> None:
        octets = self._octets
        while (at := octets.find(b"PK\x03\x04", at, end)) >= 0:
            if len(self.members) >= self._budget.limits.entries:
                return
            member = self._hidden_member(at)
            if member is None:
                at += 4
                continue
            self.members.append(member)
            if doubled and "members that its directory does not name" not in self.disguises:
                self.disguises.append("members that its directory does not name")
            at = max(at + 4, member.at + member.packed_bytes)

    def _hidden_member(self, at: int) -> Member | None:
        data_at, raw = self._local(at)
        if data_at < 0 or not raw or len(raw) > 1024 or data_at > len(self._octets):
            return None
        _mark, need, flags, method, _time, _date, _crc, packed, size, name_len, extra_len = (
            _LOCAL.unpack_from(self._octets, at)
        )
        if need & 0xFF > 63 or method > _AES:
            return None
        if extra_len:
            extra_at = at + _LOCAL.size + name_len
            size, packed, _local = _wide(self._octets[extra_at : extra_at + extra_len], size, packed, 0)
        if not packed and flags & 0x0008:  # §4.4.4: sizes follow the data
            following = self._octets.find(b"PK", data_at)
            packed = (following if following >= 0 else len(self._octets)) - data_at
            size = UNKNOWN_SIZE
        packed = min(packed, len(self._octets) - data_at)
        return Member(_text(raw, flags), size, packed, data_at, method, bool(flags & _ENCRYPTED))

    def _check_sizes(self) -> None:
        claimed = sum(max(each.size_bytes, 0) for each in self.members)
        try:
            self._budget.check_ratio(len(self._octets), claimed)
        except Unreadable as why:
            self.troubles.append(str(why))
            self._closed = True


def _find_end(octets: bytes) -> _End | None:
    at = octets.rfind(b"PK\x05\x06", max(0, len(octets) - _LONGEST_COMMENT - _END.size))
    if at < 0:
        at = octets.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(octets):
        return None
    _mark, _disk, _first, _here, count, size, offset, _comment = _END.unpack_from(octets, at)
    end_at = at
    if at >= 20 and octets[at - 20 : at - 16] == b"PK\x06\x07":
        wide = _find_end64(octets, at - 20)
        if wide is not None:
            end_at, count, size, offset = wide
    directory = end_at - size
    if directory < 0 or octets[directory : directory + 4] not in (
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"PK\x06\x06",
    ):
        # Some count the octets before the archive, some do not.
        directory = offset if offset < len(octets) else max(end_at - size, 0)
    return _End(end_at, directory, directory - offset, count)


def _find_end64(octets: bytes, locator_at: int) -> tuple[int, int, int, int] | None:
    """Where the zip64 end record stands, and what it says of entries, size and offset of the directory."""
    _mark, _disk, offset, _disks = _END64_LOCATOR.unpack_from(octets, locator_at)
    at = octets.rfind(b"PK\x06\x06", 0, locator_at)
    at = offset if octets[offset : offset + 4] == b"PK\x06\x06" else at
    if at < 0 or at + _END64.size > len(octets):
        return None
    found = _END64.unpack_from(octets, at)
    return at, found[7], found[8], found[9]


def _wide(extra: bytes, size: int, packed: int, local: int) -> tuple[int, int, int]:
    """§4.5.3: numbers of 64 bits for those that do not fit into 32."""
    if _UNKNOWN32 not in (size, packed, local):
        return size, packed, local
    field = _extra_field(extra, _ZIP64_FIELD)
    numbers = [int.from_bytes(field[at : at + 8], "little") for at in range(0, len(field) - 7, 8)]
    values = [size, packed, local]
    for place, value in enumerate(values):
        if value == _UNKNOWN32 and numbers:
            values[place] = numbers.pop(0)
    return values[0], values[1], values[2]


def _unicode_name(extra: bytes) -> str:
    """§4.6.9: the name in UTF-8, after a version and a checksum."""
    return _extra_field(extra, _UNICODE_NAME_FIELD)[5:].decode("utf-8", "replace")


def _extra_field(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, length = extra[at] | extra[at + 1] << 8, extra[at + 2] | extra[at + 3] << 8
        if kind == wanted:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _text(raw: bytes, flags: int) -> str:
    """§4.4.4: UTF-8 where a flag says so; many that set none write it all the same."""
    if raw.isascii():
        return raw.decode("ascii")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")
