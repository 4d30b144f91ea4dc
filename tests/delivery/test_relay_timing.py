"""Cut-through when time runs out, when we are stopped, and when the next hop answers too early."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clement.delivery.relay import RelayOptions
from clement.smtp import replies
from clement.spool.content import Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers
from tests.delivery.hops import (
    BOUND_S,
    FROM,
    MESSAGE,
    STALL,
    Hop,
    World,
    destination,
    envelope,
    play,
    until,
)

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
            await hop.left()
            assert hop.messages == []

    now = [1000.0]
    play(scene, clock=lambda: now[0])


def test_the_answer_is_awaited_until_ten_minutes_after_the_clients_dot() -> None:
    async def scene(world: World) -> None:
        async with Hop({".": STALL}).running() as hop:
            # The clock stands still: 0.1 s of 570 are left, although the delivery has only begun.
            delivery = world.transport.start(envelope(content_ended_s=1000.0), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
            async with asyncio.timeout(BOUND_S):
                (placement,) = await delivery.commit()
            assert placement.reply == replies.NEXT_HOP_LOST
            assert len(hop.messages) == 1

    options = RelayOptions(content_s=600.0, answer_s=570.0)
    play(scene, clock=lambda: 1569.9, options=options)


@dataclass
class EarlyHop(Hop):
    """Reads some of the content, says something, and then reads no more, or all the rest.

    rest: the last that it has read.
    """

    said = b"552 5.3.4 that is too much"
    reads_on = False
    rest = b""
    has_paused: asyncio.Event = field(default_factory=asyncio.Event)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.said:
            self.messages.append(await reader.read(1000))
            await self._say(writer, self.said)
        if not self.reads_on:
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            self.has_paused.set()
            await asyncio.Event().wait()
        while piece := await reader.read(1 << 20):
            self.rest = (self.rest + piece)[-(1 << 20) :]
        return False


def commit_early(hop: EarlyHop, folder: Path, after: Callable[[], None], count: int = 1) -> None:
    async def scene(world: World) -> None:
        async with hop.running():
            content = await on_disk(LARGE, folder, world.workers)
            destinations = [destination(hop.address(), local_part=f"u{number}") for number in range(count)]
            delivery = world.transport.start(envelope(), destinations)
            assert await delivery.prepare(content) == [None] * count
            async with asyncio.timeout(BOUND_S):
                placements = await delivery.commit()
            expected = [b"554 5.3.4 Next hop: that is too much"] * count
            assert [str(placement.reply).encode() for placement in placements] == expected
            if hop.reads_on:
                await hop.left()
            after()

    play(scene)


@pytest.mark.parametrize("is_lmtp", [False, True])
def test_a_refusal_before_the_end_of_content_is_the_answer_for_all(is_lmtp: bool, tmp_path: Path) -> None:
    commit_early(EarlyHop(is_lmtp=is_lmtp), tmp_path, lambda: None, count=2)


def test_after_an_early_refusal_the_content_is_never_ended(tmp_path: Path) -> None:
    hop = EarlyHop()
    hop.reads_on = True

    def after() -> None:
        assert hop.rest
        assert not hop.rest.endswith(b"\r\n.\r\n")
        assert b"QUIT" not in hop.commands

    commit_early(hop, tmp_path, after)


@pytest.mark.parametrize("is_lmtp", [False, True])
def test_an_early_refusal_of_content_from_memory_is_the_answer_for_all(is_lmtp: bool) -> None:
    async def scene(world: World) -> None:
        async with EarlyHop(is_lmtp=is_lmtp).running() as hop:
            destinations = [destination(hop.address(), local_part=f"u{number}") for number in range(2)]
            delivery = world.transport.start(envelope(), destinations)
            assert await delivery.prepare(Content.in_memory(LARGE)) == [None, None]
            async with asyncio.timeout(BOUND_S):
                placements = await delivery.commit()
            assert [str(each.reply) for each in placements] == ["554 5.3.4 Next hop: that is too much"] * 2

    play(scene)


def test_content_that_is_still_on_its_way_cannot_have_been_accepted() -> None:
    async def scene(world: World) -> None:
        hop = EarlyHop()
        hop.said, hop.reads_on = b"250 2.0.0 that will do", True
        async with hop.running():
            delivery = world.transport.start(envelope(), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(LARGE)) == [None]
            async with asyncio.timeout(BOUND_S):
                (placement,) = await delivery.commit()
            assert placement.reply == replies.NEXT_HOP_LOST
            await hop.left()
            assert hop.rest
            assert not hop.rest.endswith(b"\r\n.\r\n")

    play(scene)


class RefusingHop(Hop):
    """Refuses the first message once it has seen how it begins; perhaps again, late, what came of its end."""

    owed = b""
    debt = b""

    def answer(self, line: bytes) -> bytes:
        owed, self.owed = self.owed, b""
        return owed + super().answer(line)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.messages:
            return await super()._take(reader, writer)
        self.messages.append(await reader.readline())
        await self._say(writer, b"552 5.3.4 that is too much")
        await reader.readuntil(b"\r\n.\r\n")
        self.owed = self.debt
        return True


async def two_messages(world: World, hop: Hop) -> list[str]:
    answers = []
    for _ in range(2):
        delivery = world.transport.start(envelope(), [destination(hop.address())])
        assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
        (placement,) = await delivery.commit()
        answers.append(str(placement.reply))
    return answers


@pytest.mark.parametrize("late", [b"554 5.6.0 as I said", b"500 5.5.1 what is that"])
def test_a_late_second_answer_to_refused_content_answers_nothing_else(late: bytes) -> None:
    async def scene(world: World) -> None:
        hop = RefusingHop({"RCPT TO:<nobody@relay.example>": b"550 5.1.1 no such mailbox"})
        async with hop.running():
            for ask in (_deliver_to_two, _verify):
                hop.messages.clear()
                hop.debt = late + b"\r\n"
                delivery = world.transport.start(envelope(), [destination(hop.address())])
                assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
                (placement,) = await delivery.commit()
                assert str(placement.reply) == "554 5.3.4 Next hop: that is too much"
                before = hop.connections
                assert await ask(world, hop) == ["250 2.0.0", "550 5.1.1"]
                assert hop.connections == before + 1

    play(scene)


async def _deliver_to_two(world: World, hop: Hop) -> list[str]:
    destinations = [destination(hop.address(), local_part=name) for name in ("anna", "nobody")]
    delivery = world.transport.start(envelope(), destinations)
    await delivery.prepare(Content.in_memory(MESSAGE))
    return [str(placement.reply)[:9] for placement in await delivery.commit()]


async def _verify(world: World, hop: Hop) -> list[str]:
    found = []
    for name in ("anna", "nobody"):
        placement = await world.transport.verify(FROM, destination(hop.address(), local_part=name))
        found.append(str(placement.reply)[:9] if placement is not None else "250 2.0.0")
    return found


def test_after_refused_content_the_next_message_begins_with_rset_in_the_same_round_trip() -> None:
    async def scene(world: World) -> None:
        async with RefusingHop().running() as hop:
            refused, taken = await two_messages(world, hop)
            assert refused.startswith("554")
            assert taken.startswith("250")
            assert hop.connections == 1
            verbs = [line.partition(b" ")[0] for line in hop.commands]
            assert verbs == b"EHLO MAIL RCPT DATA RSET MAIL RCPT DATA".split()

    play(scene)


@pytest.mark.parametrize("answer", [b"500 5.5.1 what", b"421 4.3.2 going"])
def test_a_connection_that_does_not_take_rset_is_not_used_again(answer: bytes) -> None:
    async def scene(world: World) -> None:
        async with Hop({"RSET": answer, "DATA": [b"451 4.3.0 not now", b"354 go on"]}).running() as hop:
            for expected in (False, True):
                delivery = world.transport.start(envelope(), [destination(hop.address())])
                (placement,) = await delivery.prepare(Content.in_memory(MESSAGE))
                assert (placement is None) is expected
                await delivery.abort()
            assert hop.connections == 2

    play(scene)


def test_a_refusal_right_behind_354_is_the_answer() -> None:
    async def scene(world: World) -> None:
        async with Hop({"DATA": b"354 go on\r\n452 4.3.1 or rather not"}).running() as hop:
            delivery = world.transport.start(envelope(), [destination(hop.address())])
            assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None]
            (placement,) = await delivery.commit()
            assert str(placement.reply) == "451 4.3.1 Next hop: or rather not"
            await hop.left()
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
            await hop.has_paused.wait()
            await until(lambda: connection.has_unsent, "more is sent than the next hop reads")
            committing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await committing
            await asyncio.sleep(0)
            # A graceful close would go on sending, and the dot is the last of it.
            assert not connection.has_unsent

    play(scene)
