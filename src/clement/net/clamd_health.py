"""How the clamds are: whether they answer, which signatures they have, and whether they admit their limits.

Looked at from time to time, beside the scans; what changed is reported as an event for the log and for
alerts. Nothing here decides about a message.
Commands: clamd(8), VERSION; what limits are: clamd.conf(5), AlertExceedsMax, without which clamd calls clean
what it did not look at.
"""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import msgspec

from clement.net.clamd import ClamdScanner
from clement.net.clamd_connection import ClamdFault, connect
from clement.net.clamd_events import (
    ClamdAnswers,
    ClamdEvent,
    ClamdFailed,
    DatabaseChanged,
    DatabaseOld,
    LimitsNotReported,
)
from clement.net.clamd_reply import shown
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.policy.ports import Clean

SECONDS_A_DAY = 86_400.0
PROBE_DEPTH = 120  # archives in archives; clamd goes 17 deep unless told otherwise (MaxRecursion)

# "ClamAV 1.4.6/27437/Wed Oct 16 08:33:40 2024", in clamd's local time; only the first part without a database
_VERSION = re.compile(
    rb"(ClamAV [!-.0-~]{1,40})"
    rb"(?:/(\d{1,9})/[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4}))?\0"
)
_MONTHS = {
    name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}


class ClamdVersion(msgspec.Struct, frozen=True):
    """Engine, number of the signature database (0: no official one), and when it was built (Unix time)."""

    engine: str
    database: int = 0
    built_at_s: float | None = None

    def __str__(self) -> str:
        return f"{self.engine}, database {self.database}" if self.database else self.engine

    def age_days(self, now_s: float) -> float:
        """How old the signatures are; 0 when that is unknown."""
        return 0.0 if self.built_at_s is None else (now_s - self.built_at_s) / SECONDS_A_DAY


async def ask_version(address: ClamdAddress, timeout_s: float) -> ClamdVersion:
    """What a clamd is. Raises ClamdFault."""
    connection = await connect(address, timeout_s)
    try:
        connection.write((b"zVERSION\0",))
        octets = await connection.reply(timeout_s)
    finally:
        connection.drop()
    return read_version(octets)


def read_version(octets: bytes) -> ClamdVersion:
    """Read the reply to VERSION. Raises ClamdFault."""
    match = _VERSION.fullmatch(octets)
    if match is None:
        raise ClamdFault(f"version not understood: {shown(octets)}")
    engine = match[1].decode("ascii")
    if match[2] is None:
        return ClamdVersion(engine)
    hour, minute, second, year = (int(match[group]) for group in (5, 6, 7, 8))
    try:
        built_at = datetime(year, _MONTHS[match[3]], int(match[4]), hour, minute, second, tzinfo=UTC)
    except (KeyError, ValueError):
        raise ClamdFault(f"date not understood: {shown(octets)}") from None
    return ClamdVersion(engine, int(match[2]), built_at.timestamp())


@cache
def limits_probe() -> bytes:
    """Harmless content beyond what clamd unpacks: a clamd that calls it clean hides its limits."""
    content = b"harmless"
    for _ in range(PROBE_DEPTH):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("inside.zip"), content)
        content = packed.getvalue()
    return content


class ClamdHealth:
    """Looks at every clamd of the settings and tells `on_event` what changed since the last look.

    clock: Unix time. max_age_days: older signatures are reported, once for each database.
    """

    def __init__(
        self,
        settings: ClamdSettings,
        on_event: Callable[[ClamdEvent], None],
        clock: Callable[[], float],
        max_age_days: float = 7.0,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._clock = clock
        self._max_age_days = max_age_days
        self._known: dict[ClamdAddress, ClamdVersion | None] = {}
        self._reported_old: dict[ClamdAddress, int] = {}

    async def watch(self, every_s: float = 60.0) -> None:
        """Look for ever; to be cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Look once at each, one after the other."""
        for address in self._settings.addresses:
            await self._look_at(address)

    async def _look_at(self, address: ClamdAddress) -> None:
        try:
            version = await ask_version(address, self._settings.stall_s)
        except ClamdFault as fault:
            if self._known.get(address) is not None or address not in self._known:
                self._on_event(ClamdFailed(address, str(fault)))
            self._known[address] = None
            return
        before = self._known.get(address)
        self._known[address] = version
        if before is None:
            self._on_event(ClamdAnswers(address, str(version)))
            await self._probe_limits(address)
        elif before != version:
            self._on_event(DatabaseChanged(address, str(version)))
        self._judge_age(address, version)

    def _judge_age(self, address: ClamdAddress, version: ClamdVersion) -> None:
        age_days = version.age_days(self._clock())
        if age_days > self._max_age_days and self._reported_old.get(address) != version.database:
            self._reported_old[address] = version.database
            self._on_event(DatabaseOld(address, age_days))

    async def _probe_limits(self, address: ClamdAddress) -> None:
        only = msgspec.structs.replace(self._settings, addresses=(address,))
        probe = limits_probe()
        if isinstance(await ClamdScanner(only).scan_whole((probe,), len(probe)), Clean):
            self._on_event(LimitsNotReported(address))
