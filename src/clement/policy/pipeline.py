"""Running the checks of one stage: at once what can be answered at once, the rest side by side.

Most checks answer from memory, and then nothing here waits: `gather` returns a
list. Only when a check had to ask the network does it return an awaitable; all
such checks of a stage run concurrently inside one time budget, and one that
fails or exceeds it counts as a `temperror` finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Generic, TypeVar

import msgspec

from clement.policy.facts import (
    ContentFacts,
    RecipientContentFacts,
    RecipientFacts,
    SessionFacts,
    TransactionFacts,
)
from clement.policy.finding import Finding, Observation, Result

Facts = TypeVar("Facts")
Answer = Finding | None | Awaitable[Finding | None]
Observations = list[Observation]


class Check(msgspec.Struct, Generic[Facts], frozen=True):
    """One check at one stage. `run` is given the facts of the stage and changes nothing."""

    name: str
    run: Callable[[Facts], Answer]


class Plan(msgspec.Struct, frozen=True):
    """Which checks run at which stage, in the order in which they are shown."""

    connect: tuple[Check[SessionFacts], ...] = ()
    hello: tuple[Check[SessionFacts], ...] = ()
    mail: tuple[Check[TransactionFacts], ...] = ()
    rcpt: tuple[Check[RecipientFacts], ...] = ()
    content: tuple[Check[ContentFacts], ...] = ()
    recipient_content: tuple[Check[RecipientContentFacts], ...] = ()
    budget_s: float = 10.0


def gather(
    checks: Sequence[Check[Facts]], facts: Facts, budget_s: float
) -> Observations | Awaitable[Observations]:
    """What the checks of a stage find; a plain list whenever none of them had to wait."""
    found: Observations = []
    waiting: list[tuple[str, int, Awaitable[Finding | None]]] = []
    for check in checks:
        started_ns = perf_counter_ns()
        answer = check.run(facts)
        if answer is None:
            continue
        if isinstance(answer, Finding):
            found.append(Observation(answer, (perf_counter_ns() - started_ns) // 1000))
        else:
            waiting.append((check.name, started_ns, answer))
    return _finish(found, waiting, budget_s) if waiting else found


async def _finish(
    found: Observations, waiting: list[tuple[str, int, Awaitable[Finding | None]]], budget_s: float
) -> Observations:
    late = await asyncio.gather(*(_bounded(name, at, answer, budget_s) for name, at, answer in waiting))
    found.extend(observation for observation in late if observation is not None)
    return found


async def _bounded(
    name: str, started_ns: int, answer: Awaitable[Finding | None], budget_s: float
) -> Observation | None:
    try:
        async with asyncio.timeout(budget_s):
            finding = await answer
    except TimeoutError:
        finding = Finding(name, Result.TEMPERROR, detail=f"no answer within {budget_s:g} s")
    if finding is None:
        return None
    return Observation(finding, (perf_counter_ns() - started_ns) // 1000)
