"""The verdict for one recipient, as it can be carried out here."""

from __future__ import annotations

from collections.abc import Sequence

from clement.policy.decide import decide, without_holding
from clement.policy.directive import Directive
from clement.policy.directory import GroupPolicy
from clement.policy.finding import Finding
from clement.policy.verdict import Quarantine, Verdict
from clement.server.services import Services


def decided(
    services: Services, findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> Verdict:
    """What `decide` says; where nothing can be held, what that amounts to."""
    verdict = decide(findings, directive, policy)
    if isinstance(verdict, Quarantine) and services.holder is None:
        return without_holding(verdict)
    return verdict
