"""How well the filter would have done on mail whose true class is known.

The online protocol: each message is judged, and then its class is learned, in the order in which they came.
So every judgement is one of a message that was not known, with all that could be known before it. The model
begins empty and is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from clement.learn.features import extract
from clement.learn.figures import Band, Figures, bands, figures
from clement.learn.trainer import Trainer
from clement.message.attachments.examine import attachments_of
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from clement.policy.study import Features

THRESHOLD = 1.6
"""Log-odds from which on a message counts as unwanted: five to one."""
WARM_UP = 500
KEY = b"evaluation"


class Example(msgspec.Struct, frozen=True, gc=False):
    """A message whose class is known. scopes: of the one it went to."""

    features: Features
    unwanted: bool
    scopes: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """What came out. after: the figures of what followed the first `warm_up` messages."""

    threshold: float
    warm_up: int
    all: Figures
    after: Figures
    bands: tuple[Band, ...]


def features_of(octets: bytes, key: bytes = KEY) -> Features:
    """All that the filter goes by in a message, found out as it is in a session."""
    structure = walk(octets)
    return extract(octets, structure, read(octets, structure), attachments_of(octets, structure), key)


def judged(examples: Iterable[Example], trainer: Trainer) -> Iterator[float]:
    """The log-odds of each example, which is learned before the next is taken."""
    for example in examples:
        yield trainer.weigh(example.features, (), example.scopes).log_odds
        trainer.learn(example.features, (), example.scopes, unwanted=example.unwanted)


def report(log_odds: list[float], unwanted: list[bool], warm_up: int, threshold: float) -> Report:
    """The figures of a run."""
    return Report(
        threshold,
        warm_up,
        figures(log_odds, unwanted, threshold),
        figures(log_odds[warm_up:], unwanted[warm_up:], threshold),
        bands(log_odds[warm_up:], unwanted[warm_up:]),
    )
