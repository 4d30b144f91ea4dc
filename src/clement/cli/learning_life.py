"""The trainer's thread in the steward: a step every two seconds, and after a failure another try."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.db import Error

from clement.cli.learning_rounds import LearningRounds, Pupil
from clement.cli.paths import Paths
from clement.config.settings import Settings
from clement.learn.model import ModelError
from clement.learn.trainer import Trainer
from clement.store.database import disconnect
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("steward")

STEP_EVERY_S: Final = 2.0
AFTER_FAILURE_S: Final = 5.0


class Trainers:
    """Implements `School` with the real trainer."""

    def begin(self, key: bytes) -> Pupil:
        """One that knows nothing."""
        return Trainer(key)

    def load(self, path: Path) -> Pupil | None:
        """One that goes on from a saved model; None when that is of another format. Raises OSError."""
        try:
            return Trainer.load(path)
        except ModelError:
            return None


def rounds_of(settings: Settings) -> LearningRounds:
    """The rounds of this process; the store must be connected."""
    holder = f"{settings.site.node_name} {os.getpid()}"
    return LearningRounds(settings.learning, holder, Paths.of(settings).learned / "steward", Trainers())


def live(settings: Settings, stop: Callable[[], bool]) -> None:
    """Teach the model until told to stop. What fails is tried again."""
    pace = Pace()
    rounds = rounds_of(settings)
    while not stop():
        try:
            rounds.step(stop)
            pace.over(log_events.LEARNING_FAILED)
        except (Error, OSError, ValueError, MemoryError) as fault:
            if pace.due(log_events.LEARNING_FAILED):
                log.warning(log_events.LEARNING_FAILED, fault=f"{type(fault).__name__}: {fault}"[:300])
            disconnect()
            _wait(AFTER_FAILURE_S, stop)
        _wait(STEP_EVERY_S, stop)
    with suppress(Error):  # its lease ends by itself
        rounds.end()
    disconnect()


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until_s = time.monotonic() + seconds
    while not stop() and time.monotonic() < until_s:
        time.sleep(0.2)
