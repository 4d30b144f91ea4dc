"""Receivers and checkers, in processes of their own: what comes back, and what a hostile content costs."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from clement.message.grammar import MessageFacts
from clement.message.headers import MAX_HEADER_BYTES
from clement.policy.study import ContentStudy, Unstudied
from clement.server import check_wire
from clement.server.check_wire import Kind
from clement.server.checker import LARGE, Allowance
from clement.server.checking import CheckerFailure, HeaderReader, Lane, Why
from clement.server.content_reader import ContentReader, Lanes, Studied
from clement.server.failure_memory import FailureMemory
from clement.server.slot_table import SlotTable
from clement.server.study import study
from clement.spool.content import Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers
from clement.telemetry import metrics
from clement.telemetry.metrics import Metrics
from tests.server.checkers import DEVOUR, SEGFAULT, SLEEP, SPIN, Checkers, touching, until

# Whatever is attached has to be taken apart by a checker, however small it is.
ATTACHED = b"From: a@b.example\r\nContent-Type: application/pdf\r\n"
# Long enough for what is harmless on a busy machine; only what never ends comes to an end by them.
SHORT = replace(LARGE, wall_s=3.0)
PATIENT = replace(LARGE, cpu_s=1.0)


def letter(line: bytes = b"X-Test: no", size_bytes: int = 100) -> bytes:
    return ATTACHED + line + b"\r\n\r\n" + b"x" * size_bytes + b"\r\n"


async def there(path: Path) -> None:
    """Until a file is there."""
    async with asyncio.timeout(60):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
            await asyncio.sleep(0.01)


@pytest.fixture
def checkers(short_folder: Path) -> Iterator[Callable[..., Checkers]]:
    begun: list[Checkers] = []

    def begin(allowance: Allowance = LARGE, count: int = 1, name: str = "light") -> Checkers:
        begun.append(Checkers(short_folder / name, count, allowance))
        return begun[-1]

    yield begin
    for each in begun:
        each.stop()


class Receiver:
    """What a receiver has for reading contents."""

    def __init__(self, light: Path, large: Path | None = None, table: SlotTable | None = None) -> None:
        self.lanes = Lanes(Lane(light, most_waiting=20, patience_s=60), Lane(large or light, patience_s=60))
        self.workers = Workers()
        self.metrics = Metrics.private()
        self.reader = ContentReader(
            self.lanes, FailureMemory(lambda: 1000.0, table), self.workers, lambda: b"key", self.metrics
        )

    async def read(self, content: bytes | Content) -> Studied:
        content = content if isinstance(content, Content) else Content.in_memory(content)
        found = self.reader(content)
        return found if isinstance(found, ContentStudy | Unstudied) else await found

    def failed(self, why: str) -> int:
        return self.metrics.get(metrics.CONTENT_FAILED[why])

    def studied(self, where: str) -> int:
        return self.metrics.get(metrics.CONTENT_STUDIED[where])


# --- What comes back ------------------------------------------------------------------------------------


async def examined(path: Path, block: bytes) -> MessageFacts:
    reading = HeaderReader(Lane(path), inline_bytes=0)(Content.in_memory(block + b"\r\n"))
    assert not isinstance(reading, MessageFacts)
    return await reading


def test_the_longest_header_is_read(checkers: Callable[..., Checkers]) -> None:
    block = b"From: a@b.example\r\nX-Long: " + b"x" * MAX_HEADER_BYTES
    assert isinstance(asyncio.run(examined(checkers().path, block)), MessageFacts)


@pytest.mark.parametrize(
    "size_bytes", [10, check_wire.WITHIN_BYTES, 200_000], ids=["small", "border", "memory"]
)
def test_a_content_in_memory_is_studied_by_a_checker(
    checkers: Callable[..., Checkers], size_bytes: int
) -> None:
    receiver = Receiver(checkers().path)
    content = letter(size_bytes=size_bytes)
    assert asyncio.run(receiver.read(content)) == study(content, b"key")
    assert receiver.studied("checker") == 1


def test_a_content_on_disk_is_studied_by_the_checker_for_large_ones(
    checkers: Callable[..., Checkers], short_folder: Path
) -> None:
    octets = letter(size_bytes=3_000_000)
    receiver = Receiver(checkers().path, checkers(name="large").path)

    async def read() -> Studied:
        writer = ContentWriter(OsFileSystem(), short_folder, receiver.workers)
        for start in range(0, len(octets), 100_000):
            waiting = writer.append(octets[start : start + 100_000])
            if waiting is not None:
                await waiting
        content = await writer.finish()
        assert content.whole is None
        found = await receiver.read(content)
        content.discard()
        return found

    assert asyncio.run(read()) == study(octets, b"key")
    assert receiver.studied("large") == 1


def test_a_short_text_is_read_on_the_spot(short_folder: Path) -> None:
    receiver = Receiver(short_folder / "nobody")
    content = b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"
    assert asyncio.run(receiver.read(content)) == study(content, b"key")
    assert receiver.studied("inline") == 1


def test_what_is_no_question_ends_the_connection_and_not_the_checker(
    checkers: Callable[..., Checkers],
) -> None:
    path = checkers().path
    head = check_wire.head(Kind.CONTENT, b"", 1 << 40, by_descriptor=False)
    for nonsense in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 200, head, head[:10]):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(30)
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                continue
    assert isinstance(asyncio.run(Receiver(path).read(letter())), ContentStudy)


# --- What a hostile content costs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "allowance", "signal_number"),
    [
        (SLEEP, SHORT, signal.SIGALRM),
        (SPIN, PATIENT, signal.SIGPROF),
        (SEGFAULT, LARGE, signal.SIGSEGV),
        (DEVOUR, LARGE, None),
    ],
    ids=["sleeps", "spins", "segfault", "devours"],
)
def test_two_checkers_die_of_it_and_no_more(
    checkers: Callable[..., Checkers], deed: bytes, allowance: Allowance, signal_number: int | None
) -> None:
    ours = checkers(allowance)
    table = SlotTable.in_memory(4)
    receiver, other = Receiver(ours.path, table=table), Receiver(ours.path, table=table)

    async def strike(each: Receiver) -> None:
        with pytest.raises(CheckerFailure, match=Why.STRUCK):
            await each.read(letter(deed))

    for each in (receiver, other):
        asyncio.run(strike(each))
        code = ours.ended()
        assert code == (1 if signal_number is None else -signal_number)
        ours.revive()
    # The client comes back with the same octets, perhaps to another receiver.
    for each in (receiver, other):
        assert isinstance(asyncio.run(each.read(letter(deed))), Unstudied)
    assert (receiver.failed("struck"), receiver.failed("repeated")) == (1, 1)
    assert (other.failed("struck"), other.failed("repeated")) == (1, 1)
    # What is only as long is read.
    assert isinstance(asyncio.run(other.read(letter(b"X" * len(deed)))), ContentStudy)
    assert os.waitpid(ours.pids[0], os.WNOHANG) == (0, 0)


def test_what_was_being_read_when_a_checker_was_killed_from_outside_is_read_again(
    checkers: Callable[..., Checkers], short_folder: Path
) -> None:
    ours = checkers(LARGE)
    receiver = Receiver(ours.path)
    begun, enough = short_folder / "begun", short_folder / "enough"
    slow = letter(touching(begun) + b"\r\n" + until(enough))

    async def read_while_it_is_killed() -> None:
        reading = asyncio.create_task(receiver.read(slow))
        await there(begun)
        os.kill(ours.pids[0], signal.SIGKILL)
        with pytest.raises(CheckerFailure, match=Why.STRUCK):
            await reading

    asyncio.run(read_while_it_is_killed())
    assert ours.ended() == -signal.SIGKILL
    ours.revive()
    enough.touch()
    assert isinstance(asyncio.run(receiver.read(slow)), ContentStudy)


def test_others_never_notice(checkers: Callable[..., Checkers], short_folder: Path) -> None:
    ours = checkers(LARGE, count=2)
    receiver = Receiver(ours.path)
    begun = short_folder / "begun"

    async def both() -> list[object]:
        hung = asyncio.create_task(receiver.read(letter(touching(begun) + b"\r\n" + SLEEP)))
        await there(begun)
        found: list[object] = await asyncio.gather(*(receiver.read(letter()) for _ in range(10)))
        assert not hung.done()
        for process_id in ours.pids:
            os.kill(process_id, signal.SIGKILL)
        with pytest.raises(CheckerFailure, match=Why.STRUCK):
            await hung
        return found

    assert asyncio.run(both()) == [study(letter(), b"key")] * 10


def test_what_is_heavy_for_its_size_is_left_to_the_checker_for_large_ones(
    checkers: Callable[..., Checkers],
) -> None:
    light = checkers(replace(LARGE, light_cpu_s=0.5))
    large = checkers(PATIENT, name="large")
    receiver = Receiver(light.path, large.path)

    async def both() -> None:
        with pytest.raises(CheckerFailure, match=Why.STRUCK):
            await receiver.read(letter(SPIN))
        assert isinstance(await receiver.read(letter()), ContentStudy)

    asyncio.run(both())
    assert large.ended() == -signal.SIGPROF
    assert receiver.studied("checker") == 1


# --- Checkers that are away, late, full, or told to end ---------------------------------------------------


def test_a_missing_checker_is_no_fault_of_the_message(short_folder: Path) -> None:
    receiver = Receiver(short_folder / "nobody")

    async def read() -> None:
        with pytest.raises(CheckerFailure, match=Why.AWAY):
            await receiver.read(letter())

    for _ in range(2):
        asyncio.run(read())
    assert receiver.failed("away") == 2


def test_too_many_waiting_are_told_at_once_and_the_late_in_time(short_folder: Path) -> None:
    path = short_folder / "deaf"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen(100)
        lane = Lane(path, most_waiting=5, patience_s=0.3)

        async def ask() -> list[Why]:
            asked = (lane.ask(Kind.CONTENT, 1, b"x") for _ in range(8))
            found = await asyncio.gather(*asked, return_exceptions=True)
            return [each.why for each in found if isinstance(each, CheckerFailure)]

        assert asyncio.run(ask()) == [Why.LATE] * 5 + [Why.BUSY] * 3
        assert lane.waiting == 0


def test_questions_that_nobody_read_are_asked_again(checkers: Callable[..., Checkers]) -> None:
    """A reload ends the checkers; what waits in their queue goes to those that take their place."""
    ours = checkers(count=0)
    receiver = Receiver(ours.path)

    async def read() -> Studied:
        asking = asyncio.create_task(receiver.read(letter()))
        # It connects and sends at once, and then waits for an answer.
        await asyncio.sleep(0.05)
        ours.stop()
        checkers()
        return await asking

    assert isinstance(asyncio.run(read()), ContentStudy)


def test_a_checker_that_is_told_to_end_answers_first(
    checkers: Callable[..., Checkers], short_folder: Path
) -> None:
    ours = checkers(replace(LARGE, light_cpu_s=0.3))
    lane, begun = Lane(ours.path), short_folder / "begun"
    spinning = letter(touching(begun) + b"\r\n" + SPIN)

    async def ask() -> object:
        asking = asyncio.create_task(lane.ask(Kind.CONTENT, len(spinning), spinning))
        await there(begun)
        os.kill(ours.pids[0], signal.SIGTERM)
        return await asking

    assert asyncio.run(ask()) == (check_wire.Outcome.HEAVY, b"")
    assert ours.ended() == 0


def test_an_idle_checker_ends_when_told(checkers: Callable[..., Checkers]) -> None:
    ours = checkers()
    asyncio.run(Receiver(ours.path).read(letter()))
    os.kill(ours.pids[0], signal.SIGTERM)
    assert ours.ended() == 0
