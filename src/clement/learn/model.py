"""The model as everybody but the trainer sees it: a file mapped into memory, which nobody can write to.

All processes that have opened one file share its pages. What is touched of it is what messages ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clement.learn.hashing import hasher
from clement.learn.layout import HEAD_BYTES, Head, ModelError, key_id, unpacked
from clement.learn.weighing import READY_MESSAGES, Look, Weighing, Weights, bounded, strongest
from clement.policy.study import Features

__all__ = ["Model", "ModelError", "Weighing"]


class Model:
    """A model that can be asked. Made by `open`, or by the trainer out of what it has in memory."""

    __slots__ = ("_hasher", "_mask", "_weights", "head")

    def __init__(self, head: Head, weights: Weights) -> None:
        self.head = head
        self._weights = weights
        self._mask = np.uint32(head.size - 1)
        self._hasher = hasher(head.key)

    @classmethod
    def open(cls, path: Path) -> Model:
        """Map a model. Raises ModelError, or OSError as `open` does."""
        with path.open("rb") as file:
            head = unpacked(file.read(HEAD_BYTES), file.seek(0, 2))
            weights = np.asarray(np.memmap(file, "<f4", "r", HEAD_BYTES, (head.size,)))
        return cls(head, weights)

    @property
    def key(self) -> bytes:
        """Under which the features must have been hashed."""
        return self.head.key

    @property
    def key_id(self) -> str:
        """The key's name, which may be shown."""
        return key_id(self.head.key)

    @property
    def ready(self) -> bool:
        """Whether enough of both classes has been learned."""
        return min(self.head.wanted, self.head.unwanted) >= READY_MESSAGES

    def weigh(self, features: Features, extra: Sequence[str] = (), scopes: Sequence[str] = ()) -> Weighing:
        """What to think of a message, as everybody (no scopes) or as these scopes ("d:12", "m:77") see it.

        extra: names of further features, such as `of_findings` makes.
        """
        look = Look(features, extra, self._hasher)
        if not len(look.hashes):
            return Weighing(0.0, self.ready)
        weights = self._weights[look.hashes & self._mask]
        for scope in map(self._hasher.scope, scopes):
            # The places of one scope lie all over the table: to fetch them takes longer than all else here.
            if self.head.has_taught(scope):
                places = self._hasher.scoped(look.hashes, scope) & self._mask
                weights = weights + self._weights[places]
        slope = self.head.slope
        score = float(look.scores(weights).sum()) / look.present
        factor = float(look.factors[0]) / look.present * slope
        return Weighing(bounded(slope * score), self.ready, strongest(features, extra, weights, factor))
