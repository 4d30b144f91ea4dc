"""Long content on its way to clamd, and the bound on how many are on their way at once.

An upload waits for its client. It therefore counts against a bound of its own, never against the scans at
once; and when all places are taken, one that has starved gives way to one that has content now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from clement.net.clamd_connection import (
    END_OF_STREAM,
    INSTREAM,
    ClamdConnection,
    ClamdFault,
    chunk_header,
    connect,
)
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.net.clamd_slots import Overloaded, Slots

Result = TypeVar("Result")

FLUSH_BYTES = 64 * 1024
# clamd gives up a connection that sends nothing for CommandReadTimeout, 30 s unless configured otherwise.
FLUSH_AFTER_S = 5.0


class Uploads:
    """The uploads of one scanner."""

    __slots__ = ("_running", "_slots", "settings")

    def __init__(self, settings: ClamdSettings) -> None:
        self.settings = settings
        self._slots = Slots(settings.uploads_at_once, settings.uploads_at_once)
        self._running: set[Upload] = set()

    @property
    def free(self) -> int:
        """Places that no upload holds."""
        return self._slots.free

    async def enter(self, upload: Upload) -> None:
        """Take a place, from a starved upload if need be. Raises Overloaded."""
        loop = asyncio.get_running_loop()
        patience_ends_s = loop.time() + self.settings.wait_s
        while True:
            if not self._slots.free:
                self._evict_starved(loop.time())
            left_s = patience_ends_s - loop.time()
            try:
                await self._slots.take(min(left_s, self.settings.starving_s))
            except Overloaded:
                if loop.time() >= patience_ends_s or self._slots.waiting >= self.settings.uploads_at_once:
                    raise
            else:
                self._running.add(upload)
                return

    def leave(self, upload: Upload) -> None:
        """Give the place back, once."""
        if upload in self._running:
            self._running.remove(upload)
            self._slots.give_back()

    def _evict_starved(self, now_s: float) -> None:
        idlest = min(self._running, key=lambda one: one.fed_at_s, default=None)
        if idlest is not None and now_s - idlest.fed_at_s >= self.settings.starving_s:
            idlest.give_up("content came too slowly")


class Upload:
    """One content being sent to one clamd.

    fed_at_s: when content last came, on the loop's clock.
    Methods raise ClamdFault for what clamd does, and Overloaded once the upload has been given up by us.
    """

    __slots__ = (
        "_connection",
        "_flushed_at_s",
        "_given_up",
        "_pending",
        "_pending_bytes",
        "_uploads",
        "address",
        "fed_at_s",
    )

    def __init__(self, uploads: Uploads, address: ClamdAddress) -> None:
        self.address = address
        self.fed_at_s = 0.0
        self._uploads = uploads
        self._connection: ClamdConnection | None = None
        self._given_up = ""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._flushed_at_s = 0.0

    async def open(self) -> None:
        """Take a place and connect."""
        loop = asyncio.get_running_loop()
        await self._uploads.enter(self)
        self._go_on()
        self.fed_at_s = self._flushed_at_s = loop.time()
        self._connection = await connect(self.address, self._uploads.settings.stall_s)
        self._go_on()
        self._connection.expect_early_reply()
        self._connection.write((INSTREAM,))

    async def send(self, chunk: bytes) -> None:
        """Pass a chunk on, in pieces worth a system call; waits while clamd is behind."""
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)
        self.fed_at_s = now_s = asyncio.get_running_loop().time()
        if self._pending_bytes >= FLUSH_BYTES or now_s - self._flushed_at_s >= FLUSH_AFTER_S:
            self._flushed_at_s = now_s
            await self._blaming(self._flushed().written(self._uploads.settings.stall_s))

    def no_more(self) -> None:
        """The content is complete: no longer waits for its client, so no longer counts among the uploads."""
        self._flushed()
        self._uploads.leave(self)

    async def reply(self, timeout_s: float) -> bytes:
        """Set the end mark and wait for what clamd says."""
        connection = self._flushed()
        connection.write((END_OF_STREAM,))
        return await self._blaming(connection.reply(timeout_s))

    def give_up(self, why: str = "abandoned") -> None:
        """Drop the connection and give back the place. Safe at any time and twice."""
        self._given_up = self._given_up or why
        self._go_away()

    def _go_away(self) -> None:
        self._uploads.leave(self)
        self._pending = []
        if self._connection is not None:
            self._connection.drop(self._given_up)

    def _go_on(self) -> None:
        """Nothing, unless the upload was given up meanwhile. Raises Overloaded."""
        if self._given_up:
            self._go_away()  # the place or the connection may have come only now
            raise Overloaded(self._given_up)

    async def _blaming(self, exchange: Awaitable[Result]) -> Result:
        """Wait for clamd; when it was we who hung up, that is none of its faults."""
        try:
            return await exchange
        except ClamdFault:
            self._go_on()
            raise

    def _flushed(self) -> ClamdConnection:
        """The connection, everything pending written to it."""
        self._go_on()
        if self._connection is None:
            raise ClamdFault("not connected")
        if self._pending:
            self._connection.write([chunk_header(self._pending_bytes), *self._pending])
        self._pending = []
        self._pending_bytes = 0
        return self._connection
