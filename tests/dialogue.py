"""Golden dialogues: what a client says and what a server must answer, as text that people can read.

    # Comments and empty lines mean nothing.
    @service lmtp            what is spoken: smtp (the default), submission or lmtp
    @tls yes                 the dialogue takes place under TLS; `@starttls yes`: STARTTLS is offered
    S: 220 mx.test ESMTP     the server's next reply line, exactly
    S~ 250[- ].*             the server's next reply line, a pattern for the whole of it
    S* 250                   all lines of the server's next reply, up to its last; the pattern is for the last
    C: EHLO client.test      a line from the client; CRLF is added
    C< "a\\r\\n.\\r\\n"          octets from the client, as a Python string literal, nothing added
    S! closed                the server hangs up

Lines of the client that follow each other travel together.  The file says nothing about who replays it: the
protocol core and a real server on a socket read the same files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Send:
    """Octets the client sends."""

    octets: bytes
    line_number: int


@dataclass(frozen=True)
class Expect:
    """One reply line, or with `whole` one reply of any number of lines; text is without CRLF."""

    pattern: re.Pattern[str]
    line_number: int
    whole: bool = False


@dataclass(frozen=True)
class ExpectClosed:
    """The server has closed the connection."""

    line_number: int


Step = Send | Expect | ExpectClosed


@dataclass(frozen=True)
class Dialogue:
    """Steps, and what the server must be like: `settings` are the words behind each `@`."""

    name: str
    steps: tuple[Step, ...]
    settings: dict[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """A server under test."""

    def send(self, octets: bytes) -> None:
        """Give it octets."""

    def read_line(self) -> str | None:
        """The next reply line without CRLF, or None when it has closed the connection."""


def parse(path: Path) -> Dialogue:
    """The dialogue in a file."""
    settings: dict[str, str] = {}
    steps: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            name, _, value = line[1:].partition(" ")
            settings[name] = value.strip()
            continue
        steps.append(_step(line[:2], line[3:], number))
    return Dialogue(path.stem, tuple(steps), settings)


def _step(mark: str, text: str, number: int) -> Step:
    match mark:
        case "C:":
            return Send(text.encode("utf-8") + b"\r\n", number)
        case "C<":
            return Send(ast.literal_eval(text).encode("utf-8"), number)
        case "S:":
            return Expect(re.compile(re.escape(text)), number)
        case "S~":
            return Expect(re.compile(text), number)
        case "S*":
            return Expect(re.compile(text + ".*"), number, whole=True)
        case "S!":
            return ExpectClosed(number)
    raise ValueError(f"line {number}: {mark} is not a step")


def replay(dialogue: Dialogue, peer: Peer) -> None:
    """Play the client's part against `peer`; AssertionError names the line where it went another way."""
    pending = b""
    for step in [*dialogue.steps, None]:
        if isinstance(step, Send):
            pending += step.octets
            continue
        if pending:
            peer.send(pending)
            pending = b""
        if isinstance(step, Expect):
            _expect(dialogue, step, peer)
        elif step is not None:
            line = peer.read_line()
            assert line is None, f"{dialogue.name}:{step.line_number}: not closed but {line!r}"


def _expect(dialogue: Dialogue, step: Expect, peer: Peer) -> None:
    line = next(_last_line(peer)) if step.whole else peer.read_line()
    where = f"{dialogue.name}:{step.line_number}"
    assert line is not None, f"{where}: closed, expected {step.pattern.pattern!r}"
    assert step.pattern.fullmatch(line), f"{where}: {line!r}, expected {step.pattern.pattern!r}"


def _last_line(peer: Peer) -> Iterator[str | None]:
    line = peer.read_line()
    while line is not None and line[3:4] == "-":
        line = peer.read_line()
    yield line
