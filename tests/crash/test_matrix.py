"""The crash matrix of the whole server: every named point, every fault, every way mail is placed.

A real client offers a message to a real server whose disk fails, dawdles or kills the receiver at one named
point. Then the ledger of hostile cases 120 and 122 is checked: accepted is found, once, or in a named window
twice; what was refused, or never answered, is not found, or in a named window once.
"""

from __future__ import annotations

import errno
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from clement.spool.sweep import STALE_AFTER_S, sweep_folder, sweep_maildirs
from tests.crash.furnish import EVERYBODY, LOCAL, RELAYED, STORED_ELSEWHERE
from tests.crash.mta import Letter, attempt, deliver, letter
from tests.crash.world import MEMORY_BYTES, World, a_world, transaction_ids
from tests.fixtures.faults import Fault, Kind, Moment
from tests.fixtures.programs import wait_until

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
FULL = {errno.ENOSPC, errno.EDQUOT}

CONTENT = [Point.CONTENT_CREATED, Point.CONTENT_WRITTEN, Point.CONTENT_READ]
MADE = [Point.MAILDIR_MADE, Point.MAILDIR_MADE_SYNCED]
PLACING = [
    Point.MAILDIR_CREATED,
    Point.MAILDIR_WRITTEN,
    Point.MAILDIR_SYNCED,
    Point.MAILDIR_PLACED,
    Point.MAILDIR_FOLDER_SYNCED,
]
RELAY = [Point.RELAY_RECIPIENTS_ACCEPTED, Point.RELAY_CONTENT_SENT, Point.RELAY_ANSWERED]
SAYING = [Point.JOURNAL_BEFORE, Point.JOURNAL_AFTER, Point.REPLY_BEFORE, Point.REPLY_AFTER]

# Points that are no operation of a disk: they cannot fail, and before is after.
NO_OPERATION = {*RELAY, *SAYING}

WINDOWS: dict[tuple[Point, Moment], str] = {
    (Point.MAILDIR_PLACED, BEFORE): "one of several copies is visible, the next is not yet renamed",
    (Point.MAILDIR_PLACED, AFTER): "visible, and nobody has been told",
    (Point.MAILDIR_FOLDER_SYNCED, BEFORE): "visible, not yet certain to survive a power cut",
    (Point.MAILDIR_FOLDER_SYNCED, AFTER): "durable, and nobody has been told",
    (Point.MAILDIR_TAKEN_BACK, BEFORE): "visible after a failed sync, and to be removed",
    (Point.MAILDIR_TAKEN_BACK, AFTER): "the same, with some of several copies removed",
    (Point.RELAY_CONTENT_SENT, BEFORE): "the next hop has the dot, its answer has not come (RFC 1047)",
    (Point.RELAY_ANSWERED, BEFORE): "the next hop has taken it, our client has not been told (RFC 1047)",
    (Point.JOURNAL_BEFORE, BEFORE): "placed, neither recorded nor told",
    (Point.JOURNAL_AFTER, BEFORE): "placed and recorded, not told",
    (Point.REPLY_BEFORE, BEFORE): "placed and recorded, not told",
    (Point.REPLY_AFTER, BEFORE): "told, as far as we know: the reply may still have been with us",
}
"""Where a crash may leave a message whose client was told nothing and sends again: docs/decisions/0003."""


class Way(NamedTuple):
    """How mail is addressed and where it must be found."""

    recipients: tuple[str, ...]
    places: tuple[str, ...]
    points: list[Point]


WAYS = {
    "one": Way(LOCAL[:1], LOCAL[:1], [*CONTENT, *MADE, *PLACING, *SAYING]),
    "alias": Way((EVERYBODY,), LOCAL, [*PLACING, *SAYING]),
    "three": Way(LOCAL, LOCAL, [*PLACING, *SAYING]),
    "relay": Way((RELAYED,), (RELAYED,), [*CONTENT, *RELAY, *SAYING]),
    "lmtp": Way((STORED_ELSEWHERE,), (STORED_ELSEWHERE,), [*CONTENT, *RELAY, *SAYING]),
}


@dataclass(frozen=True)
class Case:
    """One cell of the matrix."""

    way: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.way}-{self.fault}-{self.fault.hit}"


