"""The trainer: the one writer of a model. docs/learning.md says what it does and why.

Everybody's weights are learned by logistic regression on the stream, each expert by its own error, each
weight at a pace of its own: the more it has been corrected, the slower (AdaGrad; Duchi, Hazan & Singer
2011). The weights of a person are moved at once so far that his verdict follows his word.

The same acts in the same order under the same key give the same octets.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from clement.learn.calibration import CELLS, PRIOR_SLOPE, Calibration
from clement.learn.hashing import Hashes, hasher
from clement.learn.influence import Influence, Spending
from clement.learn.layout import (
    FORMAT,
    HEAD_BYTES,
    MARKS_BYTES,
    Head,
    ModelError,
    mark,
    packed,
    unpacked,
    write_durably,
)
from clement.learn.model import Model
from clement.learn.rehearsal import Kept, Rehearsal
from clement.learn.weighing import Look, Scores, Weighing, Weights
from clement.policy.study import Features

BITS = 22
RATE = 0.8
"""Of the first step of a weight; a step is at most this."""
NEGLIGIBLE = 1e-8
"""Curvature below which a weight counts as never corrected."""
BALANCE = 3.0
"""Of how much more frequent one class may be before its messages count for less."""
LEAST = 0.1
"""What a message of the more frequent class counts for at least."""
FADE_MESSAGES = 3000.0
"""Messages with a feature after which its weight, if nothing confirms it, is down to a third."""

OTHERS = 0.05
"""What a person's act counts for in everybody's weights, within his budget."""
NEIGHBOURS = 0.1
"""What a person's act counts for in his domain's weights, within his budget."""
CONVINCED = 4.0
"""Log-odds that his verdict on a message must have after his word."""
MAX_CORRECTION = 40.0
COMMON = 3e-4
"""Curvature at which a feature counts as common: a person's correction moves it less than a rare one."""
_CALIBRATE_EVERY = 25


class Memory(msgspec.Struct, frozen=True):
    """What only the trainer remembers."""

    counts: list[list[float]]
    taught: list[float]
    total: float
    recent: float
    spent: dict[int, Spending]
    rehearsal: Rehearsal


