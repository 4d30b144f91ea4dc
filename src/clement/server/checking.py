"""Reading headers: here when they are small, in a checker process when they are not.

A header of ordinary size costs less to read than to hand over. A large one, or
one that is built to be slow, goes to a checker over a Unix socket: it may crash
or hang there, and costs its own message a 451, never the sessions beside it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import struct
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

import msgspec

from clement.message.grammar import MessageFacts, examine
from clement.spool.content import HEADER_LIMIT_BYTES, Content
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

INLINE_BYTES: Final = 32 * 1024
TIMEOUT_S: Final = 10.0
MEMORY_BYTES: Final = 512 * 1024 * 1024
_LENGTH: Final = struct.Struct("!I")
_DECODER: Final = msgspec.msgpack.Decoder(MessageFacts)


class CheckerFailure(Exception):
    """A checker died, hung or was away; the message can be sent again."""


class HeaderReader:
    """Implements `services.Examine`. path: the Unix socket that the checkers listen on."""

    def __init__(self, path: Path, inline_bytes: int = INLINE_BYTES, timeout_s: float = TIMEOUT_S) -> None:
        self._path = path
        self._inline_bytes = inline_bytes
        self._timeout_s = timeout_s
        self._pace = Pace()

    def __call__(self, content: Content) -> MessageFacts | Awaitable[MessageFacts]:
        """The facts in the header of this content. The awaitable raises CheckerFailure."""
        block = content.header_block
        if len(block) <= self._inline_bytes:
            return examine(block)
        return self._ask(block)

    async def _ask(self, block: bytes) -> MessageFacts:
        try:
            async with asyncio.timeout(self._timeout_s):
                return _DECODER.decode(await self._exchange(block))
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as fault:
            if self._pace.due(type(fault).__name__):
                log.error(log_events.CHECKER_FAILED, fault=repr(fault)[:300], size_bytes=len(block))  # noqa: TRY400 - says all
            raise CheckerFailure(repr(fault)) from fault

    async def _exchange(self, block: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(_LENGTH.pack(len(block)) + block)
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            return await reader.readexactly(length)
        finally:
            writer.close()


def serve_checks(listening: socket.socket) -> None:
    """The life of a checker process: take a header, give its facts, one at a time. Never returns."""
    confine()
    while True:
        connection, _peer = listening.accept()
        with connection:
            connection.settimeout(TIMEOUT_S)
            try:
                _serve_one(connection)
            except (OSError, EOFError):
                continue


def _serve_one(connection: socket.socket) -> None:
    (length,) = _LENGTH.unpack(_receive(connection, _LENGTH.size))
    if length > HEADER_LIMIT_BYTES:
        raise OSError(errno.EMSGSIZE, "no header is that long")
    facts = msgspec.msgpack.encode(examine(_receive(connection, length)))
    connection.sendall(_LENGTH.pack(len(facts)) + facts)


def _receive(connection: socket.socket, length: int) -> bytes:
    octets = bytearray()
    while len(octets) < length:
        piece = connection.recv(min(length - len(octets), 1 << 16))
        if not piece:
            raise EOFError
        octets += piece
    return bytes(octets)


def confine() -> None:
    """Take from this process what reading hostile content does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.nice(5)
