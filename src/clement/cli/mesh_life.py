"""The mesh's thread in the steward: a step a second, and after a failure another try."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.db import Error

from clement.cli.mesh_parts import usable_key
from clement.cli.mesh_rounds import MeshRounds
from clement.config.settings import Settings
from clement.store.actions.change import ActionRefused, StoreUnavailable
from clement.store.database import disconnect
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("steward")

STEP_EVERY_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0


def live(settings: Settings, stop: Callable[[], bool]) -> None:
    """Take part in the mesh until told to stop, or not at all without a key. What fails is tried again."""
    pace = Pace()
    key = usable_key(settings.mesh)
    if key is None:
        return
    rounds = MeshRounds(settings, key)
    while not stop():
        try:
            rounds.step(stop)
        except (Error, StoreUnavailable, ActionRefused, OSError) as fault:
            if pace.due(log_events.MESH_FAILED):
                log.warning(log_events.MESH_FAILED, fault=str(fault)[:300])
            disconnect()
            _wait(AFTER_FAILURE_S, stop)
        _wait(STEP_EVERY_S, stop)
    disconnect()


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until_s = time.monotonic() + seconds
    while not stop() and time.monotonic() < until_s:
        time.sleep(0.2)
