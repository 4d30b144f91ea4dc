"""What a message's bytes are while we hold them: in memory when small, in a nameless file when large.

A `ContentWriter` takes chunks as they arrive, already dot-unstuffed, and becomes a `Content` that scanners,
checks and transports read. Nothing here is durable: until a transport has placed the message it belongs to
the client, so the file is never synced, and it loses its name as soon as it is open.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress

from clement.message.headers import MAX_HEADER_BYTES
from clement.spool.failure import StorageFailure, storage_failure
from clement.spool.filesystem import FileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers

MEMORY_BYTES = 256 * 1024
HEADER_LIMIT_BYTES = MAX_HEADER_BYTES + 1
"""One octet more than readers of headers take: that is how they see that there was more."""
_PIECE_BYTES = 128 * 1024


class Content:
    """A whole message, CRLF-terminated lines as the client sent them, without dot-stuffing.

    size_bytes: octets of all of it.
    header_block: the header fields with their last CRLF, without the empty line behind them; cut at
    HEADER_LIMIT_BYTES.
    whole: all octets when they are in memory, None when they are on disk.
    """

    __slots__ = ("_descriptor", "_filesystem", "header_block", "size_bytes", "whole")

    def __init__(
        self,
        *,
        size_bytes: int,
        header_block: bytes,
        whole: bytes | None = None,
        filesystem: FileSystem | None = None,
        descriptor: int = -1,
    ) -> None:
        self.size_bytes = size_bytes
        self.header_block = header_block
        self.whole = whole
        self._filesystem = filesystem
        self._descriptor = descriptor

    @classmethod
    def in_memory(cls, octets: bytes) -> Content:
        """Content that needs no file."""
        return cls(size_bytes=len(octets), header_block=_header_block(octets), whole=octets)

    @classmethod
    def on_disk(cls, filesystem: FileSystem, descriptor: int, size_bytes: int, head: bytes) -> Content:
        """Content of an open file, which is closed by `discard`. head: its first HEADER_LIMIT_BYTES."""
        return cls(
            size_bytes=size_bytes,
            header_block=_header_block(head),
            filesystem=filesystem,
            descriptor=descriptor,
        )

    def fileno(self) -> int:
        """The open file of content on disk, to be read at explicit offsets only.

        Raises ValueError when the content is in memory or has been discarded.
        """
        if self._descriptor < 0:
            raise ValueError("content is not on disk")
        return self._descriptor

    def chunks(self, size_bytes: int = _PIECE_BYTES) -> Iterator[bytes]:
        """All octets in pieces of `size_bytes`; several readers may do so at once.

        Blocks when on disk: from the event loop call `read` in a worker thread. Raises StorageFailure.
        """
        for offset in range(0, self.size_bytes, size_bytes):
            yield self.read(offset, size_bytes)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """One piece. Blocks when on disk. Raises StorageFailure, also when the file has become shorter."""
        if self.whole is not None:
            return self.whole[offset : offset + size_bytes]
        wanted = min(size_bytes, self.size_bytes - offset)
        try:
            piece = self._disk().read(self.fileno(), wanted, offset, Point.CONTENT_READ)
        except OSError as error:
            raise storage_failure(error) from error
        if len(piece) != wanted:
            raise StorageFailure("content file is shorter than what was written")
        return piece

    def with_header_block(self, block: bytes) -> Content:
        """The same message under another header block, in place of `header_block`; nothing is copied on disk.

        It reads this content: discard this one, and only when nobody reads the other any more.
        """
        if self.whole is not None:
            whole = block + self.whole[len(self.header_block) :]
            return Content(size_bytes=len(whole), header_block=block, whole=whole)
        return _UnderAnotherHeader(self, block)

    @property
    def body_offset(self) -> int:
        """Where the body begins, behind the empty line."""
        return min(self.size_bytes, len(self.header_block) + 2)

    def discard(self) -> None:
        """Let go of the bytes. Safe to call twice; not while a transport or scanner still reads."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._disk().close(descriptor)

    def _disk(self) -> FileSystem:
        if self._filesystem is None:
            raise ValueError("content is not on disk")
        return self._filesystem


class _UnderAnotherHeader(Content):
    """Content on disk, of which the beginning is read from memory."""

    __slots__ = ("_beneath",)

    def __init__(self, beneath: Content, block: bytes) -> None:
        shorter = len(beneath.header_block) - len(block)
        super().__init__(size_bytes=beneath.size_bytes - shorter, header_block=block)
        self._beneath = beneath

    def read(self, offset: int, size_bytes: int) -> bytes:
        piece = self.header_block[offset : offset + size_bytes]
        wanted = min(size_bytes, self.size_bytes - offset) - len(piece)
        if wanted <= 0:
            return piece
        start = max(offset, len(self.header_block)) - len(self.header_block) + len(self._beneath.header_block)
        return piece + self._beneath.read(start, wanted)


