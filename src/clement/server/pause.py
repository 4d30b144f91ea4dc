"""A wait that can be cut short: until some seconds have passed, or somebody ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pause:
    """Begins when it is made; one timer of the event loop and nothing else."""

    __slots__ = ("_over", "_timer")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        self._timer = loop.call_later(seconds, self.end)

    def end(self) -> None:
        """No more waiting. Safe at any time and twice."""
        if not self._over.done():
            self._over.set_result(None)

    def then(self, call: Callable[[], None]) -> None:
        """Have something called when it is over, also when the one who waits gives up."""
        self._over.add_done_callback(lambda _: call())

    async def wait(self) -> None:
        """Until it is over."""
        try:
            await self._over
        finally:
            self._timer.cancel()
