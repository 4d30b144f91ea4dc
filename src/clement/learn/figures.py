"""Figures by which filters are compared: what they lose, what they miss, and how well they tell apart.

1-ROCA % is the area above the curve of receiver operating characteristics in per cent, exactly: the share of
pairs of a wanted and an unwanted message in which the wanted one has the higher score; ties count half.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Classes = NDArray[np.bool_]

PROBABILITY_EDGES = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)


class Band(msgspec.Struct, frozen=True):
    """Messages that the filter gave about the same probability of being unwanted.

    said: that probability, on average. unwanted: what part of them was.
    """

    low: float
    high: float
    messages: int
    said: float
    unwanted: float


class Figures(msgspec.Struct, frozen=True):
    """Of a run. Shares are in per cent; None where there is nothing to divide by.

    lost: wanted messages at or above the threshold. missed: unwanted messages below it. missed_at_…: unwanted
    messages missed when so much of the wanted mail may be lost.
    """

    messages: int
    ham: int
    spam: int
    ham_lost: int
    spam_missed: int
    ham_lost_percent: float | None
    spam_missed_percent: float | None
    roca_percent: float | None
    missed_at_01_percent: float | None
    missed_at_1_percent: float | None


def figures(log_odds: Sequence[float], unwanted: Sequence[bool], threshold: float) -> Figures:
    """The figures of messages with these scores and true classes."""
    scores: Values = np.asarray(log_odds, np.float64)
    classes: Classes = np.asarray(unwanted, np.bool_)
    wanted_scores, unwanted_scores = np.sort(scores[~classes]), scores[classes]
    ham, spam = len(wanted_scores), len(unwanted_scores)
    lost = int(np.count_nonzero(wanted_scores >= threshold))
    missed = int(np.count_nonzero(unwanted_scores < threshold))
    return Figures(
        messages=len(scores),
        ham=ham,
        spam=spam,
        ham_lost=lost,
        spam_missed=missed,
        ham_lost_percent=100 * lost / ham if ham else None,
        spam_missed_percent=100 * missed / spam if spam else None,
        roca_percent=_roca_percent(wanted_scores, unwanted_scores),
        missed_at_01_percent=_missed_percent(wanted_scores, unwanted_scores, 0.001),
        missed_at_1_percent=_missed_percent(wanted_scores, unwanted_scores, 0.01),
    )


def bands(log_odds: Sequence[float], unwanted: Sequence[bool]) -> tuple[Band, ...]:
    """How far the probabilities can be believed."""
    said: Values = 1 / (1 + np.exp(-np.asarray(log_odds, np.float64)))
    classes: Classes = np.asarray(unwanted, np.bool_)
    found = []
    for low, high in pairwise(PROBABILITY_EDGES):
        inside = (said > low) & (said <= high)
        messages = int(np.count_nonzero(inside))
        if messages:
            found.append(Band(low, high, messages, float(said[inside].mean()), float(classes[inside].mean())))
    return tuple(found)


def _roca_percent(wanted: Values, unwanted: Values) -> float | None:
    if not len(wanted) or not len(unwanted):
        return None
    below = np.searchsorted(wanted, unwanted, "left").sum()
    not_above = np.searchsorted(wanted, unwanted, "right").sum()
    pairs = len(wanted) * len(unwanted)
    return 100 * (1 - (int(below) + int(not_above)) / 2 / pairs)


def _missed_percent(wanted: Values, unwanted: Values, lost: float) -> float | None:
    """Of unwanted messages, when `lost` of the wanted ones may score higher than what is let through."""
    if not len(wanted) or not len(unwanted):
        return None
    highest_kept = wanted[len(wanted) - 1 - int(lost * len(wanted))]
    return 100 * float(np.mean(unwanted <= highest_kept))
