"""From the answers of DNS lists to findings: each answer as evidence, and what they are worth together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Final

import msgspec

from clement.policy.dns_list import DnsLists, ListAnswer, ListKind, Subjects, Weighed, said_by, told_reason
from clement.policy.finding import Finding, Observation, Result
from clement.policy.pipeline import Answer, Findings
from clement.policy.reason import Reason

LONGEST_NAME: Final = 64
"""Characters of a listed name, and of a list's, in a reply; addresses are never longer."""

Judge = Callable[[tuple[ListAnswer, ...]], Findings | Awaitable[Findings]]
"""Weighs the answers in its own way and ends with `ListVerdict.reached`."""


class ListVerdict(msgspec.Struct, frozen=True):
    """How one check tells what lists say: under its name, with its reason to refuse."""

    check: str
    reason: Reason
    lists: DnsLists

    def heard(self, subjects: Subjects, judge: Judge) -> Answer:
        """What lists say of the subjects, judged; waits only when the network has to be asked."""
        known = self.lists.known(subjects)
        if known is None:
            return self._asked(subjects, judge)
        return judge(known) if known else self._nowhere()

    async def _asked(self, subjects: Subjects, judge: Judge) -> Finding | Findings:
        answers = await self.lists.ask(subjects)
        if not answers:
            return self._nowhere()
        found = judge(answers)
        return found if isinstance(found, tuple) else await found

    def _nowhere(self) -> Finding:
        return Finding(self.check, Result.NONE, detail="listed nowhere")

    def evidence(self, answer: ListAnswer, *, counts: bool = True) -> Observation:
        """What one list says of one name; without weight where another name speaks for the message."""
        return Observation(self._said(answer, counts=counts), answer.duration_us)

    def _said(self, answer: ListAnswer, *, counts: bool) -> Finding:
        if answer.failed:
            return Finding(self.check, Result.TEMPERROR, detail=said_by(answer))
        result = Result.PASS if answer.dns_list.kind is ListKind.ALLOW else Result.SOFTFAIL
        return Finding(self.check, result, None, said_by(answer), answer.reading.weight if counts else 0.0)

    def reached(self, evidence: Findings, weighed: Weighed) -> Findings | Awaitable[Findings]:
        """The evidence, and behind it what it is worth; waits only for a reason to tell the client."""
        gravest = weighed.gravest
        if gravest is None:
            return evidence
        if weighed.unheard is not None:
            return (*evidence, Observation(self._undecided(weighed, weighed.unheard), 0))
        if gravest.dns_list.reason_from_txt:
            return self._with_reason(evidence, gravest)
        return (*evidence, Observation(self._listed(gravest), 0))

    def _undecided(self, weighed: Weighed, unheard: ListAnswer) -> Finding:
        zone = unheard.dns_list.zone
        detail = f"weight {weighed.total:+g}, but {zone} could not be asked and may speak for it"
        return Finding(self.check, Result.TEMPERROR, detail=detail)

    async def _with_reason(self, evidence: Findings, gravest: ListAnswer) -> Findings:
        started_ns = perf_counter_ns()
        listed = self._listed(gravest, await self.lists.reason(gravest))
        return (*evidence, Observation(listed, (perf_counter_ns() - started_ns) // 1000))

    def _listed(self, gravest: ListAnswer, text: str = "") -> Finding:
        """In words for the client. Without weight: each listing has its own, and none may count twice."""
        name, zone = gravest.subject[:LONGEST_NAME], gravest.dns_list.zone[:LONGEST_NAME]
        return Finding(
            self.check, Result.FAIL, self.reason, f"{name} is listed in {zone}{told_reason(gravest, text)}"
        )
