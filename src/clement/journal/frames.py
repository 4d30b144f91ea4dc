"""The journal's frames: how a record stands in a segment file, and how it is found again in a damaged one.

    frame   = magic length check payload
    magic   = %xC1 "CJ" %x01      ; UTF-8 has no octet C1: no client's text can hold a magic
    length  = 4OCTET              ; of the payload, big endian, 1 to MAX_PAYLOAD_BYTES
    check   = 4OCTET              ; CRC-32 of the payload, begun with the length instead of 0
    payload = a record in MessagePack

A segment is nothing but frames. Knows no records and no files: bytes in, payloads out.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

MAGIC: Final = b"\xc1CJ\x01"
HEADER: Final = struct.Struct(">4sII")
HEADER_BYTES: Final = HEADER.size
MAX_PAYLOAD_BYTES: Final = 1 << 20
MAX_FRAME_BYTES: Final = HEADER_BYTES + MAX_PAYLOAD_BYTES


class Frame(NamedTuple):
    """A whole frame: its payload, and the offset just after it in the bytes that were looked at."""

    payload: bytes
    end: int


class Frames(NamedTuple):
    """What was found in some bytes of a segment.

    consumed: everything before this offset is settled; reading goes on here when more bytes are there.
    damaged_bytes: octets before `consumed` that belong to no valid frame.
    damages: how often the frames were interrupted by such octets.
    """

    frames: list[Frame]
    consumed: int
    damaged_bytes: int
    damages: int


class _Need(NamedTuple):
    """The outcome of looking at one offset: a frame, or whether more bytes could make one."""

    frame: Frame | None
    may_come: bool


_NOTHING_HERE: Final = _Need(None, may_come=False)
_INCOMPLETE: Final = _Need(None, may_come=True)


def seal(buffer: bytearray, start: int) -> None:
    """Write the header of the frame that starts at `start` and whose payload reaches to the buffer's end."""
    length = len(buffer) - start - HEADER_BYTES
    check = zlib.crc32(memoryview(buffer)[start + HEADER_BYTES :], length)
    HEADER.pack_into(buffer, start, MAGIC, length, check)


def whole_frames(buffer: bytes | bytearray, limit: int) -> int:
    """Return the length of the longest run of intact frames from the start that ends at or before `limit`."""
    end = 0
    while end + HEADER_BYTES <= limit:
        length = HEADER.unpack_from(buffer, end)[1]
        if end + HEADER_BYTES + length > limit:
            break
        end += HEADER_BYTES + length
    return end


def split(buffer: bytes, *, at_end: bool, at_most: int) -> Frames:
    """Find up to `at_most` frames in `buffer`, skipping what is none of them.

    at_end: nothing will ever follow these bytes, so an incomplete frame is a torn one.
    """
    frames: list[Frame] = []
    offset = damaged_bytes = damages = 0
    while offset < len(buffer) and len(frames) < at_most:
        found = _look(buffer, offset)
        if found.frame is None:
            settled, found = _resynchronise(buffer, offset, found, at_end=at_end)
            if settled > offset:
                damaged_bytes += settled - offset
                damages += 1
                offset = settled
        if found.frame is None:
            break
        frames.append(found.frame)
        offset = found.frame.end
    return Frames(frames, offset, damaged_bytes, damages)


def _look(buffer: bytes, offset: int) -> _Need:
    """Look for a frame at exactly this offset."""
    if len(buffer) - offset < HEADER_BYTES:
        beginning = buffer[offset : offset + len(MAGIC)]
        return _INCOMPLETE if MAGIC.startswith(beginning) else _NOTHING_HERE
    magic, length, check = HEADER.unpack_from(buffer, offset)
    if magic != MAGIC or not 0 < length <= MAX_PAYLOAD_BYTES:
        return _NOTHING_HERE
    start, end = offset + HEADER_BYTES, offset + HEADER_BYTES + length
    if end > len(buffer):
        return _INCOMPLETE
    payload = buffer[start:end]
    if zlib.crc32(payload, length) != check:
        return _NOTHING_HERE
    return _Need(Frame(payload, end), may_come=False)


def _resynchronise(buffer: bytes, offset: int, here: _Need, *, at_end: bool) -> tuple[int, _Need]:
    """Find the next valid frame after an offset where none is: how far the bytes are settled, and the frame.

    Without one, bytes are settled up to the first place where more bytes could still make a frame.
    """
    waiting_at = offset if here.may_come else -1
    candidate = _next_candidate(buffer, offset + 1)
    while candidate >= 0:
        found = _look(buffer, candidate)
        if found.frame is not None:
            return candidate, found
        if found.may_come and waiting_at < 0:
            waiting_at = candidate
        candidate = _next_candidate(buffer, candidate + 1)
    if at_end or waiting_at < 0:
        return len(buffer), _NOTHING_HERE
    return waiting_at, _INCOMPLETE


def _next_candidate(buffer: bytes, start: int) -> int:
    """Return the next offset where a magic stands or may stand, cut off by the end of the bytes; -1: none."""
    offset = buffer.find(MAGIC, start)
    if offset >= 0:
        return offset
    for cut in range(len(MAGIC) - 1, 0, -1):
        tail = len(buffer) - cut
        if tail >= start and buffer.endswith(MAGIC[:cut]):
            return tail
    return -1
