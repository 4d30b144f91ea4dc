"""The two forms in which DKIM and ARC hash what is in a message.  RFC 6376 §3.4.

A line ends in CRLF. A bare LF is taken for one, as those who read and relay mail do; a bare CR is an octet
like any other. Whole buffers are rewritten at once, never line by line.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Protocol

_CR_LF = b"\r\n"
_RUN = re.compile(rb"  +")
_BLANK_LINES_AT_ONCE = 4096


class Canonicalisation(StrEnum):
    """What a relay may change without breaking a signature: nothing, or white space."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def with_crlf(octets: bytes) -> bytes:
    """`octets` with every line ended by CRLF."""
    if octets.count(b"\n") == octets.count(_CR_LF):
        return octets
    return octets.replace(_CR_LF, b"\n").replace(b"\n", _CR_LF)


def single_spaced(octets: bytes) -> bytes:
    """`octets` with every run of spaces and tabs made one space.

    Runs as long as HTML is indented by are for the pattern; for the short ones of prose it is slower than
    splitting, which halves them.
    """
    octets = octets.replace(b"\t", b" ")
    while b"  " in octets:
        if b"    " in octets:
            return _RUN.sub(b" ", octets)
        octets = b" ".join(octets.split(b"  "))
    return octets


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """A header field in relaxed form (§3.4.2), without its CRLF. value: with its folds, by CRLF."""
    return name.lower() + b":" + single_spaced(value.replace(_CR_LF, b"")).strip(b" ")


class _Sink(Protocol):
    """Takes a canonical body, piece by piece."""

    def update(self, octets: bytes, /) -> None: ...


class CanonicalBody:
    """Turns a body into its simple or relaxed form (§3.4.3, §3.4.4) as its chunks come.

    Held back are empty lines, of which only those before more content count (as a number), and up to two
    octets whose meaning the next chunk decides (white space; the CR of a CRLF).
    """

    def __init__(self, canonicalisation: Canonicalisation, sinks: tuple[_Sink, ...]) -> None:
        self._is_relaxed = canonicalisation is Canonicalisation.RELAXED
        self._sinks = sinks
        self._blank_lines = 0
        self._undecided = b""
        self._is_empty = True

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        octets = self._undecided + chunk if self._undecided else chunk
        undecided = b""
        if octets.endswith(b"\r"):
            octets, undecided = octets[:-1], b"\r"
        lines = octets.replace(_CR_LF, b"\n")
        if self._is_relaxed:
            lines = b"\n".join(single_spaced(lines).split(b" \n"))
            if lines.endswith(b" "):
                lines, undecided = lines[:-1], b" " + undecided
        self._undecided = undecided
        self._take(lines)

    def finish(self) -> None:
        """The body has ended."""
        if self._undecided.endswith(b"\r"):
            self._take(self._undecided)
        if not (self._is_empty and self._is_relaxed):
            self._emit(_CR_LF)

    def _take(self, lines: bytes) -> None:
        text = lines.rstrip(b"\n")
        blank_lines = len(lines) - len(text)
        if not text:
            self._blank_lines += blank_lines
            return
        self._emit_blank_lines()
        self._is_empty = False
        self._blank_lines = blank_lines
        self._emit(text.replace(b"\n", _CR_LF))

    def _emit_blank_lines(self) -> None:
        while self._blank_lines:
            some = min(self._blank_lines, _BLANK_LINES_AT_ONCE)
            self._emit(_CR_LF * some)
            self._blank_lines -= some

    def _emit(self, octets: bytes) -> None:
        for sink in self._sinks:
            sink.update(octets)
