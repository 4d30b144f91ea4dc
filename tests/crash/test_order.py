"""The order of durability of the whole server, as the kernel sees it: what is done before the reply."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.furnish import EVERYBODY, LOCAL, RELAYED
from tests.crash.mta import Letter, attempt, letter
from tests.crash.world import World, a_world, transaction_ids
from tests.fixtures.programs import find_program, need, wait_until

pytestmark = pytest.mark.peer

CALLS = "openat,write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,sendto,sendmsg"
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")


@dataclass(frozen=True)
class Call:
    """One system call: the lines of the log on which it began and ended, and all its text."""

    began: int
    ended: int
    text: str


def parsed(log: str) -> list[Call]:
    """The calls, those put together again that strace had to print in two parts."""
    unfinished: dict[tuple[str, str], tuple[int, str]] = {}
    found = []
    for number, line in enumerate(log.splitlines()):
        thread, _, rest = line.partition(" ")
        resumed = RESUMED.match(line)
        if resumed:
            began, start = unfinished.pop((resumed[1], resumed[2]), (number, ""))
            found.append(Call(began, number, start + resumed[3]))
        elif rest.endswith("<unfinished ...>"):
            name = rest.strip().partition("(")[0]
            unfinished[thread, name] = number, rest.strip().removesuffix("<unfinished ...>")
        else:
            found.append(Call(number, number, rest.strip()))
    return found


def test_a_call_in_two_parts_is_one_however_long_its_process_id() -> None:
    lines = (
        "718   fsync(9</mail/new> <unfinished ...>",
        "12345 write(4<x>, ...) = 1",
        "718   <... fsync resumed>) = 0",
    )
    assert parsed("\n".join(lines)) == [
        Call(1, 1, "write(4<x>, ...) = 1"),
        Call(0, 2, "fsync(9</mail/new> ) = 0"),
    ]


@contextmanager
def traced(world: World, folder: Path) -> Iterator[Path]:
    """strace at the receiver and all its threads."""
    need("strace")
    log = folder / "strace.log"
    command = [find_program("strace"), "-f", "-yy", "-s", "400", "-e", f"trace={CALLS}", "-o", str(log)]
    tracer = subprocess.Popen(
        [*command, "-p", str(world.process("receiver-0"))], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    told = tracer.stderr.readline()
    if "attached" not in told:
        tracer.wait(60)
        pytest.skip(f"this machine does not allow tracing: {told.strip()}")
    try:
        yield log
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(60)
        tracer.stderr.close()


@pytest.fixture(scope="module")
def world(short_folder_session: Path) -> Iterator[World]:
    folder = short_folder_session / "order"
    folder.mkdir()
    with a_world(folder) as world:
        # What is made and synced once in a receiver's life shall not be in the picture.
        attempt(world.mx, letter("first", (EVERYBODY,)))
        yield world


def watch(world: World, folder: Path, sent: Letter) -> tuple[list[Call], Call]:
    """All calls of one delivery, and the one by which the client was told."""
    with traced(world, folder) as log:
        attempt(world.mx, sent)
        (transaction_id,) = transaction_ids(sent)
        wait_until(lambda: f"Accepted [{transaction_id}]" in log.read_text(), "the reply is in the trace")
    calls = parsed(log.read_text(encoding="utf-8", errors="replace"))
    replies = [
        call for call in calls if re.match(r"(write|writev|sendto|sendmsg)\(\d+<(TCP|socket)", call.text)
    ]
    (reply,) = [call for call in replies if f"250 2.0.0 Accepted [{transaction_id}]" in call.text]
    return calls, reply


def first(calls: list[Call], pattern: str) -> Call:
    """The call that matches and did not fail."""
    found = [call for call in calls if re.match(pattern, call.text) and "= -1" not in call.text]
    assert found, f"no {pattern}"
    return found[0]


@pytest.mark.parametrize("recipient", [LOCAL[0], EVERYBODY])
def test_file_name_folder_and_record_come_before_the_reply(
    world: World, short_folder: Path, recipient: str
) -> None:
    sent = letter(f"order-{recipient.partition('@')[0]}", (recipient,))
    calls, reply = watch(world, short_folder, sent)
    record = first(calls, rf"write\(\d+<{re.escape(str(world.folder))}/journal/.*{sent.token}")
    for place in LOCAL if recipient == EVERYBODY else (recipient,):
        maildir = re.escape(str(world.maildir(place)))
        steps = [
            first(calls, rf'openat\(.*"{maildir}/tmp/[^"]+", O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW'),
            first(calls, rf"write\(\d+<{maildir}/tmp/[^>]+>"),
            first(calls, rf"fsync\(\d+<{maildir}/tmp/[^>]+>"),
            first(calls, rf'rename\("{maildir}/tmp/[^"]+", "{maildir}/new/[^"]+,S=\d+"'),
            first(calls, rf"fsync\(\d+<{maildir}/new>"),
            record,
            reply,
        ]
        for earlier, later in itertools.pairwise(steps):
            assert earlier.ended < later.began, (earlier, later)


def test_all_copies_are_synced_before_the_first_is_placed(world: World, short_folder: Path) -> None:
    calls, _reply = watch(world, short_folder, letter("order-all", (EVERYBODY,)))
    synced = [call for call in calls if re.match(r"fsync\(\d+<[^>]*/mail/[^>]*/tmp/", call.text)]
    placed = [call for call in calls if re.match(r'rename\("[^"]*/mail/[^"]*/tmp/', call.text)]
    assert len(synced) == len(placed) == len(LOCAL)
    assert max(call.ended for call in synced) < min(call.began for call in placed)


def test_the_next_hop_is_asked_before_the_reply(world: World, short_folder: Path) -> None:
    sent = letter("order-relay", (RELAYED,))
    calls, reply = watch(world, short_folder, sent)
    handed = [
        call
        for call in calls
        if sent.token in call.text
        and re.match(rf"\w+\(\d+<TCP:\[[^\]]*->[^\]]*:{world.relay.port}\]", call.text)
    ]
    assert handed
    record = first(calls, rf"write\(\d+<{re.escape(str(world.folder))}/journal/.*{sent.token}")
    assert max(call.ended for call in handed) < record.began
    assert record.ended < reply.began
    assert len(world.copies(sent)) == 1
