"""ClamAV as it is configured: the scanner of one process, and the watch over all clamds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from msgspec.structs import replace

from clement.cli.scanner_watch import ScannerReporter
from clement.config.endpoint import Endpoint, UnixEndpoint
from clement.config.settings import Settings
from clement.net.clamd import ClamdScanner
from clement.net.clamd_health import ClamdHealth
from clement.net.clamd_settings import SCANS_A_CORE, ClamdAddress, ClamdSettings
from clement.telemetry.pace import Pace


def scanner_for(settings: Settings, receivers: int, long_scans: Path | None = None) -> ClamdScanner | None:
    """ClamAV, unless it is turned off. The bound on scans at once is shared evenly by the receivers.

    long_scans: the folder in which they agree who may have a long content scanned. That takes a core for a
    second or more; half of the cores are left to all else.
    """
    if not settings.scanner.enabled:
        return None
    chosen = clamd_settings(settings, receivers)
    if long_scans is not None:
        places = range(max(1, (os.cpu_count() or 1) // 2))
        chosen = replace(chosen, long_places=tuple(long_scans / str(number) for number in places))
    return ClamdScanner(chosen, ScannerReporter(Pace()))


def clamd_settings(settings: Settings, receivers: int) -> ClamdSettings:
    """How one receiver uses the clamds."""
    scanner = settings.scanner
    scans = scanner.scans_at_once or SCANS_A_CORE * (os.cpu_count() or 1)
    return ClamdSettings(
        addresses=tuple(_clamd_address(each) for each in scanner.addresses),
        hold_bytes=scanner.hold_bytes,
        scans_at_once=max(1, scans // receivers),
        scans_waiting=scanner.waiting,
        wait_s=scanner.wait_timeout_s,
        stall_s=scanner.connect_timeout_s,
        timeout_base_s=scanner.timeout_s,
        timeout_per_mib_s=scanner.timeout_per_mebibyte_s,
        timeout_cap_s=settings.limits.data_done_timeout_s,
    )


def scanner_watch(settings: Settings, receivers: int) -> Callable[[], Coroutine[None, None, None]]:
    """Looks at the clamds every minute and reports what changed; one receiver does so for all."""
    return ClamdHealth(clamd_settings(settings, receivers), ScannerReporter(Pace()), time.time).watch


def _clamd_address(endpoint: Endpoint) -> ClamdAddress:
    if isinstance(endpoint, UnixEndpoint):
        return ClamdAddress(path=str(endpoint.path))
    return ClamdAddress.parse(str(endpoint))
