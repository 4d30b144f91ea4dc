"""The steward's part in learning: what was taught goes into the model, what was taken back comes out.

Every round begins with the newest version and ends with another, which is published together with the lessons
that it took in. Nothing that could not be lost is kept between two rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from clement.config.learning import LearningSettings
from clement.policy.study import Features
from clement.store.learning import ledger, site, snapshots
from clement.store.learning_records import SnapshotRow, StoredLesson
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("steward")

DAY_S: Final = 86_400.0
FORGET_EVERY_S: Final = 3600.0
ROUND_S: Final = 20.0
"""So long lessons are learned before they are published, while more are there."""
IDLE_S: Final = 600.0
"""After so long without a lesson the model's memory is given back."""
PUBLISHING_SHARE: Final = 20
REBUILDING_SHARE: Final = 10
"""What takes long is done less often: this many times as long lies between two."""


class Pupil(Protocol):
    """What learns (`clement.learn.trainer.Trainer`).

    The same lessons in the same order give the same file.
    """

    def learn(
        self,
        features: Features,
        extra: Sequence[str],
        scopes: Sequence[str],
        *,
        unwanted: bool,
        weight: float = 1.0,
    ) -> None:
        """Take one lesson in."""

    def save(self, path: Path) -> None:
        """Write the model, whole or not at all. Raises OSError."""


class School(Protocol):
    """Where pupils come from."""

    def begin(self, key: bytes) -> Pupil:
        """One that knows nothing."""

    def load(self, path: Path) -> Pupil | None:
        """One that goes on from a saved model; None when that is of another format. Raises OSError."""


