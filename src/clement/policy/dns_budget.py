"""The DNS with a bound on how much one message may ask of it, and on how long it may wait for the answers.

Beyond either, every question is a temporary failure: evaluators know what to make of one, and nothing is ever
refused for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from clement.message.dns import Dns, DnsAnswer, DnsTemporaryFailure
from clement.policy.once import Rest, begin


class DnsBudget:
    """Implements Dns.

    questions: how many may be asked, cached ones too.
    time_s: for all of them together, from the first that has to wait; or from now, when it `has_begun`.
    """

    __slots__ = ("_clock", "_dns", "_until_s", "left", "time_s")

    def __init__(
        self,
        dns: Dns,
        questions: int,
        time_s: float,
        clock: Callable[[], float],
        *,
        has_begun: bool = False,
    ) -> None:
        self._dns = dns
        self._clock = clock
        self._until_s = clock() + time_s if has_begun else 0.0
        self.left = questions
        self.time_s = time_s

    async def a(self, name: str) -> DnsAnswer:
        return await self._within(self._dns.a(name))

    async def aaaa(self, name: str) -> DnsAnswer:
        return await self._within(self._dns.aaaa(name))

    async def mx(self, domain: str) -> DnsAnswer:
        return await self._within(self._dns.mx(domain))

    async def txt(self, name: str) -> DnsAnswer:
        return await self._within(self._dns.txt(name))

    async def ptr(self, address: str) -> DnsAnswer:
        return await self._within(self._dns.ptr(address))

    async def _within(self, question: Coroutine[Any, Any, DnsAnswer]) -> DnsAnswer:
        self.left -= 1
        if self.left < 0:
            question.close()
            raise DnsTemporaryFailure("too many questions for one message")
        answer = begin(question)
        if isinstance(answer, Rest):
            return await self._wait(answer)
        return answer

    async def _wait(self, rest: Rest[DnsAnswer]) -> DnsAnswer:
        now_s = self._clock()
        if not self._until_s:
            self._until_s = now_s + self.time_s
        task = asyncio.get_running_loop().create_task(rest.run())
        try:
            await asyncio.wait((task,), timeout=max(0.0, self._until_s - now_s))
            if task.done():
                return task.result()
        finally:
            if not task.done():
                task.cancel()
        raise DnsTemporaryFailure(f"no answer within {self.time_s:g} s")
