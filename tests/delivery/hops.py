"""Next hops that follow a script, and what the tests of cut-through share."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from clement.delivery.relay import RelayOptions, RelayTransport
from clement.delivery.transport import Destination, Envelope
from clement.net.hop_connection import HopTimeouts, TlsContexts
from clement.net.hop_pool import PoolLimits
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import Domain, Group, GroupPolicy, Mode, NextHop, Relayed, TlsUse, Wire
from clement.smtp import Mailbox, ReversePath
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.workers import Workers

FROM = Mailbox("author", "client.example")
TRACE = b"Received: from client.example by mx.example;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
MESSAGE = b"Subject: hello\r\n\r\nFirst line\r\n.dot\r\n..two\r\nlast line\r\n"
PATIENT = HopTimeouts(60, 60, 60, 60, 60, 60, 60)
"""What nobody reaches, however busy the machine; a test that waits for the end of one sets that one alone."""

BOUND_S = 20.0
"""Less than any of those: whoever takes as long has waited for the wrong thing."""

DOMAIN = Domain(1, "relay.example", 1)

STANDARD_TLS = TlsContexts.standard()

CLOSE = b"<close>"
STALL = b"<stall>"


DEFAULTS = {
    "GREETING": b"220 hop.internal.example ready",
    "MAIL": b"250 2.1.0 OK",
    "RCPT": b"250 2.1.5 OK",
    "DATA": b"354 go on",
    ".": b"250 2.0.0 queued as 4711",
    "RSET": b"250 2.0.0 OK",
    "QUIT": b"221 2.0.0 bye",
    "STARTTLS": b"220 2.0.0 go",
}


@dataclass
class Hop:
    """A next hop. `script` maps a verb, or `verb argument`, to the octets that answer it, CRLF added.

    A list is used up one answer after the other, the last one for ever. CLOSE hangs up instead, STALL says
    nothing. The verb `.` is the end of content; `GREETING` the beginning.
    """

    script: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    extensions: Sequence[bytes] = (b"PIPELINING", b"8BITMIME", b"SIZE 0", b"SMTPUTF8", b"ENHANCEDSTATUSCODES")
    is_lmtp: bool = False
    tls: ssl.SSLContext | None = None
    commands: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    path: str = ""
    port: int = 0

    def answer(self, line: bytes) -> bytes:
        text = line.decode("utf-8")
        verb = text.partition(" ")[0].upper()
        for key in (text, verb):
            if key in self.script:
                found = self.script[key]
                if isinstance(found, list):
                    return found.pop(0) if len(found) > 1 else found[0]
                return found
        if verb in ("EHLO", "LHLO"):
            return b"\r\n".join(
                [b"250-hop.internal.example", *(b"250-" + e for e in self.extensions), b"250 HELP"]
            )
        return DEFAULTS[verb]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if not await self._say(writer, self.answer(b"GREETING")):
                return
            while line := await reader.readline():
                line = line.rstrip(b"\r\n")
                self.commands.append(line)
                answer = self.answer(line)
                if not await self._say(writer, answer):
                    return
                if line == b"QUIT":
                    return
                if line == b"STARTTLS" and answer.startswith(b"220"):
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                if line == b"DATA" and answer.startswith(b"354") and not await self._take(reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        content = await reader.readuntil(b"\r\n.\r\n")
        self.messages.append(content[:-3])
        rcpts = [line for line in self.commands if line.startswith(b"RCPT")]
        answers = 1
        if self.is_lmtp:
            last_mail = max(at for at, line in enumerate(self.commands) if line.startswith(b"MAIL"))
            rcpts = [line for line in self.commands[last_mail:] if line.startswith(b"RCPT")]
            answers = sum(1 for line in rcpts if self.peek(line).startswith(b"2"))
        for _ in range(answers):
            if not await self._say(writer, self.answer(b".")):
                return False
        return True

    def peek(self, line: bytes) -> bytes:
        found = self.script.get(line.decode(), self.script.get("RCPT", DEFAULTS["RCPT"]))
        return found[0] if isinstance(found, list) else found

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        if answer == CLOSE:
            return False
        if answer == STALL:
            await asyncio.Event().wait()
        writer.write(answer + b"\r\n")
        await writer.drain()
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hop]:
        if self.path:
            server = await asyncio.start_unix_server(self._tracked, self.path)
        else:
            server = await asyncio.start_server(self._tracked, "127.0.0.1", self.port, limit=2**26)
            self.port = server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tracked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def left(self) -> None:
        """Wait until everybody has gone, and all that they had sent is read."""
        await until(lambda: not self._tasks, "all connections of a next hop are closed")

    def hang_up(self) -> None:
        """Close every connection that is open."""
        for task in self._tasks:
            task.cancel()

    def address(self, tls: TlsUse = TlsUse.NEVER, priority: int = 10) -> NextHop:
        wire = Wire.LMTP if self.is_lmtp else Wire.SMTP
        return NextHop(self.path or "127.0.0.1", self.port, priority, wire, tls)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that happens in this event loop; fails the test when it does not."""
    try:
        async with asyncio.timeout(BOUND_S):
            while not condition():  # noqa: ASYNC110 - has a deadline
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"{what}: not within {BOUND_S:g} s")


def destination(*hops: NextHop, local_part: str = "u", verify: bool = True) -> Destination:
    group = Group(7, "there", Mode.RELAY, next_hops=hops, policy=GroupPolicy(verify_recipients=verify))
    mailbox = Mailbox(local_part, "relay.example")
    return Destination(mailbox, Relayed(group, DOMAIN, f"{local_part}@relay.example"))


def envelope(
    reverse_path: ReversePath = FROM, *, smtputf8: bool = False, content_ended_s: float = 0.0
) -> Envelope:
    return Envelope("T-1", reverse_path, TRACE, smtputf8=smtputf8, content_ended_s=content_ended_s)


class World:
    """A relay transport with its surroundings, inside a running loop."""

    def __init__(
        self,
        filesystem: FileSystem | None = None,
        *,
        limits: PoolLimits | None = None,
        tls: TlsContexts | None = None,
        clock: Callable[[], float] = time.monotonic,
        options: RelayOptions | None = None,
        timeouts: HopTimeouts = PATIENT,
    ) -> None:
        self.workers = Workers(2)
        self.client = SmtpClient("mx.example", clock, tls or STANDARD_TLS, timeouts, limits, avoid_s=5.0)
        self.transport = RelayTransport(
            self.client, filesystem or OsFileSystem(), self.workers, clock, options
        )

    def close(self) -> None:
        self.client.close()
        self.workers.stop()


def play(scene: Callable[[World], Awaitable[None]], **kwargs: object) -> None:
    """Run one scene with a world of its own."""

    async def run() -> None:
        world = World(**kwargs)  # type: ignore[arg-type]
        try:
            await scene(world)
        finally:
            world.close()

    asyncio.run(run())
