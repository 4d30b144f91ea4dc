"""Content on the wire: taken out of DATA and BDAT on one side, put into them on the other.

Readers get octets as they arrive and give them back as they should be kept: dots unstuffed, the end found,
everything odd noted in `ContentDefects`.  They never look at lines one by one: content is the bulk of what a
mail server handles, and each rule here is one or two passes of `bytes` methods over a whole segment.

Only CR LF "." CR LF ends DATA.  Whatever else looks like an end (LF.LF, CR.CRLF, ...) is content with a
defect: two servers that disagree about the end of one message are how a second one is smuggled in.

RFC 5321 §2.3.8 (lines), §4.1.1.4 (end of DATA), §4.5.2 (transparency); RFC 3030 §2 (BDAT).
"""

from __future__ import annotations

import re
from enum import Enum, IntFlag
from typing import Final

CRLF: Final = b"\r\n"
END_OF_DATA: Final = b"\r\n.\r\n"
MAX_LINE_OCTETS = 1000
"""RFC 5321 §4.5.3.1.6: a text line, CRLF included, the stuffed dot not."""

_LINE_BREAK = re.compile(rb"\r\n|\r|\n")

# What the end of a segment may be the beginning of: it waits for the octets that tell.
_UNDECIDED = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")
# The same where every CR and LF counts as a line break, and a dot behind any of them is transparency.
_UNDECIDED_IF_MENDED = re.compile(rb"(?:\r\n|\r|\n)(?:\.\r?)?\Z")


class BareLineEndings(Enum):
    """What becomes of a CR or LF that is not part of a CRLF."""

    REJECT = "reject"
    """Passed on as it is and noted; the server refuses the message."""
    NORMALISE = "normalise"
    """Made a CRLF, and noted.  For old clients of one's own that cannot be mended."""


class ContentDefects(IntFlag):
    """What was odd about content, as far as octets and lines tell."""

    NONE = 0
    BARE_CR = 1
    BARE_LF = 2
    NUL = 4
    LINE_TOO_LONG = 8
    """A line of more than 998 octets.  RFC 5321 §4.5.3.1.6."""
    EIGHT_BIT_UNDECLARED = 16
    """Octets above 127 without BODY=8BITMIME or SMTPUTF8.  RFC 6152 §3."""
    TOO_LARGE = 32
    """Beyond the size limit; the rest was read and dropped."""


BARE_LINE_ENDINGS: Final = ContentDefects.BARE_CR | ContentDefects.BARE_LF

# Plain integers: an IntFlag operation takes longer than the search that found the defect.
_BARE_CR = int(ContentDefects.BARE_CR)
_BARE_LF = int(ContentDefects.BARE_LF)
_NUL = int(ContentDefects.NUL)
_LINE_TOO_LONG = int(ContentDefects.LINE_TOO_LONG)
_EIGHT_BIT = int(ContentDefects.EIGHT_BIT_UNDECLARED)
_TOO_LARGE = int(ContentDefects.TOO_LARGE)


def has_stray(text: bytes) -> bool:
    """Whether some CR or LF in `text` is not part of a CRLF.

    Dropping every CR and giving every LF a new one changes nothing exactly when all of them are pairs; three
    passes of memchr are quicker than one search for a two-octet needle.
    """
    return text != text.replace(b"\r", b"").replace(b"\n", CRLF)


class ContentReader:
    """What readers of DATA and of BDAT have in common: inspecting and counting what they let through."""

    __slots__ = ("_carry", "_defects", "_eight_bit", "_limit", "_mend", "_open_line", "size_bytes")

    def __init__(
        self,
        size_limit_bytes: int = 0,
        bare_line_endings: BareLineEndings = BareLineEndings.REJECT,
        *,
        eight_bit: bool = True,
    ) -> None:
        self.size_bytes = 0
        self._limit = size_limit_bytes
        self._eight_bit = eight_bit
        self._mend = bare_line_endings is BareLineEndings.NORMALISE
        self._carry = b""
        self._defects = 0
        self._open_line = 0

    @property
    def defects(self) -> ContentDefects:
        """Everything noted so far."""
        return ContentDefects(self._defects) if self._defects else ContentDefects.NONE

    @property
    def is_too_large(self) -> bool:
        """Whether the size limit was passed."""
        return bool(self._defects & _TOO_LARGE)

    def _inspect(self, segment: bytes) -> bytes:
        """Note the defects of a segment as it came; return it, mended if that is wanted."""
        if b"\0" in segment:
            self._defects |= _NUL
        if not self._eight_bit and not segment.isascii():
            self._defects |= _EIGHT_BIT
        if has_stray(segment):
            pairs = segment.count(CRLF)
            if segment.count(b"\r") > pairs:
                self._defects |= _BARE_CR
            if segment.count(b"\n") > pairs:
                self._defects |= _BARE_LF
            if self._mend:
                segment = _LINE_BREAK.sub(CRLF, segment)
        return segment

    def _count(self, segment: bytes) -> bytes:
        """Count octets and lines of a segment as it will be kept; return what fits under the limit."""
        if self._limit and self.size_bytes + len(segment) > self._limit:
            self._defects |= _TOO_LARGE
            segment = segment[: self._limit - self.size_bytes]
        self.size_bytes += len(segment)
        if not self._defects & _LINE_TOO_LONG:
            self._measure_lines(segment)
        return segment

    def _measure_lines(self, segment: bytes) -> None:
        """Look for a line above the limit, by strides: any window of the limit must hold a line break."""
        # The first line may have begun in segments before this one.
        start, end, size = 0, MAX_LINE_OCTETS - self._open_line, len(segment)
        while end <= size:
            start = segment.rfind(b"\n", start, end) + 1
            if not start:
                self._defects |= _LINE_TOO_LONG
                return
            end = start + MAX_LINE_OCTETS
        last = segment.rfind(b"\n", start) + 1
        self._open_line = size - last if last else size + MAX_LINE_OCTETS - end


