"""The scanner against clamds that are away, slow, overloaded or talk nonsense (hostile cases 107 to 111)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from clement.net.clamd import ClamdScanner
from clement.net.clamd_events import ClamdEvent, ClamdFailed
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.policy.ports import Clean, Infected, Scan, ScannerUnavailable, Unscannable

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# Nobody waits for these to end, so they are long enough for a machine that is busy with other tests.
PATIENT = {"timeout_base_s": 30.0, "timeout_cap_s": 30.0, "stall_s": 30.0, "wait_s": 30.0, "starving_s": 30.0}
# For a clamd that does not come to an end.
QUICK = {"timeout_base_s": 0.5, "timeout_cap_s": 0.5, "stall_s": 0.5}


class FakeClamd:
    """Runs a script for each connection, and keeps what it was sent."""

    def __init__(self, act: Act, folder: Path, name: str = "clamd") -> None:
        self.address = ClamdAddress(path=str(folder / f"{name}.sock"))
        self.connections = 0
        self.contents: list[bytes] = []
        self.open_now = 0
        self._act = act

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        try:
            await self._act(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_now -= 1
            writer.close()

    async def take(self, reader: asyncio.StreamReader) -> bytes:
        """Read one INSTREAM command to its end mark."""
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        content = b""
        while (size_bytes := struct.unpack("!I", await reader.readexactly(4))[0]) > 0:
            content += await reader.readexactly(size_bytes)
        self.contents.append(content)
        return content

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeClamd]:
        server = await asyncio.start_unix_server(self.serve, self.address.path)
        try:
            yield self
        finally:
            server.close()


def answering(reply: bytes, folder: Path, name: str = "clamd") -> FakeClamd:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.take(reader)
        writer.write(reply)
        await writer.drain()

    fake = FakeClamd(act, folder, name)
    return fake


def settings(*addresses: ClamdAddress, **changes: Any) -> ClamdSettings:
    return ClamdSettings(addresses=addresses, **{**PATIENT, **changes})


async def scan(scanner: ClamdScanner, *chunks: bytes) -> Scan:
    stream = scanner.begin()
    for chunk in chunks:
        await stream.feed(chunk)
    return await stream.finish()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the bound of `run` holds for it."""
    while not condition():  # noqa: ASYNC110 - has a deadline
        await asyncio.sleep(0.005)


