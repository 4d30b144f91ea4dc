"""Running blocking steps in worker threads without losing track of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def run_to_end(executor: Executor | None, step: Callable[[], T]) -> T:
    """Run a blocking step in a worker thread and wait until it is over, whatever happens to the waiting task.

    A thread cannot be stopped. If a cancelled task went on at once, it would close descriptors that the
    thread still writes to, and their numbers would by then belong to another message. So a cancellation
    takes effect only when the step has ended.
    """
    running = asyncio.get_running_loop().run_in_executor(executor, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if not running.done():
            await _outlast(running)
        if not running.cancelled():
            running.exception()
        raise


async def _outlast(running: asyncio.Future[T]) -> None:
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError:
            continue
