"""The verdict for one recipient, as it can be carried out here."""

from __future__ import annotations

from collections.abc import Sequence

from clement.policy.decide import decide, without_holding
from clement.policy.directive import Directive
from clement.policy.directory import GroupPolicy, Local, Relayed, Route
from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding
from clement.policy.score import Score, scored, thresholds_for, without_quarantine, without_refusal
from clement.policy.verdict import Quarantine, Verdict
from clement.server.services import Services
from clement.smtp import Service


def decided(
    services: Services,
    findings: Sequence[Finding],
    directive: Directive | None,
    policy: GroupPolicy,
    score: Score | None = None,
) -> Verdict:
    """What `decide` says; where nothing can be held, what that amounts to."""
    verdict = decide(findings, directive, policy, score)
    if isinstance(verdict, Quarantine) and services.holder is None:
        return without_holding(verdict)
    return verdict


def score_for(
    services: Services, session: SessionFacts, route: Route, findings: Sequence[Finding]
) -> Score | None:
    """What a stranger's message weighs; None for whom we know, and for whom an administrator trusts.

    Whoever speaks LMTP would make a bounce of a refusal, so he is not refused for a score.
    """
    if not isinstance(route, Local | Relayed) or session.privileged() or session.trusted():
        return None
    thresholds = thresholds_for(services.thresholds, route)
    if session.service is Service.LMTP:
        thresholds = without_refusal(thresholds)
    if services.holder is None and thresholds.quarantine_at:
        thresholds = without_quarantine(thresholds)
    return scored(findings, thresholds)
