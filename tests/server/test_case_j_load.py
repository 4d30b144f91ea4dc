"""Hostile cases 129 and 130: crowds that idle, drip or only knock, and a hundred messages at once."""

import asyncio
import re
import resource
from pathlib import Path

import pytest

from tests.server.house import Builder, House, still_serves
from tests.server.talk import message

IDLE = 2000
KNOCKS, KNOCKERS = 3000, 10


@pytest.fixture
def roomy(build: Builder) -> House:
    """A house that takes a crowd, with a scanner that has room for it."""
    return build(
        tables={
            "limits": {"sessions": 4000, "sessions_per_client": 4000},
            "scanner": {"waiting": 200, "wait_timeout_s": 30},
        }
    )


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss_Anon:\s+(\d+)", lines, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def test_case_129_two_thousand_idle_connections(roomy: House) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(_idle(roomy))


async def _idle(house: House) -> None:
    pid = house.process("receiver-0")
    before = resident_bytes(pid)
    crowd = []
    try:
        for _ in range(IDLE // 100):
            crowd += await asyncio.gather(*(asyncio.open_connection(*house.address()) for _ in range(100)))
        for reader, _writer in crowd:
            assert (await reader.readline()).startswith(b"220")
        assert (resident_bytes(pid) - before) / IDLE < 60_000
        await asyncio.to_thread(still_serves, house)
    finally:
        for _reader, writer in crowd:
            writer.close()


def test_case_129_twenty_clients_that_drip(roomy: House) -> None:
    clients = [roomy.client(source=f"127.0.129.{number + 1}") for number in range(20)]
    for client in clients:
        client.envelope("anna@local.example")
        assert client.ask("DATA").code == 354
    for _ in range(3):
        for client in clients:
            client.send(b"x")
        still_serves(roomy)
    for client in clients:
        client.socket.close()
    assert roomy.stored() == []


def test_case_130_a_hundred_messages_at_once(roomy: House) -> None:
    told = asyncio.run(_hundred(roomy))
    assert set(told) <= {250, 451}
    assert len(roomy.stored()) == told.count(250)
    assert told.count(250) > 50


async def _hundred(house: House) -> list[int]:
    content = message("case-130", ("y" * 78 + "\r\n") * 1250) + b".\r\n"

    async def one() -> int:
        reader, writer = await asyncio.open_connection(*house.address())
        for line in (
            b"",
            b"HELO me\r\n",
            b"MAIL FROM:<a@sender.example>\r\n",
            b"RCPT TO:<anna@local.example>\r\n",
            b"DATA\r\n",
        ):
            writer.write(line)
            await reader.readline()
        writer.write(content)
        reply = await reader.readline()
        writer.close()
        return int(reply[:3])

    return await asyncio.gather(*(one() for _ in range(100)))


def test_case_130_a_network_that_does_nothing_but_connect(build: Builder) -> None:
    house = build()
    pid = house.process("receiver-0")
    before = resident_bytes(pid)
    greetings = asyncio.run(_knock(house))
    assert set(greetings) <= {b"220", b"421"}
    assert len(greetings) == KNOCKS
    assert resident_bytes(pid) - before < 8_000_000
    still_serves(house)
    # Decision 0008: of each client twenty a minute are told in full, and the others counted.
    told = "SELECT COUNT(*) FROM clement_session WHERE client_address LIKE '127.0.130.%' HAVING COUNT(*) >= ?"
    (sessions,) = house.wait_for_row(told, KNOCKERS * 20)
    assert sessions <= KNOCKERS * 20 * 2, "a minute may have begun anew"


async def _knock(house: House) -> list[bytes]:
    """Connect from one /24, a hundred at a time, read the greeting, go; a mail client comes in between."""

    async def one(number: int) -> bytes:
        source = (f"127.0.130.{number % KNOCKERS + 1}", 0)
        reader, writer = await asyncio.open_connection(*house.address(), local_addr=source)
        greeting = await reader.readline()
        writer.close()
        return greeting[:3]

    greetings: list[bytes] = []
    for first in range(0, KNOCKS, 100):
        knocking = asyncio.gather(*(one(first + number) for number in range(100)))
        if first % 1000 == 0:
            await asyncio.to_thread(still_serves, house)
        greetings += await knocking
    return greetings
