"""A client made of a socket and nothing else: it sends what a test says, and reads replies strictly."""

from __future__ import annotations

import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PATIENCE_S = 30.0

# What RFC 5321 §4.2 allows in a reply line, and what no reply of ours may ever hold.
LINE = re.compile(rb"([2-5]\d\d)([ -])([ -~]*)")
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3} ")
LEAK = re.compile(r"Traceback|File \"|\.py\b|/tmp/|/home/|Error\(|Exception| at 0x[0-9a-f]", re.IGNORECASE)
MOST_LINE_OCTETS = 512


def without_weights(story: str) -> str:
    """What `clement session` tells, without what each finding weighs."""
    return re.sub(r"(· [a-z-]+ [a-z]+) [+-][0-9.e+-]+", r"\1", story)


class Hung(AssertionError):
    """The server said nothing although it was its turn."""


class Gone(AssertionError):
    """The server has closed the connection."""


@dataclass(frozen=True)
class Answer:
    """One reply, of one or more lines, without its codes."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {' / '.join(self.lines)}"

    @property
    def codes(self) -> str:
        """Both codes: `550 5.1.1`."""
        return f"{self.code} {self.enhanced}".strip()

    @property
    def text(self) -> str:
        return " ".join(self.lines)


class Talk:
    """One connection. `source` is the client's own address: all of 127.0.0.0/8 is ours to call from."""

    def __init__(
        self, address: tuple[str, int], *, source: str = "127.0.0.1", before: bytes = b"", tls: bool = False
    ) -> None:
        self.socket = socket.create_connection(address, PATIENCE_S, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        if before:
            self.socket.sendall(before)
        if tls:
            self.wrap()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    # --- Saying ---------------------------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(octets)

    def ask(self, line: str | bytes) -> Answer:
        """Send one command line and return its reply."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.answer()

    def say(self, *lines: str | bytes) -> list[Answer]:
        """Send command lines one after the other, waiting for each reply."""
        return [self.ask(line) for line in lines]

    def open(self, hello: str = "EHLO client.sender.example") -> Talk:
        """Read the greeting and say hello."""
        self.expect("220")
        assert self.ask(hello).code == 250
        return self

    def envelope(
        self, *recipients: str, sender: str = "author@sender.example", words: str = ""
    ) -> list[Answer]:
        """MAIL and RCPT; MAIL must be accepted. Returns the replies to RCPT."""
        mail = self.ask(f"MAIL FROM:<{sender}>{words}")
        assert mail.code == 250, mail
        return [self.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]

    def content(self, octets: bytes) -> Answer:
        """DATA with this content as it stands on the wire, without the final dot. Returns the last reply."""
        assert self.ask("DATA").code == 354
        self.send(octets + (b"" if octets.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.answer()

    # --- Hearing --------------------------------------------------------------------------------------

    def answer(self) -> Answer:
        """The next reply. Raises Gone, Hung; AssertionError when it is not as RFC 5321 §4.2 wants it."""
        lines = []
        while True:
            match = self._line()
            lines.append(match)
            if match[2] == b" ":
                break
        codes = {match[1] for match in lines}
        assert len(codes) == 1, f"one reply, several codes: {lines}"
        return _answer(int(lines[0][1]), [match[3].decode("ascii") for match in lines])

    def answers(self, count: int) -> list[Answer]:
        """The next so many replies."""
        return [self.answer() for _ in range(count)]

    def expect(self, *codes: str) -> list[Answer]:
        """The next replies, which must begin with these codes: `expect("250", "550 5.1.1")`."""
        found = []
        for wanted in codes:
            answer = self.answer()
            assert answer.codes.startswith(wanted), f"{answer}, not {wanted}"
            found.append(answer)
        return found

    def rest(self) -> list[Answer]:
        """Everything that is still said until the server closes, which it must."""
        found = []
        while True:
            try:
                found.append(self.answer())
            except Gone:
                return found

    def silent(self, for_s: float = 0.15) -> None:
        """Nothing more may be said for a moment: there was one reply for each command."""
        self.socket.settimeout(for_s)
        try:
            more = self._received or self.socket.recv(1)
        except (TimeoutError, ssl.SSLWantReadError):
            return
        finally:
            self.socket.settimeout(PATIENCE_S)
        assert not more, f"said more than was asked: {more!r}"

    def _line(self) -> re.Match[bytes]:
        until_s = time.monotonic() + PATIENCE_S
        while b"\n" not in self._received:
            if time.monotonic() > until_s:
                raise Hung(f"no reply, only {self._received!r}")
            try:
                octets = self.socket.recv(65536)
            except TimeoutError:
                raise Hung(f"no reply, only {self._received!r}") from None
            except (ConnectionError, ssl.SSLEOFError):
                octets = b""
            if not octets:
                raise Gone(f"closed, after {self._received!r}")
            self._received += octets
        line, _, self._received = self._received.partition(b"\n")
        assert line.endswith(b"\r"), f"a reply line ends in CRLF: {line!r}"
        assert len(line) < MOST_LINE_OCTETS, f"a reply line of {len(line) + 1} octets"
        match = LINE.fullmatch(line[:-1])
        assert match, f"not a reply line: {line!r}"
        assert not LEAK.search(line.decode("ascii")), f"a reply that leaks: {line!r}"
        return match

    # --- TLS ------------------------------------------------------------------------------------------

    def wrap(self) -> None:
        """Begin TLS now, trusting anybody."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="mx.clement.example")

    def start_tls(self) -> Talk:
        """STARTTLS, the handshake, and EHLO again."""
        assert self.ask("STARTTLS").code == 220
        assert not self._received
        self.wrap()
        assert self.ask("EHLO client.sender.example").code == 250
        return self

    def log_in(self, login: str, password: str) -> Answer:
        """AUTH PLAIN with an initial response."""
        return self.ask(f"AUTH PLAIN {plain(login, password)}")


def plain(login: str, password: str, authorization: str = "") -> str:
    """The message of AUTH PLAIN. RFC 4616 §2."""
    return b64encode(f"{authorization}\0{login}\0{password}".encode()).decode()


def message(subject: str = "hello", body: str = "words", author: str = "author@sender.example") -> bytes:
    """A small message that nothing is wrong with."""
    header = f"From: <{author}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@sender.example>\r\n"
    return f"{header}\r\n{body}\r\n".encode()


def _answer(code: int, texts: Sequence[str]) -> Answer:
    match = ENHANCED.match(texts[0])
    if match is None:
        return Answer(code, "", tuple(texts))
    assert all(text.startswith(match[0]) for text in texts), f"enhanced codes differ: {texts}"
    return Answer(code, match[0].strip(), tuple(text[len(match[0]) :] for text in texts))