class Trainer:
    """Learns. Not to be shared between threads.

    key: secret of the site, under which features are hashed. bits: 2^bits weights.
    """

    __slots__ = (
        "_acts",
        "_calibration",
        "_curvatures",
        "_hasher",
        "_influence",
        "_key",
        "_marks",
        "_mask",
        "_rehearsal",
        "_seen",
        "_slope",
        "_taught",
        "_weights",
        "bits",
    )

    def __init__(self, key: bytes, bits: int = BITS) -> None:
        self.bits = bits
        self._key = key
        self._hasher = hasher(key)
        self._mask = np.uint32((1 << bits) - 1)
        self._weights: Weights = np.zeros(1 << bits, np.float32)
        self._curvatures: Weights = np.zeros(1 << bits, np.float32)
        self._seen = [0.0, 0.0]
        self._taught = [0.0, 0.0]
        self._acts = 0
        self._slope = PRIOR_SLOPE
        self._calibration = Calibration()
        self._influence = Influence()
        self._marks = bytearray(MARKS_BYTES)
        self._rehearsal = Rehearsal()

    def learn(
        self,
        features: Features,
        extra: Sequence[str] = (),
        scopes: Sequence[str] = (),
        *,
        unwanted: bool,
        weight: float = 1.0,
    ) -> None:
        """Learn that a message is unwanted, or that it is not.

        scopes: who says so, the wider first ("d:12", "m:77"); none: the site itself, or evidence that
        needs no person. weight: 0 … 1, how sure that is.
        """
        look = Look(features, extra, self._hasher)
        if not len(look.hashes):
            return
        self._acts += 1
        weight = min(1.0, max(0.0, weight))
        self._seen[int(unwanted)] += weight
        places = look.hashes & self._mask
        weights = self._weights[places]
        of_scopes = [self._hasher.scope(scope) for scope in scopes]
        for scope in of_scopes:
            mark(self._marks, scope)
        scoped = [self._hasher.scoped(look.hashes, scope) & self._mask for scope in of_scopes]
        together = weights
        for others in scoped:
            together = together + self._weights[others]
        scores = look.scores(together)
        reach = self._reach(scopes, weight)
        if not scopes:  # a person tells of mistakes only, and the score of those proves nothing
            self._count(float(scores.sum()) / look.present, unwanted=unwanted, weight=weight)
        self._step(look, places, scores, unwanted=unwanted, weight=self._balanced(reach, unwanted=unwanted))
        self._rehearse(Kept(features.hashes, tuple(extra), reach), unwanted=unwanted)
        for number, others in enumerate(reversed(scoped)):
            share = weight if number == 0 else NEIGHBOURS * reach / OTHERS
            self._persuade(look, places, others, scores, unwanted=unwanted, share=share)

    def weigh(self, features: Features, extra: Sequence[str] = (), scopes: Sequence[str] = ()) -> Weighing:
        """What the model as it is now thinks of a message."""
        return self.model().weigh(features, extra, scopes)

    def model(self) -> Model:
        """The model as it is now. It changes with what is learned."""
        return Model(self._head(), self._weights)

    def save(self, path: Path) -> None:
        """Put the model into a file, in place of the one that is there. Raises OSError."""
        influence = self._influence
        memory = Memory(
            self._calibration.counts.tolist(),
            self._taught,
            influence.total,
            influence.recent,
            influence.spent,
            self._rehearsal,
        )
        chunks: list[bytes | memoryview] = [
            packed(self._head()),
            self._weights.data,
            self._curvatures.data,
            msgspec.msgpack.encode(memory),
        ]
        write_durably(path, chunks)

    @classmethod
    def load(cls, path: Path) -> Trainer:
        """Go on where another trainer stopped. Raises ModelError, or OSError as `open` does."""
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
            head = unpacked(octets[:HEAD_BYTES], len(octets))
            trainer = cls(head.key, head.bits)
            try:
                memory = msgspec.msgpack.decode(octets[head.memory_offset :], type=Memory)
                counts = np.array(memory.counts, np.float64).reshape(2, CELLS)
            except (msgspec.DecodeError, ValueError) as error:
                raise ModelError(f"the trainer's memory cannot be read: {error}") from None
            trainer._weights[:] = np.frombuffer(octets[HEAD_BYTES : head.curvature_offset], "<f4")
            trainer._curvatures[:] = np.frombuffer(octets[head.curvature_offset : head.memory_offset], "<f4")
        trainer._acts, trainer._slope = head.acts, head.slope
        trainer._seen = [head.wanted, head.unwanted]
        trainer._taught = list(memory.taught)
        trainer._calibration = Calibration(counts)
        trainer._influence = Influence(memory.total, memory.recent, memory.spent)
        trainer._marks = bytearray(head.marks)
        trainer._rehearsal = memory.rehearsal
        return trainer

    def _head(self) -> Head:
        return Head(
            FORMAT,
            self.bits,
            self._key,
            self._seen[0],
            self._seen[1],
            self._acts,
            self._slope,
            bytes(self._marks),
        )

    def _reach(self, scopes: Sequence[str], weight: float) -> float:
        """What an act counts for in everybody's weights."""
        if not scopes:
            self._influence.spend(None, weight)
            return weight
        scope = self._hasher.scope(scopes[-1])
        reach = OTHERS * weight * self._influence.left(scope)
        self._influence.spend(scope, reach)
        return reach

    def _balanced(self, weight: float, *, unwanted: bool) -> float:
        """What a lesson counts for, now that its class is so much more frequent than the other."""
        self._taught[unwanted] += weight
        rarer = BALANCE * (self._taught[not unwanted] + 1) / (self._taught[unwanted] + 1)
        return weight * min(1.0, max(LEAST, rarer))

    def _rehearse(self, lesson: Kept, *, unwanted: bool) -> None:
        """Keep a lesson, and learn one of the other class again when that has not come for long."""
        self._rehearsal.take(lesson, unwanted=unwanted)
        again = self._rehearsal.again(unwanted=unwanted)
        if again is None:
            return
        look = Look(Features(again.hashes), again.extra, self._hasher)
        places = look.hashes & self._mask
        scores = look.scores(self._weights[places])
        self._step(look, places, scores, unwanted=not unwanted, weight=min(again.weight, lesson.weight))

    def _count(self, score: float, *, unwanted: bool, weight: float) -> None:
        self._calibration.see(score, unwanted=unwanted, weight=weight)
        if self._acts % _CALIBRATE_EVERY == 0:
            self._slope = self._calibration.slope()

    def _step(self, look: Look, places: Hashes, scores: Scores, *, unwanted: bool, weight: float) -> None:
        """One step of everybody's weights, each expert by its own error."""
        if not weight:
            return
        errors = float(unwanted) - 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        slopes = (errors * look.factors).astype(np.float32)[look.experts]
        squares = slopes * slopes
        curvatures = self._curvatures[places]
        root = np.sqrt(curvatures + squares + np.float32(NEGLIGIBLE))
        self._curvatures[places] = curvatures + np.float32(weight) * squares
        kept = self._weights[places] * np.float32(1 - weight / FADE_MESSAGES)
        self._weights[places] = kept + np.float32(RATE * weight) * slopes / root

    def _persuade(
        self,
        look: Look,
        places: Hashes,
        own: Hashes,
        scores: Scores,
        *,
        unwanted: bool,
        share: float,
    ) -> None:
        """Move the weights of one scope so far that its verdict on this message is what it was told."""
        side = 1.0 if unwanted else -1.0
        lacking = side * CONVINCED / self._slope - float(scores.sum()) / look.present
        if side * lacking <= 0 or share <= 0:
            return
        lacking = side * min(side * lacking, MAX_CORRECTION) * share
        ease = 1 / np.sqrt(self._curvatures[places] + np.float32(COMMON))
        factors = look.factors.astype(np.float32)[look.experts]
        sums = np.bincount(look.experts, ease * factors * factors, len(look.factors))
        by_expert = (lacking / np.maximum(sums, 1e-12)).astype(np.float32)
        self._weights[own] += by_expert[look.experts] * ease * factors