def run(scene: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(100):
            await scene

    uvloop.run(bounded())


def assert_at_rest(scanner: ClamdScanner) -> None:
    """Every place has been given back."""
    assert scanner.scans.free == scanner.settings.scans_at_once
    assert scanner.scans.waiting == 0
    assert scanner.long_scans.free == max(1, scanner.settings.scans_at_once // 2)
    assert scanner.uploads.free == scanner.settings.uploads_at_once


# --- 108: away ------------------------------------------------------------------------------------------


def test_case_108_socket_missing(short_folder: Path) -> None:
    async def scene() -> None:
        events: list[ClamdEvent] = []
        address = ClamdAddress(path=str(short_folder / "none.sock"))
        scanner = ClamdScanner(settings(address), events.append)
        for content in (b"small", b"x" * 300_000):
            assert isinstance(await scan(scanner, content), ScannerUnavailable)
        assert all(isinstance(event, ClamdFailed) and event.address == address for event in events)
        assert len(events) == 2
        assert_at_rest(scanner)

    run(scene())


def test_case_108_refused_over_tcp() -> None:
    async def scene() -> None:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        scanner = ClamdScanner(settings(ClamdAddress(host="127.0.0.1", port=port), **QUICK))
        assert isinstance(await scan(scanner, b"small"), ScannerUnavailable)

    run(scene())


def test_case_108_reset_in_instream_asks_the_other_clamd_with_the_same_content(short_folder: Path) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(20)
        writer.transport.abort()

    async def scene() -> None:
        content = [b"one ", b"two ", b"three" * 1000]
        bad = FakeClamd(reset, short_folder, "bad")
        good = answering(b"stream: OK\0", short_folder, "good")
        async with bad.running(), good.running():
            scanner = ClamdScanner(settings(bad.address, good.address))
            assert await scan(scanner, *content) == Clean()
            assert good.contents == [b"".join(content)]
            assert await scan(scanner, *content) == Clean()
            assert bad.connections == 1  # for a while the one that failed is asked last
            assert_at_rest(scanner)

    run(scene())


def test_case_108_only_one_other_clamd_is_asked(short_folder: Path) -> None:
    async def scene() -> None:
        addresses = [ClamdAddress(path=str(short_folder / f"{number}.sock")) for number in range(4)]
        events: list[ClamdEvent] = []
        scanner = ClamdScanner(settings(*addresses), events.append)
        assert isinstance(await scan(scanner, b"small"), ScannerUnavailable)
        assert len(events) == 2

    run(scene())


def test_case_108_uploaded_content_is_not_asked_of_another(short_folder: Path) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(400_000)
        writer.transport.abort()

    async def scene() -> None:
        bad = FakeClamd(reset, short_folder, "bad")
        good = answering(b"stream: OK\0", short_folder, "good")
        async with bad.running(), good.running():
            scanner = ClamdScanner(settings(bad.address, good.address))
            assert isinstance(await scan(scanner, *[b"x" * 65536] * 20), ScannerUnavailable)
            assert good.connections == 0
            assert_at_rest(scanner)

    run(scene())


def test_case_108_an_upload_connects_to_the_other_when_the_first_is_away(short_folder: Path) -> None:
    async def scene() -> None:
        good = answering(b"stream: OK\0", short_folder, "good")
        async with good.running():
            away = ClamdAddress(path=str(short_folder / "none.sock"))
            scanner = ClamdScanner(settings(away, good.address))
            content = [b"%06d" % number * 10_000 for number in range(20)]
            assert await scan(scanner, *content) == Clean()
            assert good.contents == [b"".join(content)]
            assert_at_rest(scanner)

    run(scene())


# --- 109: slow ------------------------------------------------------------------------------------------


async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(300)


@pytest.mark.parametrize("size_bytes", [100, 3_000_000])
def test_case_109_accepts_and_never_answers(short_folder: Path, size_bytes: int) -> None:
    async def scene() -> None:
        fake = FakeClamd(never, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, **QUICK))
            result = await scan(scanner, *[b"x" * 50_000] * (size_bytes // 50_000 + 1))
            assert isinstance(result, ScannerUnavailable)
            assert_at_rest(scanner)

    run(scene())


def test_case_109_drips(short_folder: Path) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.take(reader)
        for octet in b"stream: OK\0":
            writer.write(bytes([octet]))
            await asyncio.sleep(0.3)

    async def scene() -> None:
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, **QUICK))
            assert isinstance(await scan(scanner, b"small"), ScannerUnavailable)
            assert_at_rest(scanner)

    fake = FakeClamd(drip, short_folder)
    run(scene())


def test_case_109_answers_but_does_not_close(short_folder: Path) -> None:
    async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.take(reader)
        writer.write(b"stream: OK\0")
        await asyncio.sleep(300)

    async def scene() -> None:
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, **QUICK))
            assert isinstance(await scan(scanner, b"small"), ScannerUnavailable)

    fake = FakeClamd(linger, short_folder)
    run(scene())


def test_the_time_allowed_grows_with_the_size_up_to_the_cap() -> None:
    chosen = ClamdSettings(addresses=(ClamdAddress(path="/x"),))
    assert chosen.timeout_s(0) == 10
    assert chosen.timeout_s(5 * 1024 * 1024) == 20
    assert chosen.timeout_s(1024**3) == 60


def test_a_client_that_leaves_while_we_wait_frees_the_place(short_folder: Path) -> None:
    async def scene() -> None:
        fake = FakeClamd(never, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, scans_at_once=1))
            for content in ([b"small"], [b"x" * 65536] * 5):
                task = asyncio.create_task(scan(scanner, *content))
                waiting = asyncio.create_task(scan(scanner, b"behind"))
                await asyncio.sleep(0.1)  # whatever they wait for by then
                task.cancel()
                waiting.cancel()
                await asyncio.gather(task, waiting, return_exceptions=True)
                assert_at_rest(scanner)

    run(scene())


def test_abandoned_streams_leave_nothing_behind(short_folder: Path) -> None:
    async def scene() -> None:
        fake = FakeClamd(lambda reader, _writer: fake.take(reader), short_folder)  # type: ignore[arg-type, misc, return-value]
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address))
            for chunks in (0, 1, 20):
                stream = scanner.begin()
                for _ in range(chunks):
                    await stream.feed(b"x" * 50_000)
                stream.abandon()
                stream.abandon()
                await stream.feed(b"late")
                assert isinstance(await stream.finish(), ScannerUnavailable)
            assert_at_rest(scanner)
            await until(lambda: not fake.open_now)
            assert fake.contents == []

    run(scene())