class DataReader(ContentReader):
    """Reads the content of one DATA command.  `rest` is what came behind its end, once `finished`."""

    __slots__ = ("_fresh", "finished", "rest")

    def __init__(
        self,
        size_limit_bytes: int = 0,
        bare_line_endings: BareLineEndings = BareLineEndings.REJECT,
        *,
        eight_bit: bool = True,
    ) -> None:
        super().__init__(size_limit_bytes, bare_line_endings, eight_bit=eight_bit)
        self.finished = False
        self.rest = b""
        # The CRLF of the DATA line begins the first line of content: a dot right behind it is at the start
        # of a line, and ".CRLF" is empty content.  It is read like content and then taken off again.
        self._carry = CRLF
        self._fresh = True

    def feed(self, octets: bytes) -> bytes:
        """Content that is certain now; possibly none."""
        text = self._carry + octets
        dot = text.find(b"\r\n.")
        # Most messages have no line that begins with a dot but the last.
        end = dot if dot < 0 or text.startswith(END_OF_DATA, dot) else text.find(END_OF_DATA, dot + 1)
        if end >= 0:
            self.finished = True
            self.rest = text[end + 5 :]
            self._carry = b""
            segment = text[: end + 2]
        else:
            decided = len(text) - self._undecided(text)
            self._carry = text[decided:]
            segment = text[:decided]
        if not segment:
            return b""
        segment = self._inspect(segment)
        if dot != end or self._mend:
            segment = segment.replace(b"\r\n.", CRLF)
        if self._fresh:
            self._fresh = False
            segment = segment[2:]
        return self._count(segment)

    def _undecided(self, text: bytes) -> int:
        if self._mend:
            match = _UNDECIDED_IF_MENDED.search(text, max(len(text) - 4, 0))
            return len(match[0]) if match else 0
        if text.endswith(_UNDECIDED):
            return next(len(tail) for tail in _UNDECIDED if text.endswith(tail))
        return 0


class ChunkReader(ContentReader):
    """Reads the content that one or more BDAT commands bring, each of a length said beforehand."""

    __slots__ = ("_last", "missing")

    def __init__(
        self,
        size_limit_bytes: int = 0,
        bare_line_endings: BareLineEndings = BareLineEndings.REJECT,
        *,
        eight_bit: bool = True,
    ) -> None:
        super().__init__(size_limit_bytes, bare_line_endings, eight_bit=eight_bit)
        self.missing = 0
        self._last = False

    def expect(self, octets: int, *, last: bool) -> None:
        """A chunk of this length comes next."""
        self.missing = octets
        self._last = last

    def feed(self, octets: bytes) -> bytes:
        """Content that is certain now.  `octets` must not go beyond `missing`."""
        self.missing -= len(octets)
        text = self._carry + octets
        # A CR at the end may have its LF in the next segment, or in the next chunk.
        carry = text[-1:] == b"\r" and not (self._last and self.missing == 0)
        self._carry = b"\r" if carry else b""
        segment = text[:-1] if carry else text
        return self._count(self._inspect(segment)) if segment else b""


class ContentWriter:
    """Prepares stored content for sending: every line ends in CRLF, and for DATA dots are stuffed.

    Content may hold stray CR and LF, begin lines with dots and lack a final CRLF; the next hop sees one
    message whatever it is (a stored message released as it is would smuggle).
    """

    __slots__ = ("_at_line_start", "_pending_cr", "_stuff")

    def __init__(self, *, stuff_dots: bool = True) -> None:
        self._stuff = stuff_dots
        self._at_line_start = True
        self._pending_cr = False

    def write(self, chunk: bytes) -> bytes:
        """`chunk` as it goes over the wire; a CR at its end waits for what follows."""
        text = b"\r" + chunk if self._pending_cr else chunk
        self._pending_cr = text.endswith(b"\r")
        if self._pending_cr:
            text = text[:-1]
        if not text:
            return b""
        if has_stray(text):
            text = _LINE_BREAK.sub(CRLF, text)
        at_line_start = self._at_line_start
        self._at_line_start = text.endswith(CRLF)
        if not self._stuff:
            return text
        stuffed = text.replace(b"\r\n.", b"\r\n..")
        return b"." + stuffed if at_line_start and text.startswith(b".") else stuffed

    def finish(self) -> bytes:
        """What completes the last line; and for DATA, what ends the content."""
        completed = self._at_line_start and not self._pending_cr
        ending = b"" if completed else CRLF
        return ending + b".\r\n" if self._stuff else ending
