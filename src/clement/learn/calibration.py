"""From what the experts think to a probability that can be believed.

An expert's score is a log-odds already, as logistic regression makes it, but a filter that learns from every
message is surer of the next one than it should be. So scores of messages that were not yet learned are
counted by class, in a histogram that forgets slowly, and one factor is fitted to it, so that of the messages
with a probability of nine in ten nine in ten are unwanted (Platt 1999, without the offset: zero is where
neither side is likelier, and moving it would make scores of different weeks incomparable). Few scores move
the factor little from where it begins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

EDGE = 32.0
"""Scores beyond are counted with those at the edge."""
CELLS = 128
MEMORY_ACTS = 20_000.0
"""Scores that the histogram holds at most, in effect: older ones fade."""

PRIOR_SLOPE = 0.7
PRIOR_WEIGHT = 200.0
"""As if so many scores had spoken for the prior."""
MIN_SLOPE, MAX_SLOPE = 0.2, 1.5
_STEPS = 12
_CENTRES: Counts = np.linspace(-EDGE, EDGE, CELLS, endpoint=False) + EDGE / CELLS


def cell_of(score: float) -> int:
    """Where a score is counted."""
    return min(CELLS - 1, max(0, int((score + EDGE) * (CELLS / (2 * EDGE)))))


class Calibration:
    """The histogram. counts: [wanted, unwanted] by cell."""

    __slots__ = ("counts",)

    def __init__(self, counts: Counts | None = None) -> None:
        self.counts: Counts = np.zeros((2, CELLS)) if counts is None else counts

    def see(self, score: float, *, unwanted: bool, weight: float) -> None:
        """Count the score of a message that had not been learned."""
        self.counts *= 1 - weight / MEMORY_ACTS
        self.counts[int(unwanted), cell_of(score)] += weight

    def slope(self) -> float:
        """The slope that fits what has been counted: some steps of Newton's method, damped by the prior."""
        wanted, unwanted = self.counts
        slope = PRIOR_SLOPE
        for _ in range(_STEPS):
            guess = 1 / (1 + np.exp(-slope * _CENTRES))
            error = (wanted + unwanted) * guess - unwanted
            by_slope = (error * _CENTRES).sum() + PRIOR_WEIGHT * (slope - PRIOR_SLOPE)
            curve = ((wanted + unwanted) * guess * (1 - guess) * _CENTRES**2).sum() + PRIOR_WEIGHT
            slope = float(np.clip(slope - by_slope / curve, MIN_SLOPE, MAX_SLOPE))
        return slope
