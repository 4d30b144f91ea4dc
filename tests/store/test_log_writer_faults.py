"""Databases that stop, hang up, lock, fill up or refuse: nothing is lost, nothing is told twice."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from msgspec.structs import replace

from clement.journal.ports import LogUnavailable
from clement.journal.records import Record
from clement.store import models
from clement.store.access.actor import shell_actor
from clement.store.database import DatabaseSettings, connect, disconnect
from clement.store.log_writer import SqlLogWriter
from clement.store.schema import migrate
from tests.fixtures.databases import DatabaseServer
from tests.store.conftest import prepared, settings_of
from tests.store.cutting_proxy import Cut, CuttingProxy
from tests.store.directories import build_directives, build_site
from tests.store.log_records import recipient, session

StartServer = Callable[[], DatabaseServer]

SERVERS = [
    pytest.param("postgresql", marks=pytest.mark.peer),
    pytest.param("mariadb", marks=pytest.mark.peer),
]


@pytest.fixture
def writer(database: DatabaseSettings) -> SqlLogWriter:  # noqa: ARG001
    return SqlLogWriter("here")


def some_records(directive_ids: tuple[int, ...] = (0,)) -> list[Record]:
    hit = tuple(recipient(f"r{number}@x.example", directive_id=number) for number in directive_ids)
    record, transactions = session(hit)
    return [*transactions, record]


def count_rows() -> tuple[int, int, int]:
    return (
        models.Session.objects.count(),
        models.Transaction.objects.count(),
        models.Recipient.objects.count(),
    )


@pytest.mark.parametrize("engine", SERVERS)
def test_case_113_a_server_that_is_down_costs_time_and_nothing_else(
    engine: str, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"start_{engine}")()
    connect(prepared(settings_of(server, server.create_database())))
    writer = SqlLogWriter("here")
    writer.write(some_records(), {"seg1": 1})
    server.program.stop(signal.SIGINT if engine == "postgresql" else signal.SIGTERM)

    waiting = some_records()
    for _attempt in range(3):
        with pytest.raises(LogUnavailable):
            writer.write(waiting, {"seg1": 2})
        with pytest.raises(LogUnavailable):
            writer.positions()

    server.start_again()
    writer.write(waiting, {"seg1": 2})
    assert count_rows() == (2, 2, 2)
    assert writer.positions() == {"seg1": 2}
    disconnect()


@pytest.mark.parametrize("engine", SERVERS)
def test_case_113_a_killed_server_keeps_what_was_written(engine: str, request: pytest.FixtureRequest) -> None:
    server: DatabaseServer = request.getfixturevalue(f"start_{engine}")()
    connect(prepared(settings_of(server, server.create_database())))
    writer = SqlLogWriter("here")
    writer.write(some_records(), {"seg1": 1})
    server.program.kill()
    server.start_again()

    waiting = some_records()
    for _attempt in range(2):
        try:
            writer.write(waiting, {"seg1": 2})
        except LogUnavailable:
            continue
    assert count_rows() == (2, 2, 2)
    disconnect()


@pytest.fixture
def proxied(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[CuttingProxy]:
    """A connected store on the server that the test is about, behind a proxy."""
    server: DatabaseServer = request.getfixturevalue(request.param)
    settings = prepared(settings_of(server, server.create_database()))
    path = short_folder / server.unix_socket.name
    proxy = CuttingProxy(path, server.unix_socket)
    through = short_folder if server.engine == "postgresql" else path
    connect(settings_of(server, settings.name, socket=through))
    yield proxy
    disconnect()
    proxy.close()


@pytest.mark.parametrize("proxied", SERVERS, indirect=True)
@pytest.mark.parametrize("cut", [Cut.BEFORE_COMMIT, Cut.BEFORE_ANSWER])
def test_case_114_a_commit_whose_result_is_unknown_is_repeated_to_the_same_effect(
    proxied: CuttingProxy, cut: Cut
) -> None:
    build_site(shell_actor("tester"))
    number = build_directives(shell_actor("tester"))["north"]
    writer = SqlLogWriter("here")
    records = some_records((number,))
    proxied.cut = cut
    with pytest.raises(LogUnavailable):
        writer.write(records, {"seg1": 1})
    assert proxied.cuts == 1

    writer.write(records, {"seg1": 1})
    assert count_rows() == (1, 1, 1)
    assert models.Directive.objects.get(id=number).hit_count == 1


@pytest.mark.peer
@pytest.mark.usefixtures("postgresql_settings")
def test_case_114_a_terminated_backend_writes_nothing(postgresql: DatabaseServer) -> None:
    server = postgresql
    connect(settings_of(server, server.create_database()))
    migrate()
    writer = SqlLogWriter("here")
    records = some_records()
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type='client backend'"
    writer.positions()
    server.sql(f"{kill} AND pid <> pg_backend_pid()")
    with pytest.raises(LogUnavailable):
        writer.write(records, {"seg1": 1})
    assert writer.positions() == {}
    writer.write(records, {"seg1": 1})
    assert count_rows() == (1, 1, 1)
    disconnect()


class Rival:
    """Somebody else who works on two directives, in the order that a writer does not take."""

    def __init__(self, first: int, second: int) -> None:
        self._ids = (first, second)
        self.holds_first = threading.Event()
        self.go_on = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        assert self.holds_first.wait(60)

    def _work(self) -> None:
        try:
            with transaction.atomic():
                self._touch(self._ids[0])
                self.holds_first.set()
                self.go_on.wait(100)
                self._touch(self._ids[1])
        except Exception:  # noqa: BLE001  (which of the two a database sacrifices is its choice)
            return
        finally:
            connection.close()

    def _touch(self, number: int) -> None:
        models.Directive.objects.filter(id=number).update(note="touched")


@pytest.mark.usefixtures("writer")
def test_case_115_deadlocks_and_locks_are_waited_out() -> None:
    # However long a busy machine takes for it: its time for repeats does not run out.
    writer = SqlLogWriter("here", monotonic=lambda: 0.0)
    build_site(shell_actor("tester"))
    low, high = sorted(list(build_directives(shell_actor("tester")).values())[:2])
    rival = Rival(high, low)
    # The writer holds `low` and waits for `high` by then (on SQLite it waits for the whole database).
    threading.Timer(0.5, rival.go_on.set).start()

    writer.write(some_records((low, high)), {"seg1": 1})

    rival.thread.join(60)
    assert count_rows() == (1, 1, 2)
    hits = models.Directive.objects.filter(id__in=(low, high)).values_list("hit_count", flat=True)
    assert list(hits) == [1, 1]


def test_case_115_whatever_comes_in_turn_is_never_taken_for_success(
    writer: SqlLogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = some_records()
    writer.write(records, {"seg1": 1})
    patient = SqlLogWriter("here", sleep=lambda _pause_s: None, monotonic=lambda: 0.0)
    once = patient._write_once
    faults = iter([OperationalError("database is locked")] * 3)

    def fails_first(*args: object, **care: bool) -> None:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        once(*args, **care)  # type: ignore[arg-type]  # finds the records there already, and compares

    monkeypatch.setattr(patient, "_write_once", fails_first)
    patient.write([*records, *some_records()], {"seg1": 2})
    assert count_rows() == (2, 2, 2)
    assert patient.positions() == {"seg1": 2}


def test_case_115_a_lock_that_stays_is_reported_and_the_call_repeated(database: DatabaseSettings) -> None:
    connect(replace(database, lock_timeout_s=1))
    build_site(shell_actor("tester"))
    number = build_directives(shell_actor("tester"))["north"]
    rival = Rival(number, number)
    impatient = SqlLogWriter("here", sleep=lambda _pause_s: None)
    records = some_records((number,))
    with pytest.raises(LogUnavailable):
        impatient.write(records, {"seg1": 1})
    rival.go_on.set()
    rival.thread.join(60)

    impatient.write(records, {"seg1": 1})
    assert count_rows() == (1, 1, 1)
    assert models.Directive.objects.get(id=number).hit_count == 1


READ_ONLY = {
    "sqlite": "PRAGMA query_only=1",
    "postgresql": "SET default_transaction_read_only=on",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


def test_case_116_a_read_only_database_is_unavailable(writer: SqlLogWriter) -> None:
    records = some_records()
    with connection.cursor() as cursor:
        cursor.execute(READ_ONLY[connection.vendor])
    with pytest.raises(LogUnavailable):
        writer.write(records, {"seg1": 1})
    # A failed writer gives its connection up, and with it the setting.
    writer.write(records, {"seg1": 1})
    assert count_rows() == (1, 1, 1)


def test_case_116_a_full_sqlite_file_is_unavailable_until_there_is_room(
    tmp_path: Path,
) -> None:
    connect(prepared(DatabaseSettings(path=str(tmp_path / "full.sqlite3"))))
    writer = SqlLogWriter("here")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages}")
    many = [record for _number in range(300) for record in some_records()]
    with pytest.raises(LogUnavailable, match="full"):
        writer.write(many, {"seg1": 1})
    assert count_rows() == (0, 0, 0)
    writer.write(many, {"seg1": 1})  # on its next connection, without the limit
    assert count_rows() == (300, 300, 300)
    disconnect()


@pytest.mark.peer
def test_case_116_too_many_connections_is_unavailable(start_postgresql: StartServer) -> None:
    server = start_postgresql()
    name = server.create_database()
    connect(prepared(settings_of(server, name)))
    server.sql("CREATE ROLE writer LOGIN CONNECTION LIMIT 0")
    connect(
        DatabaseSettings(
            engine=settings_of(server, name).engine, name=name, socket=server.host, user="writer"
        )
    )
    with pytest.raises(LogUnavailable, match="too many connections"):
        SqlLogWriter("here").positions()
    disconnect()


@pytest.mark.peer
def test_case_113_a_server_that_stops_answering_is_given_up(start_postgresql: StartServer) -> None:
    server = start_postgresql()
    connect(prepared(settings_of(server, server.create_database())))
    SqlLogWriter("here").positions()
    disconnect()
    server.program.pause()
    try:
        with pytest.raises(LogUnavailable):
            SqlLogWriter("here").positions()
    finally:
        server.program.resume()
    disconnect()
