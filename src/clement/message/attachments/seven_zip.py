"""Listing 7z archives: names and what is encrypted, by the header at the end, mostly packed itself.

As 7zFormat.txt of the LZMA SDK describes it. Contents stay unseen: most lie in one solid stream.
"""

from __future__ import annotations

import lzma
from typing import Final

from clement.message.attachments.archive import UNKNOWN_SIZE, Member
from clement.message.attachments.budget import Budget, Unreadable

_END: Final = 0x00
_HEADER: Final = 0x01
_ARCHIVE_PROPERTIES: Final = 0x02
_ADDITIONAL_STREAMS: Final = 0x03
_MAIN_STREAMS: Final = 0x04
_FILES: Final = 0x05
_PACK_INFO: Final = 0x06
_UNPACK_INFO: Final = 0x07
_SUBSTREAMS: Final = 0x08
_SIZES: Final = 0x09
_SUMS: Final = 0x0A
_FOLDERS: Final = 0x0B
_UNPACK_SIZES: Final = 0x0C
_STREAM_COUNTS: Final = 0x0D
_EMPTY_STREAMS: Final = 0x0E
_EMPTY_FILES: Final = 0x0F
_NAMES: Final = 0x11
_ENCODED_HEADER: Final = 0x17

_COPY: Final = b"\x00"
_LZMA: Final = b"\x03\x01\x01"
_LZMA2: Final = b"\x21"
_AES: Final = b"\x06\xf1\x07\x01"

_START_BYTES: Final = 32
_HEADER_BYTES: Final = 4 * 1024 * 1024
"""The largest header that is read; a name takes some 60 octets in it."""
_CODERS: Final = 32
_STREAMS: Final = 4096
_FILE_COUNT: Final = 100_000
_WORK_FACTOR: Final = 3
"""What an octet of LZMA costs beside one of deflate."""
_NESTED: Final = 4


class _Damaged(Exception):
    """The header does not say what it should."""


class _Reader:
    """The numbers and octets of a header, one after another."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.at = 0

    def take(self, count: int) -> bytes:
        found = self._octets[self.at : self.at + count]
        if len(found) < count:
            raise _Damaged
        self.at += count
        return found

    def octet(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """The ones at the top of the first octet count the octets that follow, lowest first."""
        first = self.octet()
        value, mask = 0, 0x80
        for place in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * place
            value |= self.octet() << 8 * place
            mask >>= 1
        return value

    def count(self, most: int) -> int:
        value = self.number()
        if value > most:
            raise _Damaged
        return value


class _Folder:
    """One packed stream: its coders and what it unpacks to."""

    def __init__(self, reader: _Reader) -> None:
        self.coders: list[tuple[bytes, bytes]] = []
        outputs = inputs = 0
        for _coder in range(reader.count(_CODERS)):
            flags = reader.octet()
            name = reader.take(flags & 0x0F)
            into, out = (reader.count(_CODERS), reader.count(_CODERS)) if flags & 0x10 else (1, 1)
            properties = reader.take(reader.count(1024)) if flags & 0x20 else b""
            self.coders.append((name, properties))
            inputs, outputs = inputs + into, outputs + out
        for _pair in range(outputs - 1):
            reader.number()
            reader.number()
        packed = inputs - outputs + 1
        if packed > 1:
            for _stream in range(packed):
                reader.number()
        self.outputs = outputs
        self.size = 0
        self.has_sum = False

    @property
    def encrypted(self) -> bool:
        return any(name == _AES for name, _properties in self.coders)


class _Streams:
    """Where packed streams lie and what they unpack to."""

    def __init__(self, reader: _Reader) -> None:
        self.position = 0
        self.packed_sizes: list[int] = []
        self.folders: list[_Folder] = []
        if (kind := reader.octet()) == _PACK_INFO:
            self._read_packed(reader)
            kind = reader.octet()
        if kind == _UNPACK_INFO:
            self._read_folders(reader)
            kind = reader.octet()
        if kind == _SUBSTREAMS:
            self._skip_substreams(reader)
            kind = reader.octet()
        if kind != _END:
            raise _Damaged

    def _read_packed(self, reader: _Reader) -> None:
        self.position = reader.number()
        count = reader.count(_STREAMS)
        kind = reader.octet()
        if kind == _SIZES:
            self.packed_sizes = [reader.number() for _stream in range(count)]
            kind = reader.octet()
        if kind == _SUMS:
            _sums(reader, count)
            kind = reader.octet()
        if kind != _END:
            raise _Damaged

    def _read_folders(self, reader: _Reader) -> None:
        if reader.octet() != _FOLDERS:
            raise _Damaged
        count = reader.count(_STREAMS)
        if reader.octet():  # kept elsewhere: nobody writes that
            raise _Damaged
        self.folders = [_Folder(reader) for _folder in range(count)]
        if reader.octet() != _UNPACK_SIZES:
            raise _Damaged
        for folder in self.folders:
            sizes = [reader.number() for _output in range(folder.outputs)]
            folder.size = sizes[-1] if sizes else 0
        kind = reader.octet()
        if kind == _SUMS:
            for folder, has_sum in zip(self.folders, _sums(reader, count), strict=True):
                folder.has_sum = has_sum
            kind = reader.octet()
        if kind != _END:
            raise _Damaged

    def _skip_substreams(self, reader: _Reader) -> None:
        """Sizes of single files; the sum of the folders' is enough to tell a bomb."""
        counts = [1] * len(self.folders)
        kind = reader.octet()
        if kind == _STREAM_COUNTS:
            counts = [reader.count(_FILE_COUNT) for _folder in self.folders]
            kind = reader.octet()
        if kind == _SIZES:
            for _size in range(sum(max(count - 1, 0) for count in counts)):
                reader.number()
            kind = reader.octet()
        if kind == _SUMS:
            pairs = zip(self.folders, counts, strict=True)
            _sums(reader, sum(count for folder, count in pairs if count != 1 or not folder.has_sum))
            kind = reader.octet()
        if kind != _END:
            raise _Damaged


