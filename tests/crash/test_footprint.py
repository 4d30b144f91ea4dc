"""What a receiver takes of memory and time: a huge message, an idle crowd, a rush (cases 129, 130).

The bounds are those the project promises; `-s` shows the figures.
"""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.furnish import EVERYBODY, LOCAL, RELAYED
from tests.crash.mta import attempt, deliver, letter
from tests.crash.world import World, a_world
from tests.fixtures.clamd import Clamd
from tests.fixtures.programs import wait_until

HUGE_BYTES = 50_000_000
HUGE_MAY_COST_KIB = 8 * 1024
IDLE_SESSIONS = 2000
IDLE_SESSION_MAY_COST_BYTES = 60_000
FRESH_CLIENT_MAY_COST_CPU_S = 0.2
RUSH, RUSH_BYTES = 100, 100_000

CROWD = {"sessions": 3000, "sessions_per_client": 3000}


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> Iterator[None]:
    """Enough for the crowd, here and in the server, which inherits the limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * IDLE_SESSIONS + 500
    if before[1] != resource.RLIM_INFINITY and before[1] < wanted:
        pytest.skip(f"may open only {before[1]} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def world(short_folder: Path, clamd: Clamd) -> Iterator[World]:
    scanner = {"enabled": True, "addresses": [f"unix:{clamd.unix_socket}"]}
    with a_world(short_folder, {"scanner": scanner, "limits": CROWD}) as world:
        # What is loaded once, with the first message, is no message's cost.
        for recipient in (LOCAL[0], RELAYED):
            deliver(world.mx, letter("first", (recipient,), 100_000))
        yield world


def status_kib(pid: int, name: str) -> int:
    """A line of /proc/PID/status that counts in kB: VmRSS now, VmHWM at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def pss_kib(pid: int) -> int:
    """What a process has for itself, and its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def cpu_s(pid: int) -> float:
    """The CPU time that a process has used, which no other process can lengthen much."""
    # proc(5): utime and stime are the fields 14 and 15; the second field may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def peak_growth_kib(pid: int) -> Iterator[list[int]]:
    """How much more memory a process had at its worst than it had before."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets the peak
    before, found = status_kib(pid, "VmRSS"), list[int]()
    yield found
    found.append(status_kib(pid, "VmHWM") - before)


@pytest.mark.peer
@pytest.mark.timeout(600)
@pytest.mark.parametrize("recipient", [LOCAL[0], EVERYBODY, RELAYED])
def test_a_huge_message_costs_little_memory(world: World, recipient: str) -> None:
    sent = letter("huge", (recipient,), HUGE_BYTES)
    with peak_growth_kib(world.process("receiver-0")) as growth:
        attempt(world.mx, sent)
    print(f"\n{HUGE_BYTES / 1e6:.0f} MB to {recipient}: {growth[0]} KiB at most")
    assert sent.accepted, sent.heard
    assert set(world.copies(sent).values()) == {1}
    assert growth[0] < HUGE_MAY_COST_KIB


@contextmanager
def crowd(address: tuple[str, int]) -> Iterator[list[socket.socket]]:
    """Clients that were greeted, said hello, and say no more."""
    clients = []
    try:
        for number in range(IDLE_SESSIONS):
            client = socket.create_connection(address, 30, source_address=(f"127.0.2.{number % 250 + 1}", 0))
            clients.append(client)
            client.sendall(b"EHLO idle.test\r\n")
        for client in clients:
            octets = b""
            while b"\r\n250 " not in octets:
                octets += client.recv(4096)
        yield clients
    finally:
        for client in clients:
            client.close()


def test_case_129_idle_sessions_cost_little_and_keep_nobody_waiting(world: World) -> None:
    pid = world.process("receiver-0")
    before_kib = pss_kib(pid)
    with crowd(world.mx):
        each_bytes = (pss_kib(pid) - before_kib) * 1024 / IDLE_SESSIONS
        fresh, before_s = 5, cpu_s(pid)
        for number in range(fresh):
            sent = letter(f"fresh{number}", LOCAL[:1])
            attempt(world.mx, sent)
            assert sent.accepted
        fresh_s = (cpu_s(pid) - before_s) / fresh
    shown = f"a fresh client: {fresh_s * 1000:.0f} ms of CPU"
    print(f"\n{IDLE_SESSIONS} idle sessions: {each_bytes / 1000:.1f} kB each; {shown}")
    assert each_bytes <= IDLE_SESSION_MAY_COST_BYTES
    assert fresh_s < FRESH_CLIENT_MAY_COST_CPU_S
    wait_until(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) < IDLE_SESSIONS / 2, "all are let go")


@pytest.mark.peer
def test_case_130_a_hundred_at_once_are_all_answered(world: World) -> None:
    rush = [
        letter(f"rush{number:03d}x", (LOCAL[0] if number % 2 else RELAYED,), RUSH_BYTES)
        for number in range(RUSH)
    ]
    took_s = [0.0] * RUSH
    start = threading.Barrier(RUSH)

    def send(number: int) -> None:
        start.wait()
        began_s = time.monotonic()
        attempt(world.mx, rush[number])
        took_s[number] = time.monotonic() - began_s

    threads = [threading.Thread(target=send, args=(number,)) for number in range(RUSH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [heard.code for each in rush for told in each.heard.values() for heard in told]
    print(f"\n{RUSH} x {RUSH_BYTES} octets at once: {max(took_s):.2f} s at most, {codes.count(250)} accepted")
    assert all(code == 250 or 400 <= code < 500 for code in codes), "all are answered, none refused for good"
    assert codes.count(250) > RUSH / 2
    for each in rush:
        assert sum(world.copies(each).values()) == len(each.accepted)
