"""One connection to clamd for one command: write, then read one reply until clamd closes.

A connection each costs the same as IDSESSION (measured: within 20 µs) and cannot hand one session's reply to
another. The reply counts only when the connection has ended, so that nothing can follow it unseen.
Octets only: what they mean is in `clamd_reply`. Protocol: clamd(8), section COMMANDS, the `z` form.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from typing import cast

from clement.net.clamd_reply import MAX_REPLY_BYTES
from clement.net.clamd_settings import ClamdAddress

INSTREAM = b"zINSTREAM\0"
END_OF_STREAM = b"\0\0\0\0"


class ClamdFault(Exception):
    """clamd was away, hung up, was slow or said too much. The text is for the log."""


def chunk_header(size_bytes: int) -> bytes:
    """The length that stands before a chunk of INSTREAM: four octets, network order."""
    return size_bytes.to_bytes(4, "big")


class ClamdConnection(asyncio.Protocol):
    """Made by `connect`. Every failure of the peer becomes ClamdFault at the next `written` or `reply`."""

    __slots__ = ("_ended", "_fault", "_last_words", "_loop", "_received", "_transport", "_writable")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._last_words: socket.socket | None = None
        self._fault = ""
        self._ended: asyncio.Future[None] = loop.create_future()
        self._writable: asyncio.Future[None] | None = None

    # what asyncio tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > MAX_REPLY_BYTES:
            self.drop("reply too long")

    def connection_lost(self, exc: Exception | None) -> None:
        # A reply before a reset is a reply: clamd hangs up on content beyond its limit while we still write.
        if exc is not None and not self._received:
            self._received = self._unread()
        complete = exc is None or self._received.endswith(b"\0")
        self._end("" if complete else str(exc))

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self._let_write()

    # what the scanner asks of us

    @property
    def open(self) -> bool:
        """Whether clamd still listens; it closes early when the content exceeds its limit."""
        return not self._ended.done()

    def expect_early_reply(self) -> None:
        """Keep what clamd says even when it hangs up while we write; event loops drop unread octets then."""
        if self._transport is not None:
            descriptor: int = self._transport.get_extra_info("socket").fileno()
            self._last_words = socket.socket(fileno=os.dup(descriptor))

    def write(self, parts: Iterable[bytes]) -> None:
        """Hand octets to the transport; never waits."""
        if self._transport is not None and self.open:
            self._transport.writelines(parts)

    async def written(self, timeout_s: float) -> None:
        """Wait until the transport would take more. Raises ClamdFault when clamd does not read."""
        if self._writable is None:
            return
        expiry = self._loop.call_later(timeout_s, self.drop, f"did not read for {timeout_s:.0f} s")
        try:
            await asyncio.shield(self._writable)
        finally:
            expiry.cancel()
        if self._fault:
            raise ClamdFault(self._fault)

    async def reply(self, timeout_s: float) -> bytes:
        """Everything clamd says until it closes, at most MAX_REPLY_BYTES. Raises ClamdFault."""
        expiry = self._loop.call_later(timeout_s, self.drop, f"no answer within {timeout_s:.0f} s")
        try:
            await self._ended
        finally:
            expiry.cancel()
        if self._received and not self._fault:
            return self._received
        raise ClamdFault(self._fault or "closed without an answer")

    def drop(self, why: str = "dropped") -> None:
        """Close at once, whatever is under way. Safe at any time and twice."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, fault: str) -> None:
        if self._ended.done():
            return
        self._fault = fault
        self._ended.set_result(None)
        self._let_write()
        if self._last_words is not None:
            self._last_words.close()

    def _unread(self) -> bytes:
        if self._last_words is None:
            return b""
        try:
            return self._last_words.recv(MAX_REPLY_BYTES + 1, socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def _let_write(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None


async def connect(address: ClamdAddress, timeout_s: float) -> ClamdConnection:
    """A fresh connection. Raises ClamdFault."""
    loop = asyncio.get_running_loop()
    connection = ClamdConnection(loop)
    try:
        if address.path:
            await loop.create_unix_connection(lambda: connection, address.path)
        else:
            async with asyncio.timeout(timeout_s):
                await loop.create_connection(lambda: connection, address.host, address.port)
    except TimeoutError:
        raise ClamdFault(f"no connection within {timeout_s:.0f} s") from None
    except OSError as error:
        raise ClamdFault(error.strerror or type(error).__name__) from None
    return connection