def _sums(reader: _Reader, count: int) -> list[bool]:
    """Which of `count` streams have a checksum; the checksums themselves are passed over."""
    is_all = reader.octet()
    known = [True] * count if is_all else _bits(reader.take((count + 7) // 8), count)
    reader.take(4 * sum(known))
    return known


def _bits(octets: bytes, count: int) -> list[bool]:
    """The first `count` bits, highest first; those that are not there are not set."""
    octets = octets.ljust((count + 7) // 8, b"\0")
    return [bool(octets[place // 8] & 0x80 >> place % 8) for place in range(count)]


class SevenZipArchive:
    """Implements `archive.Archive`. Raises Unreadable."""

    def __init__(self, octets: bytes, budget: Budget) -> None:
        self.members: list[Member] = []
        self.troubles: list[str] = []
        self.disguises: list[str] = []
        self.encrypted = False
        self._octets = octets
        self._budget = budget
        self._limit = budget.limits.entries
        try:
            self._read()
        except (_Damaged, lzma.LZMAError, ValueError, EOFError) as fault:
            raise Unreadable("damaged") from fault

    def open(self, member: Member, limit_bytes: int) -> bytes:
        return b""

    def _read(self) -> None:
        offset = int.from_bytes(self._octets[12:20], "little")
        size = int.from_bytes(self._octets[20:28], "little")
        if not size:
            return
        if size > _HEADER_BYTES:
            raise Unreadable("its header is too large")
        header = self._octets[_START_BYTES + offset : _START_BYTES + offset + size]
        for _layer in range(_NESTED):
            reader = _Reader(header)
            kind = reader.octet()
            if kind == _HEADER:
                self._read_header(reader)
                return
            if kind != _ENCODED_HEADER:
                raise _Damaged
            streams = _Streams(reader)
            if any(folder.encrypted for folder in streams.folders):
                self.encrypted = True
                return
            header = self._unpacked(streams)
        raise _Damaged

    def _unpacked(self, streams: _Streams) -> bytes:
        """What a packed header unpacks to."""
        if len(streams.folders) != 1 or not streams.packed_sizes:
            raise _Damaged
        folder = streams.folders[0]
        if folder.size > _HEADER_BYTES:
            raise Unreadable("its header is too large")
        at = _START_BYTES + streams.position
        packed = self._octets[at : at + streams.packed_sizes[0]]
        name, properties = folder.coders[0] if len(folder.coders) == 1 else (b"?", b"")
        if name == _COPY:
            return packed
        self._budget.spend(_WORK_FACTOR * folder.size)
        chain = [_filter(name, properties, folder.size)]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain).decompress(packed, folder.size)

    def _read_header(self, reader: _Reader) -> None:
        encrypted = False
        kind = reader.octet()
        if kind == _ARCHIVE_PROPERTIES:
            while reader.octet():
                reader.take(reader.count(_HEADER_BYTES))
            kind = reader.octet()
        if kind == _ADDITIONAL_STREAMS:
            _Streams(reader)
            kind = reader.octet()
        if kind == _MAIN_STREAMS:
            streams = _Streams(reader)
            encrypted = any(folder.encrypted for folder in streams.folders)
            self._check(sum(folder.size for folder in streams.folders))
            kind = reader.octet()
        if kind == _FILES:
            self._read_files(reader, encrypted=encrypted)

    def _check(self, unpacked_bytes: int) -> None:
        try:
            self._budget.check_ratio(len(self._octets), unpacked_bytes)
        except Unreadable as why:
            self.troubles.append(str(why))

    def _read_files(self, reader: _Reader, *, encrypted: bool) -> None:
        count = reader.count(_FILE_COUNT)
        names: list[str] = []
        empty, with_no_octets = [False] * count, b""
        while kind := reader.octet():
            octets = reader.take(reader.count(_HEADER_BYTES))
            if kind == _NAMES and octets[:1] == b"\0":
                names = octets[1:].decode("utf-16-le", "replace").split("\0", self._limit + 1)
            elif kind == _EMPTY_STREAMS:
                empty = _bits(octets, count)
            elif kind == _EMPTY_FILES:
                with_no_octets = octets
        if count > self._limit:
            self.troubles.append(f"more than {self._limit} files")
        # What has no stream is a folder, unless another list says that it is a file of no octets.
        files = iter(_bits(with_no_octets, sum(empty)))
        for name, is_empty in zip(names[: self._limit], empty, strict=False):
            if not is_empty or next(files):
                self.members.append(Member(name, UNKNOWN_SIZE, method=-1, encrypted=encrypted))


def _filter(name: bytes, properties: bytes, size: int) -> dict[str, int]:
    """A coder in the terms of `lzma`. A dictionary need not be larger than what is unpacked."""
    memory = max(min(size, _HEADER_BYTES), 4096)
    if name == _LZMA2 and len(properties) == 1:
        return {"id": lzma.FILTER_LZMA2, "dict_size": memory}
    if name != _LZMA or len(properties) != 5 or properties[0] >= 225:
        raise _Damaged
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    return {"id": lzma.FILTER_LZMA1, "dict_size": memory, "lc": lc, "lp": lp, "pb": pb}
