"""At every named point of holding: errors, kills, power cuts. Accepted is held whole, refused is not held.

A kill between naming and our answer may leave an entry whose client was told nothing and sends again; then it
is held twice. The index follows: what no journal told is found on the disk (docs/decisions/0020).
"""

import errno
import itertools
import os
import signal
import time
from pathlib import Path

import pytest

from clement.delivery.holding import HeldAs
from clement.spool.failure import StorageFailure, StorageFull
from clement.spool.filesystem import OsFileSystem
from clement.spool.held import HeldStore
from clement.spool.points import Point
from tests.delivery.held import Place, to_mailboxes, to_next_hop
from tests.delivery.local import MESSAGE
from tests.fixtures.faults import Fault, FaultyFileSystem, ForgetfulFileSystem, Kind, Moment, run_in_child

POINTS = [
    Point.HELD_MADE,
    Point.HELD_MADE_SYNCED,
    Point.HELD_CREATED,
    Point.HELD_WRITTEN,
    Point.HELD_SYNCED,
    Point.HELD_PLACED,
    Point.HELD_FOLDER_SYNCED,
]
FULL = {errno.ENOSPC, errno.EDQUOT}
HOLDS = {"one": [to_mailboxes(1)], "two groups": [to_mailboxes(1, 2), to_next_hop()]}

# Where a manifest may have its name although nobody has been told.
WINDOW = {Point.HELD_PLACED, Point.HELD_FOLDER_SYNCED}


def manifests(place: Place) -> list[str]:
    return [name for name in place.files() if name.endswith(".manifest")]


def whole(place: Place) -> list[str]:
    """The entries that a reader would find; each must be whole."""
    entries = [name.removesuffix(".manifest") for name in manifests(place)]
    for entry in entries:
        assert place.octets(entry) == MESSAGE
        place.store.whole_content(place.store.manifest(entry)).discard()
    return entries


@pytest.mark.parametrize("holds", HOLDS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(point, Kind.ERROR, moment, number, hit)
        for point, moment, number, hit in itertools.product(
            POINTS, Moment, (errno.ENOSPC, errno.EIO), (1, 2, 4)
        )
    ],
    ids=lambda fault: f"{fault}-{fault.hit}",
)
def test_case_120_an_error_defers_and_holds_nothing(tmp_path: Path, fault: Fault, holds: str) -> None:
    filesystem = FaultyFileSystem(fault)
    place = Place(tmp_path / "held", filesystem)
    kind = None
    try:
        place.hold(*HOLDS[holds])
    except StorageFailure as failure:
        kind = type(failure)
    if filesystem.hits[fault.point] < fault.hit:
        assert kind is None
        assert len(whole(place)) == len(HOLDS[holds])
    else:
        assert kind is (StorageFull if fault.errno in FULL else StorageFailure)
        assert manifests(place) == place.records.entries == []
        assert place.usage.look() == {}
    # A file system that made the file and said it had not is the only one that leaves something.
    assert len(place.staged()) <= (fault.point is Point.HELD_CREATED)
    assert len(whole(Place(tmp_path / "held"))) == len(place.records.entries)


@pytest.mark.parametrize("point", POINTS)
def test_case_120_a_copy_that_cannot_be_kept_changes_no_answer(tmp_path: Path, point: Point) -> None:
    place = Place(tmp_path / "held", FaultyFileSystem(Fault(point, Kind.ERROR, errno=errno.EIO, hit=0)))
    assert place.hold(to_mailboxes(1, kind=HeldAs.REFUSED_COPY)) == []
    assert manifests(place) == place.staged() == []


@pytest.mark.parametrize("holds", HOLDS)
@pytest.mark.parametrize("hit", [1, 2, 4])
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("point", POINTS)
def test_case_122_killed_at_any_point(
    tmp_path: Path, point: Point, moment: Moment, hit: int, holds: str
) -> None:
    filesystem = FaultyFileSystem(Fault(point, Kind.KILL, moment, hit=hit))

    def play(tell: object) -> None:
        Place(tmp_path / "held", filesystem).hold(*HOLDS[holds])
        tell(b"250")  # type: ignore[operator]

    told, status = run_in_child(play)
    place = Place(tmp_path / "held")
    if told:
        assert len(whole(place)) == len(HOLDS[holds])
        return
    assert os.WTERMSIG(status) == signal.SIGKILL
    left = whole(place)
    assert not left or point in WINDOW
    place.hold(*HOLDS[holds])
    assert len(whole(place)) == len(left) + len(HOLDS[holds])
    # A day and a half later nothing is left of what was half-way.
    store, later_s = HeldStore(OsFileSystem(), str(place.folder), "sweeper"), time.time() + 10
    store.sweep_staging(later_s)
    for kind, group, day in list(store.all_days()):
        store.sweep_day(kind, group, day, later_s)
    assert place.staged() == []
    assert len(place.files()) == 2 * len(whole(place))


@pytest.mark.parametrize("holds", HOLDS)
def test_case_123_what_is_held_survives_a_power_cut(tmp_path: Path, holds: str) -> None:
    filesystem = ForgetfulFileSystem()
    place = Place(tmp_path / "held", filesystem)
    for _ in range(3):
        place.hold(*HOLDS[holds])
    filesystem.cut_power()
    assert sorted(whole(place)) == sorted(place.records.entries)


@pytest.mark.parametrize("point", [Point.HELD_SYNCED, Point.HELD_FOLDER_SYNCED, Point.HELD_MADE_SYNCED])
def test_case_123_the_power_cut_would_find_a_missing_sync(tmp_path: Path, point: Point) -> None:
    class Lying(ForgetfulFileSystem):
        def sync(self, descriptor: int, at: Point) -> None:
            if at is not point:
                super().sync(descriptor, at)

        def sync_folder(self, path: str, at: Point) -> None:
            if at is not point:
                super().sync_folder(path, at)

    filesystem = Lying()
    place = Place(tmp_path / "held", filesystem)
    place.hold()
    filesystem.cut_power()
    assert [path for path in place.folder.glob("*/*/*/*") if path.stat().st_size] == []


def test_every_point_of_holding_is_passed(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem()
    Place(tmp_path / "held", filesystem).hold(*HOLDS["two groups"])
    assert set(POINTS) <= set(filesystem.hits)
