"""How the filter weighs a message: three experts, each a sum of weights, and the mean of what they say.

An expert's score is the sum of the weights of the message's features, divided by the square root of their
number: a long message is no surer than a short one. A scope (a domain, a mailbox) has weights of its own for
the same features, at other places of the same table; they are added to those of everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, tanh

import msgspec
import numpy as np
from numpy.typing import NDArray

from clement.learn.hashing import EXPERTS, Hasher, Hashes, experts_of
from clement.message.text import visible
from clement.policy.study import Features

Weights = NDArray[np.float32]
Scores = NDArray[np.float64]

BOUND = 8.0
"""Log-odds that a score comes near to but never exceeds: one in 3000."""
READY_MESSAGES = 50
"""Of each class that must have been learned before the filter may speak."""
STRONGEST = 8
MAX_EXTRA = 100
MAX_NAME_CHARS = 60


class Weighing(msgspec.Struct, frozen=True):
    """What the filter thinks of a message.

    log_odds: for unwanted mail, calibrated, between -BOUND and BOUND. ready: whether it has learned enough to
    be heard. strongest: the features with a name that speak loudest, and what each adds to the log-odds.
    """

    log_odds: float
    ready: bool
    strongest: tuple[tuple[str, float], ...] = ()

    @property
    def probability(self) -> float:
        """That the message is unwanted, were both kinds equally frequent."""
        return 1 / (1 + exp(-self.log_odds))


class Look:
    """The features of one message, prepared to be weighed.

    experts: the number of each feature's expert. factors: by expert, what a weight counts for in its score.
    present: how many experts have anything to go by.
    """

    __slots__ = ("experts", "factors", "hashes", "present")

    def __init__(self, features: Features, extra: Sequence[str], hasher: Hasher) -> None:
        hashes: Hashes = np.frombuffer(features.hashes[: len(features.hashes) & ~3], "<u4").astype(np.uint32)
        if extra:
            hashes = np.concatenate(
                (hashes, hasher.names([name.encode("utf-8", "replace") for name in extra[:MAX_EXTRA]]))
            )
        self.hashes = hashes
        self.experts = experts_of(hashes).astype(np.intp)
        counts = np.bincount(self.experts, minlength=EXPERTS)
        self.present = max(1, int(np.count_nonzero(counts)))
        self.factors: Scores = 1 / np.sqrt(np.maximum(counts, 1))

    def scores(self, weights: Weights) -> Scores:
        """By expert. weights: of each feature."""
        return np.bincount(self.experts, weights, EXPERTS) * self.factors


def bounded(log_odds: float) -> float:
    """Log-odds brought within BOUND without two of them becoming one."""
    return BOUND * tanh(log_odds / BOUND)


def strongest(
    features: Features, extra: Sequence[str], weights: Weights, factor: float
) -> tuple[tuple[str, float], ...]:
    """The named features that contribute most. weights: of each feature. factor: what one counts for."""
    names = features.names.split(b"\0") if features.names else []
    known = weights[: len(names)]
    if extra:
        extra = tuple(extra)[:MAX_EXTRA]
        known = np.concatenate((known, weights[len(weights) - len(extra) :]))
        names += [name.encode("utf-8", "replace") for name in extra]
    size = np.abs(known)
    if len(size) > STRONGEST:
        likely = np.flatnonzero(size >= np.partition(size, -STRONGEST)[-STRONGEST])
    else:
        likely = np.arange(len(size))
    order = likely[np.argsort(-size[likely], kind="stable")][:STRONGEST].tolist()
    return tuple(
        (visible(names[n].decode("utf-8", "replace"), MAX_NAME_CHARS), float(known[n]) * factor)
        for n in order
        if known[n]
    )
