"""Looking after clamd: whether it answers, how old its signatures are, whether it admits its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from clement.net.clamd_connection import ClamdFault
from clement.net.clamd_events import (
    ClamdAnswers,
    ClamdEvent,
    ClamdFailed,
    DatabaseChanged,
    DatabaseOld,
    LimitsNotReported,
)
from clement.net.clamd_health import ClamdHealth, ClamdVersion, read_version
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from tests.fixtures.clamd import Clamd

BUILT = b"ClamAV 1.4.6/27437/Wed Oct 16 08:33:40 2024\0"
BUILT_AT_S = 1_729_067_620.0


def test_version_is_read() -> None:
    assert read_version(BUILT) == ClamdVersion("ClamAV 1.4.6", 27437, BUILT_AT_S)
    assert read_version(b"ClamAV 1.4.6\0") == ClamdVersion("ClamAV 1.4.6")


@pytest.mark.parametrize(
    "octets",
    [b"", BUILT[:-1], BUILT + b"x", BUILT.replace(b"Oct", b"Okt"), BUILT.replace(b"16 ", b"99 "), b"PONG\0"],
)
def test_case_112_a_version_that_is_none_is_a_fault(octets: bytes) -> None:
    with pytest.raises(ClamdFault):
        read_version(octets)


def looks(folder: Path, replies: list[bytes | None], now_s: float) -> list[ClamdEvent]:
    """The events of one look for each reply; None: clamd is away."""
    events: list[ClamdEvent] = []
    socket_path = folder / "clamd.sock"
    address = ClamdAddress(path=str(socket_path))

    def forget_socket() -> None:
        socket_path.unlink(missing_ok=True)

    async def main() -> None:
        health = ClamdHealth(
            ClamdSettings(addresses=(address,), stall_s=60.0),
            events.append,
            clock=lambda: now_s,
            max_age_days=7,
        )
        for reply in replies:
            if reply is None:
                await health.look()
                continue

            async def act(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = reply
            ) -> None:
                command = await reader.readuntil(b"\0")
                if command == b"zVERSION\0":
                    writer.write(said)
                else:
                    while any(length := await reader.readexactly(4)):
                        await reader.readexactly(int.from_bytes(length, "big"))
                    writer.write(b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0")
                writer.close()

            server = await asyncio.start_unix_server(act, address.path)
            await health.look()
            server.close()
            forget_socket()

    uvloop.run(main())
    return events


def test_case_112_old_signatures_are_reported_once_for_each_database(short_folder: Path) -> None:
    newer = BUILT.replace(b"27437", b"27438").replace(b"2024", b"2025")
    now_s = BUILT_AT_S + 8 * 86400 + 366 * 86400
    events = looks(short_folder, [BUILT, BUILT, newer, newer], now_s)
    assert [type(event) for event in events] == [ClamdAnswers, DatabaseOld, DatabaseChanged, DatabaseOld]
    ages = [event.age_days for event in events if isinstance(event, DatabaseOld)]
    assert ages == [pytest.approx(374), pytest.approx(9)]


def test_case_112_fresh_signatures_are_not_reported(short_folder: Path) -> None:
    events = looks(short_folder, [BUILT, BUILT], BUILT_AT_S + 86400)
    assert [type(event) for event in events] == [ClamdAnswers]


def test_going_and_coming_back_are_told_once_each(short_folder: Path) -> None:
    events = looks(short_folder, [None, None, BUILT, BUILT, None, None, BUILT], BUILT_AT_S)
    assert [type(event) for event in events] == [ClamdFailed, ClamdAnswers, ClamdFailed, ClamdAnswers]


@pytest.mark.peer
@pytest.mark.parametrize(("admits", "reported"), [("yes", False), ("no", True)])
def test_case_107_a_clamd_that_hides_its_limits_is_reported(
    start_clamd: Callable[..., Clamd], admits: str, reported: bool
) -> None:
    clamd = start_clamd(AlertExceedsMax=admits)
    events: list[ClamdEvent] = []
    settings = ClamdSettings(addresses=(ClamdAddress(path=str(clamd.unix_socket)),))
    uvloop.run(ClamdHealth(settings, events.append, clock=lambda: 0.0).look())
    assert isinstance(events[0], ClamdAnswers)
    assert any(isinstance(event, LimitsNotReported) for event in events) is reported
