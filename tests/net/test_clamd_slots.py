"""Bounded places with a bounded queue: whatever happens to those who wait, no place is lost or made up."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.net.clamd_slots import Overloaded, Slots

ACTS = st.lists(st.sampled_from(["take", "give", "cancel", "expire", "turn"]), max_size=60)


@given(ACTS)
def test_no_place_is_lost_or_made_up(acts: list[str]) -> None:
    async def main() -> None:
        slots = Slots(3, 4)
        waiting: list[asyncio.Task[None]] = []
        held = 0
        for act in acts:
            if act in {"take", "expire"}:
                waiting.append(asyncio.create_task(slots.take(0 if act == "expire" else 100)))
            elif act == "give" and held:
                held -= 1
                slots.give_back()
            elif act == "cancel" and waiting:
                waiting[-1].cancel()
            else:
                await asyncio.sleep(0)
            done = [task for task in waiting if task.done()]
            waiting = [task for task in waiting if not task.done()]
            held += sum(not task.cancelled() and task.exception() is None for task in done)
            assert held <= 3
            assert slots.waiting <= 4
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        held += sum(result is None for result in ended)
        assert slots.free == 3 - held
        assert slots.waiting == 0

    asyncio.run(main())


def test_first_come_first_served_and_the_rest_is_told_at_once() -> None:
    async def main() -> None:
        slots = Slots(1, 2)
        served: list[int] = []

        async def work(number: int) -> None:
            await slots.take(10)
            served.append(number)
            await asyncio.sleep(0)
            slots.give_back()

        tasks = [asyncio.create_task(work(number)) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await slots.take(10)
        await asyncio.gather(*tasks)
        assert served == [0, 1, 2]

    asyncio.run(main())