class LearningRounds:
    """Works for one site. holder: tells this steward from others. folder: for files that only it reads."""

    def __init__(
        self,
        settings: LearningSettings,
        holder: str,
        folder: Path,
        school: School,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._holder = holder
        self._path = folder / "model"
        self._school = school
        self._now = now
        self._monotonic = monotonic
        self._pupil: Pupil | None = None
        self._base = -1
        self._next_publish_s = self._next_rebuild_s = self._next_forget_s = float("-inf")
        self._used_s = 0.0
        self._mixes_import = False
        """Imports were learned in the order of their folders, and are to be learned again in another."""

    def step(self, stop: Callable[[], bool] = lambda: False) -> SnapshotRow | None:
        """Do what is due; the version that was published, if one was.

        Raises OSError, ValueError, SnapshotDamaged, django.db.Error; then the next step begins afresh.
        """
        try:
            return self._step(stop)
        except snapshots.Superseded:
            self._pupil = None
            return None
        except BaseException:
            self._pupil = None  # it may know what was not published
            raise

    def end(self) -> None:
        """Let another steward go on at once. Raises django.db.Error."""
        site.give_up(self._holder)

    def _step(self, stop: Callable[[], bool]) -> SnapshotRow | None:
        now_s = self._monotonic()
        self._forget_when_due(now_s, stop)
        if self._pupil is not None and now_s - self._used_s > IDLE_S:
            self._pupil = None
        if now_s >= self._next_rebuild_s and (undone := self._to_rebuild()) is not None:
            return self._rebuild(undone, stop) if self._leads() else None
        if now_s >= self._next_publish_s and ledger.has_pending():
            return self._learn(stop) if self._leads() else None
        return None

    def _leads(self) -> bool:
        return site.lease(self._holder, self._now())

    def _forget_when_due(self, now_s: float, stop: Callable[[], bool]) -> None:
        if now_s < self._next_forget_s or not self._leads():
            return
        self._next_forget_s = now_s + FORGET_EVERY_S
        settings = self._settings
        ledger.forget(self._now(), keep_days=settings.ledger_days, keep_acts=settings.ledger_acts, stop=stop)

    def _to_rebuild(self) -> list[int] | None:
        """Lessons that have to come out; [] when only what the ledger has forgotten has to; None: nothing."""
        undone = ledger.undoing()
        if undone or (self._mixes_import and not ledger.has_pending()):
            return undone
        _version, forgotten, rebuilt_at_s = site.standing()
        return [] if forgotten and self._now() - rebuilt_at_s > DAY_S else None

    # --- Learning and unlearning ------------------------------------------------------------------------

    def _learn(self, stop: Callable[[], bool]) -> SnapshotRow | None:
        """Go on from the newest version."""
        began_s = self._monotonic()
        base = site.standing()[0]
        pupil = self._at(base)
        if pupil is None:
            return self._rebuild((), stop)
        learned = self._learn_pending(pupil, began_s + ROUND_S, stop)
        if not learned:
            return None
        saved_s = self._monotonic()
        published = self._publish(pupil, base, learned)
        self._next_publish_s = self._pause(saved_s, PUBLISHING_SHARE)
        return published

    def _rebuild(self, undone: Sequence[int], stop: Callable[[], bool]) -> SnapshotRow | None:
        """Learn again, from nothing and in the same order, all that is left."""
        began_s = self._monotonic()
        base = site.standing()[0]
        self._pupil = None
        pupil = self._school.begin(site.site_key())
        for number, lesson in enumerate(ledger.learned()):
            self._give(pupil, lesson)
            if not number % ledger.PAGE_ROWS and (stop() or not self._leads()):
                return None
        self._mixes_import = False
        learned = self._learn_pending(pupil, self._monotonic() + ROUND_S, stop)
        published = self._publish(pupil, base, learned, undone=undone, rebuilt=True)
        self._pupil, self._base = pupil, published.version
        self._next_publish_s = self._next_rebuild_s = self._pause(began_s, REBUILDING_SHARE)
        return published

    def _learn_pending(self, pupil: Pupil, until_s: float, stop: Callable[[], bool]) -> list[int]:
        learned: list[int] = []
        while not stop() and self._monotonic() < until_s:
            page = ledger.pending(learned[-1] if learned else 0)
            for lesson in page:
                self._give(pupil, lesson)
                learned.append(lesson.act_id)
            if len(page) < ledger.PAGE_ROWS or not self._leads():
                break
        return learned

    def _give(self, pupil: Pupil, lesson: StoredLesson) -> None:
        self._mixes_import |= lesson.imported
        if lesson.features:
            pupil.learn(
                Features(lesson.features),
                lesson.extra,
                lesson.scopes,
                unwanted=lesson.unwanted,
                weight=lesson.weight,
            )

    def _at(self, version: int) -> Pupil | None:
        """A pupil that knows this version; None when it is of another format, which the ledger outlives."""
        if self._pupil is None or self._base != version:
            self._pupil = None
            newest = snapshots.newest()
            if newest is None:
                self._pupil = self._school.begin(site.site_key())
            else:
                snapshots.fetch(newest.version, newest.sha256, self._path)
                self._pupil = self._school.load(self._path)
            self._base = version
        return self._pupil

    def _publish(
        self,
        pupil: Pupil,
        base: int,
        learned: Sequence[int],
        *,
        undone: Sequence[int] = (),
        rebuilt: bool = False,
    ) -> SnapshotRow:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        pupil.save(self._path)
        try:
            published = snapshots.publish(
                self._path, base, self._now(), learned=learned, undone=undone, rebuilt=rebuilt
            )
        finally:
            with suppress(OSError):
                self._path.unlink()
        self._base, self._used_s = published.version, self._monotonic()
        log.info(
            log_events.LEARNED,
            version=published.version,
            lessons=len(learned),
            undone=len(undone),
            in_model=published.acts,
        )
        return published

    def _pause(self, began_s: float, share: int) -> float:
        """When the like may be done again, so that it is never all that is done."""
        ended_s = self._monotonic()
        return max(began_s + self._settings.publish_s, ended_s + share * (ended_s - began_s))
