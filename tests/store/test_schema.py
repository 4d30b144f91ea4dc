"""Migrations, the gate against a foreign schema, and settings that may lose what was committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from msgspec.structs import replace

from clement.store import durability
from clement.store.access.actor import shell_actor
from clement.store.actions.change import StoreUnavailable
from clement.store.actions.group import add_group
from clement.store.database import DatabaseMisconfigured, DatabaseSettings, Engine, connect, disconnect
from clement.store.schema import SchemaState, WrongSchema, migrate, require_current_schema, schema_state
from clement.store.snapshot import current_version
from tests.fixtures.databases import DatabaseServer
from tests.store.conftest import on, settings_of


@pytest.fixture(params=[on("sqlite"), on("postgresql"), on("mariadb")])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """A connected database without tables."""
    if request.param == "sqlite":
        settings = DatabaseSettings(path=str(tmp_path / "new.sqlite3"))
    else:
        server: DatabaseServer = request.getfixturevalue(request.param)
        settings = settings_of(server, server.create_database())
    connect(settings)
    yield
    disconnect()


def test_the_migrations_are_those_of_the_models() -> None:
    connect(DatabaseSettings(path=":memory:"))
    call_command("makemigrations", "clement", check=True, dry_run=True, verbosity=0)


@pytest.mark.usefixtures("nothing")
def test_migrating_shows_progress_and_is_repeatable() -> None:
    steps: list[tuple[int, int, str]] = []
    assert schema_state() is SchemaState.EMPTY
    with pytest.raises(WrongSchema, match="clement init"):
        require_current_schema()
    count = migrate(lambda *step: steps.append(step))
    assert steps[0][:2] == (0, count)
    assert steps[-1][:2] == (count, count)
    require_current_schema()
    assert migrate() == 0
    assert current_version() == 1


@pytest.mark.usefixtures("nothing")
def test_case_119_tables_of_a_newer_program_are_left_alone() -> None:
    migrate()
    record("9999_of_the_future")
    assert schema_state() is SchemaState.NEWER
    for deed in (require_current_schema, migrate):
        with pytest.raises(WrongSchema, match="newer than this program") as refused:
            deed()
        assert refused.value.state is SchemaState.NEWER


@pytest.mark.usefixtures("nothing")
def test_case_119_a_migration_that_stopped_half_way_is_not_gone_over() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE clement_group (id integer)")
    assert schema_state() is SchemaState.BROKEN
    with pytest.raises(WrongSchema, match="half-way"):
        migrate()


def record(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('clement', %s, %s)",
            [name, "2026-01-01 00:00:00"],
        )


@pytest.mark.usefixtures("nothing")
def test_without_tables_an_action_says_so() -> None:
    with pytest.raises(StoreUnavailable):
        add_group(shell_actor("tester"), "family")


def test_case_116_a_fresh_sqlite_file_is_safe(tmp_path: Path) -> None:
    connect(DatabaseSettings(path=str(tmp_path / "new.sqlite3")))
    migrate()
    assert durability.unsafe_settings() == ()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
    assert "synchronous" in durability.unsafe_settings()[0]
    disconnect()


@pytest.mark.peer
def test_case_116_what_may_lose_a_commit_in_postgresql_is_named(postgresql: DatabaseServer) -> None:
    connect(settings_of(postgresql, postgresql.create_database()))
    migrate()
    # The tests' server is run without fsync, which is the worst there is.
    found = durability.unsafe_settings()
    assert ["fsync" in found[0], "full_page_writes" in found[1], len(found)] == [True, True, 2]
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit=off")
    assert any("synchronous_commit" in one for one in durability.unsafe_settings())
    disconnect()


@pytest.mark.peer
def test_case_116_what_may_lose_a_commit_in_mariadb_is_named(mariadb: DatabaseServer) -> None:
    name = mariadb.create_database()
    connect(settings_of(mariadb, name))
    migrate()
    found = durability.unsafe_settings()
    assert ["innodb_flush_log_at_trx_commit" in found[0], len(found)] == [True, 1]
    mariadb.sql(f"ALTER TABLE {name}.clement_group ROW_FORMAT=DYNAMIC, COLLATE utf8mb4_general_ci")
    mariadb.sql(f"CREATE TABLE {name}.clement_odd (id INT) ENGINE=MyISAM")
    found = durability.unsafe_settings()
    assert any("InnoDB" in one for one in found)
    assert any("collation" in one for one in found)
    disconnect()


@pytest.mark.peer
def test_a_mariadb_database_with_another_collation_is_made_fit(mariadb: DatabaseServer) -> None:
    name = mariadb.create_database()
    mariadb.sql(f"ALTER DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    connect(settings_of(mariadb, name))
    migrate()
    assert not any("collation" in one for one in durability.unsafe_settings())
    disconnect()


@pytest.mark.peer
@pytest.mark.parametrize(
    ("engine", "long_work"),
    [
        ("postgresql", "SELECT pg_sleep(60)"),
        ("mariadb", "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq * b.seq = 7"),
    ],
    ids=["postgresql", "mariadb"],
)
def test_case_146_a_statement_may_take_only_so_long(
    engine: str, long_work: str, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(engine)
    connect(replace(settings_of(server, server.create_database()), statement_timeout_s=1))
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute(long_work)
    disconnect()


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret words\n")
    settings = DatabaseSettings(engine=Engine.POSTGRESQL, user="clement", password_file=str(file))
    connect(settings)
    assert connection.settings_dict["PASSWORD"] == "s3cret words"
    connect(DatabaseSettings(path=":memory:"))


@pytest.mark.parametrize(
    "settings",
    [
        DatabaseSettings(engine=Engine.POSTGRESQL, user="clement", password_file="/nowhere/at-all"),
        DatabaseSettings(engine=Engine.MARIADB),
    ],
    ids=["no password file", "no user"],
)
def test_settings_that_cannot_be_used_are_refused(settings: DatabaseSettings) -> None:
    with pytest.raises(DatabaseMisconfigured):
        connect(settings)


def test_settings_are_shown_without_the_password() -> None:
    settings = DatabaseSettings(engine=Engine.POSTGRESQL, user="clement", password="told-to-nobody")
    assert "told-to-nobody" not in repr(settings)
    assert "user='clement'" in repr(settings)
