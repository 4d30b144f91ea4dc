"""A cache of DNS answers, bounded in number, each with its own end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class TtlCache(Generic[Key, Value]):
    """Values that count until a time; beyond `max_entries` the one that was put in first goes.

    Times are seconds of whatever monotonic clock the caller uses.
    """

    __slots__ = ("_entries", "_max_entries")

    def __init__(self, max_entries: int) -> None:
        self._entries: dict[Key, tuple[float, Value]] = {}
        self._max_entries = max_entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key, now_s: float) -> Value | None:
        """The value, unless there is none or its time has ended."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= now_s:
            del self._entries[key]
            return None
        return entry[1]

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Forget the values of all unwanted keys; looks at every key."""
        for key in [key for key in self._entries if unwanted(key)]:
            del self._entries[key]

    def put(self, key: Key, value: Value, until_s: float) -> None:
        """Keep a value until the given time."""
        self._entries.pop(key, None)  # so that it becomes the youngest
        if len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (until_s, value)
