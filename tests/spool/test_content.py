"""Content while we hold it: the same octets back, whatever the chunks, with bounded memory."""

import asyncio
import errno
import os
import resource
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.message.defects import Defect
from clement.message.grammar import examine
from clement.spool.content import HEADER_LIMIT_BYTES, Content, ContentWriter
from clement.spool.failure import StorageFailure, StorageFull
from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers
from tests.fixtures.faults import Fault, FaultyFileSystem, GatedFileSystem, Kind


def open_files(folder: Path) -> int:
    """How many files of a folder this process has open, with or without a name."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread closed it
            found += str(descriptor.readlink()).startswith(f"{folder}/")
    return found


async def written(writer: ContentWriter, chunks: list[bytes]) -> Content:
    for chunk in chunks:
        full = writer.append(chunk)
        if full is not None:
            await full
    return await writer.finish()


def write(folder: Path, chunks: list[bytes], memory_bytes: int = 1000, **kwargs: object) -> Content:
    filesystem = kwargs.get("filesystem", OsFileSystem())
    assert isinstance(filesystem, OsFileSystem)
    workers = Workers(2)
    try:
        return asyncio.run(written(ContentWriter(filesystem, folder, workers, memory_bytes), chunks))
    finally:
        workers.stop()


def test_small_content_stays_in_memory(tmp_path: Path) -> None:
    content = write(tmp_path, [b"Subject: x\r\n", b"\r\nbody\r\n"])
    assert content.whole == b"Subject: x\r\n\r\nbody\r\n"
    assert content.header_block == b"Subject: x\r\n"
    assert content.size_bytes == 20
    with pytest.raises(ValueError, match="not on disk"):
        content.fileno()


def test_large_content_goes_to_a_file_without_a_name(tmp_path: Path) -> None:
    octets = b"Subject: x\r\n\r\n" + os.urandom(1_000_000)
    content = write(tmp_path, [octets[at : at + 4096] for at in range(0, len(octets), 4096)])
    assert content.whole is None
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == 1
    assert os.fstat(content.fileno()).st_size == len(octets) == content.size_bytes
    assert b"".join(content.chunks(70_000)) == octets
    assert content.header_block == b"Subject: x\r\n"
    content.discard()
    content.discard()
    with pytest.raises(ValueError, match="not on disk"):
        content.fileno()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=600), max_size=12), st.integers(1, 3000))
def test_chunks_come_back_as_they_went(chunks: list[bytes], memory_bytes: int) -> None:
    content = write(Path(tempfile.gettempdir()), chunks, memory_bytes)
    assert b"".join(content.chunks(333)) == b"".join(chunks)
    assert (content.whole is None) == (len(b"".join(chunks)) > memory_bytes)
    content.discard()


@pytest.mark.parametrize(
    ("octets", "header_block"),
    [
        (b"\r\nbody only\r\n", b""),
        (b"A: b\r\nC: d\r\n\r\nE: f\r\n", b"A: b\r\nC: d\r\n"),
        (b"A: header only\r\n", b"A: header only\r\n"),
        (b"", b""),
        (b"x" * (HEADER_LIMIT_BYTES + 10), b"x" * HEADER_LIMIT_BYTES),
    ],
)
@pytest.mark.parametrize("memory_bytes", [0, 1_000_000])
def test_header_block(tmp_path: Path, octets: bytes, header_block: bytes, memory_bytes: int) -> None:
    content = write(tmp_path, [octets], memory_bytes)
    assert content.header_block == header_block
    content.discard()


@pytest.mark.parametrize("point", [Point.CONTENT_CREATED, Point.CONTENT_WRITTEN, Point.CONTENT_READ])
@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageFailure)],
)
def test_case_120_a_failing_disk_is_told_at_the_end(
    tmp_path: Path, point: Point, number: int, kind: type[Exception]
) -> None:
    filesystem = FaultyFileSystem(Fault(point, Kind.ERROR, errno=number))
    with pytest.raises(kind):
        write(tmp_path, [b"x" * 5000] * 4, filesystem=filesystem)
    assert open_files(tmp_path) == 0
    assert not [path for path in tmp_path.iterdir() if point is not Point.CONTENT_CREATED]


async def begun(filesystem: GatedFileSystem, writer: ContentWriter) -> asyncio.Task[None]:
    """A piece is on its way to the disk, and waits at the gate."""
    writer.append(b"x" * 1000)
    await asyncio.to_thread(filesystem.has_come.wait, 30)
    assert writer._writing is not None
    return writer._writing


def test_discarding_while_a_piece_is_written_leaves_no_descriptor(tmp_path: Path) -> None:
    async def play() -> None:
        filesystem = GatedFileSystem(Point.CONTENT_WRITTEN)
        workers = Workers(1)
        writer = ContentWriter(filesystem, tmp_path, workers, 100)
        writing = await begun(filesystem, writer)
        writer.discard()
        assert open_files(tmp_path) == 1
        filesystem.may_go_on.set()
        await asyncio.wait((writing,))
        assert open_files(tmp_path) == 0
        workers.stop()
        with pytest.raises(StorageFailure):
            await writer.finish()

    asyncio.run(play())


def test_a_cancelled_reader_makes_the_content_a_failure_not_a_truncation(tmp_path: Path) -> None:
    async def play() -> None:
        filesystem = GatedFileSystem(Point.CONTENT_WRITTEN)
        workers = Workers(1)
        writer = ContentWriter(filesystem, tmp_path, workers, 100)
        await begun(filesystem, writer)
        full = writer.append(b"y" * 300_000)
        assert full is not None

        async def reader() -> None:
            await full

        waiting = asyncio.create_task(reader())
        await asyncio.sleep(0)
        waiting.cancel()
        filesystem.may_go_on.set()
        await asyncio.wait((waiting,))
        assert waiting.cancelled()
        with pytest.raises(StorageFailure):
            await writer.finish()
        workers.stop()

    asyncio.run(play())


def test_fifty_megabytes_cost_a_bounded_amount_of_memory(tmp_path: Path) -> None:
    async def play() -> int:
        workers = Workers(1)
        writer = ContentWriter(OsFileSystem(), tmp_path, workers)
        chunk, before = b"x" * 65536, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        content = await written(writer, [chunk] * 800)
        content.discard()
        workers.stop()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert asyncio.run(play()) < 8 * 1024


def test_a_header_beyond_the_bound_is_known_to_be_longer(tmp_path: Path) -> None:
    """Or a second From field could hide behind it."""
    long = b"From: a@x.example\r\n" + b"X: " + b"y" * 300_000 + b"\r\nFrom: b@x.example\r\n\r\n"
    for memory_bytes in (1000, 1_000_000):
        content = write(tmp_path, [long], memory_bytes)
        assert Defect.HEADER_TOO_LONG in examine(content.header_block).defects
        content.discard()


def test_content_given_up_while_it_is_handed_over_leaves_no_descriptor(tmp_path: Path) -> None:
    async def give_up() -> None:
        filesystem = GatedFileSystem(Point.CONTENT_READ)
        writer = ContentWriter(filesystem, tmp_path, workers, 1000)
        writer.append(b"x" * 5000)
        finishing = asyncio.create_task(writer.finish())
        await asyncio.to_thread(filesystem.has_come.wait, 30)
        finishing.cancel()
        filesystem.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await finishing
        assert open_files(tmp_path) == 1
        writer.discard()

    workers = Workers(1)
    asyncio.run(give_up())
    workers.stop()
    assert open_files(tmp_path) == 0


@pytest.mark.parametrize("whole", [True, False])
def test_another_header_block_stands_over_the_same_body(tmp_path: Path, *, whole: bool) -> None:
    header, body = b"A: 1\r\nB: 2\r\n", bytes(range(256)) * 40
    octets = header + b"\r\n" + body

    async def main() -> None:
        workers = Workers()
        writer = ContentWriter(OsFileSystem(), tmp_path, workers, memory_bytes=len(octets) if whole else 100)
        for start in range(0, len(octets), 1000):
            waiting = writer.append(octets[start : start + 1000])
            if waiting is not None:
                await waiting
        content = await writer.finish()
        assert (content.whole is not None) == whole
        for block in (b"", b"B: 2\r\n", header, b"C: 3\r\n" * 500):
            other = content.with_header_block(block)
            expected = block + b"\r\n" + body
            assert other.header_block == block
            assert other.size_bytes == len(expected)
            assert (other.whole is not None) == whole
            for size_bytes in (7, 100, 4096, 1 << 20):
                assert b"".join(other.chunks(size_bytes)) == expected
            for offset in (0, len(block), len(block) + 2, len(expected) - 4):
                assert other.read(offset, 100) == expected[offset : offset + 100]
        content.discard()
        workers.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("octets", "offset"),
    [(b"A: 1\r\n\r\nbody", 8), (b"\r\nbody", 2), (b"A: 1\r\n", 6), (b"", 0), (b"A: 1\r\n\r\n", 8)],
)
def test_the_body_begins_behind_the_empty_line(octets: bytes, offset: int) -> None:
    assert Content.in_memory(octets).body_offset == offset
