"""What the virus scanner's adapter reports, in the words of the process log."""

from __future__ import annotations

from clement.net.clamd_events import (
    ClamdAnswers,
    ClamdEvent,
    ClamdFailed,
    DatabaseChanged,
    DatabaseOld,
    LimitsNotReported,
)
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("scanner")


class ScannerReporter:
    """Tells of each event; of a clamd that keeps failing only now and then, or it would fill the log."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def __call__(self, event: ClamdEvent) -> None:
        """Report one event."""
        address = str(event.address)
        if isinstance(event, ClamdFailed):
            if self._pace.due(address):
                log.warning(log_events.SCANNER_FAILED, address=address, why=event.why)
        elif isinstance(event, ClamdAnswers | DatabaseChanged):
            log.info(log_events.SCANNER_ANSWERS, address=address, version=event.version)
        elif isinstance(event, DatabaseOld):
            log.warning(log_events.SCANNER_DATABASE_OLD, address=address, age_days=round(event.age_days, 1))
        elif isinstance(event, LimitsNotReported):
            log.warning(log_events.SCANNER_LIMITS_SILENT, address=address)
