"""Octets received and not yet read, given out as lines or in pieces.

A line ends in CRLF and nothing else.  A bare LF is refused and ends the session: to one server what follows
it is a line of its own, to another it is not, and such differences are what smuggling lives on.  A bare CR
is refused with the line it stands in.  Python's `splitlines` knows ten more line breaks and is never used.

RFC 5321 §2.3.8, §4.5.3.1.4.
"""

from __future__ import annotations

from . import replies
from .events import Answered


class LineBuffer:
    """See the module."""

    __slots__ = ("_endless", "_shown", "_skipped", "pending")

    def __init__(self, endless: int) -> None:
        """endless: octets of a line from which on its end is not waited for."""
        self._endless = endless
        self.pending = b""
        """What has not been read yet; what arrives is added to it."""
        self._skipped = 0
        """Octets of the present line that were dropped, since it is too long already."""
        self._shown = b""
        """The first of these, as many as a line may have."""

    def clear(self) -> None:
        """Forget everything."""
        self.pending = self._shown = b""
        self._skipped = 0

    def take(self, limit: int) -> bytes:
        """At most `limit` octets, possibly none."""
        taken, self.pending = self.pending[:limit], self.pending[limit:]
        return taken

    def take_all(self) -> bytes:
        """Everything there is."""
        taken, self.pending = self.pending, b""
        return taken

    def read_line(self, limit: int) -> bytes | Answered | None:
        """The next line without its CRLF; None while it is incomplete.

        A line that must not be read as a command comes as the refusal it earns: beyond `limit` octets, or
        with a bare CR or LF; an endless one is not waited for.
        """
        line, end, rest = self.pending.partition(b"\n")
        if not end:
            return self._wait_for_more(limit)
        self.pending = rest
        text, carriage_return, stray = line.partition(b"\r")
        if stray or not carriage_return or self._skipped or len(line) > limit:
            return self._refuse(line, limit)
        return text

    def _refuse(self, line: bytes, limit: int) -> Answered:
        length = self._skipped + len(line)
        shown = (self._shown + line)[:limit].rstrip(b"\r")
        self._skipped, self._shown = 0, b""
        if length > self._endless:
            return Answered(shown, replies.ENDLESS_LINE)
        if not line.endswith(b"\r"):
            return Answered(shown, replies.BARE_LF_IN_COMMAND)
        return Answered(shown, replies.LINE_TOO_LONG if length > limit else replies.BARE_CR_IN_COMMAND)

    def _wait_for_more(self, limit: int) -> Answered | None:
        """A line that is too long already is dropped as it comes, but for a CR that may meet its LF."""
        if len(self.pending) <= limit and not self._skipped:
            return None
        dropped, self.pending = self.pending[:-1], self.pending[-1:]
        self._skipped += len(dropped)
        self._shown = (self._shown + dropped)[:limit]
        if self._skipped < self._endless:
            return None
        return Answered(self._shown.rstrip(b"\r"), replies.ENDLESS_LINE)
