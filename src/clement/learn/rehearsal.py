"""What keeps one-sided teaching from drowning what was learned before: old lessons are learned again.

Whoever imports a folder of spam and then one of other mail, or tells of spam for weeks and of nothing else,
teaches one class alone. Each step then moves the features that all mail shares towards that class, until
everything belongs to it. So the last lessons of each class are kept, and while one class comes more often
than the other, one of the other is learned again between (experience replay; Lin 1992).

No chance is involved: the same lessons in the same order rehearse the same.
"""

from __future__ import annotations

from typing import Final

import msgspec

KEPT: Final = 400
"""Lessons of each class."""
KEPT_BYTES: Final = 12_000
"""Of one lesson; a longer one is not kept."""
ONE_SIDED: Final = 1.0
"""How much more often one class must come lately than the other before the other is rehearsed."""
LATELY: Final = 1 / 50
"""What is forgotten of how often each class has come, with each lesson."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One lesson: what it went by, and what it counted for."""

    hashes: bytes
    extra: tuple[str, ...]
    weight: float


class Rehearsal(msgspec.Struct):
    """Which lessons are kept, and how one-sided the last ones were.

    kept: by class, wanted first. places: where the next lesson of each class goes. cursors: which one of each
    class is rehearsed next. lately: how often each class has come, the older the less.
    """

    kept: list[list[Kept]] = msgspec.field(default_factory=lambda: [[], []])
    places: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    cursors: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    lately: list[float] = msgspec.field(default_factory=lambda: [0.0, 0.0])

    def take(self, lesson: Kept, *, unwanted: bool) -> None:
        """Take note of a lesson that was just taught, and keep it."""
        self._came(unwanted=unwanted, weight=lesson.weight)
        if len(lesson.hashes) > KEPT_BYTES or lesson.weight <= 0:
            return
        kept = self.kept[unwanted]
        if len(kept) < KEPT:
            kept.append(lesson)
        else:
            kept[self.places[unwanted]] = lesson
        self.places[unwanted] = (self.places[unwanted] + 1) % KEPT

    def again(self, *, unwanted: bool) -> Kept | None:
        """A lesson of the other class to be learned again after one of this class; None: there is no need."""
        kept = self.kept[not unwanted]
        if not kept or self.lately[unwanted] <= ONE_SIDED * (self.lately[not unwanted] + 1):
            return None
        cursor = self.cursors[not unwanted] % len(kept)
        self.cursors[not unwanted] = cursor + 1
        lesson = kept[cursor]
        self._came(unwanted=not unwanted, weight=lesson.weight)
        return lesson

    def _came(self, *, unwanted: bool, weight: float) -> None:
        self.lately = [each * (1 - LATELY) for each in self.lately]
        self.lately[unwanted] += weight
