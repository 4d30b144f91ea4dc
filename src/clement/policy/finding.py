"""Findings: evidence, kept, shown and replayed. A finding reports; `decide` alone says what it is worth."""

from __future__ import annotations

import msgspec

from clement.message.authentication.result import Result
from clement.policy.reason import Reason

__all__ = ["Finding", "Observation", "Result"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What one check found.

    reason: what it would be refused or deferred for; None when it speaks for nothing of the kind.
    detail: facts for the log and, where the rule says so, for the reply; bounded, printable.
    weight: log-odds for unwanted mail, 0 when it says nothing either way.
    """

    check: str
    result: Result
    reason: Reason | None = None
    detail: str = ""
    weight: float = 0.0


class Observation(msgspec.Struct, frozen=True, gc=False):
    """A finding and how long its check took."""

    finding: Finding
    duration_us: int
