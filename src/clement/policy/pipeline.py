"""Running the checks of one stage: at once what can be answered at once, the rest side by side.

Most checks answer from memory, and then nothing here waits: `gather` returns a
list. Only when a check had to ask the network does it return an awaitable; all
such checks of a stage run concurrently inside one time budget, and one that
exceeds it counts as a `temperror` finding. A check that raises is our own fault:
the exception ends the stage and goes to the session, which answers 451.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
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
Findings = tuple[Observation, ...]
"""Several findings of one check, which has timed each of them itself."""
Answer = Finding | Findings | None | Awaitable[Finding | Findings | None]
Observations = list[Observation]
_Begun = tuple[Awaitable[Finding | Findings | None], int, str]
"""An answer that waits, when its check began (ns), and the check's name where the budget bounds it."""


class Check(msgspec.Struct, Generic[Facts], frozen=True):
    """One check at one stage. `run` is given the facts of the stage and changes nothing.

    bounds_itself: it has a time-out of its own, and the budget of the stage does not end it.
    """

    name: str
    run: Callable[[Facts], Answer]
    bounds_itself: bool = False


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
    """What the checks of a stage find; a plain list whenever none of them had to wait.

    Raises, now or when awaited, what a check raises.
    """
    found: Observations = []
    waiting: list[_Begun] = []
    try:
        for check in checks:
            started_ns = perf_counter_ns()
            answer = check.run(facts)
            if answer is None:
                continue
            if isinstance(answer, Finding):
                found.append(Observation(answer, (perf_counter_ns() - started_ns) // 1000))
            elif isinstance(answer, tuple):
                found.extend(answer)
            else:
                waiting.append((answer, started_ns, "" if check.bounds_itself else check.name))
    except BaseException:
        _give_up(waiting)
        raise
    return _finish(found, waiting, budget_s) if waiting else found


def _give_up(waiting: Sequence[_Begun]) -> None:
    for answer, _started_ns, _name in waiting:
        if isinstance(answer, Coroutine):
            answer.close()


async def _finish(found: Observations, waiting: Sequence[_Begun], budget_s: float) -> Observations:
    if len(waiting) == 1:
        late = [await _timed(waiting[0], budget_s)]
    else:
        # When one raises, nobody will ask for what the others find.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_timed(each, budget_s)) for each in waiting]
        late = [task.result() for task in tasks]
    for observed in late:
        found.extend(observed)
    return found


async def _timed(begun: _Begun, budget_s: float) -> Findings:
    answer, started_ns, name = begun
    finding = await (_bounded(name, answer, budget_s) if name else answer)
    if finding is None:
        return ()
    if isinstance(finding, tuple):
        return finding
    return (Observation(finding, (perf_counter_ns() - started_ns) // 1000),)


async def _bounded(
    name: str, answer: Awaitable[Finding | Findings | None], budget_s: float
) -> Finding | Findings | None:
    try:
        async with asyncio.timeout(budget_s):
            return await answer
    except TimeoutError:
        return Finding(name, Result.TEMPERROR, detail=f"no answer within {budget_s:g} s")
