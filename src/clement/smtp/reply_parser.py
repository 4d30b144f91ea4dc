"""Reads the replies of another server: bounded, strict, and without trust in a single octet of them.

Reply-line     = *( Reply-code "-" [ textstring ] CRLF )
                 Reply-code [ SP textstring ] CRLF
Reply-code     = %x32-35 %x30-35 %x30-39                                              RFC 5321 §4.2
status-code    = class "." subject "." detail                                         RFC 3463 §2
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .replies import Reply

MAX_LINE_OCTETS = 2048
"""RFC 5321 §4.5.3.1.5 allows 512; real servers write longer ones."""
MAX_LINES = 100

_REPLY_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|\Z)")


class ReplyError(ValueError):
    """What came is no reply; after this nothing that comes can be trusted to answer anything."""


@dataclass(frozen=True, slots=True)
class PeerReply:
    """One complete reply as it came; the lines are hostile text, without codes and CRLF."""

    code: int
    lines: tuple[str, ...]

    def to_reply(self) -> Reply:
        """The same as a `Reply`: text made printable, enhanced status code taken out of it."""
        match = _ENHANCED.match(self.lines[-1])
        # RFC 2034 §3: the class of both codes is the same.
        if match is None or match[1][0] != str(self.code)[0]:
            return Reply(self.code, "", self.lines)
        enhanced = match[1]
        text = tuple([line.removeprefix(enhanced).lstrip(" ") for line in self.lines])
        return Reply(self.code, enhanced, text)


class ReplyParser:
    """Octets in, complete replies out.  Not usable any more after ReplyError."""

    __slots__ = ("_code", "_lines", "_octets")

    def __init__(self) -> None:
        self._octets = b""
        self._code = 0
        self._lines: list[str] = []

    @property
    def is_idle(self) -> bool:
        """True when nothing has come since the last complete reply."""
        return not self._octets and not self._lines

    def receive_data(self, octets: bytes) -> None:
        """Add what arrived."""
        self._octets += octets

    def next_reply(self) -> PeerReply | None:
        """The next complete reply, None until there is one.

        Raises ReplyError.
        """
        while True:
            line = self._next_line()
            if line is None:
                return None
            match = _REPLY_LINE.fullmatch(line)
            if match is None:
                raise ReplyError("not a reply line")
            code = int(match[1])
            if self._lines and code != self._code:
                raise ReplyError("reply changes its code")
            if len(self._lines) >= MAX_LINES:
                raise ReplyError("reply has too many lines")
            self._code = code
            self._lines.append((match[3] or b"").decode("utf-8", "replace"))
            if match[2] != b"-":
                reply = PeerReply(code, tuple(self._lines))
                self._lines = []
                return reply

    def _next_line(self) -> bytes | None:
        end = self._octets.find(b"\n")
        if end > MAX_LINE_OCTETS or (end < 0 and len(self._octets) > MAX_LINE_OCTETS):
            raise ReplyError("reply line is too long")
        if end < 0:
            return None
        line, self._octets = self._octets[: end + 1], self._octets[end + 1 :]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise ReplyError("bare CR or LF in reply")
        return line[:-2]