def hits(way: str, point: Point) -> tuple[int, ...]:
    """At which passing to strike: at each copy, where there are several."""
    if point is Point.CONTENT_CREATED:
        return (1, 2)  # made, and its name taken away
    if point is Point.CONTENT_READ:
        return (1, 2)  # its header, and all of it
    return (1, 2, 3) if len(WAYS[way].places) > 1 and point in PLACING else (1,)


def cells(
    kind: Kind, errors: tuple[int, ...] = (0,), moments: tuple[Moment, ...] = (BEFORE, AFTER)
) -> list[Case]:
    return [
        Case(way, Fault(point, kind, moment, number, hit))
        for way in WAYS
        for point in WAYS[way].points
        for moment, number, hit in itertools.product(moments, errors, hits(way, point))
        if point not in NO_OPERATION or (moment is BEFORE and kind is not Kind.ERROR)
    ]


OTHER_ERRORS = cells(Kind.ERROR, (errno.EDQUOT, errno.EROFS, errno.EMFILE), (BEFORE,))


@dataclass
class Ledger:
    """Every letter of the run."""

    letters: list[Letter]

    def write(self, way: str, point: Point | None = None) -> Letter:
        size_bytes = 3 * MEMORY_BYTES if point in CONTENT else 600
        made = letter(f"m{len(self.letters):05d}x", WAYS[way].recipients, size_bytes)
        self.letters.append(made)
        return made


@pytest.fixture(scope="module")
def standing(short_folder_session: Path) -> Iterator[World]:
    folder = short_folder_session / "matrix"
    folder.mkdir()
    with a_world(folder, faulty=True) as world:
        yield world


@pytest.fixture
def world(standing: World) -> World:
    standing.disarm()
    standing.empty()
    return standing


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger([])


def in_window(fault: Fault) -> bool:
    """Whether a crash here may leave a message. With one copy, nothing is visible before the first rename."""
    if fault.point is Point.MAILDIR_PLACED and fault.moment is BEFORE:
        return fault.hit > 1
    return (fault.point, fault.moment) in WINDOWS


def each_place(way: str, copies: int) -> Counter[str]:
    return Counter(dict.fromkeys(WAYS[way].places, copies))


def check_sent_again(world: World, case: Case, sent: Letter, left: Counter[str]) -> None:
    """The client comes again until it is told: then there is one copy more everywhere, and nothing else."""
    deliver(world.mx, sent)
    assert set(sent.accepted) == set(WAYS[case.way].recipients)
    assert world.copies(sent) == left + each_place(case.way, 1)
    assert set(world.count_all()) == {sent.token}, "no mail but what was sent"


def check_swept(world: World) -> None:
    """A day and a half later nothing is left of what was half-way."""
    filesystem, later_s = OsFileSystem(), time.time() + STALE_AFTER_S + 10
    sweep_maildirs(filesystem, str(world.mail), later_s)
    sweep_folder(filesystem, str(world.folder / "spool/staging"), later_s, Point.CONTENT_CREATED)
    assert world.unfinished() == []


@pytest.mark.parametrize("case", cells(Kind.KILL), ids=str)
def test_case_122_the_receiver_is_killed(world: World, ledger: Ledger, case: Case) -> None:
    if case.fault.point in MADE:
        world.forget_mailboxes()
    sent = ledger.write(case.way, case.fault.point)
    world.arm(case.fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(case.fault)]
    left = world.copies(sent)
    if case.fault.point is Point.REPLY_AFTER and sent.accepted:
        assert left == each_place(case.way, 1)
        return
    assert not any(heard.accepted or heard.refused for told in sent.heard.values() for heard in told)
    assert all(count <= 1 for count in left.values())
    assert not left or in_window(case.fault), f"found {left} outside every named window"
    check_sent_again(world, case, sent, left)
    check_swept(world)


@pytest.mark.parametrize(
    "case",
    [
        *cells(Kind.ERROR, (errno.ENOSPC, errno.EIO)),
        *(case for case in OTHER_ERRORS if case.way in {"one", "lmtp"}),
    ],
    ids=str,
)
def test_case_120_the_disk_fails(world: World, ledger: Ledger, case: Case) -> None:
    if case.fault.point in MADE:
        world.forget_mailboxes()
    sent = ledger.write(case.way, case.fault.point)
    world.arm(case.fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(case.fault)]
    codes = {heard.code for told in sent.heard.values() for heard in told}
    expected = 452 if case.fault.errno in FULL else 451
    assert codes == {expected} or (codes == {451} and case.way == "three")  # recipients differ: 451 4.5.3
    assert world.copies(sent) == Counter()
    made_in_vain = case.fault.point in {Point.MAILDIR_CREATED, Point.CONTENT_CREATED} and (
        case.fault.moment is AFTER or case.fault.hit == 2
    )
    wait_until(lambda: len(world.unfinished()) <= made_in_vain, "nothing refused is stored")
    check_sent_again(world, case, sent, Counter())


