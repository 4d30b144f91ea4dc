"""Cut-through when time runs out, when we are stopped, and when the next hop answers too early."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from clement.delivery.relay import RelayOptions
from clement.net.hop_connection import HopTimeouts
from clement.smtp import replies
from clement.spool.content import Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers
from tests.delivery.hops import MESSAGE, STALL, Hop, World, destination, envelope, play

PATIENT = HopTimeouts(5, 5, 5, 5, 5, 5, 5)
LARGE = b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % number for number in range(1_500_000))


async def on_disk(octets: bytes, folder: Path, workers: Workers) -> Content:
    writer = ContentWriter(OsFileSystem(), folder, workers, 1000)
    for offset in range(0, len(octets), 200_000):
        waiting = writer.append(octets[offset : offset + 200_000])
        if waiting is not None:
            await waiting
    return await writer.finish()


def test_time_spent_before_the_delivery_is_a_part_of_the_budget() -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            ended = envelope(content_ended_s=now[0] - 301)
            delivery = world.transport.start(ended, [destination(hop.address())])
            (placement,) = await delivery.prepare(Content.in_memory(MESSAGE))
            assert placement is not None
            assert placement.reply == replies.NEXT_HOP_UNAVAILABLE
            assert hop.commands == []

    now = [1000.0]
    play(scene, clock=lambda: now[0])


@pytest.mark.parametrize("large", [False, True])
def test_no_dot_is_sent_when_the_budget_is_spent(large: bool, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            content = Content.in_memory(MESSAGE)
            if large:
                content = await on_disk(LARGE[:400_000], tmp_path, world.workers)
            delivery = world.transport.start(envelope(content_ended_s=1000.0), [destination(hop.address())])
            assert await delivery.prepare(content) == [None]
            now[0] += 301
            (placement,) = await delivery.commit()
            assert placement.reply == replies.NEXT_HOP_LOST
            await asyncio.sleep(0.05)
            assert hop.messages == []

    now = [1000.0]
    play(scene, clock=lambda: now[0])


def test_the_answer_is_awaited_until_ten_minutes_after_the_clients_dot() -> None:
    async def scene(world: World) -> None:
        async with Hop({".": STALL}).running() as hop:
            # The clock stands still: 0.1 s of 570 are left, although the delivery has only begun.
            delivery = world.transport.start(envelope(content_ended_s=1000.0), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
            async with asyncio.timeout(3):
                (placement,) = await delivery.commit()
            assert placement.reply == replies.NEXT_HOP_LOST
            assert len(hop.messages) == 1

    options = RelayOptions(content_s=600.0, answer_s=570.0)
    play(scene, clock=lambda: 1569.9, options=options, timeouts=PATIENT)


class EarlyHop(Hop):
    """Reads some of the content, says something, and then reads no more, or all the rest."""

    said = b"552 5.3.4 that is too much"
    reads_on = False
    rest = b""

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.said:
            self.messages.append(await reader.read(1000))
            await self._say(writer, self.said)
        if self.reads_on:
            self.rest = await reader.read(-1)
        else:
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(30)
        return False


def commit_early(hop: EarlyHop, folder: Path, after: Callable[[], None], count: int = 1) -> None:
    async def scene(world: World) -> None:
        async with hop.running():
            content = await on_disk(LARGE, folder, world.workers)
            destinations = [destination(hop.address(), local_part=f"u{number}") for number in range(count)]
            delivery = world.transport.start(envelope(), destinations)
            assert await delivery.prepare(content) == [None] * count
            async with asyncio.timeout(3):
                placements = await delivery.commit()
            expected = [b"554 5.3.4 Next hop: that is too much"] * count
            assert [str(placement.reply).encode() for placement in placements] == expected
            await asyncio.sleep(0.1)
            after()

    play(scene, timeouts=PATIENT)


@pytest.mark.parametrize("is_lmtp", [False, True])
def test_a_refusal_before_the_end_of_content_is_the_answer_for_all(is_lmtp: bool, tmp_path: Path) -> None:
    commit_early(EarlyHop(is_lmtp=is_lmtp), tmp_path, lambda: None, count=2)


def test_after_an_early_refusal_the_content_is_never_ended(tmp_path: Path) -> None:
    hop = EarlyHop()
    hop.reads_on = True

    def after() -> None:
        assert not hop.rest.endswith(b"\r\n.\r\n")
        assert b"QUIT" not in hop.commands

    commit_early(hop, tmp_path, after)


def test_an_early_refusal_of_content_from_memory_is_the_answer() -> None:
    async def scene(world: World) -> None:
        async with EarlyHop().running() as hop:
            delivery = world.transport.start(envelope(), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(LARGE)) == [None]
            async with asyncio.timeout(3):
                (placement,) = await delivery.commit()
            assert str(placement.reply) == "554 5.3.4 Next hop: that is too much"

    play(scene, timeouts=PATIENT)


def test_a_refusal_right_behind_354_is_the_answer() -> None:
    async def scene(world: World) -> None:
        async with Hop({"DATA": b"354 go on\r\n452 4.3.1 or rather not"}).running() as hop:
            delivery = world.transport.start(envelope(), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
            await asyncio.sleep(0.05)
            (placement,) = await delivery.commit()
            assert str(placement.reply) == "451 4.3.1 Next hop: or rather not"
            await asyncio.sleep(0.05)
            assert hop.messages == []

    play(scene)


def test_a_forced_stop_takes_back_what_the_next_hop_has_not_read() -> None:
    async def scene(world: World) -> None:
        hop = EarlyHop()
        hop.said, hop.reads_on = b"", False
        async with hop.running():
            delivery = world.transport.start(envelope(), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(LARGE)) == [None]
            connection = delivery._connection
            assert connection is not None
            committing = asyncio.create_task(delivery.commit())
            await asyncio.sleep(0.1)
            assert connection.has_unsent
            committing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await committing
            await asyncio.sleep(0)
            # A graceful close would go on sending, and the dot is the last of it.
            assert not connection.has_unsent

    play(scene, timeouts=PATIENT)
