"""Running the checks of a stage: at once, side by side, inside a budget, and never silently without one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from clement.policy.finding import Finding, Result
from clement.policy.pipeline import Answer, Check, Observations, gather


def finding(name: str) -> Finding:
    return Finding(name, Result.PASS)


def at_once(name: str) -> Check[object]:
    return Check(name, lambda _facts: finding(name))


def later(name: str, until: Callable[[], Awaitable[object]], *, bounds_itself: bool = False) -> Check[object]:
    async def answer() -> Finding | None:
        await until()
        return finding(name)

    return Check(name, lambda _facts: answer(), bounds_itself)


async def soon() -> None:
    await asyncio.sleep(0)


async def never() -> None:
    await asyncio.Event().wait()


def run(*checks: Check[object], budget_s: float = 5.0) -> Observations:
    async def main() -> Observations:
        found = gather(checks, None, budget_s)
        return found if isinstance(found, list) else await found

    return asyncio.run(main())


def names(found: Observations) -> list[str]:
    return [observation.finding.check for observation in found]


def test_checks_that_answer_at_once_give_a_plain_list_in_order() -> None:
    found = gather([at_once("a"), Check("silent", lambda _facts: None), at_once("b")], None, 1.0)
    assert isinstance(found, list)
    assert names(found) == ["a", "b"]


def test_those_that_waited_stand_behind_in_the_order_of_the_plan() -> None:
    async def a_little() -> None:
        await asyncio.sleep(0.02)

    found = run(later("slow", a_little), at_once("quick"), later("next", soon))
    assert names(found) == ["quick", "slow", "next"]


def test_a_check_that_waited_for_nothing_to_say_says_nothing() -> None:
    async def nothing() -> Finding | None:
        return None

    assert run(Check("silent", lambda _facts: nothing()), later("b", soon)) != []
    assert run(Check("silent", lambda _facts: nothing())) == []


def test_checks_wait_side_by_side() -> None:
    async def main() -> Observations:
        door = asyncio.Barrier(3)
        found = gather([later(name, door.wait) for name in "abc"], None, 5.0)
        assert not isinstance(found, list)
        return await found

    assert names(asyncio.run(main())) == ["a", "b", "c"]


def test_beyond_the_budget_there_is_a_temperror_and_the_others_stand() -> None:
    found = run(later("stuck", never), later("b", soon), budget_s=0.05)
    assert [(each.finding.check, each.finding.result) for each in found] == [
        ("stuck", Result.TEMPERROR),
        ("b", Result.PASS),
    ]
    assert found[0].finding.reason is None
    assert found[0].duration_us >= 50_000


def test_a_check_that_bounds_itself_may_take_longer() -> None:
    async def longer() -> None:
        await asyncio.sleep(0.1)

    assert run(later("virus", longer, bounds_itself=True), budget_s=0.01)[0].finding.result is Result.PASS


# --- A check that raises is our own fault; the session answers 451 for it, and never accepts ---------------


class Broken(Exception):
    pass


def raising_at_once(_facts: object) -> Answer:
    raise Broken


async def raising() -> Finding | None:
    await asyncio.sleep(0)
    raise Broken


def test_a_check_that_raises_at_once_is_heard_and_leaves_nothing_behind() -> None:
    begun: list[Coroutine[None, None, Finding | None]] = []

    async def waits() -> Finding | None:
        await never()
        return None

    def begin(_facts: object) -> Answer:
        begun.append(waits())
        return begun[0]

    with pytest.raises(Broken):
        gather([at_once("a"), Check("waits", begin), Check("broken", raising_at_once)], None, 1.0)
    assert inspect.getcoroutinestate(begun[0]) == inspect.CORO_CLOSED


def test_one_that_raises_alone_is_heard() -> None:
    with pytest.raises(Broken):
        run(Check("broken", lambda _facts: raising()))


def test_one_that_raises_ends_those_beside_it() -> None:
    ended: list[bool] = []

    async def until_ended() -> None:
        try:
            await never()
        finally:
            ended.append(True)

    with pytest.raises(ExceptionGroup) as raised:
        run(later("waits", until_ended), Check("broken", lambda _facts: raising()))
    assert raised.group_contains(Broken)
    assert ended == [True]


def test_a_client_that_leaves_takes_the_checks_with_it() -> None:
    ended: list[str] = []

    def until_ended(name: str) -> Check[object]:
        async def wait() -> None:
            try:
                await never()
            finally:
                ended.append(name)

        return later(name, wait)

    async def main() -> None:
        found = gather([until_ended("a"), until_ended("b")], None, 60.0)
        assert not isinstance(found, list)
        task = asyncio.ensure_future(found)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sorted(ended) == ["a", "b"]
