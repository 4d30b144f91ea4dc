"""How far the recorder is behind, published as metrics, and said aloud when it is too far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from clement.journal.segments import Segment
from clement.telemetry import events, metrics
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

_log = Log("recorder")


class LagLimits(msgspec.Struct, frozen=True):
    """Beyond one of these the recorder is behind; it has caught up when it is below a quarter of both."""

    seconds: float = 30.0
    size_bytes: int = 32 << 20


class Lag:
    """The recorder's distance from the receivers.

    size_bytes: octets of the journal that are not in SQL. records: the same, estimated from their mean size.
    seconds: age of the oldest record of the batch that is about to be written.
    """

    def __init__(
        self,
        limits: LagLimits,
        metrics_of_process: Metrics,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._metrics = metrics_of_process
        self._now = now
        self._monotonic = monotonic
        self._behind_since_s: float | None = None
        self._pace = Pace(monotonic=monotonic)
        self._mean_bytes = 1000.0
        self.size_bytes = 0
        self.records = 0
        self.seconds = 0.0

    @property
    def behind(self) -> bool:
        """Whether it has been said that the recorder is behind."""
        return self._behind_since_s is not None

    def measure(
        self,
        segments: Sequence[Segment],
        positions: Mapping[str, int],
        batch_records: int,
        oldest_at_s: float,
    ) -> None:
        """Compare what is there with what is in SQL, before a batch is written.

        batch_records: how many are about to be written; oldest_at_s: Unix time of the oldest of them.
        """
        self.size_bytes = sum(max(0, each.size_bytes - positions.get(each.name, 0)) for each in segments)
        self.records = round(self.size_bytes / self._mean_bytes)
        self.seconds = max(0.0, self._now() - oldest_at_s) if batch_records else 0.0
        self._metrics.set(metrics.RECORDER_LAG_BYTES, self.size_bytes)
        self._metrics.set(metrics.RECORDER_LAG_RECORDS, self.records)
        self._metrics.set(metrics.RECORDER_LAG_SECONDS, self.seconds)
        self._say()

    def learn(self, records: int, size_bytes: int) -> None:
        """Take in the size of records that were written, for the estimate of how many wait."""
        if records:
            self._mean_bytes += (size_bytes / records - self._mean_bytes) / 8

    def _say(self) -> None:
        seconds, size_bytes = self._limits.seconds, self._limits.size_bytes
        now_s = self._monotonic()
        if self.seconds > seconds or self.size_bytes > size_bytes:
            if self._behind_since_s is None:
                self._behind_since_s = now_s
            if self._pace.due(events.RECORDER_BEHIND):
                lag_s = round(self.seconds, 1)
                _log.warning(
                    events.RECORDER_BEHIND, lag_bytes=self.size_bytes, lag_s=lag_s, lag_records=self.records
                )
        elif (
            self._behind_since_s is not None
            and self.seconds <= seconds / 4
            and self.size_bytes <= size_bytes / 4
        ):
            _log.warning(events.RECORDER_CAUGHT_UP, after_s=round(now_s - self._behind_since_s, 1))
            self._behind_since_s = None
            self._pace.over(events.RECORDER_BEHIND)