class ContentWriter:
    """Takes content as it arrives. Belongs to one transaction and to one event loop.

    folder: where large content goes; on the file system of the spool, writable by us alone.
    workers: the threads in which it is written.
    memory_bytes: how much is kept in memory before the message goes to disk.
    """

    __slots__ = (
        "_descriptor",
        "_failure",
        "_filesystem",
        "_folder",
        "_limit_bytes",
        "_pending",
        "_pending_bytes",
        "_workers",
        "_writing",
        "size_bytes",
    )

    def __init__(
        self,
        filesystem: FileSystem,
        folder: str | os.PathLike[str],
        workers: Workers,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._filesystem = filesystem
        self._folder = os.fspath(folder)
        self._workers = workers
        self._limit_bytes = memory_bytes
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._descriptor = -1
        self._writing: asyncio.Task[None] | None = None
        self._failure: StorageFailure | None = None
        self.size_bytes = 0

    @property
    def failure(self) -> StorageFailure | None:
        """Why `finish` will raise; whatever still arrives is counted and dropped."""
        return self._failure

    def append(self, chunk: bytes) -> asyncio.Future[None] | None:
        """Take a piece. Never raises for the disk's sake: `finish` does.

        Returns None, or a future before whose end the caller should read no more from the client.
        """
        self.size_bytes += len(chunk)
        if self._failure is not None:
            return None
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)
        if self._pending_bytes <= self._limit_bytes:
            return None
        if self._writing is not None and not self._writing.done():
            return self._writing
        self._limit_bytes = _PIECE_BYTES
        self._writing = asyncio.get_running_loop().create_task(self._write_pending())
        return None

    async def finish(self) -> Content:
        """All has come: the content. The writer must not be used afterwards.

        Raises StorageFull or StorageFailure; nothing is left on disk then.
        """
        if self._writing is None:
            return Content.in_memory(b"".join(self._pending))
        await asyncio.wait((self._writing,))
        await self._write_pending()
        if self._failure is None:
            try:
                content = await self._workers.run(self._hand_over)
            except OSError as error:
                self._failure = storage_failure(error)
            else:
                # Not in the thread: cancelled meanwhile, we lose the content but not the descriptor.
                self._descriptor = -1
                return content
        self.discard()
        raise self._failure

    def discard(self) -> None:
        """Forget what came: the client went away or was refused. Safe to call twice, and after `finish`."""
        self._pending.clear()
        self._pending_bytes = 0
        if self._failure is None:
            self._failure = StorageFailure("discarded")
        if self._writing is not None and not self._writing.done():
            # The descriptor is in use by a worker thread; its number must not be reused under it.
            self._writing.add_done_callback(lambda _: self._close())
        else:
            self._close()

    async def _write_pending(self) -> None:
        octets = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if not octets or self._failure is not None:
            return
        try:
            await self._workers.run(lambda: self._write(octets))
        except OSError as error:
            self._failure = storage_failure(error)
        except asyncio.CancelledError:
            # Somebody who waited for us was cancelled, and the piece may be missing.
            self._failure = StorageFailure("interrupted")
            raise

    def _write(self, octets: bytes) -> None:
        if self._descriptor < 0:
            path = f"{self._folder}/{secrets.token_hex(16)}.content"
            self._descriptor = self._filesystem.open_new(path, Point.CONTENT_CREATED, readable=True)
            self._filesystem.unlink(path, Point.CONTENT_CREATED)
        self._filesystem.write(self._descriptor, octets, Point.CONTENT_WRITTEN)

    def _hand_over(self) -> Content:
        head = self._filesystem.read(self._descriptor, HEADER_LIMIT_BYTES, 0, Point.CONTENT_READ)
        return Content(
            size_bytes=self.size_bytes,
            header_block=_header_block(head),
            filesystem=self._filesystem,
            descriptor=self._descriptor,
        )

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                self._filesystem.close(descriptor)


def _header_block(octets: bytes) -> bytes:
    """RFC 5322 §2.1: the header section ends at the first empty line, or with the message."""
    if octets.startswith(b"\r\n"):
        return b""
    end = octets.find(b"\r\n\r\n", 0, HEADER_LIMIT_BYTES)
    return octets[:HEADER_LIMIT_BYTES] if end < 0 else octets[: end + 2]
