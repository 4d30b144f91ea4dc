"""Something that is found out once and told to everybody who asks.

Answers that need no waiting, because a cache has them, are had at once and cost no task. That is done by
taking the first step of a coroutine by hand; only when it has to wait does the rest of it become a task. So
what runs as `Once` must not ask which task it is in (`asyncio.timeout` does, `asyncio.wait` does not).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Rest(Generic[T]):
    """A coroutine after its first step, which has to wait: to be awaited once."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is thrown on
                step = self._thrown(error)
            else:
                step = self._sent(sent)
            if isinstance(step, _Done):
                result: T = step.value
                return result
            waits_for = step

    def _sent(self, value: object) -> object:
        try:
            return self._coroutine.send(value)
        except StopIteration as done:
            return _Done(done.value)

    def _thrown(self, error: BaseException) -> object:
        try:
            return self._coroutine.throw(error)
        except StopIteration as done:
            return _Done(done.value)

    async def run(self) -> T:
        """The same as a coroutine, for `create_task`."""
        return await self

    def close(self) -> None:
        """It will not be awaited."""
        self._coroutine.close()


class _Done:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - the result of a coroutine of any kind
        self.value = value


def begin(coroutine: Coroutine[Any, Any, T]) -> T | Rest[T]:
    """Take a coroutine as far as it gets without waiting: its result, or the rest of it."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return Rest(coroutine, waits_for)


class Once(Generic[T]):
    """One finding-out. `begins` makes its coroutine; it is called at most once, when somebody first asks."""

    __slots__ = ("_begins", "_task", "_value")

    def __init__(self, begins: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._begins: Callable[[], Coroutine[Any, Any, T]] | None = begins
        self._value: T | None = None
        self._task: asyncio.Task[T] | None = None

    @classmethod
    def of(cls, value: T) -> Once[T]:
        """What is known already."""

        async def known() -> T:
            return value

        return cls(known)

    def start(self) -> None:
        """Begin, unless it has begun. Raises what it raises before it has to wait."""
        begins, self._begins = self._begins, None
        if begins is None:
            return
        first = begin(begins())
        if isinstance(first, Rest):
            self._task = asyncio.get_running_loop().create_task(first.run())
        else:
            self._value = first

    @property
    def known(self) -> T | None:
        """The value, when it can be had without waiting; else it has at least begun."""
        self.start()
        if self._value is None and self._task is not None and self._task.done():
            self._value = self._task.result()
        return self._value

    @property
    def found(self) -> T | None:
        """The value, when somebody has asked for it and it is there; asks for nothing."""
        return None if self._begins is not None else self.known

    def __await__(self) -> Generator[Any, Any, T]:
        known = self.known
        if known is not None:
            return known
        if self._task is None:
            raise RuntimeError("what was found out is None, which means not known")
        # Shielded: others may wait for the same when this one goes away.
        return (yield from asyncio.shield(self._task).__await__())

    def give_up(self) -> asyncio.Task[T] | None:
        """Nobody will ask any more. Returns the task that is still to end. Safe at any time and twice."""
        self._begins = None
        if self._task is None or self._task.done():
            return None
        self._task.cancel()
        return self._task


def settled(coroutine: Coroutine[Any, Any, T]) -> T | Awaitable[T]:
    """The result of a coroutine at once when it need not wait, else something to await."""
    return begin(coroutine)
