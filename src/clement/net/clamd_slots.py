"""Places that are bounded in number, and a bounded queue in front of them.

Not `asyncio.Semaphore`, whose queue has no end: who would wait behind too many is told at once, so that
a slow scanner costs a client a quick 451 and not a stall (the seed of ten-minute sessions).
"""

from __future__ import annotations

import asyncio
from collections import deque


class Overloaded(Exception):
    """No place was to be had in time, or it was lost to another: our limit, not the scanner's fault."""


class Slots:
    """`at_once` places; at most `waiting` takers in line, first come first served."""

    __slots__ = ("_free", "_max_waiting", "_queue")

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = at_once
        self._max_waiting = waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """Takers in line."""
        return len(self._queue)

    async def take(self, patience_s: float) -> None:
        """Take a place, waiting up to `patience_s` seconds for it. Raises Overloaded."""
        if self._free and not self._queue:
            self._free -= 1
            return
        if len(self._queue) >= self._max_waiting:
            raise Overloaded(f"{self._max_waiting} scans wait already")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            async with asyncio.timeout(patience_s):
                await place
        except TimeoutError:
            self._leave(place)
            raise Overloaded(f"waited {patience_s:.0f} s for a place") from None
        except asyncio.CancelledError:
            self._leave(place)
            raise

    def _leave(self, place: asyncio.Future[None]) -> None:
        if place.done() and not place.cancelled():
            self.give_back()  # the place came in the same moment as the end of our patience
        elif place in self._queue:
            self._queue.remove(place)

    def give_back(self) -> None:
        """Return a place: to the first in line, if there is one."""
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
