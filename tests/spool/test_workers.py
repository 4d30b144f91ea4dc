"""Steps in worker threads: results and errors come back, and a step that runs is never left alone."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from clement.spool.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(3)
    yield workers
    workers.stop()


def test_results_and_errors_come_back(workers: Workers) -> None:
    async def play() -> None:
        assert await workers.run(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        assert await asyncio.gather(*(workers.run(lambda n=n: n) for n in range(500))) == list(range(500))

    asyncio.run(play())


def test_no_more_steps_at_once_than_threads(workers: Workers) -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def step() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1

    async def play() -> None:
        await asyncio.gather(*(workers.run(step) for _ in range(20)))

    asyncio.run(play())
    assert 2 <= most <= 3


def test_a_cancelled_task_waits_for_its_step(workers: Workers) -> None:
    ended = threading.Event()

    def step() -> None:
        time.sleep(0.1)
        ended.set()

    async def play() -> None:
        task = asyncio.create_task(workers.run(step))
        await asyncio.sleep(0.01)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert ended.is_set()

    asyncio.run(play())


def test_a_step_that_fails_behind_a_cancelled_task_is_not_reported_again(workers: Workers) -> None:
    def step() -> None:
        time.sleep(0.05)
        raise OSError

    async def play() -> None:
        unheard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        task = asyncio.create_task(workers.run(step))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait((task,))
        assert unheard == []

    asyncio.run(play())


def test_one_loop_at_a_time(workers: Workers) -> None:
    async def play() -> int:
        return await workers.run(lambda: 1)

    assert [asyncio.run(play()) for _ in range(2)] == [1, 1]
