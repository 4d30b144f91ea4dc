"""SQL is away for a while under load: every message is answered as before, every record arrives once."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest

from tests.fixtures.databases import DatabaseServer
from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import message

SENDERS = 4
EACH = 25


class Load:
    """Clients that send good, unknown and refused mail until each has sent its share."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.accepted: set[str] = set()
        self.wrong: list[str] = []
        self.half_way = threading.Event()
        self.go_on = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        try:
            for turn in range(EACH):
                if turn == EACH // 3:
                    self.half_way.set()
                if turn == EACH // 3 + 2 and number == 0:
                    self.go_on.wait(60)
                self._one(f"load-{number}-{turn}", f"127.0.30.{number + 1}")
        except (AssertionError, OSError) as fault:
            self.wrong.append(f"{type(fault).__name__}: {fault}")

    def _one(self, subject: str, source: str) -> None:
        with self.house.client(source=source) as client:
            codes = [answer.code for answer in client.envelope("anna@local.example", "nobody@local.example")]
            assert codes == [250, 550]
            assert client.content(message(subject)).code == 250
            self.accepted.add(subject)
            assert client.ask("QUIT").code == 221

    def finish(self) -> None:
        self.go_on.set()
        for thread in self._threads:
            thread.join()
        assert self.wrong == []
        assert len(self.accepted) == SENDERS * EACH


def test_sqlite_moved_away(build: Builder) -> None:
    house = build()
    load = Load(house)
    assert load.half_way.wait(60)
    away = house.folder / "away"
    away.mkdir()
    with nobody_looking(house):
        for path in list(house.folder.glob("clement.sqlite3*")):
            path.rename(away / path.name)
        os.kill(house.process("recorder"), signal.SIGKILL)  # it would write on to the files it holds open
    load.go_on.set()
    load.finish()
    with nobody_looking(house):
        for path in house.folder.glob("clement.sqlite3*"):
            path.unlink(missing_ok=True)  # whoever closes a database last takes its journal away
        for path in away.iterdir():
            path.rename(house.folder / path.name)
    check(house, load, lambda: sqlite_subjects(house))


@contextmanager
def nobody_looking(house: House) -> Iterator[None]:
    """Who opens a database of which half the files are there takes it for another, and spoils it."""
    # The supervisor first: it would start others.
    pids = [house.program.pid, *(house.process(name) for name in ("recorder", "steward", "courier", "web"))]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_sqlite_locked(build: Builder) -> None:
    house = build()
    load = Load(house)
    assert load.half_way.wait(60)
    path = house.folder / "clement.sqlite3"
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        load.finish()
        connection.execute("ROLLBACK")
    check(house, load, lambda: sqlite_subjects(house))


@pytest.mark.peer
def test_postgresql_stopped(build: Builder, start_postgresql: Callable[[], DatabaseServer]) -> None:
    server = start_postgresql()
    name = server.create_database()
    place = {"engine": "postgresql", "host": server.host, "user": server.user, "name": name}
    house = build(
        "init",
        "group add local --policy unresolvable_sender=accept",
        "domain add local.example --group local",
        "mailbox add anna@local.example",
        tables={"database": place},
    )
    load = Load(house)
    assert load.half_way.wait(60)
    server.program.stop(signal.SIGINT)
    load.finish()
    server.start_again()

    def subjects() -> list[str]:
        with psycopg.connect(host=server.host, user=server.user, dbname=name) as connection:
            return [
                row[0]
                for row in connection.execute("SELECT subject FROM clement_transaction WHERE subject <> ''")
            ]

    check(house, load, subjects)
    house.verb("mailbox add bruno@local.example")
    wait_until(lambda: _takes(house, "bruno@local.example"), "the directory is followed again")


def _takes(house: House, address: str) -> bool:
    with house.client() as client:
        return client.envelope(address)[0].code == 250


def sqlite_subjects(house: House) -> list[str]:
    return [row[0] for row in house.rows("SELECT subject FROM clement_transaction WHERE subject <> ''")]


def check(house: House, load: Load, subjects: Callable[[], list[str]]) -> None:
    wait_until(lambda: len(subjects()) >= len(load.accepted), "all records are in SQL")
    assert sorted(subjects()) == sorted(load.accepted), "each of them once"
    assert len(house.messages("anna@local.example")) == len(load.accepted)
