"""Files written into a text, from before there was MIME: uuencode and yEnc. Readers show them as attachments.

begin 644 name            =ybegin line=128 size=123 name=name
M...                      ...
end                       =yend size=123
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

MAX_FILES = 50

_BEGIN = re.compile(rb"begin(-base64)? [0-7]{3,4} ([^\r\n]{1,1000})\r?\n")
_YBEGIN = re.compile(rb"=ybegin [^\r\n]{0,1000}?name=([^\r\n]{1,1000})\r?\n")
_UU_LINE = re.compile(rb"[!-`][ -`]{1,61}[ \t\r]*\n")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]{4,76}\r?\n")


class InlinedFile(msgspec.Struct, frozen=True, gc=False):
    """header: the range of the line that begins it. body: from there to the line that ends it."""

    encoding: str
    name: bytes
    header: tuple[int, int]
    body: tuple[int, int]


def inlined_files(octets: bytes, start: int, end: int) -> Iterator[InlinedFile]:
    """The files in the text octets[start:end], at most MAX_FILES of each kind."""
    yield from _uuencoded(octets, start, end)
    if octets.find(b"=ybegin ", start, end) >= 0:
        yield from _yencoded(octets, start, end)


def _uuencoded(octets: bytes, start: int, end: int) -> Iterator[InlinedFile]:
    position = start if octets.startswith(b"begin", start, end) else _line(octets, b"\nbegin", start, end)
    count = 0
    while position >= 0 and count < MAX_FILES:
        match = _BEGIN.match(octets, position, end)
        if match is None or not (_BASE64_LINE if match[1] else _UU_LINE).match(octets, match.end(), end):
            position = _line(octets, b"\nbegin", position + 1, end)
            continue
        stop = octets.find(b"\n====" if match[1] else b"\nend", match.end() - 1, end)
        body_end = end if stop < 0 else stop + 1
        encoding = "base64" if match[1] else "x-uuencode"
        yield InlinedFile(encoding, match[2], match.span(), (match.end(), body_end))
        count += 1
        position = _line(octets, b"\nbegin", body_end - 1, end)


def _yencoded(octets: bytes, start: int, end: int) -> Iterator[InlinedFile]:
    position = (
        start if octets.startswith(b"=ybegin ", start, end) else _line(octets, b"\n=ybegin ", start, end)
    )
    count = 0
    while position >= 0 and count < MAX_FILES:
        match = _YBEGIN.match(octets, position, end)
        if match is not None:
            stop = octets.find(b"\n=yend", match.end() - 1, end)
            body_end = end if stop < 0 else stop + 1
            yield InlinedFile("x-yenc", match[1], match.span(), (match.end(), body_end))
            count += 1
            position = body_end - 1
        position = _line(octets, b"\n=ybegin ", position + 1 if match is None else position, end)


def _line(octets: bytes, mark: bytes, start: int, end: int) -> int:
    found = octets.find(mark, start, end)
    return found + 1 if found >= 0 else -1
