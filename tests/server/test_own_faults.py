"""Our own faults in a session: told once by kind, and an answer that took too long leaves no trace."""

import asyncio
from typing import Any

import msgspec
import pytest

from clement.policy.directory import Directory
from clement.server.admission import Unlimited
from clement.server.conversation import Conversation
from clement.server.peer import Door, client
from clement.server.services import Clocks, Services
from clement.smtp import Extensions, ProtocolLimits, ServerSession, Service, replies
from clement.spool.failure import StorageFailure


class Feed:
    """An empty directory."""

    current = Directory()


def conversation(admission: Unlimited) -> Conversation:
    """A session that has what it needs to begin, and nothing else."""
    given: dict[str, Any] = dict.fromkeys(Services.__struct_fields__)
    given |= {
        "clocks": Clocks(lambda: 0.0, lambda: 0.0),
        "feed": Feed(),
        "own_names": frozenset(),
        "random_bits": lambda _bits: 0,
    }
    core = ServerSession(
        service=Service.SMTP, hostname="mx.example", offer=Extensions(), limits=ProtocolLimits()
    )
    door = Door("mx", Service.SMTP, replies.SERVICE_READY)
    return Conversation(Services(**given), door, core, client("192.0.2.1", 4711), admission)


async def fail(fault: Exception) -> None:
    raise fault


def told(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = capfd.readouterr().err.splitlines()
    logged = [msgspec.json.decode(line[line.index("{") :]) for line in lines if "session-fault" in line]
    return [dict(line) for line in logged]


def test_a_fault_that_meets_every_session_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    admission = Unlimited()
    for _ in range(30):
        asyncio.run(conversation(admission)._guarded(fail(StorageFailure("EIO: broken"))))
        asyncio.run(conversation(admission)._guarded(fail(KeyError("a bug"))))
    faults = [line["fault"] for line in told(capfd)]
    assert sorted(faults) == ["KeyError('a bug')", "StorageFailure('EIO: broken')"]


async def cancelled_when_overdue() -> Conversation:
    said = conversation(Unlimited())
    answer = asyncio.ensure_future(said._guarded(asyncio.sleep(600)))
    await asyncio.sleep(0)
    said.overdue = True
    answer.cancel()
    await answer
    return said


def test_once_told_that_it_took_too_long_nothing_is_overdue(capfd: pytest.CaptureFixture[str]) -> None:
    said = asyncio.run(cancelled_when_overdue())
    assert not said.overdue
    assert len(told(capfd)) == 1
