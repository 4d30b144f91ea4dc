"""Send six messages to a running Clement and show each dialogue, line by line, with its outcome.

The six are the ways a message can end: kept, handed on, and refused for four reasons. Every answer
comes while the line is open. Exit code 0: all six ended as they should; 1: one did not; 3: nothing listens.
"""

import argparse
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Self

from scripts.eicar import EICAR

GREEN, RED, BLUE, FAINT, BOLD = "32", "31", "34", "2", "1"
REPLY_TIMEOUT_S = 60.0
MAX_REPLY_OCTETS = 64 * 1024
SHOWN_CONTENT_LINES = 12

NOT_RUNNING = """\
Nobody answers at {host}:{port}. Start Clement in another terminal:

    make run
"""


@dataclass(frozen=True)
class Scene:
    """One message and the answer it should get: at which command, and how its reply begins."""

    title: str
    sender: str
    recipient: str
    subject: str
    body: bytes
    answered_at: str
    reply: str
    moral: str


SCENES = (
    Scene(
        "Good mail for a mailbox here",
        "author@sender.example",
        "anna@local.example",
        "Hello Anna",
        b"This is kept in your Maildir.\r\n",
        "content",
        "250",
        "Stored and on disk before the 250 was sent.",
    ),
    Scene(
        "Good mail through the gateway",
        "author@sender.example",
        "someone@relay.example",
        "Hello there",
        b"This goes to the next hop.\r\n",
        "content",
        "250",
        "The next hop took it first; its answer became ours.",
    ),
    Scene(
        "A recipient who does not exist",
        "author@sender.example",
        "nobody-of-that-name@local.example",
        "Hello?",
        b"Nobody reads this.\r\n",
        "RCPT",
        "550 5.1.1",
        "Refused at RCPT: the content was never sent, and nothing will bounce.",
    ),
    Scene(
        "A virus",
        "author@sender.example",
        "anna@local.example",
        "An invoice, surely",
        EICAR + b"\r\n",
        "content",
        "554 5.7.1",
        "ClamAV read it while the line was open; nothing overrides a virus.",
    ),
    Scene(
        "A message that the next hop refuses",
        "author@sender.example",
        "refuse-data@relay.example",
        "Not wanted there",
        b"The next hop will not have this.\r\n",
        "content",
        "5",
        "Their refusal reaches the client in the same session: no bounce from us.",
    ),
    Scene(
        "A recipient who refuses this correspondent",
        "unwanted@sender.example",
        "anna@local.example",
        "One more offer",
        b"Anna has had enough of these.\r\n",
        "RCPT",
        "550",
        "Anna's own directive decided; the reply says so without saying more.",
    ),
)


class Page:
    """Prints for people: in colour on a terminal, plain into a pipe, and nothing a server sent unescaped."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def paint(self, text: str, *styles: str) -> str:
        return f"\033[{';'.join(styles)}m{text}\033[0m" if self._coloured else text

    def title(self, number: int, text: str) -> None:
        print(f"\n{self.paint(f'{number}. {text}', BOLD)}")

    def client(self, line: bytes) -> None:
        print(f"   {self.paint('C:', FAINT)} {self.paint(printable(line), BLUE)}")

    def server(self, line: bytes) -> None:
        colour = GREEN if line[:1] in b"23" else RED
        print(f"   {self.paint('S:', FAINT)} {self.paint(printable(line), colour)}")

    def outcome(self, *, good: bool, text: str) -> None:
        mark = self.paint("✓", GREEN, BOLD) if good else self.paint("✗", RED, BOLD)
        print(f"   {mark} {text}")


def printable(line: bytes) -> str:
    """A line with control characters escaped: a server's words must not command our terminal."""
    text = line.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Dialogue:
    """One SMTP session, shown as it happens."""

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        self._page = page
        self._socket = socket.create_connection(address, timeout=REPLY_TIMEOUT_S)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def reply(self) -> str:
        """Read and show one reply; returns the last of its lines (RFC 5321 §4.2.1)."""
        while True:
            line = self._file.readline(MAX_REPLY_OCTETS).rstrip(b"\r\n")
            if not line:
                raise ConnectionError("the server closed the connection")
            self._page.server(line)
            if line[3:4] != b"-":
                return line.decode("utf-8", "backslashreplace")

    def say(self, line: str) -> str:
        """Send a command and read its reply."""
        self._page.client(line.encode())
        self._socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def send_content(self, content: bytes) -> str:
        """Send a message, dot-stuffed (RFC 5321 §4.5.2), and read the reply that decides."""
        lines = content.removesuffix(b"\r\n").split(b"\r\n")
        for line in (*lines[:SHOWN_CONTENT_LINES], b"."):
            self._page.client(line)
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        self._socket.sendall(b"\r\n".join(stuffed) + b"\r\n.\r\n")
        return self.reply()


def content_of(scene: Scene) -> bytes:
    fields = (
        f"From: <{scene.sender}>",
        f"To: <{scene.recipient}>",
        f"Subject: {scene.subject}",
        f"Date: {formatdate()}",
        f"Message-ID: <{secrets.token_hex(8)}@sender.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
    )
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + scene.body


def steps(scene: Scene, dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    """Play the scene: yields (step, reply) for each; the caller stops where the story ends."""
    yield "connect", dialogue.reply()
    yield "EHLO", dialogue.say("EHLO client.sender.example")
    yield "MAIL", dialogue.say(f"MAIL FROM:<{scene.sender}>")
    yield "RCPT", dialogue.say(f"RCPT TO:<{scene.recipient}>")
    yield "DATA", dialogue.say("DATA")
    yield "content", dialogue.send_content(content_of(scene))


def play(scene: Scene, address: tuple[str, int], page: Page) -> bool:
    """Show one scene; returns whether it ended as it should."""
    step, reply = "connect", ""
    try:
        with Dialogue(address, page) as dialogue:
            for step, reply in steps(scene, dialogue):  # noqa: B007 - the last step is the outcome
                if reply[:1] not in "23":
                    break
            dialogue.say("QUIT")
    except OSError as error:
        reply = f"no reply ({error})"
    good = step == scene.answered_at and reply.startswith(scene.reply)
    wanted = f"expected {scene.reply} at {scene.answered_at}, got {printable(reply.encode())!r} at {step}"
    page.outcome(good=good, text=scene.moral if good else wanted)
    return good


def greets(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument(
        "--ready", action="store_true", help="only say by the exit code whether Clement answers"
    )
    options = parser.parse_args(arguments)
    address = (options.host, options.port)
    if not greets(address):
        if not options.ready:
            print(NOT_RUNNING.format(host=options.host, port=options.port), file=sys.stderr)
        return 3
    if options.ready:
        return 0
    page = Page()
    outcomes = []
    for number, scene in enumerate(SCENES, 1):
        page.title(number, scene.title)
        outcomes.append(play(scene, address, page))
    print(f"\n{sum(outcomes)} of {len(outcomes)} ended as they should.")
    print("What Clement recorded of them: .venv/bin/clement log, then .venv/bin/clement session ID")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
