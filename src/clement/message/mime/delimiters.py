r"""Where multiparts are cut: the lines that begin with "--", found once, and what one boundary makes of them.

delimiter := CRLF "--" boundary *LWSP CRLF       close-delimiter := CRLF "--" boundary "--" *LWSP CRLF
                                                                             (RFC 2046 §5.1.1)
"""

from __future__ import annotations

import re
from bisect import bisect_left

import msgspec

_MAX_REST_BYTES = 1000
_DASHES = re.compile(rb"-+")
_SPACE = b" \t\r\n\0"
_LINE_END = re.compile(rb"[\r\n]")


class DashLines:
    """The offsets of all lines of `octets` that begin with "--", in order; at most `limit`."""

    __slots__ = ("bare_cr", "full", "octets", "offsets")

    def __init__(self, octets: bytes, limit: int) -> None:
        self.octets = octets
        self.offsets: list[int] = []
        self.bare_cr: set[int] = set()
        self.full = False
        position = octets.find(b"--")
        while position >= 0:
            before = octets[position - 1] if position else 10
            if before in {10, 13}:
                if len(self.offsets) == limit:
                    self.full = True
                    return
                self.offsets.append(position)
                if before == 13:
                    self.bare_cr.add(position)
            match = _DASHES.match(octets, position)
            position = octets.find(b"--", match.end() if match else position + 2)

    def between(self, start: int, end: int) -> list[int]:
        """The offsets in [start, end)."""
        return self.offsets[bisect_left(self.offsets, start) : bisect_left(self.offsets, end)]


class Delimiter(msgspec.Struct, frozen=True, gc=False):
    """A line that separates. start: of the line. after: where the next line begins."""

    start: int
    after: int
    closing: bool
    exact: bool


def delimiters(lines: DashLines, boundary: bytes, start: int, end: int, limit: int) -> list[Delimiter]:
    """The first `limit` lines in [start, end) that begin with the boundary; `exact` if with nothing else."""
    octets = lines.octets
    skip = 2 + len(boundary)
    found = []
    behind = start
    for offset in lines.between(start, end):
        if offset < behind or not octets.startswith(boundary, offset + 2, end):
            continue
        rest_start = offset + skip
        line_end = _LINE_END.search(octets, rest_start, min(end, rest_start + _MAX_REST_BYTES))
        stop = line_end.start() if line_end else min(end, rest_start + _MAX_REST_BYTES)
        rest = octets[rest_start:stop]
        closing = rest.startswith(b"--")
        bare = rest[2:] if closing else rest
        behind = _next_line(octets, stop, end)
        found.append(Delimiter(offset, behind, closing, not bare.strip(_SPACE)))
        if len(found) == limit:
            break
    return found


def before(octets: bytes, start: int, line_start: int) -> int:
    """The end of what stands before a delimiter line: its line end belongs to the delimiter."""
    end = line_start
    if end > start and octets[end - 1] == 10:
        end -= 1
    if end > start and octets[end - 1] == 13:
        end -= 1
    return end


def _next_line(octets: bytes, stop: int, end: int) -> int:
    if stop >= end:
        return end
    if octets[stop] == 13:
        return min(end, stop + 2 if octets[stop + 1 : stop + 2] == b"\n" else stop + 1)
    if octets[stop] == 10:
        return stop + 1
    found = octets.find(b"\n", stop, end)
    return end if found < 0 else found + 1
