"""What a peer's word is worth after what it has done: a score that faults lower and time restores.

Who signed answers for what was said; who handed it over answers for its form. Below `HEARD_FROM` a peer is
not heard: its assertions are kept and count nothing. So a peer that lies or floods loses its own standing,
and no other peer's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

FULL: Final = 100.0
HEARD_FROM: Final = 50.0
REGAINED_PER_DAY: Final = 2.0
DAY_S: Final = 86_400.0


class Fault(StrEnum):
    """What a peer may have done."""

    CONTRADICTED = "contradicted"
    """It bans a network whose mail our own recipients have accepted."""
    EQUIVOCATED = "equivocated"
    """It has signed two statements with one number."""
    FORGED = "forged"
    """It handed over what its origin has not signed."""
    IMPROPER = "improper"
    """It handed over what breaks the bounds that all servers keep."""
    FLOODED = "flooded"
    """It spent its quota and went on."""


COSTS: Final = {
    Fault.CONTRADICTED: 10.0,
    Fault.EQUIVOCATED: 60.0,
    Fault.FORGED: 30.0,
    Fault.IMPROPER: 10.0,
    Fault.FLOODED: 20.0,
}


class Standing(msgspec.Struct, frozen=True):
    """A score as it was at a time (Unix s)."""

    score: float = FULL
    at_s: float = 0.0

    def score_at(self, now_s: float) -> float:
        """The score by now; a clock that went back gives nothing and takes nothing."""
        days = max(0.0, now_s - self.at_s) / DAY_S
        return min(FULL, self.score + days * REGAINED_PER_DAY)

    def is_heard(self, now_s: float) -> bool:
        """Whether the peer's assertions count."""
        return self.score_at(now_s) >= HEARD_FROM

    def after(self, fault: Fault, now_s: float, *, times: int = 1) -> Standing:
        """The standing after a fault, or after the same several times."""
        return Standing(max(0.0, self.score_at(now_s) - COSTS[fault] * times), max(now_s, self.at_s))
