"""Which database the store uses, and Django configured for it by program.

Everything else in `clement.store` needs `connect` to have been called before it
is imported, because Django's models ask for their settings when they are made.
This module is not a connection pool: each process is one writer or few readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import django
import msgspec
from django.apps import apps
from django.conf import settings
from django.db import connections


class Engine(StrEnum):
    """The databases that the store is tested on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"


class DatabaseSettings(msgspec.Struct, frozen=True):
    """Where the tables are.

    path: the file (SQLite only).  socket: a Unix socket, or for PostgreSQL its
    folder; it wins over host and port.  password_file wins over password.
    statement_timeout_s: longest time of one statement (0: no limit), for processes that answer people;
    SQLite has no such limit.
    """

    engine: Engine = Engine.SQLITE
    path: str = "clement.sqlite3"
    name: str = "clement"
    host: str = ""
    port: int = 0
    socket: str = ""
    user: str = ""
    password: str = ""
    password_file: str = ""
    connect_timeout_s: int = 5
    lock_timeout_s: int = 10
    statement_timeout_s: int = 0

    def __repr__(self) -> str:
        """All but the password."""
        return f"DatabaseSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for tracebacks, which `rich` prints with their variables."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "password"]


class DatabaseMisconfigured(Exception):
    """The settings cannot be used; the message says which and why."""


# One process writes the log and several read, so WAL lets them not wait for each other. FULL, because a
# journal segment is deleted once SQL has it: with NORMAL a power cut could take back what was promised.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768; "
    "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864;"
)


APPLICATIONS = ("clement.store.apps.StoreConfig",)

# Django settings of a process that uses the store and no web pages.
STORE_ALONE: Mapping[str, object] = {
    "INSTALLED_APPS": APPLICATIONS,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "USE_TZ": True,
    "TIME_ZONE": "UTC",
    "USE_I18N": False,
}


def connect(database: DatabaseSettings, further: Mapping[str, object] | None = None) -> None:
    """Configure Django for `database`; the first query opens the connection.

    further: Django settings of other parts (the web's applications and middleware), used the first time only.
    A later call with another database closes this thread's connection and turns to the new one.
    Raises DatabaseMisconfigured when a password file cannot be read or no user is given.
    """
    databases = {"default": _connection(database)}
    if not settings.configured:
        settings.configure(DATABASES=databases, **{**STORE_ALONE, **(further or {})})
        if further:
            django.setup()
        else:
            # The models, without the logging by mail and the URLs that setup() prepares for pages.
            apps.populate(APPLICATIONS)
        return
    connections["default"].close()
    del connections["default"]
    connections.settings = connections.configure_settings(databases)


def disconnect() -> None:
    """Close this thread's connection; the next query opens another. Call it before fork."""
    connections.close_all()


def _connection(database: DatabaseSettings) -> dict[str, Any]:
    match database.engine:
        case Engine.SQLITE:
            return _sqlite(database)
        case Engine.POSTGRESQL:
            return _postgresql(database)
        case Engine.MARIADB:
            return _mariadb(database)


def _sqlite(database: DatabaseSettings) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database.path,
        "OPTIONS": {
            # A transaction that starts reading and then writes may meet SQLITE_BUSY without waiting.
            "transaction_mode": "IMMEDIATE",
            "timeout": database.lock_timeout_s,
            "init_command": SQLITE_PRAGMAS,
        },
    }


def _postgresql(database: DatabaseSettings) -> dict[str, object]:
    options = (
        f"-c synchronous_commit=on -c lock_timeout={database.lock_timeout_s}s"
        f" -c statement_timeout={database.statement_timeout_s}s -c idle_in_transaction_session_timeout=60s"
    )
    return _server(database) | {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": database.socket or database.host,
        "OPTIONS": {
            "connect_timeout": database.connect_timeout_s,
            "options": options,
            # A server that vanished without a word is noticed within a minute.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
    }


def _mariadb(database: DatabaseSettings) -> dict[str, object]:
    # PyMySQL takes the place of MySQLdb, which has no wheels; only this engine needs it.
    import pymysql  # noqa: PLC0415

    pymysql.install_as_MySQLdb()
    options: dict[str, object] = {
        "charset": "utf8mb4",
        "connect_timeout": database.connect_timeout_s,
        "read_timeout": 60,
        "write_timeout": 60,
        "isolation_level": "read committed",
        "init_command": (
            f"SET sql_mode='TRADITIONAL', innodb_lock_wait_timeout={database.lock_timeout_s},"
            f" max_statement_time={database.statement_timeout_s}, default_storage_engine=InnoDB"
        ),
    }
    if database.socket:
        options["unix_socket"] = database.socket
    return _server(database) | {
        "ENGINE": "django.db.backends.mysql",
        "HOST": database.host,
        "OPTIONS": options,
    }


def _server(database: DatabaseSettings) -> dict[str, object]:
    if not database.user:
        raise DatabaseMisconfigured(f"{database.engine} needs a user")
    return {
        "NAME": database.name,
        "PORT": str(database.port or ""),
        "USER": database.user,
        "PASSWORD": _password(database),
        # Connections live as long as their process; one that broke is replaced when a task begins.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


def _password(database: DatabaseSettings) -> str:
    if not database.password_file:
        return database.password
    try:
        return Path(database.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as reason:
        raise DatabaseMisconfigured(f"password_file: {reason}") from reason
