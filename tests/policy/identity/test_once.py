"""Something found out once: at once when nothing waits, side by side when it must, for all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from clement.policy.once import Once, Rest, begin, settled


def test_what_need_not_wait_is_known_without_a_loop() -> None:
    async def quick() -> int:
        return 7

    once = Once(quick)
    assert once.known == 7
    assert once.found == 7
    assert settled(quick()) == 7


def test_nothing_begins_before_somebody_asks() -> None:
    begun: list[int] = []

    async def work() -> int:
        begun.append(1)
        return 1

    once = Once(work)
    assert once.found is None
    assert not begun
    assert (once.known, once.known) == (1, 1)
    assert begun == [1]


def test_all_who_ask_get_the_same_from_one_finding_out() -> None:
    begun: list[int] = []

    async def slow() -> str:
        begun.append(1)
        await asyncio.sleep(0.01)
        return "found"

    async def main() -> list[str]:
        once = Once(slow)
        assert once.known is None
        found = await asyncio.gather(*(_ask(once) for _ in range(3)))
        assert once.found == "found"
        return found

    assert asyncio.run(main()) == ["found"] * 3
    assert begun == [1]


async def _ask(once: Once[str]) -> str:
    return await once


def test_one_who_goes_away_does_not_end_it_for_others() -> None:
    async def slow() -> str:
        await asyncio.sleep(0.02)
        return "found"

    async def main() -> str:
        once = Once(slow)
        first = asyncio.create_task(_ask(once))
        await asyncio.sleep(0)
        first.cancel()
        return await once

    assert asyncio.run(main()) == "found"


def test_what_it_raises_is_raised_to_whoever_asks() -> None:
    async def fails_at_once() -> int:
        raise ValueError("now")

    async def fails_later() -> int:
        await asyncio.sleep(0)
        raise ValueError("later")

    with pytest.raises(ValueError, match="now"):
        _ = Once(fails_at_once).known

    async def main() -> None:
        await Once(fails_later)

    with pytest.raises(ValueError, match="later"):
        asyncio.run(main())


def test_given_up_it_is_cancelled_and_can_be_waited_for() -> None:
    ended: list[str] = []

    async def endless() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")
        return 1

    async def main() -> None:
        once = Once(endless)
        once.start()
        task = once.give_up()
        assert task is not None
        await asyncio.wait((task,))
        assert once.give_up() is None

    asyncio.run(main())
    assert ended == ["ended"]


def test_the_rest_of_a_coroutine_goes_on_where_it_waited() -> None:
    async def steps() -> list[int]:
        found = [1]
        await asyncio.sleep(0)
        found.append(2)
        try:
            async with asyncio.timeout(5):
                await asyncio.sleep(0.001)
        finally:
            found.append(3)
        return found

    async def main() -> list[int]:
        rest = begin(steps())
        assert isinstance(rest, Rest)
        return await rest

    assert asyncio.run(main()) == [1, 2, 3]


def test_a_rest_that_nobody_awaits_can_be_closed() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        coroutine: Coroutine[Any, Any, None] = waits()
        rest = begin(coroutine)
        assert isinstance(rest, Rest)
        rest.close()

    asyncio.run(main())
