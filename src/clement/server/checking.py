"""Asking a checker: what a receiver does with content that it does not take apart itself.

Each question has a connection of its own. Their queue is the listening socket: a checker that is idle takes
the next, so nobody waits behind one that is stuck. How the connection ends tells what happened: closed
without an answer, the checker died over this very content, since it had no other; reset, it never read it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from clement.message.grammar import MessageFacts, examine
from clement.server import check_wire
from clement.server.check_wire import Kind, Outcome
from clement.spool.content import Content
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

INLINE_HEADER_BYTES: Final = 32 * 1024
ATTEMPTS: Final = 3
"""Questions that no checker has read are asked again: those of a checker that was told to end."""

AGAIN_AFTER_S: Final = 0.1

# Nobody listens any more where the supervisor has died; the next one puts its own socket in the place.
_UNREAD: Final = (ConnectionResetError, BrokenPipeError, ConnectionRefusedError)
_PIECE_BYTES: Final = 64 * 1024


class Why(StrEnum):
    """Why there is no answer."""

    STRUCK = "struck"
    """The checker died over this very content."""
    LATE = "late"
    BUSY = "busy"
    AWAY = "away"
    NONSENSE = "nonsense"


class CheckerFailure(Exception):
    """There is no answer; the message can be sent again."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why = why


class Lane:
    """Checkers that listen on one socket. Belongs to one event loop.

    most_waiting: questions without an answer yet; the next is told at once.
    patience_s: how long an answer may take, in the queue and in the checker.
    """

    def __init__(self, path: Path, most_waiting: int = 200, patience_s: float = 60.0) -> None:
        self._path = str(path)
        self._most_waiting = most_waiting
        self._patience_s = patience_s
        self._pace = Pace()
        self.waiting = 0

    async def ask(
        self, kind: Kind, size_bytes: int, octets: bytes = b"", *, descriptor: int = -1, key: bytes = b""
    ) -> tuple[Outcome, bytes]:
        """What a checker finds in these octets, or in the file of this descriptor. Raises CheckerFailure."""
        if self.waiting >= self._most_waiting:
            raise CheckerFailure(Why.BUSY, f"{self.waiting} wait already")
        self.waiting += 1
        try:
            return await self._ask(kind, size_bytes, octets, descriptor, key)
        except CheckerFailure as failure:
            if self._pace.due(failure.why):
                held_back = self._pace.held_back(failure.why)
                log.error(  # noqa: TRY400 - says all
                    log_events.CHECKER_FAILED,
                    fault=str(failure)[:300],
                    size_bytes=size_bytes,
                    held_back=held_back,
                )
            raise
        finally:
            self.waiting -= 1

    async def _ask(
        self, kind: Kind, size_bytes: int, octets: bytes, descriptor: int, key: bytes
    ) -> tuple[Outcome, bytes]:
        until_s = asyncio.get_running_loop().time() + self._patience_s
        made = -1
        if descriptor < 0 and len(octets) > check_wire.WITHIN_BYTES:
            descriptor = made = _file_of(octets)
        try:
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(AGAIN_AFTER_S)
                with suppress(*_UNREAD):
                    return await self._exchange(kind, size_bytes, octets, descriptor, key, until_s)
            raise CheckerFailure(Why.AWAY, "nobody reads")
        except BlockingIOError as fault:
            raise CheckerFailure(Why.BUSY, "the queue is full") from fault
        except (OSError, ValueError) as fault:
            raise CheckerFailure(Why.AWAY, repr(fault)) from fault
        finally:
            if made >= 0:
                os.close(made)

    async def _exchange(
        self, kind: Kind, size_bytes: int, octets: bytes, descriptor: int, key: bytes, until_s: float
    ) -> tuple[Outcome, bytes]:
        by_descriptor = descriptor >= 0
        head = check_wire.head(kind, key, size_bytes, by_descriptor=by_descriptor)
        with socket.socket(
            socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        ) as connection:
            connection.connect(self._path)
            if by_descriptor:
                connection.sendmsg((head,), check_wire.rights(descriptor))
            elif connection.sendmsg((head, octets)) != len(head) + len(octets):
                raise OSError(errno.ENOBUFS, "the socket's buffer is too small")
            return await _Waiting(connection).answer(until_s)


class _Waiting:
    """Waits for the answer on one connection."""

    __slots__ = ("_answer", "_connection", "_done")

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answer = check_wire.Answer()
        self._done: asyncio.Future[tuple[Outcome, bytes]] = asyncio.get_running_loop().create_future()

    async def answer(self, until_s: float) -> tuple[Outcome, bytes]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._connection, self._readable)
        timer = loop.call_at(until_s, self._fail, CheckerFailure(Why.LATE))
        try:
            return await self._done
        finally:
            timer.cancel()
            loop.remove_reader(self._connection)

    def _readable(self) -> None:
        try:
            piece = self._connection.recv(_PIECE_BYTES)
            found = self._answer.take(piece) if piece else None
        except BlockingIOError:
            return
        except ConnectionResetError as fault:
            self._fail(fault)
        except (OSError, ValueError) as fault:
            self._fail(CheckerFailure(Why.NONSENSE, repr(fault)))
        else:
            if not piece:
                self._fail(CheckerFailure(Why.STRUCK))
            elif found is not None and not self._done.done():
                self._done.set_result(found)

    def _fail(self, fault: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(fault)


def _file_of(octets: bytes) -> int:
    """A file without a name, in memory."""
    descriptor = os.memfd_create("content")
    try:
        written = 0
        with memoryview(octets) as view:
            while written < len(octets):
                written += os.write(descriptor, view[written:])
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class HeaderReader:
    """Implements `services.Examine`: a header of ordinary size costs less to read than to hand over."""

    def __init__(self, lane: Lane, inline_bytes: int = INLINE_HEADER_BYTES) -> None:
        self._lane = lane
        self._inline_bytes = inline_bytes

    def __call__(self, content: Content) -> MessageFacts | Awaitable[MessageFacts]:
        """The facts in the header of this content. The awaitable raises CheckerFailure."""
        block = content.header_block
        if len(block) <= self._inline_bytes:
            return examine(block)
        return self._ask(block)

    async def _ask(self, block: bytes) -> MessageFacts:
        _outcome, octets = await self._lane.ask(Kind.HEADER, len(block), block)
        try:
            return check_wire.FACTS.decode(octets)
        except msgspec.DecodeError as fault:
            raise CheckerFailure(Why.NONSENSE, repr(fault)) from fault
