"""How much of what was found speaks against the mail: the doubtful band, where greylisting is worth a delay.

Pure, and knows no check: only names, results and weights of findings, so that it works with whatever checks
a plan has. A `temperror` weighs nothing: nobody is delayed because the DNS failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clement.policy.finding import Finding, Result

DOUBTFUL: Final = 0.5
"""Log-odds from which on mail is in doubt: one weak sign that nothing good outweighs."""

WEAK: Final = 1.0
"""What a check is worth that speaks against the mail and gives no weight."""

_ADVERSE: Final = frozenset({Result.FAIL, Result.SOFTFAIL})


def doubt(findings: Iterable[Finding]) -> float:
    """Log-odds for unwanted mail in all of these findings together; good signs count below zero."""
    total, weighed, adverse = 0.0, set(), set()
    for finding in findings:
        if finding.result is Result.TEMPERROR:
            continue
        if finding.weight:
            total += finding.weight
            weighed.add(finding.check)
        elif finding.reason is not None or finding.result in _ADVERSE:
            adverse.add(finding.check)
    # A check that weighs its findings one by one may sum them up in one more, which is not counted twice.
    return total + WEAK * len(adverse - weighed)


def in_doubt(findings: Iterable[Finding]) -> bool:
    """Whether there is a sign against the mail that the good ones do not outweigh."""
    return doubt(findings) >= DOUBTFUL
