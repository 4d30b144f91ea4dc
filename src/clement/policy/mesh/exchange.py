"""The commands of an exchange and the lines of its replies: what stands behind XMESH, and how it is read.

xmesh      = "XMESH" SP ( hello / prove / pull / push )
hello      = "HELLO" SP version SP key-id SP nonce
prove      = "PROVE" SP signature
pull       = "PULL" SP position
push       = "PUSH" SP position SP hops SP assertion
position   = "0" / number                       ; of an entry in the sender's log
hops       = DIGIT                              ; servers that have handed it on; 0: the origin itself
version    = "1"

welcome    = nonce                              ; text of the 250 that answers HELLO
proven     = signature SP position              ; of the 250 that answers PROVE: up to where we have your log
entry      = position SP hops SP assertion      ; of each line but the last that answers PULL
page-end   = position SP ( "MORE" / "END" )     ; of its last line
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from clement.policy.mesh.assertion import MAX_ASSERTION_OCTETS
from clement.policy.mesh.key import KEY_ID, SIGNATURE, KeyId
from clement.policy.mesh.proof import NONCE

VERSION: Final = "1"
KEYWORD: Final = "XMESH"

PAGE_ENTRIES: Final = 32
"""Entries in one reply; with its last line no more than forty lines, each of 512 octets at most."""

MAX_HOPS: Final = 3

_POSITION = r"0|[1-9][0-9]{0,17}"
_ENTRY_TEXT = rf"({_POSITION}) ([0-9]) ([!-~][ -~]{{0,{MAX_ASSERTION_OCTETS - 1}}})"
_HELLO = re.compile(rf"(?i:HELLO) ([0-9]{{1,3}}) ({KEY_ID}) ({NONCE})")
_PROVE = re.compile(rf"(?i:PROVE) ({SIGNATURE})")
_PULL = re.compile(rf"(?i:PULL) ({_POSITION})")
_PUSH = re.compile(rf"(?i:PUSH) {_ENTRY_TEXT}")
_PROVEN = re.compile(rf"({SIGNATURE}) ({_POSITION})")
_ENTRY = re.compile(_ENTRY_TEXT)
_PAGE_END = re.compile(rf"({_POSITION}) (MORE|END)")
_NONCE = re.compile(NONCE)


class ExchangeMalformed(ValueError):
    """What the other side said is no word of this protocol."""


class Entry(msgspec.Struct, frozen=True):
    """One line of a server's log. position: where it stands there. text: the assertion as it was signed."""

    position: int
    hops: int
    text: str

    def encode(self) -> str:
        """As it is sent, in either direction."""
        return f"{self.position} {self.hops} {self.text}"


class HelloCommand(msgspec.Struct, frozen=True):
    """A client names itself."""

    version: str
    key: KeyId
    nonce: str


class ProveCommand(msgspec.Struct, frozen=True):
    """A client proves that it is the one it named."""

    signature: str


class PullCommand(msgspec.Struct, frozen=True):
    """A client asks for what stands behind a position."""

    after: int


class PushCommand(msgspec.Struct, frozen=True):
    """A client tells one entry of its own log."""

    entry: Entry


Command = HelloCommand | ProveCommand | PullCommand | PushCommand


class Page(msgspec.Struct, frozen=True):
    """What answers PULL. until: all there is up to here is told."""

    entries: tuple[Entry, ...]
    until: int
    has_more: bool

    def lines(self) -> list[str]:
        """The lines of the reply."""
        last = f"{self.until} {'MORE' if self.has_more else 'END'}"
        return [*(entry.encode() for entry in self.entries), last]


def parse_command(argument: bytes) -> Command:
    """What stands behind XMESH. Raises ExchangeMalformed for all that is none of the four."""
    text = argument.decode("ascii", "replace")
    if match := _PUSH.fullmatch(text):
        return PushCommand(_entry(match[1], match[2], match[3]))
    if match := _PULL.fullmatch(text):
        return PullCommand(int(match[1]))
    if match := _PROVE.fullmatch(text):
        return ProveCommand(match[1])
    if match := _HELLO.fullmatch(text):
        return HelloCommand(match[1], KeyId(match[2]), match[3])
    raise ExchangeMalformed("no command of the mesh")


def parse_welcome(text: str) -> str:
    """The server's nonce. Raises ExchangeMalformed."""
    if _NONCE.fullmatch(text) is None:
        raise ExchangeMalformed("no nonce")
    return text


def parse_proven(text: str) -> tuple[str, int]:
    """The server's proof, and up to where it has our log. Raises ExchangeMalformed."""
    match = _PROVEN.fullmatch(text)
    if match is None:
        raise ExchangeMalformed("no proof")
    return match[1], int(match[2])


def parse_page(lines: Sequence[str], after: int) -> Page:
    """The answer to PULL. Raises ExchangeMalformed, also for positions that do not grow from `after`."""
    match = _PAGE_END.fullmatch(lines[-1]) if lines else None
    if match is None or len(lines) > PAGE_ENTRIES + 1:
        raise ExchangeMalformed("no page")
    entries = []
    reached = after
    for line in lines[:-1]:
        found = _ENTRY.fullmatch(line)
        if found is None:
            raise ExchangeMalformed("no entry")
        entry = _entry(found[1], found[2], found[3])
        if entry.position <= reached:
            raise ExchangeMalformed("positions do not grow")
        reached = entry.position
        entries.append(entry)
    until, has_more = int(match[1]), match[2] == "MORE"
    if until < reached or (has_more and until == after):
        raise ExchangeMalformed("a page that leads nowhere")
    return Page(tuple(entries), until, has_more)


def _entry(position: str, hops: str, text: str) -> Entry:
    return Entry(int(position), int(hops), text)