def test_abandoning_while_an_upload_begins_or_ends_leaves_nothing_and_blames_nobody(
    short_folder: Path,
) -> None:
    async def scene() -> None:
        events: list[ClamdEvent] = []
        fake = FakeClamd(never, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address), events.append)
            for turns_of_the_loop in range(8):
                beginning = scanner.begin()
                feeding = asyncio.create_task(beginning.feed(b"x" * 300_000))
                for _ in range(turns_of_the_loop):
                    await asyncio.sleep(0)
                beginning.abandon()
                await feeding
            ending = scanner.begin()
            await ending.feed(b"x" * 300_000)
            finishing = asyncio.create_task(ending.finish())
            await asyncio.sleep(0.05)
            ending.abandon()
            assert isinstance(await finishing, ScannerUnavailable)
            assert_at_rest(scanner)
            assert events == []

    run(scene())


# --- 110: nonsense --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"stream: OK\0", Clean),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Infected),
        (b"INSTREAM size limit exceeded. ERROR\0", Unscannable),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", Unscannable),
        (b"stream: Heuristics.Limits.Exceeded FOUND\0", Unscannable),
        (b"stream: Heuristics.Encrypted.Zip FOUND\0", Unscannable),
        (b"", ScannerUnavailable),
        (b"stream: OK", ScannerUnavailable),
        (b"stream: OK\n", ScannerUnavailable),
        (b"stream: OK\0garbage", ScannerUnavailable),
        (b"stream: OK\0stream: Eicar FOUND\0", ScannerUnavailable),
        (b"stream: OK\0\0", ScannerUnavailable),
        (b"other: OK\0", ScannerUnavailable),
        (b"1: stream: OK\0", ScannerUnavailable),
        (b"stream: ok\0", ScannerUnavailable),
        (b" stream: OK\0", ScannerUnavailable),
        (b"stream: OK FOUND OK\0", ScannerUnavailable),
        (b"stream:  FOUND\0", ScannerUnavailable),
        (b"stream: A\x1b[31m FOUND\0", ScannerUnavailable),
        (b"stream: A B FOUND\0", ScannerUnavailable),
        (b"stream: Can't allocate memory ERROR\0", ScannerUnavailable),
        (b"UNKNOWN COMMAND\0", ScannerUnavailable),
        (b"x" * 1024 * 1024 + b"\0", ScannerUnavailable),
        (b"stream: " + b"A" * 1024 * 1024 + b" FOUND\0", ScannerUnavailable),
    ],
)
@pytest.mark.parametrize("hold_bytes", [1000, 0], ids=["held", "uploaded"])
def test_case_110_replies_are_read_strictly(
    short_folder: Path, reply: bytes, expected: type[Scan], hold_bytes: int
) -> None:
    async def scene() -> None:
        fake = answering(reply, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, hold_bytes=hold_bytes))
            result = await scan(scanner, b"content")
            assert isinstance(result, expected)
            assert fake.contents == [b"content"]
            for text in (getattr(result, "why", ""), getattr(result, "signature", "")):
                assert len(text) <= 300
                assert text.isprintable()
            assert_at_rest(scanner)

    run(scene())


def test_signature_names_are_bounded(short_folder: Path) -> None:
    async def scene() -> None:
        fake = answering(b"stream: " + b"N" * 400 + b" FOUND\0", short_folder)
        async with fake.running():
            assert await scan(ClamdScanner(settings(fake.address)), b"x") == Infected("N" * 100)

    run(scene())


# --- 111: overload --------------------------------------------------------------------------------------


def test_case_111_who_would_wait_behind_too_many_is_told_at_once(short_folder: Path) -> None:
    async def scene() -> None:
        enough = asyncio.Event()

        async def stall_until_enough(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await fake.take(reader)
            await enough.wait()
            writer.write(b"stream: OK\0")

        fake = FakeClamd(stall_until_enough, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, scans_at_once=2, scans_waiting=3))
            tasks = [asyncio.create_task(scan(scanner, b"x")) for _ in range(5)]
            await until(lambda: (fake.connections, scanner.scans.waiting) == (2, 3))
            assert isinstance(await scan(scanner, b"sixth"), ScannerUnavailable)
            assert not any(task.done() for task in tasks)
            assert fake.connections == 2
            enough.set()
            assert await asyncio.gather(*tasks) == [Clean()] * 5
            assert_at_rest(scanner)

    run(scene())


def test_case_111_a_hundred_at_once_are_all_answered_within_the_bound(short_folder: Path) -> None:
    most = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        await fake.take(reader)
        most = max(most, fake.open_now)
        await asyncio.sleep(0.002)
        writer.write(b"stream: OK\0")

    async def scene() -> None:
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, scans_at_once=4))
            assert set(await asyncio.gather(*(scan(scanner, b"x" * 100_000) for _ in range(100)))) == {
                Clean()
            }
            assert most <= 5  # one that was answered may not have left yet
            assert_at_rest(scanner)

    fake = FakeClamd(slow, short_folder)
    run(scene())


