"""Steps in worker threads: results and errors come back, and a step that runs is never left alone."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from clement.spool.workers import Workers
from tests.fixtures.programs import wait_until

PATIENCE_S = 30.0
"""Only a true failure waits so long."""


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(3)
    yield workers
    workers.stop()


class Gate:
    """A step that has `begun`, and ends when it `may_end`."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = asyncio.Event()
        self.may_end = threading.Event()
        self.has_ended = False
        self._failure = failure
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> None:
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self.may_end.wait(PATIENCE_S)
        self.has_ended = True
        if self._failure is not None:
            raise self._failure


def test_results_and_errors_come_back(workers: Workers) -> None:
    async def play() -> None:
        assert await workers.run(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        assert await asyncio.gather(*(workers.run(lambda n=n: n) for n in range(500))) == list(range(500))

    asyncio.run(play())


def test_as_many_steps_at_once_as_threads_and_no_more(workers: Workers) -> None:
    at_once, most, lock, door = 0, 0, threading.Lock(), threading.Barrier(3)

    def step() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        door.wait(PATIENCE_S)
        with lock:
            at_once -= 1

    async def play() -> None:
        await asyncio.gather(*(workers.run(step) for _ in range(21)))

    asyncio.run(play())
    assert most == 3


def test_a_cancelled_task_waits_for_its_step(workers: Workers) -> None:
    async def play() -> None:
        step = Gate()
        task = asyncio.create_task(workers.run(step))
        await step.begun.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
        step.may_end.set()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert step.has_ended

    asyncio.run(play())


def test_a_step_that_fails_behind_a_cancelled_task_is_not_reported_again(workers: Workers) -> None:
    async def play() -> None:
        unheard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        step = Gate(OSError())
        task = asyncio.create_task(workers.run(step))
        await step.begun.wait()
        task.cancel()
        step.may_end.set()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert unheard == []

    asyncio.run(play())


def test_one_loop_at_a_time(workers: Workers) -> None:
    async def play() -> int:
        return await workers.run(lambda: 1)

    assert [asyncio.run(play()) for _ in range(2)] == [1, 1]


class HeldUp(deque[object]):
    """What has ended; the first thread that adds to it is held up behind that until it `may_go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.has_come = threading.Event()
        self.may_go_on = threading.Event()

    def append(self, step: object) -> None:
        super().append(step)
        if not self.has_come.is_set():
            self.has_come.set()
            assert self.may_go_on.wait(PATIENCE_S)


def test_a_thread_outlives_a_loop_that_closed_while_it_was_held_up(workers: Workers) -> None:
    """Another thread's call has the step handed back, and everybody goes home."""
    ended = HeldUp()
    workers._ended = ended  # type: ignore[assignment]

    async def play() -> None:
        first = asyncio.create_task(workers.run(lambda: 1))
        await asyncio.to_thread(ended.has_come.wait, PATIENCE_S)
        assert await workers.run(lambda: 2) == 2
        assert await first == 1

    async def all_at_once() -> None:
        door = threading.Barrier(3)
        await asyncio.gather(*(workers.run(lambda: door.wait(PATIENCE_S)) for _ in range(3)))

    asyncio.run(play())
    ended.may_go_on.set()
    wait_until(lambda: workers._wake_pending, "it goes on")
    asyncio.run(all_at_once())
