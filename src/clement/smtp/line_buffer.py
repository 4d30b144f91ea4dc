"""Octets received and not yet read, given out as lines or in pieces.

A line ends in CRLF and nothing else.  A bare LF is refused and ends the session: to one server what follows
it is a line of its own, to another it is not, and such differences are what smuggling lives on.  A bare CR
is refused with the line it stands in.  Python's `splitlines` knows ten more line breaks and is never used.

RFC 5321 §2.3.8, §4.5.3.1.4.
"""

from __future__ import annotations

from . import replies
from .events import Answered

_CR = 0x0D


class LineBuffer:
    """See the module."""

    __slots__ = ("_octets", "_shown", "_skipped", "_start")

    def __init__(self) -> None:
        self._octets = b""
        self._start = 0
        self._skipped = 0
        """Octets of the present line that were dropped, since it is too long already."""
        self._shown = b""
        """The first of these, as many as a line may have."""

    def __len__(self) -> int:
        return len(self._octets) - self._start

    def receive(self, octets: bytes) -> None:
        """Add what arrived.  Copies nothing when all before it was read."""
        if self._start == len(self._octets):
            self._octets = octets
        else:
            self._octets = self._octets[self._start :] + octets
        self._start = 0

    def clear(self) -> None:
        """Forget everything."""
        self._octets = self._shown = b""
        self._start = self._skipped = 0

    def take(self, limit: int) -> bytes:
        """At most `limit` octets, possibly none."""
        start = self._start
        octets = self._octets
        if start or limit < len(octets):
            taken = octets[start : start + limit]
            self._start = start + len(taken)
            return taken
        self._octets = b""
        return octets

    def take_all(self) -> bytes:
        """Everything there is."""
        octets = self._octets[self._start :] if self._start else self._octets
        self._octets = b""
        self._start = 0
        return octets

    def read_line(self, limit: int, endless: int) -> bytes | Answered | None:
        """The next line without its CRLF; None while it is incomplete.

        A line that must not be read as a command comes as the refusal it earns: beyond `limit` octets, or
        with a bare CR or LF; beyond `endless` octets it is not waited for.
        """
        octets, start = self._octets, self._start
        if start == len(octets):
            return None
        end = octets.find(b"\n", start)
        if end < 0:
            return self._wait_for_more(limit, endless)
        self._start = end + 1
        if self._skipped or end - start > limit or end == start or octets[end - 1] != _CR:
            return self._refuse(octets[start:end], limit, endless)
        line = octets[start : end - 1]
        return Answered(line, replies.BARE_CR_IN_COMMAND) if b"\r" in line else line

    def _refuse(self, line: bytes, limit: int, endless: int) -> Answered:
        length = self._skipped + len(line)
        shown = (self._shown + line)[:limit].rstrip(b"\r")
        self._skipped, self._shown = 0, b""
        if length > endless:
            return Answered(shown, replies.ENDLESS_LINE)
        if not line.endswith(b"\r"):
            return Answered(shown, replies.BARE_LF_IN_COMMAND)
        return Answered(shown, replies.LINE_TOO_LONG)

    def _wait_for_more(self, limit: int, endless: int) -> Answered | None:
        """A line that is too long already is dropped as it comes, but for a CR that may meet its LF."""
        pending = len(self)
        if pending <= limit and not self._skipped:
            return None
        dropped = self._octets[self._start : -1]
        self._octets, self._start = self._octets[-1:], 0
        self._skipped += len(dropped)
        self._shown = (self._shown + dropped)[:limit]
        return Answered(self._shown.rstrip(b"\r"), replies.ENDLESS_LINE) if self._skipped >= endless else None
