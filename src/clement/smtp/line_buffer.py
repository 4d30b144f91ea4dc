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

    __slots__ = ("_shown", "_skipped", "_start", "pending")

    def __init__(self) -> None:
        self.pending = b""
        """What has not been read yet, behind `_start` octets that have been; empty once all was read."""
        self._start = 0
        self._skipped = 0
        """Octets of the present line that were dropped, since it is too long already."""
        self._shown = b""
        """The first of these, as many as a line may have."""

    def __len__(self) -> int:
        return len(self.pending) - self._start

    def receive(self, octets: bytes) -> None:
        """Add what arrived.  Copies nothing when all before it was read."""
        self.pending = self.pending[self._start :] + octets if self.pending else octets
        self._start = 0

    def clear(self) -> None:
        """Forget everything."""
        self.pending = self._shown = b""
        self._start = self._skipped = 0

    def take(self, limit: int) -> bytes:
        """At most `limit` octets, possibly none."""
        start = self._start
        if start + limit >= len(self.pending):
            return self.take_all()
        self._start = start + limit
        return self.pending[start : start + limit]

    def take_all(self) -> bytes:
        """Everything there is."""
        octets = self.pending[self._start :]
        self.pending = b""
        self._start = 0
        return octets

    def read_line(self, limit: int, endless: int) -> bytes | Answered | None:
        """The next line without its CRLF; None while it is incomplete.

        A line that must not be read as a command comes as the refusal it earns: beyond `limit` octets, or
        with a bare CR or LF; beyond `endless` octets it is not waited for.
        """
        octets, start = self.pending, self._start
        end = octets.find(b"\n", start)
        if end < 0:
            return self._wait_for_more(limit, endless)
        if end + 1 == len(octets):
            self.pending, self._start = b"", 0
        else:
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
        dropped = self.pending[self._start : -1]
        self.pending, self._start = self.pending[-1:], 0
        self._skipped += len(dropped)
        self._shown = (self._shown + dropped)[:limit]
        return Answered(self._shown.rstrip(b"\r"), replies.ENDLESS_LINE) if self._skipped >= endless else None
