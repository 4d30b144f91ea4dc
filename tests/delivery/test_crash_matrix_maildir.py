"""At every named point of final delivery: errors, kills and power cuts. Accepted is stored, refused is not.

A kill between placing and our answer may leave a message whose client was told nothing and sends again: the
window that docs/decisions/0003 names. Nothing accepted is ever lost, and no path here makes mail of its own.
"""

import errno
import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from clement.spool.sweep import STALE_AFTER_S, sweep_maildirs
from tests.delivery.local import deliver, destination, mailbox, staged, stored
from tests.fixtures.faults import Fault, FaultyFileSystem, ForgetfulFileSystem, Kind, Moment, run_in_child

POINTS = [
    point for point in Point if point.value.startswith("maildir.") and point is not Point.MAILDIR_TAKEN_BACK
]
ERRORS = [
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EFBIG,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
]
FULL = {errno.ENOSPC, errno.EDQUOT}

# Points after which a message is visible although nobody has been told.
WINDOW = {
    (Point.MAILDIR_PLACED, Moment.AFTER),
    (Point.MAILDIR_FOLDER_SYNCED, Moment.BEFORE),
    (Point.MAILDIR_FOLDER_SYNCED, Moment.AFTER),
}

RECIPIENTS = {"one": [destination(mailbox(1))], "three": [destination(mailbox(n)) for n in (1, 2, 3)]}


@pytest.mark.parametrize("recipients", RECIPIENTS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(point, Kind.ERROR, moment, number, hit)
        for point, moment, number, hit in itertools.product(POINTS, Moment, ERRORS[:3], (1, 2))
    ]
    + [Fault(Point.MAILDIR_SYNCED, Kind.ERROR, Moment.BEFORE, number) for number in ERRORS[3:]],
    ids=lambda fault: f"{fault}-{fault.hit}",
)
def test_case_120_an_error_refuses_for_now_and_leaves_nothing(
    tmp_path: Path, fault: Fault, recipients: str
) -> None:
    filesystem = FaultyFileSystem(fault)
    placements = deliver(tmp_path, RECIPIENTS[recipients], filesystem=filesystem)
    codes = [placement.reply.code for placement in placements if placement is not None]
    if filesystem.hits[fault.point] < fault.hit:
        assert codes == [250] * len(codes)
    elif recipients == "one":
        assert codes == [452 if fault.errno in FULL else 451]
    assert len(stored(tmp_path)) == codes.count(250)
    # A file system that made the file and said it had not is the only one that leaves something.
    created_after = fault.point is Point.MAILDIR_CREATED and fault.moment is Moment.AFTER
    assert len(staged(tmp_path)) <= created_after


@pytest.mark.parametrize("recipients", RECIPIENTS)
def test_case_120_placing_fails_for_all_when_it_fails_for_one(tmp_path: Path, recipients: str) -> None:
    fault = Fault(Point.MAILDIR_PLACED, Kind.ERROR, errno=errno.EIO, hit=len(RECIPIENTS[recipients]))
    placements = deliver(tmp_path, RECIPIENTS[recipients], filesystem=FaultyFileSystem(fault))
    assert {placement.reply.code for placement in placements if placement is not None} == {451}
    assert stored(tmp_path) == staged(tmp_path) == []


@pytest.mark.parametrize("recipients", RECIPIENTS)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("point", POINTS)
def test_case_122_killed_at_any_point(tmp_path: Path, point: Point, moment: Moment, recipients: str) -> None:
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL, moment))
    destinations = RECIPIENTS[recipients]

    def play(tell: object) -> None:
        placements = deliver(tmp_path, destinations, filesystem=filesystem)
        tell(b"".join(b"%d" % p.reply.code for p in placements if p is not None))  # type: ignore[operator]

    told, status = run_in_child(play)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert told == b""
    left = len(stored(tmp_path))
    assert left == 0 or (point, moment) in WINDOW
    # The client sends again; what was half-way is swept a day and a half later.
    placements = deliver(tmp_path, destinations)
    assert [p.reply.code for p in placements if p is not None] == [250] * len(destinations)
    for number in range(1, len(destinations) + 1):
        copies = len(stored(tmp_path / "local.example" / str(number)))
        assert 1 <= copies <= 2
    assert len(stored(tmp_path)) == left + len(destinations)
    sweep_maildirs(OsFileSystem(), str(tmp_path), time.time() + STALE_AFTER_S + 10)
    assert staged(tmp_path) == []


@pytest.mark.parametrize("recipients", RECIPIENTS)
def test_case_123_what_was_accepted_survives_a_power_cut(tmp_path: Path, recipients: str) -> None:
    filesystem = ForgetfulFileSystem()
    for _ in range(3):
        deliver(tmp_path, RECIPIENTS[recipients], filesystem=filesystem)
    filesystem.cut_power()
    found = stored(tmp_path)
    assert len(found) == 3 * len(RECIPIENTS[recipients])
    assert all(path.read_bytes().endswith(b"last line\n") for path in found)


@pytest.mark.parametrize("point", [Point.MAILDIR_SYNCED, Point.MAILDIR_FOLDER_SYNCED])
def test_case_123_the_power_cut_would_find_a_missing_sync(tmp_path: Path, point: Point) -> None:
    """The test of the test: without either sync the stand-in loses the message."""

    class Lying(ForgetfulFileSystem):
        def sync(self, descriptor: int, at: Point) -> None:
            if at is not point:
                super().sync(descriptor, at)

        def sync_folder(self, path: str, at: Point) -> None:
            if at is not point:
                super().sync_folder(path, at)

    filesystem = Lying()
    deliver(tmp_path, RECIPIENTS["one"], filesystem=filesystem)
    filesystem.cut_power()
    assert [path.read_bytes() for path in stored(tmp_path)] in ([], [b""])


def test_every_point_of_final_delivery_is_passed(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem()
    deliver(tmp_path, RECIPIENTS["three"], filesystem=filesystem)
    assert set(POINTS) <= set(filesystem.hits)
