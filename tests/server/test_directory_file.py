"""The directory snapshot as a file: replaced as a whole, read when it changed, kept when unreadable."""

import asyncio
import stat
import threading
from pathlib import Path

import pytest

from clement.policy.directory import Directory, DirectoryContents, Domain, Group, Mode
from clement.policy.directory_codec import decode
from clement.server.directory_file import (
    LONG_LOAD_S,
    PAUSE_S,
    DirectoryFile,
    DirectoryKeeper,
    write_directory,
)
from tests.fixtures.programs import wait_until


class Away(Exception):
    pass


def directory(version: int) -> Directory:
    group = Group(1, "local", Mode.STORE)
    return Directory(DirectoryContents(version, (group,), (Domain(1, f"v{version}.example", 1),)))


def test_what_was_written_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    feed = DirectoryFile(path)
    assert not feed.read()
    assert feed.current.domain_names() == ()
    write_directory(path, directory(1))
    assert feed.read()
    assert not feed.read()
    assert feed.current.domain("v1.example")
    write_directory(path, directory(2))
    assert feed.read()
    assert feed.current.version == 2


def test_an_empty_one_is_told_from_none(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    feed = DirectoryFile(path)

    async def waiting() -> None:
        wait = asyncio.create_task(feed.until_known())
        path.write_bytes(b"nonsense")
        await asyncio.sleep(0.01)
        assert not wait.done()
        assert not feed.is_known
        write_directory(path, Directory())
        await wait

    asyncio.run(waiting())
    assert feed.is_known


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    write_directory(tmp_path / "directory", directory(1))
    assert stat.S_IMODE((tmp_path / "directory").stat().st_mode) == 0o600


def test_damage_leaves_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    write_directory(path, directory(1))
    feed = DirectoryFile(path)
    feed.read()
    for octets in (b"", b"nonsense", path.read_bytes()[:-3]):
        path.write_bytes(octets)
        assert not feed.read()
        assert feed.current.version == 1
    path.unlink()
    assert not feed.read()
    assert feed.current.version == 1


def test_nobody_waits_while_a_newer_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, may_go_on = tmp_path / "directory", threading.Event()
    write_directory(path, directory(1))
    feed = DirectoryFile(path)
    assert feed.read()
    assert not feed.refresh()

    def slow(octets: bytes) -> Directory:
        may_go_on.wait(10)
        return decode(octets)

    monkeypatch.setattr("clement.server.directory_file.decode", slow)
    write_directory(path, directory(2))
    assert feed.refresh()
    assert not feed.refresh(), "two at once"
    assert feed.current.version == 1
    may_go_on.set()
    wait_until(lambda: feed.current.version == 2, "read")
    wait_until(lambda: not feed.refresh(), "at rest")


def test_what_stays_unreadable_is_told_once_and_again_when_it_comes_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "directory"
    feed = DirectoryFile(path)

    def told() -> int:
        return capfd.readouterr().err.count("directory-unreadable")

    for _ in range(20):
        assert not feed.read()
    assert told() == 1
    write_directory(path, directory(1))
    assert feed.read()
    path.unlink()
    assert not feed.read()
    assert told() == 1


class Sql:
    """A database that may be away."""

    def __init__(self) -> None:
        self.number = 1
        self.is_away = False
        self.loads = self.given_up = 0

    def version(self) -> int:
        if self.is_away:
            raise Away
        return self.number

    def load(self) -> Directory:
        self.loads += 1
        return directory(self.version())

    def let_go(self) -> None:
        self.given_up += 1


def test_the_keeper_writes_what_changed_and_survives_outages(tmp_path: Path) -> None:
    path, sql = tmp_path / "directory", Sql()
    keeper = DirectoryKeeper(path, sql.load, sql.version, Away, sql.let_go)
    assert keeper.step()
    assert not keeper.step()
    assert sql.loads == 1
    sql.is_away = True
    sql.number = 2
    assert not keeper.step()
    assert not keeper.step()
    assert sql.given_up == 2
    sql.is_away = False
    assert keeper.step()
    feed = DirectoryFile(path)
    feed.read()
    assert feed.current.version == 2


def test_a_disk_that_takes_nothing_is_tried_again(tmp_path: Path) -> None:
    path, sql = tmp_path / "folder" / "directory", Sql()
    keeper = DirectoryKeeper(path, sql.load, sql.version, Away)
    path.parent.touch()
    assert not keeper.step()
    path.parent.unlink()
    assert keeper.step()


def test_a_hundred_changes_of_a_large_directory_make_few_snapshots(tmp_path: Path) -> None:
    path, sql, clock = tmp_path / "directory", Sql(), [0.0]

    def load() -> Directory:
        clock[0] += LONG_LOAD_S * 2
        return sql.load()

    keeper = DirectoryKeeper(path, load, sql.version, Away, monotonic=lambda: clock[0])
    assert keeper.step()
    for _ in range(100):
        sql.number += 1
        assert not keeper.step()
    clock[0] += PAUSE_S
    assert keeper.step()
    assert sql.loads == 2
    feed = DirectoryFile(path)
    feed.read()
    assert feed.current.version == 101


def test_a_small_directory_is_written_at_once(tmp_path: Path) -> None:
    sql = Sql()
    keeper = DirectoryKeeper(tmp_path / "directory", sql.load, sql.version, Away, monotonic=lambda: 0.0)
    for number in range(1, 10):
        sql.number = number
        assert keeper.step()


def test_whoever_is_told_of_a_directory_finds_it_in_use(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    told: list[tuple[int, int]] = []
    feed = DirectoryFile(path, lambda new: told.append((new.version, feed.current.version)))
    feed.read()
    for number in (7, 8):
        write_directory(path, directory(number))
        feed.read()
        feed.read()
    path.write_bytes(b"nonsense")
    feed.read()
    assert told == [(7, 7), (8, 8)]


def test_whoever_watches_sees_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "directory"

    async def watch() -> None:
        seen = asyncio.Event()
        loop = asyncio.get_running_loop()
        feed = DirectoryFile(path, lambda _new: loop.call_soon_threadsafe(seen.set))
        watching = loop.create_task(feed.watch())
        for number in (1, 2):
            write_directory(path, directory(number))
            await asyncio.wait_for(seen.wait(), 30)
            assert feed.current.version == number
            seen.clear()
        watching.cancel()

    asyncio.run(watch())
