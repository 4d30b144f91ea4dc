"""The store's tests run on SQLite, PostgreSQL and MariaDB; each test begins with empty tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.store.database import DatabaseSettings, Engine, connect, disconnect
from tests.fixtures.databases import DatabaseServer

# The store's modules ask Django for its settings when they are imported, which test modules do at once.
connect(DatabaseSettings(path=":memory:"))

from django.db import connection  # noqa: E402

from clement.store import models  # noqa: E402
from clement.store.access.actor import Actor, shell_actor  # noqa: E402
from clement.store.schema import migrate  # noqa: E402


def settings_of(server: DatabaseServer, name: str, *, socket: Path | None = None) -> DatabaseSettings:
    """How the store reaches a database of a throw-away server, or of a proxy before it."""
    return DatabaseSettings(
        engine=Engine.POSTGRESQL if server.engine == "postgresql" else Engine.MARIADB,
        name=name,
        socket=str(socket) if socket else server.host,
        user=server.user,
    )


def prepared(settings: DatabaseSettings) -> DatabaseSettings:
    connect(settings)
    migrate()
    disconnect()
    return settings


@pytest.fixture(scope="session")
def sqlite_settings(tmp_path_factory: pytest.TempPathFactory) -> DatabaseSettings:
    path = tmp_path_factory.mktemp("store") / "clement.sqlite3"
    return prepared(DatabaseSettings(path=str(path)))


@pytest.fixture(scope="session")
def postgresql_settings(postgresql: DatabaseServer) -> DatabaseSettings:
    return prepared(settings_of(postgresql, postgresql.create_database()))


@pytest.fixture(scope="session")
def mariadb_settings(mariadb: DatabaseServer) -> DatabaseSettings:
    return prepared(settings_of(mariadb, mariadb.create_database()))


def on(name: str) -> object:
    """A parameter for the fixture `database`; those that need a server are marked so."""
    return pytest.param(name, marks=() if name == "sqlite" else pytest.mark.peer)


@pytest.fixture(params=[on("sqlite"), on("postgresql"), on("mariadb")])
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseSettings]:
    """An empty store, connected, on each of the databases."""
    settings: DatabaseSettings = request.getfixturevalue(f"{request.param}_settings")
    connect(settings)
    empty_all_tables()
    yield settings
    disconnect()


def empty_all_tables() -> None:
    # Those that others point to come last.
    first = [models.SendAsGrant, models.RoleGrant, models.Mailbox, models.Alias, models.Directive]
    last = [models.Person, models.Domain, models.Group]
    every = [getattr(models, name) for name in models.__all__]
    others = [table for table in every if table not in (*first, *last)]
    names = [
        table._meta.db_table for table in (*others, *first, *last) if table is not models.DirectoryVersion
    ]
    # Nearly all are empty, and one question is cheaper than forty statements.
    is_filled = " UNION ALL ".join(f"SELECT '{name}', EXISTS (SELECT 1 FROM {name})" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(is_filled)
        filled = {name for name, has_rows in cursor.fetchall() if has_rows}
        for name in names:
            if name in filled:
                cursor.execute(f"DELETE FROM {name}")


@pytest.fixture
def root(database: DatabaseSettings) -> Actor:  # noqa: ARG001
    """Whoever has the machine."""
    return shell_actor("tester (shell)")


@pytest.fixture
def django_queries(database: DatabaseSettings) -> Iterator[list[str]]:  # noqa: ARG001
    """The statements that Django runs from now on."""
    statements: list[str] = []

    def note(execute: object, sql: str, params: object, many: bool, context: object) -> object:
        statements.append(sql)
        return execute(sql, params, many, context)  # type: ignore[operator]

    with connection.execute_wrapper(note):
        yield statements
