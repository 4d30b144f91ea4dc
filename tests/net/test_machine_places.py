"""Places that processes share: so many at once, and those of the dead are free."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from clement.net.clamd_slots import Overloaded
from clement.net.machine_places import MachinePlaces


def run(scene: Callable[[], object]) -> None:
    asyncio.run(scene())  # type: ignore[arg-type]


def test_as_many_as_there_are_files_whoever_asks(short_folder: Path) -> None:
    files = [short_folder / "0", short_folder / "1"]
    one, other = MachinePlaces(files), MachinePlaces(files)

    async def scene() -> None:
        first, _second = await one.take(0), await other.take(0)
        with pytest.raises(Overloaded):
            await one.take(0.05)
        waiting = asyncio.create_task(other.take(60))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        one.give_back(first)
        assert await waiting >= 0

    run(scene)


def test_a_process_that_is_killed_leaves_its_place(short_folder: Path) -> None:
    places = MachinePlaces([short_folder / "0"])
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        asyncio.run(places.take(1))
        os.write(tell, b"taken")
        signal.pause()
    assert os.read(told, 5) == b"taken"
    os.close(told)
    os.close(tell)

    async def none_is_left() -> None:
        with pytest.raises(Overloaded):
            await places.take(0)

    async def one_is_left() -> None:
        places.give_back(await places.take(60))

    run(none_is_left)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    run(one_is_left)


def test_without_files_there_is_no_bound() -> None:
    places = MachinePlaces([])

    async def scene() -> None:
        for _ in range(100):
            places.give_back(await places.take(0))

    run(scene)
