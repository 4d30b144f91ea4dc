"""What a client's manners say before its mail does: findings about how a session is held.

The session sees these signs and no check could: they are about when octets came, and
how often something happened. Most are evidence only, with a weight; early talking and
pipelining out of turn may be reasons, if the site wants it.
"""

from __future__ import annotations

from typing import Final

from clement.policy.finding import Finding, Observation, Result
from clement.policy.reason import Reason

EARLY_TALKER: Final = "early-talker"
PIPELINING: Final = "pipelining"
AFTER_REFUSAL: Final = "after-refusal"
ERRORS: Final = "errors"
DICTIONARY: Final = "dictionary"
RATE: Final = "rate"

# Log-odds for unwanted mail: hardly any mail server does the first, some broken ones do the others.
_WEIGHTS: Final = {
    EARLY_TALKER: 3.0,
    PIPELINING: 1.5,
    AFTER_REFUSAL: 1.0,
    ERRORS: 1.0,
    DICTIONARY: 3.0,
    RATE: 0.5,
}


def sign(check: str, detail: str, reason: Reason | None = None) -> Observation:
    """One sign, seen just now. reason: what it would be refused for; None when it is only evidence."""
    return Observation(Finding(check, Result.FAIL, reason, detail, _WEIGHTS[check]), 0)


def early_talker(*, refused: bool) -> Observation:
    """The client spoke before it was greeted (RFC 5321 §3.1, §4.3.1)."""
    return sign(EARLY_TALKER, "before the greeting", Reason.EARLY_TALKER if refused else None)


def pipelining(verb: str, *, refused: bool) -> Observation:
    """The client went on behind a command whose answer it had to wait for (RFC 2920 §3.1)."""
    return sign(PIPELINING, f"after {verb}", Reason.PIPELINING if refused else None)
