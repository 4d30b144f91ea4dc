"""Content on its way in: kept, and shown to the scanner, while it still arrives.

A small message is kept in memory and scanned when it is complete, so that a
slow client holds nothing but its own few bytes; a large one streams to the
scanner and to the disk as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from clement.policy.ports import Clean, Scan, Scanner, ScanStream
from clement.spool.content import Content, ContentWriter

STREAM_FROM_BYTES = 256 * 1024


class Intake:
    """Takes the content of one transaction. `scanner` is None when no recipient's group wants a scan."""

    __slots__ = ("_early", "_early_bytes", "_scan", "_scanner", "_stream", "_writer", "content")

    def __init__(self, writer: ContentWriter, scanner: Scanner | None) -> None:
        self._writer = writer
        self._scanner = scanner
        self._stream: ScanStream | None = None
        self._scan: asyncio.Task[Scan] | None = None
        self._early: list[bytes] = []
        self._early_bytes = 0
        self.content: Content | None = None

    def take(self, chunk: bytes) -> Awaitable[None] | None:
        """Take a piece. An awaitable means: read no more from the client before it is done."""
        full = self._writer.append(chunk)
        if self._scanner is None:
            return full
        if self._stream is not None:
            return _both(full, self._stream.feed(chunk))
        self._early.append(chunk)
        self._early_bytes += len(chunk)
        if self._early_bytes < STREAM_FROM_BYTES:
            return full
        self._stream = self._scanner.begin()
        return _both(full, self._feed_early(self._stream))

    async def _feed_early(self, stream: ScanStream) -> None:
        early, self._early = self._early, []
        for chunk in early:
            await stream.feed(chunk)

    async def complete(self) -> Content:
        """The whole content. Raises StorageFailure."""
        self.content = await self._writer.finish()
        return self.content

    @property
    def scanned(self) -> bool:
        """Whether a scanner is to see it."""
        return self._scanner is not None

    def begin_scan(self) -> None:
        """All has come: have it scanned while other things are done."""
        if self._scanner is not None:
            self._scan = asyncio.get_running_loop().create_task(self._scan_whole())

    async def scan(self) -> Scan:
        """What the scanner says of the whole. Never raises for the scanner's sake."""
        return await (self._scan or self._scan_whole())

    async def _scan_whole(self) -> Scan:
        if self._stream is None:
            if self._scanner is None:
                return Clean()
            self._stream = self._scanner.begin()
            await self._feed_early(self._stream)
        return await self._stream.finish()

    def discard(self) -> None:
        """Let go of everything. Safe to call at any time and twice."""
        self._early.clear()
        if self._scan is not None:
            self._scan.cancel()
        if self._stream is not None:
            self._stream.abandon()
        if self.content is not None:
            self.content.discard()
        else:
            self._writer.discard()


async def _both(first: Awaitable[None] | None, second: Awaitable[None]) -> None:
    await second
    if first is not None:
        await first
