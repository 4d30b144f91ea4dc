"""One message may ask so much of the DNS, and wait so long for it."""

from __future__ import annotations

import asyncio
import time

import pytest

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.policy.dns_budget import DnsBudget


class Slow:
    """Answers after some seconds; none when they are 0."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self.asked = 0
        self.cancelled = 0

    async def txt(self, name: str) -> DnsAnswer:
        self.asked += 1
        if self._delay_s:
            try:
                await asyncio.sleep(self._delay_s)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return DnsAnswer((name,))

    a = aaaa = mx = ptr = txt


def test_case_092_beyond_the_questions_the_dns_fails_for_now() -> None:
    dns = Slow(0)

    async def main() -> None:
        budget = DnsBudget(dns, 3, 10, time.monotonic)
        for ask in (budget.a, budget.ptr, budget.mx):
            assert (await ask("x")).records == ("x",)
        for ask in (budget.txt, budget.aaaa):
            with pytest.raises(DnsTemporaryFailure, match="too many questions"):
                await ask("x")

    asyncio.run(main())
    assert dns.asked == 3


def test_case_090_beyond_the_time_the_dns_fails_for_now() -> None:
    dns = Slow(60)

    async def main() -> None:
        budget = DnsBudget(dns, 10, 0.05, time.monotonic)
        found = await asyncio.gather(*(budget.txt("x") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(each, DnsTemporaryFailure) for each in found)
        with pytest.raises(DnsTemporaryFailure, match="no answer within"):
            await budget.txt("again")
        await asyncio.sleep(0)

    asyncio.run(main())
    assert dns.cancelled == 4


def test_whoever_is_cancelled_leaves_no_question_behind() -> None:
    dns = Slow(60)

    async def main() -> None:
        budget = DnsBudget(dns, 10, 30, time.monotonic)
        asking = asyncio.create_task(budget.txt("x"))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait((asking,))
        await asyncio.sleep(0)

    asyncio.run(main())
    assert dns.cancelled == 1
