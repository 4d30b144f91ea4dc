"""Records that cannot reach SQL, set aside in files, so that the others go on and a person can look."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from clement.telemetry import events, metrics
from clement.telemetry.log import Log, escaped
from clement.telemetry.metrics import Metrics
from clement.telemetry.pace import Pace

FILES_MAX: Final = 1000

_log = Log("recorder")


class RejectedRecord(msgspec.Struct, frozen=True):
    """A file's content, as JSON. payload: the record as it stood in the journal (MessagePack), in base64."""

    segment: str
    end: int
    reason: str
    payload: bytes


class RejectedRecords:
    """The folder of rejected records, bounded: beyond FILES_MAX they are only counted."""

    def __init__(self, directory: Path, metrics_of_process: Metrics, pace: Pace) -> None:
        self._pace = pace
        self._directory = directory
        self._metrics = metrics_of_process

    def set_aside(self, segment: str, end: int, reason: str, payload: bytes) -> None:
        """Keep a record under its segment and the offset of its end; twice the same is kept once."""
        self._metrics.add(metrics.RECORDER_REJECTED)
        reason = escaped(reason)
        kept = self._keep(RejectedRecord(segment, end, reason, payload))
        if self._pace.due(f"{segment} rejected"):
            _log.error(events.RECORD_REJECTED, segment=segment, end=end, reason=reason, kept=kept)

    def _keep(self, record: RejectedRecord) -> bool:
        path = self._directory / f"{record.segment}.{record.end}.json"
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if sum(1 for _ in self._directory.iterdir()) >= FILES_MAX:
                return False
            path.write_bytes(msgspec.json.encode(record))
        except OSError:
            return False
        return True
