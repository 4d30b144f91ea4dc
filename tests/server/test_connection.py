"""The shell around a session by itself: what becomes of clients that dawdle, flood, or have gone already."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from clement.server import connection as shell
from clement.server.connection import MOST_BUFFERED_BYTES, Connection
from clement.server.gate import Listening, Timeouts
from clement.server.peer import Client, Door, client
from clement.smtp import Extensions, ProtocolLimits, Reply, Service, events, replies


def in_a_loop(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run a test inside an event loop of its own."""

    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


class Wire:
    """A transport that keeps what is written."""

    def __init__(self, peer: object = ("192.0.2.7", 4711)) -> None:
        self.peer = peer
        self.written = b""
        self.reading = True
        self.ended = ""

    def get_extra_info(self, _name: str) -> object:
        return self.peer

    def write(self, octets: bytes) -> None:
        self.written += octets

    def write_eof(self) -> None:
        self.ended = "eof"

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Talk:
    """A conversation that agrees to everything; the answer to content comes when `verdict` is set."""

    def __init__(self, _services: Any, door: Door, core: Any, _client: Client, _admission: Any) -> None:
        self.id = "session"
        self.core = core
        self.committing = self.owes_reply = self.overdue = self.held = self.quit = False
        self.bytes_received = self.bytes_sent = 0
        self.said: list[Reply] = []
        self.verdict = asyncio.Event()
        core.greet(door.greeting)

    def open(self) -> None:
        return None

    def spoke_meanwhile(self) -> None: ...

    def fell_silent(self) -> None: ...

    def take(self, event: events.Event) -> Any:
        if isinstance(event, events.ContentEnded):
            return self.place()
        if event.awaits_answer:
            self.core.answer(
                replies.START_CONTENT if isinstance(event, events.ContentRequested) else replies.OK
            )
        return None

    async def place(self) -> None:
        self.committing = True
        await self.verdict.wait()
        self.core.answer(replies.MESSAGE_OK)

    def say(self, reply: Reply, _reason: object) -> None:
        self.said.append(reply)

    def end(self, _ending: str) -> None:
        return None


class House:
    """A gate without limits but the ones it is given."""

    def __init__(self, refusal: Reply | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.timeouts = Timeouts()
        self.services = type("Named", (), {"hostname": "mx.example"})()
        self.refusal = refusal

    def client_of(self, wire: Wire) -> Client | None:
        return client(*wire.peer) if isinstance(wire.peer, tuple) else None

    def enter(self, _guest: object, _who: Client, *, after_handshake: bool = False) -> Reply | None:
        return self.refusal

    def leave(self, _guest: object) -> None:
        return None


LISTENING = Listening(Door("mx", Service.SMTP, replies.SERVICE_READY), Extensions(), ProtocolLimits())


@pytest.fixture(autouse=True)
def _agreeable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "Conversation", Talk)


def connected(house: House, wire: Wire) -> Connection:
    connection = Connection(house, LISTENING)  # type: ignore[arg-type]
    connection.connection_made(wire)  # type: ignore[arg-type]
    return connection


async def said(wire: Wire, reply: Reply) -> None:
    """Until this is the last that was written."""
    async with asyncio.timeout(30):
        while not wire.written.endswith(reply.wire):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)


async def up_to_content(wire: Wire) -> Connection:
    connection = connected(House(), wire)
    connection.data_received(
        b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    )
    assert b"354" in wire.written
    return connection


@in_a_loop
async def test_an_answer_that_takes_long_is_not_taken_for_slow_content() -> None:
    wire = Wire()
    connection = await up_to_content(wire)
    now_s = asyncio.get_running_loop().time()
    connection.tick(now_s)
    connection.data_received(b"Subject: small\r\n\r\nsmall\r\n.\r\n")
    await asyncio.sleep(0)
    for later_s in range(1, 500, 7):
        connection.tick(now_s + later_s)
    assert b"421" not in wire.written
    connection._conversation.verdict.set()  # type: ignore[union-attr]
    await said(wire, replies.MESSAGE_OK)


@in_a_loop
async def test_content_that_drips_is_ended_and_told_once() -> None:
    wire = Wire()
    connection = await up_to_content(wire)
    now_s = asyncio.get_running_loop().time()
    for later_s in range(70):
        connection.data_received(b"x")
        connection.tick(now_s + later_s)
    assert wire.written.endswith(replies.SESSION_TOO_LONG.wire)
    assert connection._conversation.said == [replies.SESSION_TOO_LONG]  # type: ignore[union-attr]


@in_a_loop
async def test_octets_of_an_earlier_message_pay_for_no_later_one() -> None:
    wire = Wire()
    connection = await up_to_content(wire)
    now_s = asyncio.get_running_loop().time()
    connection.data_received(b"x" * 100_000 + b"\r\n.\r\n")
    connection._conversation.verdict.set()  # type: ignore[union-attr]
    await said(wire, replies.MESSAGE_OK)
    connection.tick(now_s)
    connection.data_received(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
    for later_s in range(70):
        connection.data_received(b"x")
        connection.tick(now_s + later_s)
    assert wire.written.endswith(replies.SESSION_TOO_LONG.wire)


@in_a_loop
async def test_a_client_that_does_not_read_is_not_read_either() -> None:
    wire = Wire()
    connection = connected(House(), wire)
    connection.pause_writing()
    for _ in range(MOST_BUFFERED_BYTES // 1000 + 2):
        if wire.reading:
            connection.data_received(b"NOOP\r\n" * 200)
    assert not wire.reading
    connection.resume_writing()
    assert wire.reading


@in_a_loop
async def test_a_client_that_has_gone_before_it_was_seen_is_nobody() -> None:
    wire = Wire(peer=None)
    connection = connected(House(), wire)
    assert (wire.ended, wire.written) == ("aborted", b"")
    connection.connection_lost(None)


@in_a_loop
async def test_who_is_turned_away_does_not_linger() -> None:
    wire = Wire()
    connected(House(refusal=replies.TOO_MANY_CONNECTIONS), wire)
    assert (wire.ended, wire.written) == ("closed", replies.TOO_MANY_CONNECTIONS.wire)