def test_case_111_long_contents_leave_a_place_to_the_short(short_folder: Path) -> None:
    async def slow_with_long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(await fake.take(reader)) > 1000:
            await enough.wait()
        writer.write(b"stream: OK\0")

    async def scene() -> None:
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, scans_at_once=2))
            long = [asyncio.create_task(scan(scanner, b"x" * 300_000)) for _ in range(3)]
            await until(lambda: len(fake.contents) == scanner.long_scans.waiting / 2 == 1)
            assert await scan(scanner, b"short") == Clean()
            assert not any(task.done() for task in long)
            enough.set()
            assert await asyncio.gather(*long) == [Clean()] * 3
            assert_at_rest(scanner)

    enough = asyncio.Event()
    fake = FakeClamd(slow_with_long, short_folder)
    run(scene())


def test_case_111_slow_clients_hold_no_scan(short_folder: Path) -> None:
    async def scene() -> None:
        fake = answering(b"stream: OK\0", short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, scans_at_once=1))
            slow = [scanner.begin() for _ in range(20)]
            for number, stream in enumerate(slow):
                await stream.feed(b"x" * (300_000 if number % 2 else 10))
            assert await scan(scanner, b"small") == Clean()
            assert await scan(scanner, b"x" * 300_000) == Clean()
            assert [await stream.finish() for stream in slow] == [Clean()] * 20
            assert_at_rest(scanner)

    run(scene())


def test_case_111_a_starved_upload_gives_way_to_one_that_has_content(short_folder: Path) -> None:
    async def scene() -> None:
        fake = answering(b"stream: OK\0", short_folder)
        async with fake.running():
            events: list[ClamdEvent] = []
            scanner = ClamdScanner(settings(fake.address, uploads_at_once=2, starving_s=1.0), events.append)
            starved, active = scanner.begin(), scanner.begin()
            await starved.feed(b"x" * 300_000)
            await active.feed(b"x" * 300_000)
            fresh = asyncio.create_task(scan(scanner, b"x" * 300_000))
            # The idlest gives way; however late the loop is, that is never the one who was fed since.
            while not fresh.done():
                await asyncio.sleep(0.05)
                await active.feed(b"more")
            assert await fresh == Clean()
            assert await active.finish() == Clean()
            await starved.feed(b"x" * 100_000)
            assert isinstance(await starved.finish(), ScannerUnavailable)
            assert events == []  # the slow client is to blame, not clamd
            assert_at_rest(scanner)

    run(scene())


def test_case_111_uploads_beyond_the_bound_wait_and_are_then_told(short_folder: Path) -> None:
    async def scene() -> None:
        fake = answering(b"stream: OK\0", short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address, uploads_at_once=1, wait_s=0.5))
            first = scanner.begin()
            await first.feed(b"x" * 300_000)
            assert isinstance(await scan(scanner, b"x" * 300_000), ScannerUnavailable)
            assert await first.finish() == Clean()
            assert await scan(scanner, b"x" * 300_000) == Clean()
            assert_at_rest(scanner)

    run(scene())


def test_an_upload_keeps_back_pressure_towards_its_client(short_folder: Path) -> None:
    async def scene() -> None:
        gate = asyncio.Event()

        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await fake.take(reader)
            writer.write(b"stream: OK\0")

        fake = FakeClamd(act, short_folder)
        async with fake.running():
            scanner = ClamdScanner(settings(fake.address))
            stream = scanner.begin()
            fed = 0

            async def feed() -> None:
                nonlocal fed
                for _ in range(100):
                    await stream.feed(b"x" * 100_000)
                    fed += 1

            feeding = asyncio.create_task(feed())
            await asyncio.sleep(0.3)
            assert fed < 20
            gate.set()
            await feeding
            assert await stream.finish() == Clean()

    run(scene())


# --- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/run/clamd.ctl", ClamdAddress(path="/run/clamd.ctl")),
        ("unix:/run/clamd.ctl", ClamdAddress(path="/run/clamd.ctl")),
        ("tcp:127.0.0.1:3310", ClamdAddress(host="127.0.0.1", port=3310)),
        ("scanner.example:3310", ClamdAddress(host="scanner.example", port=3310)),
        ("tcp:[::1]:3310", ClamdAddress(host="::1", port=3310)),
    ],
)
def test_addresses_are_read(text: str, expected: ClamdAddress) -> None:
    assert ClamdAddress.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "unix:", "unix:relative", "tcp:host", "tcp:host:", "host:0", "host:65536", "host:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="clamd"):
        ClamdAddress.parse(text)
