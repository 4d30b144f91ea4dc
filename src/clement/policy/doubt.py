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
"""What a finding is worth that speaks against the mail and whose check gives no weight."""

_ADVERSE: Final = frozenset({Result.FAIL, Result.SOFTFAIL})


def doubt(findings: Iterable[Finding]) -> float:
    """Log-odds for unwanted mail in all of these findings together; good signs count below zero."""
    return sum(map(_weight, findings))


def in_doubt(findings: Iterable[Finding]) -> bool:
    """Whether there is a sign against the mail that the good ones do not outweigh."""
    return doubt(findings) >= DOUBTFUL


def _weight(finding: Finding) -> float:
    if finding.result is Result.TEMPERROR:
        return 0.0
    if finding.weight:
        return finding.weight
    return WEAK if finding.reason is not None or finding.result in _ADVERSE else 0.0
