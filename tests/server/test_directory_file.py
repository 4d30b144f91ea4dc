"""The directory snapshot as a file: replaced as a whole, read when it changed, kept when unreadable."""

import stat
from pathlib import Path

from clement.policy.directory import Directory, DirectoryContents, Domain, Group, Mode
from clement.server.directory_file import DirectoryFile, DirectoryKeeper, write_directory


class Away(Exception):
    pass


def directory(version: int) -> Directory:
    group = Group(1, "local", Mode.STORE)
    return Directory(DirectoryContents(version, (group,), (Domain(1, f"v{version}.example", 1),)))


def test_what_was_written_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    feed = DirectoryFile(path)
    assert not feed.refresh()
    assert feed.current.domain_names() == ()
    write_directory(path, directory(1))
    assert feed.refresh()
    assert not feed.refresh()
    assert feed.current.domain("v1.example")
    write_directory(path, directory(2))
    assert feed.refresh()
    assert feed.current.version == 2


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    write_directory(tmp_path / "directory", directory(1))
    assert stat.S_IMODE((tmp_path / "directory").stat().st_mode) == 0o600


def test_damage_leaves_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    write_directory(path, directory(1))
    feed = DirectoryFile(path)
    feed.refresh()
    for octets in (b"", b"nonsense", path.read_bytes()[:-3]):
        path.write_bytes(octets)
        assert not feed.refresh()
        assert feed.current.version == 1
    path.unlink()
    assert not feed.refresh()
    assert feed.current.version == 1


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
    feed.refresh()
    assert feed.current.version == 2


def test_a_disk_that_takes_nothing_is_tried_again(tmp_path: Path) -> None:
    path, sql = tmp_path / "folder" / "directory", Sql()
    keeper = DirectoryKeeper(path, sql.load, sql.version, Away)
    path.parent.touch()
    assert not keeper.step()
    path.parent.unlink()
    assert keeper.step()