@pytest.mark.parametrize(
    "case", [case for case in cells(Kind.DELAY, moments=(BEFORE,)) if case.fault.hit == 1], ids=str
)
def test_case_120_the_disk_dawdles(world: World, ledger: Ledger, case: Case) -> None:
    if case.fault.point in MADE:
        world.forget_mailboxes()
    sent = ledger.write(case.way, case.fault.point)
    world.arm(case.fault)
    attempt(world.mx, sent)
    assert world.disarm() == [str(case.fault)]
    assert not sent.waiting
    assert world.copies(sent) == each_place(case.way, 1)


@pytest.mark.parametrize("way", ["one", "alias", "three"])
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("kind", [Kind.KILL, Kind.ERROR])
def test_case_122_taking_back_fails_too(
    world: World, ledger: Ledger, way: str, moment: Moment, kind: Kind
) -> None:
    """A sync has failed, the copy is to be removed again, and that fails or is the end."""
    again = Fault(Point.MAILDIR_TAKEN_BACK, kind, moment, errno.EIO, hit=2)  # 1: its name in tmp/
    case = Case(way, again)
    sent = ledger.write(way)
    world.arm(Fault(Point.MAILDIR_FOLDER_SYNCED, Kind.ERROR, BEFORE, errno.EIO), again)
    attempt(world.mx, sent)
    assert str(again) in world.disarm()
    assert all(heard.code in (0, 451) for told in sent.heard.values() for heard in told)
    left = world.copies(sent)
    assert all(count <= 1 for count in left.values())
    check_sent_again(world, case, sent, left)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=lambda number: errno.errorcode[number])
def test_the_journal_cannot_be_written(world: World, ledger: Ledger, number: int) -> None:
    """A log row never decides: the message is placed, so it is accepted, and its record waits in memory."""
    writable = len(world.events("journal-writable"))
    world.arm({"journal": "write", "errno": number})
    for way in WAYS:
        sent = ledger.write(way)
        attempt(world.mx, sent)
        assert not sent.waiting
        assert world.copies(sent) == each_place(way, 1)
    assert set(world.disarm()) == {"journal-write"}
    wait_until(lambda: len(world.events("journal-writable")) > writable, "it is tried again")


@pytest.mark.parametrize("way", WAYS)
def test_case_122_killed_in_the_middle_of_a_record(world: World, ledger: Ledger, way: str) -> None:
    sent = ledger.write(way)
    world.arm({"journal": "torn", "token": sent.token})
    attempt(world.mx, sent)
    assert world.disarm() == ["journal-torn"]
    assert not sent.accepted
    left = world.copies(sent)
    assert left == each_place(way, 1)
    check_sent_again(world, Case(way, Fault(Point.JOURNAL_BEFORE, Kind.KILL)), sent, left)


def test_every_point_is_visited() -> None:
    """Those of holding and release: here by a whole server in test_held_matrix, each in its own matrix."""
    held = {point for point in Point if point.value.startswith(("held.", "release."))}
    visited = {point for way in WAYS.values() for point in way.points} | {Point.MAILDIR_TAKEN_BACK}
    assert visited | held == set(Point)


def test_every_accepted_transaction_is_in_sql_exactly_once(standing: World, ledger: Ledger) -> None:
    """After all the others: the primary key says at most once, the recorder says at least once."""
    said = set().union(*(transaction_ids(each) for each in ledger.letters), set())
    standing.wait_for_recorder(said)
    for each in ledger.letters:
        statement = "SELECT id FROM clement_transaction WHERE subject = ? AND outcome = 'accepted'"
        recorded = {row[0] for row in standing.rows(statement, each.token)}
        assert transaction_ids(each) <= recorded
        # A record without our reply is that of a receiver that died between the two.
        assert len(recorded) <= sum(len(told) for told in each.heard.values())
    wrong = [line for line in standing.log_lines() if line["event"] == "unreadable" or "exception" in line]
    assert wrong == [], "no traceback, whatever the disk does"
