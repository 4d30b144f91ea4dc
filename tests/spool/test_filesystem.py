"""The port to the real disk, and what stands beside it."""

import os
import threading
import time
from pathlib import Path

import pytest

from clement.spool.filesystem import FreeRoom, OsFileSystem
from clement.spool.folder_sync import FolderSync
from clement.spool.points import Point
from clement.spool.space import MIN_FREE_FILES, Room
from clement.spool.sweep import STALE_AFTER_S, sweep_folder, sweep_maildirs
from tests.fixtures.faults import Fault, FaultyFileSystem, GatedFileSystem, Kind
from tests.fixtures.programs import wait_until

POINT = Point.MAILDIR_CREATED


def test_new_files_are_new_private_and_closed_on_exec(tmp_path: Path) -> None:
    filesystem, path = OsFileSystem(), f"{tmp_path}/file"
    descriptor = filesystem.open_new(path, POINT)
    assert not os.get_inheritable(descriptor)
    assert os.fstat(descriptor).st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        filesystem.open_new(path, POINT)
    filesystem.close(descriptor)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        filesystem.open_new(f"{tmp_path}/link", POINT)


def test_writes_go_on_after_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem, path, real = OsFileSystem(), f"{tmp_path}/file", os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: real(descriptor, bytes(octets[:7])))
    descriptor = filesystem.open_new(path, POINT)
    filesystem.write(descriptor, b"0123456789" * 10, Point.MAILDIR_WRITTEN)
    filesystem.close(descriptor)
    assert Path(path).read_bytes() == b"0123456789" * 10


class TestRoom:
    class Disk(OsFileSystem):
        room = FreeRoom(1000, 5000)
        asked = 0

        def free_room(self, path: str) -> FreeRoom:
            self.asked += 1
            return self.room

    def test_case_121_room_is_refused_below_the_floor(self) -> None:
        disk, now = self.Disk(), [0.0]
        room = Room(disk, ["/"], 600, lambda: now[0])
        assert room.room_for(400)
        assert not room.room_for(401)
        disk.room = FreeRoom(1000, MIN_FREE_FILES - 1)
        assert room.room_for(1)
        now[0] = 1.0
        assert not room.room_for(1)
        disk.room, now[0] = FreeRoom(1000, None), 2.0
        assert room.room_for(1)
        assert disk.asked == 3

    def test_case_121_a_disk_that_cannot_be_asked_has_no_room(self, tmp_path: Path) -> None:
        assert not Room(OsFileSystem(), [tmp_path, tmp_path / "missing"], 0, time.monotonic).room_for(1)
        assert Room(OsFileSystem(), [tmp_path], 0, time.monotonic).room_for(1)


def age(path: Path, seconds: float) -> None:
    path.write_bytes(b"x")
    os.utime(path, (time.time() - seconds,) * 2)


def test_case_127_only_stale_files_are_swept(tmp_path: Path) -> None:
    maildir = tmp_path / "example.org" / "7"
    for part in ("tmp", "new", "cur"):
        (maildir / part).mkdir(parents=True)
        age(maildir / part / "stale", STALE_AFTER_S + 60)
        age(maildir / part / "fresh", STALE_AFTER_S - 60)
    (tmp_path / "tmp").mkdir()
    age(tmp_path / "tmp" / "stale", STALE_AFTER_S + 60)
    assert sweep_maildirs(OsFileSystem(), str(tmp_path), time.time()) == 1
    assert sorted(path.name for path in maildir.glob("*/*")) == ["fresh", "fresh", "fresh", "stale", "stale"]
    assert not (maildir / "tmp" / "stale").exists()
    assert sweep_folder(OsFileSystem(), str(tmp_path / "tmp"), time.time(), Point.CONTENT_CREATED) == 1


class TestFolderSync:
    def test_all_who_ask_while_one_is_under_way_share_the_next(self, tmp_path: Path) -> None:
        point = Point.MAILDIR_FOLDER_SYNCED
        filesystem = GatedFileSystem(point)
        folder_sync = FolderSync(filesystem)
        threads = [threading.Thread(target=folder_sync.sync, args=(str(tmp_path), point)) for _ in range(20)]
        threads[0].start()
        assert filesystem.has_come.wait(30)
        for thread in threads[1:]:
            thread.start()
        # Those who asked after it had begun are not served by it.
        wait_until(lambda: folder_sync._folders[str(tmp_path)].users == 20, "all have asked")
        filesystem.may_go_on.set()
        for thread in threads:
            thread.join()
        assert filesystem.hits[point] == 2

    def test_a_failure_reaches_all_who_shared_it(self, tmp_path: Path) -> None:
        point = Point.MAILDIR_FOLDER_SYNCED
        filesystem = FaultyFileSystem(
            Fault(point, Kind.DELAY, hit=0, delay_s=0.02), Fault(point, Kind.ERROR, errno=5, hit=0)
        )
        folder_sync, failed = FolderSync(filesystem), []

        def ask() -> None:
            try:
                folder_sync.sync(str(tmp_path), point)
            except OSError as error:
                failed.append(error.errno)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == [5] * 6
