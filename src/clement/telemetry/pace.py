"""Saying something again only after a while: a fault that lasts must not flood the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

KEYS_MAX: Final = 1000


class Pace:
    """Knows when each thing was last said, by a key; for one thread."""

    __slots__ = ("_every_s", "_held_back", "_monotonic", "_said_at_s")

    def __init__(self, every_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._monotonic = monotonic
        self._said_at_s: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def due(self, key: str) -> bool:
        """Whether this has not been said for `every_s`; the answer True counts as saying it."""
        now_s = self._monotonic()
        said_at_s = self._said_at_s.get(key)
        if said_at_s is not None and now_s - said_at_s < self._every_s:
            self._held_back[key] = self._held_back.get(key, 0) + 1
            return False
        if len(self._said_at_s) >= KEYS_MAX:
            self._said_at_s.clear()
            self._held_back.clear()
        self._said_at_s[key] = now_s
        return True

    def held_back(self, key: str) -> int:
        """How often this was not said since this was last asked."""
        return self._held_back.pop(key, 0)

    def over(self, key: str) -> None:
        """Forget this: when it comes back, it is said at once."""
        self._said_at_s.pop(key, None)
        self._held_back.pop(key, None)
