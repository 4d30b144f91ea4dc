"""At every named point of a release: errors and kills. It is delivered exactly once, and known to be.

Into a Maildir exactly once, whatever happens. At a next hop once, or twice where a kill fell between its
answer and our mark: the window that docs/decisions/0020 names.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.delivery.holding import HeldAs
from clement.spool.filesystem import OsFileSystem
from clement.spool.held_entry import recipient_id
from clement.spool.points import Point
from tests.crash.next_hop import NextHop
from tests.delivery.held import Place, to_mailboxes, to_next_hop
from tests.delivery.local import MESSAGE, stored
from tests.fixtures.faults import Fault, FaultyFileSystem, Kind, Moment, run_in_child
from tests.queue.releasing import Round, directory

MAILDIR = [
    Point.MAILDIR_CREATED,
    Point.MAILDIR_WRITTEN,
    Point.MAILDIR_SYNCED,
    Point.MAILDIR_PLACED,
    Point.MAILDIR_FOLDER_SYNCED,
]
RELAY = [Point.RELAY_RECIPIENTS_ACCEPTED, Point.RELAY_CONTENT_SENT, Point.RELAY_ANSWERED]
RELEASE = [
    Point.RELEASE_READ,
    Point.RELEASE_DELIVERED,
    Point.RELEASE_MARKED,
    Point.RELEASE_MARK_SYNCED,
    Point.RELEASE_RECORDED,
]
LATER = 1e12

# A next hop has the message, and no mark says so.
WINDOW = {
    (Point.RELAY_CONTENT_SENT, Moment.BEFORE),
    (Point.RELAY_CONTENT_SENT, Moment.AFTER),
    (Point.RELAY_ANSWERED, Moment.BEFORE),
    (Point.RELAY_ANSWERED, Moment.AFTER),
    (Point.RELEASE_DELIVERED, Moment.BEFORE),
    (Point.RELEASE_DELIVERED, Moment.AFTER),
    (Point.RELEASE_MARKED, Moment.BEFORE),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def standing_hop() -> Iterator[NextHop]:
    found = NextHop()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def hop(standing_hop: NextHop) -> NextHop:
    standing_hop.kept.clear()
    return standing_hop


def asked_for(root: Path, *, relayed: bool = False) -> str:
    [entry] = Place(root / "held").hold(to_next_hop() if relayed else to_mailboxes(1))
    recipient = recipient_id(entry, 1)
    Round(root).index.ask(recipient)
    return recipient


def check_delivered_once(root: Path, recipient: str) -> None:
    [path] = stored(root / "mail")
    assert path.read_bytes().endswith(MESSAGE.replace(b"\r\n", b"\n"))
    assert Round(root).index.state(recipient) == "released"


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("point", [*MAILDIR, *RELEASE])
def test_case_122_killed_at_any_point_of_a_release(root: Path, point: Point, moment: Moment) -> None:
    recipient = asked_for(root)
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL, moment))
    _told, status = run_in_child(lambda _tell: (Round(root, filesystem)(), None)[1])
    assert os.WTERMSIG(status) == signal.SIGKILL
    Round(root)()
    check_delivered_once(root, recipient)
    assert Round(root)() == 0


@pytest.mark.parametrize(
    "point", [Point.MAILDIR_FOLDER_SYNCED, Point.RELEASE_DELIVERED, Point.RELEASE_MARKED]
)
def test_case_122_a_reader_may_have_seen_it_before_the_courier_knows(root: Path, point: Point) -> None:
    recipient = asked_for(root)
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL, Moment.BEFORE))
    run_in_child(lambda _tell: (Round(root, filesystem)(), None)[1])
    [path] = stored(root / "mail")
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    Round(root)()
    check_delivered_once(root, recipient)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(point, Kind.ERROR, moment, number)
        for point, moment, number in itertools.product(
            [*MAILDIR, Point.RELEASE_READ, Point.RELEASE_MARKED, Point.RELEASE_MARK_SYNCED],
            Moment,
            (errno.ENOSPC, errno.EIO),
        )
    ],
    ids=str,
)
def test_case_120_the_disk_fails_in_a_release(root: Path, fault: Fault) -> None:
    recipient = asked_for(root)
    play = Round(root, FaultyFileSystem(fault))
    play()
    assert play.index.state(recipient) == "releasing"
    assert play.index.why(recipient)
    assert len(stored(root / "mail")) <= 1
    Round(root, now_s=lambda: LATER)()
    check_delivered_once(root, recipient)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("point", [*RELAY, *RELEASE])
def test_case_122_killed_while_a_next_hop_is_given_it(
    root: Path, hop: NextHop, point: Point, moment: Moment
) -> None:
    recipient = asked_for(root, relayed=True)
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL, moment))
    knows = directory(hop.port)
    _told, status = run_in_child(lambda _tell: (Round(root, filesystem, knows=knows)(), None)[1])
    assert os.WTERMSIG(status) == signal.SIGKILL
    Round(root, knows=knows)()
    assert Round(root).index.state(recipient) == "released"
    assert 1 <= len(hop.kept) <= (2 if (point, moment) in WINDOW else 1)
    assert {content for _address, content in hop.kept} == {hop.kept[0][1]}, (
        "whoever has both sees that they are one"
    )


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("hit", [1, 2])
def test_case_122_killed_while_a_held_message_is_removed(root: Path, moment: Moment, hit: int) -> None:
    """Expiry takes the manifest first: what is left then is no entry, and goes with the next sweep."""
    place = Place(root / "held")
    [entry] = place.hold(to_mailboxes(1, kind=HeldAs.REFUSED_COPY))
    filesystem = FaultyFileSystem(Fault(Point.HELD_REMOVED, Kind.KILL, moment, hit=hit))
    run_in_child(lambda _tell: (Place(root / "held", filesystem).store.remove(entry, 1), None)[1])
    there = place.store.has(entry)
    assert there == (hit == 1 and moment is Moment.BEFORE)
    place.store.remove(entry, 1)
    assert place.files() == []


@pytest.mark.parametrize("point", [Point.HELD_KEPT, Point.HELD_KEPT_SYNCED])
def test_case_122_killed_while_a_legal_hold_is_put_beside_the_files(root: Path, point: Point) -> None:
    place = Place(root / "held")
    [entry] = place.hold()
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL))
    run_in_child(lambda _tell: (Place(root / "held", filesystem).store.mark_kept(entry, kept=True), None)[1])
    for kept in (True, False, False):
        place.store.mark_kept(entry, kept=kept)
        assert place.store.is_kept(entry) is kept


def test_every_point_of_a_release_is_passed(root: Path) -> None:
    asked_for(root)
    filesystem = FaultyFileSystem()
    Round(root, filesystem)()
    assert {*MAILDIR, *RELEASE} <= set(filesystem.hits)
    assert isinstance(filesystem, OsFileSystem)
