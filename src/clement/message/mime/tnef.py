"""Attachments in a winmail.dat: Microsoft's Transport-Neutral Encapsulation Format, as far as files go.

    stream    = %x78.9F.3E.22 key *attribute           key = 2OCTET
    attribute = level id length content checksum       level = %x01 / %x02

Numbers are little-endian. Documented in [MS-OXTNEF] §2.1. Bounded by the octets that there are; whatever does
not fit ends the reading, and what was found till then counts.
"""

from __future__ import annotations

import struct

import msgspec

MAX_FILES = 100

_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER = struct.Struct("<BII")
_LEVELS = (1, 2)
_LONG_FILE_NAME = 0x3707
_UNICODE = 0x001F
_STRING = 0x001E


class TnefFile(msgspec.Struct, frozen=True, gc=False):
    """One file. names: as the stream gives them. data: its range in the stream."""

    names: tuple[str, ...]
    data: tuple[int, int]


class Tnef(msgspec.Struct, frozen=True, gc=False):
    """body: range of the plain text, (0, 0) without one. whole: the stream could be read to its end."""

    files: tuple[TnefFile, ...]
    body: tuple[int, int]
    whole: bool


def read_tnef(octets: bytes) -> Tnef | None:
    """What is in a stream; None when it is none."""
    if not octets.startswith(_SIGNATURE):
        return None
    files: list[TnefFile] = []
    names: list[str] = []
    data = body = (0, 0)
    position, end = 6, len(octets)
    while position + _HEADER.size <= end and len(files) < MAX_FILES:
        level, identity, length = _HEADER.unpack_from(octets, position)
        start = position + _HEADER.size
        if level not in _LEVELS or start + length > end:
            break
        match identity:
            case 0x00069002:  # attAttachRenddata: another attachment begins
                files += _file(names, data)
                names, data = [], (0, 0)
            case 0x00018010:  # attAttachTitle
                names.append(_short_name(octets, start, length))
            case 0x0006800F:  # attAttachData
                data = (start, start + length)
            case 0x00069005:  # attAttachment: properties of MAPI
                names[:0] = _long_name(octets, start, start + length)
            case 0x0002800C:  # attBody
                body = (start, start + length)
            case _:
                pass
        position = start + length + 2
    files += _file(names, data)
    return Tnef(tuple(files), body, whole=position >= end)


def _file(names: list[str], data: tuple[int, int]) -> list[TnefFile]:
    return [TnefFile(tuple(dict.fromkeys(names)), data)] if data != (0, 0) else []


def _short_name(octets: bytes, start: int, length: int) -> str:
    return octets[start : start + min(length, 1000)].split(b"\0", 1)[0].decode("cp1252", "replace")


def _long_name(octets: bytes, start: int, end: int) -> list[str]:
    """PR_ATTACH_LONG_FILENAME, found by its tag: the other properties are of no interest."""
    for kind, charset in ((_UNICODE, "utf-16-le"), (_STRING, "cp1252")):
        found = octets.find(struct.pack("<HHI", kind, _LONG_FILE_NAME, 1), start, end)
        if found < 0 or found + 12 > end:
            continue
        (size,) = struct.unpack_from("<I", octets, found + 8)
        text = octets[found + 12 : min(end, found + 12 + min(size, 2000))].decode(charset, "replace")
        return [text.rstrip("\0")]
    return []
