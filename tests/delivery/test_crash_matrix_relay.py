"""Killed at every named point of cut-through: the message arrives once, in the window twice, and never not.

The client hears nothing from a dead process and sends again. Between the dot and our reply nobody can know
what became of the message, so there it may arrive twice (docs/decisions/0003, RFC 1047); nowhere else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from clement.spool.content import Content
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.points import Point
from tests.delivery.hops import MESSAGE, Hop, World, destination, envelope
from tests.fixtures.faults import Fault, FaultyFileSystem, Kind, Moment, run_in_child

WINDOW = {Point.RELAY_CONTENT_SENT, Point.RELAY_ANSWERED}


@contextmanager
def elsewhere(hop: Hop) -> Iterator[Hop]:
    """The next hop in a thread of its own, so that it outlives the process under test."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def live() -> None:
        async with hop.running():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()))
    thread.start()
    ready.wait()
    try:
        yield hop
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def deliver(hop: Hop, filesystem: FileSystem, tell: Callable[[bytes], None]) -> None:
    async def play() -> None:
        world = World(filesystem)
        delivery = world.transport.start(envelope(), [destination(hop.address())])
        placements = await delivery.prepare(Content.in_memory(MESSAGE))
        if None in placements:
            placements = await delivery.commit()
        tell(b"".join(b"%d" % placement.reply.code for placement in placements if placement is not None))
        world.close()

    asyncio.run(play())


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("point", [point for point in Point if point.value.startswith("relay.")])
def test_case_122_killed_at_any_point(point: Point, moment: Moment) -> None:
    with elsewhere(Hop()) as hop:
        filesystem = FaultyFileSystem(Fault(point, Kind.KILL, moment))
        told, status = run_in_child(lambda tell: deliver(hop, filesystem, tell))
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert told == b""
        told, status = run_in_child(lambda tell: deliver(hop, OsFileSystem(), tell))
        assert (told, status) == (b"250", 0)
        assert len(hop.messages) == (2 if point in WINDOW else 1)
