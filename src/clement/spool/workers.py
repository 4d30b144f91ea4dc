"""Worker threads for steps that block on the disk, waited for by an event loop.

The standard executor costs 50 µs of CPU a step, in locks and wake-ups of the loop, where a whole delivery may
cost 200. Here a step is one entry in a queue, and the loop is woken once for all steps that have ended since.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

DEFAULT_THREADS = 8
"""Enough for the disk's group commit to pay; more threads only take the interpreter lock from each other."""


class _Step:
    """One call to make, and where its result goes."""

    __slots__ = ("call", "error", "future", "result")

    def __init__(self, call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.call = call
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class Workers:
    """A fixed number of threads that serve one event loop; each starts when it is first needed."""

    __slots__ = ("_ended", "_loop", "_names", "_queue", "_threads", "_wake_pending", "_wanted")

    def __init__(self, threads: int = DEFAULT_THREADS, name: str = "disk") -> None:
        self._wanted = threads
        self._names = name
        self._threads: list[Thread] = []
        self._queue: SimpleQueue[_Step | None] = SimpleQueue()
        self._ended: deque[_Step] = deque()
        self._wake_pending = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Make a blocking call in a worker thread and wait until it is over, whoever gives up meanwhile.

        A thread cannot be stopped. If a cancelled task went on at once, it would close descriptors that the
        thread still uses, and their numbers would by then belong to another message. So a cancellation takes
        effect only when the call has ended.
        """
        future = self._submit(call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                try:
                    await asyncio.wait((future,))
                except asyncio.CancelledError:
                    continue
            # Nobody will ask for it any more.
            future.exception()
            raise

    def stop(self) -> None:
        """Finish what has been submitted and end the threads. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _submit(self, call: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError("workers serve one event loop")
            self._loop = loop
            self._wake_pending = False
        if len(self._threads) < self._wanted:
            thread = Thread(target=self._work, name=f"{self._names}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Step(call, future))
        return future

    def _work(self) -> None:
        while (step := self._queue.get()) is not None:
            try:
                step.result = step.call()
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the task that waits
                step.error = error
            self._ended.append(step)
            if not self._wake_pending and self._loop is not None:
                self._wake_pending = True
                # Closed meanwhile: another thread woke it, it took our step too, and was not needed any more.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._hand_back)

    def _hand_back(self) -> None:
        # Reset first: a step that ends while we look is either seen here or wakes the loop again.
        self._wake_pending = False
        while self._ended:
            step = self._ended.popleft()
            if step.future.done():
                continue
            if step.error is None:
                step.future.set_result(step.result)
            else:
                step.future.set_exception(step.error)
