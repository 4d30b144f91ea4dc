"""The crash matrix of held mail in a whole server: every point of holding and of release, with each fault.

A 250 for a message that is held: it is found, once, or in a named window twice, in the files and in the
index. No 250: it is not found, or in a named window once. Released, each is in its Maildir exactly once.
"""

from __future__ import annotations

import errno
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from clement.spool.held_entry import Manifest
from clement.spool.points import Point
from tests.crash.mta import Letter, attempt, deliver, letter
from tests.crash.world import World, a_world
from tests.fixtures.clement import run_verb
from tests.fixtures.faults import Fault, Kind, Moment
from tests.fixtures.programs import wait_until

ANNA, BRUNO = "anna@local.example", "bruno@local.example"
HOLDING = [
    Point.HELD_CREATED,
    Point.HELD_WRITTEN,
    Point.HELD_SYNCED,
    Point.HELD_PLACED,
    Point.HELD_FOLDER_SYNCED,
]
SAYING = [Point.JOURNAL_BEFORE, Point.JOURNAL_AFTER, Point.REPLY_BEFORE]
WINDOW = {Point.HELD_PLACED, Point.HELD_FOLDER_SYNCED, *SAYING}
RELEASE = [
    Point.MAILDIR_PLACED,
    Point.MAILDIR_FOLDER_SYNCED,
    Point.RELEASE_READ,
    Point.RELEASE_DELIVERED,
    Point.RELEASE_MARKED,
    Point.RELEASE_MARK_SYNCED,
    Point.RELEASE_RECORDED,
]

# Points that are no operation of a disk: before is after.
NO_OPERATION = {*SAYING, Point.RELEASE_DELIVERED, Point.RELEASE_RECORDED}


def each_moment(points: list[Point]) -> list[tuple[Point, Moment]]:
    return [
        (point, moment)
        for point in points
        for moment in Moment
        if moment is Moment.BEFORE or point not in NO_OPERATION
    ]


_decode = msgspec.msgpack.Decoder(Manifest).decode


@pytest.fixture(scope="module")
def standing(short_folder_session: Path) -> Iterator[World]:
    folder = short_folder_session / "held-matrix"
    folder.mkdir()
    with a_world(folder, faulty=True) as world:
        run_verb(world.folder / "clement.toml", f"directive add quarantine --for {ANNA}")
        wait_until(lambda: holds(world), "the directive is in force")
        yield world


@pytest.fixture
def world(standing: World) -> World:
    standing.disarm()
    return standing


def holds(world: World) -> bool:
    sent = letter("first00x", (ANNA,))
    attempt(world.mx, sent)
    return copies(world, sent)[0] == 1


def copies(world: World, sent: Letter) -> tuple[int, int]:
    """How often a letter is held in files, each whole; and how often it lies in Anna's Maildir."""
    token = sent.token.encode()
    found = 0
    for path in world.folder.glob("held/quarantine/*/*/*.manifest"):
        if _decode(path.read_bytes()).facts.subject == sent.token:
            assert path.with_suffix(".content").read_bytes() == sent.content
            found += 1
    stored = [path for path in world.maildir(ANNA).glob("new/*") if token in path.read_bytes()]
    return found, len(stored)


_numbers = iter(range(1000))


def write(*recipients: str) -> Letter:
    return letter(f"h{next(_numbers):04d}x", recipients or (ANNA,))


@pytest.mark.parametrize(("point", "moment"), each_moment([*HOLDING, *SAYING]))
def test_case_122_the_receiver_is_killed_while_it_holds(world: World, point: Point, moment: Moment) -> None:
    sent = write()
    fault = Fault(point, Kind.KILL, moment)
    world.arm(fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(fault)]
    assert not sent.accepted
    left, _stored = copies(world, sent)
    assert left == 0 or (left == 1 and point in WINDOW)
    deliver(world.mx, sent)
    assert sent.accepted
    assert copies(world, sent) == (left + 1, 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("point", HOLDING)
def test_case_120_the_disk_fails_while_a_message_is_held(world: World, point: Point, number: int) -> None:
    """Together with one that is delivered: then neither happens."""
    sent = write(ANNA, BRUNO)
    fault = Fault(point, Kind.ERROR, Moment.BEFORE, number)
    world.arm(fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(fault)]
    assert {heard.code for told in sent.heard.values() for heard in told} == {
        452 if number == errno.ENOSPC else 451
    }
    assert copies(world, sent) == (0, 0)
    assert world.copies(sent) == Counter()
    deliver(world.mx, sent)
    assert copies(world, sent) == (1, 0)
    assert world.copies(sent) == Counter({BRUNO: 1})


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(Point.MAILDIR_PLACED, Kind.ERROR, moment, errno.EIO) for moment in Moment),
        Fault(Point.MAILDIR_FOLDER_SYNCED, Kind.ERROR, Moment.AFTER, errno.ENOSPC),
    ],
    ids=str,
)
def test_case_120_what_is_held_already_is_withdrawn_when_the_delivery_fails(
    world: World, fault: Fault
) -> None:
    sent = write(ANNA, BRUNO)
    world.arm(fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(fault)]
    assert not sent.accepted
    assert copies(world, sent) == (0, 0)
    deliver(world.mx, sent)
    assert copies(world, sent) == (1, 0)


def rows(world: World, sent: Letter) -> list[str]:
    """The ids under which a letter is in the index."""
    found = world.rows(
        "SELECT r.id FROM clement_heldrecipient r JOIN clement_heldmessage m ON m.id = r.held_key"
        " WHERE m.subject = ? ORDER BY r.id",
        sent.token,
    )
    return [row[0] for row in found]


def release(world: World, recipient: str) -> None:
    """What `clement held release` writes; a verb takes a second."""
    with closing(sqlite3.connect(world.folder / "clement.sqlite3", timeout=60)) as connection, connection:
        connection.execute(
            "UPDATE clement_heldrecipient SET state = 'releasing', changed_at_s = 1795000000 WHERE id = ?",
            (recipient,),
        )


def state(world: World, recipient: str) -> str:
    [(found,)] = world.rows("SELECT state FROM clement_heldrecipient WHERE id = ?", recipient)
    return str(found)


@pytest.mark.parametrize(("point", "moment"), each_moment(RELEASE))
def test_case_122_the_courier_is_killed_and_the_message_is_delivered_once(
    world: World, point: Point, moment: Moment
) -> None:
    sent = write()
    deliver(world.mx, sent)
    wait_until(lambda: len(rows(world, sent)) == 1, "it is in the index")
    [recipient] = rows(world, sent)
    fault = Fault(point, Kind.KILL, moment)
    world.arm(fault)
    release(world, recipient)
    # The last of the points comes after the state: that it is released does not say that it was killed.
    wait_until(lambda: world.struck() == [str(fault)], "the courier is killed")
    wait_until(lambda: state(world, recipient) == "released", "it is released")
    assert world.disarm() == [str(fault)]
    assert copies(world, sent) == (1, 1)


def test_every_held_message_is_in_the_index_as_often_as_in_the_files(standing: World) -> None:
    """What the journal did not tell, the steward finds within the minute."""
    run_verb(standing.folder / "clement.toml", "held rebuild")
    on_disk = {path.stem for path in standing.folder.glob("held/*/*/*/*.manifest")}
    wait_until(
        lambda: {row[0] for row in standing.rows("SELECT id FROM clement_heldmessage")} == on_disk,
        "index and files agree",
    )
