"""When the steward looks after held mail: every few seconds, minutes and hours, each for its own part."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from clement.cli.held_parts import held_store, held_usage, object_store
from clement.cli.paths import Paths
from clement.config.settings import Settings
from clement.spool.failure import StorageFailure
from clement.spool.filesystem import OsFileSystem
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

if TYPE_CHECKING:
    from clement.cli.held_rounds import HeldRounds

log = Log("steward")

MARK_EVERY_S: Final = 3.0
EXPIRE_EVERY_S: Final = 60.0
SWEEP_EVERY_S: Final = 3600.0


class HeldTending:
    """Held mail in the steward's life. What fails is tried again in the next round."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._pace = Pace()
        self._rounds: HeldRounds | None = None
        self._next_mark_s = self._next_expiry_s = self._next_sweep_s = float("-inf")

    def look(self, stop: Callable[[], bool]) -> None:
        """Do what is due."""
        if not self._settings.held.enabled or self._monotonic() < self._next_mark_s:
            return
        from django.db import Error

        try:
            self._look(stop)
        except (Error, OSError, StorageFailure) as fault:
            if self._pace.due(log_events.HELD_FAILED):
                log.warning(log_events.HELD_FAILED, why=str(fault)[:300])

    def _look(self, stop: Callable[[], bool]) -> None:
        now_s = self._monotonic()
        rounds = self._rounds = self._rounds or rounds_of(
            self._settings, Metrics.open(Paths.of(self._settings).metrics, "steward-held")
        )
        self._next_mark_s = now_s + MARK_EVERY_S
        rounds.mark_kept()
        if now_s >= self._next_sweep_s:
            self._next_sweep_s = now_s + SWEEP_EVERY_S
            rounds.index_all(stop)
            rounds.sweep(stop)
        if now_s >= self._next_expiry_s:
            self._next_expiry_s = now_s + EXPIRE_EVERY_S
            rounds.index_recent(stop)
            rounds.expire(stop)


def rounds_of(settings: Settings, counters: Metrics) -> HeldRounds:
    """The rounds of this node; the store must be connected."""
    from clement.cli.held_rounds import HeldRounds
    from clement.queue.offsite import remover
    from clement.store.held_expiry import SqlHeldIndex

    objects = object_store(settings.object_store)
    return HeldRounds(
        held_store(settings, OsFileSystem()),
        held_usage(settings),
        SqlHeldIndex(settings.site.node_name),
        counters,
        remove_elsewhere=remover(objects) if objects is not None else None,
    )
