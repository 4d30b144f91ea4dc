"""Making and checking the tables: migrations with progress, and the gate against a foreign schema."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import count

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

Progress = Callable[[int, int, str], None]


class SchemaState(StrEnum):
    """How the tables relate to this program."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    NEWER = "newer"
    BROKEN = "broken"


class WrongSchema(Exception):
    """The tables do not fit this program; the message says what to do. Nothing may start on them."""

    def __init__(self, state: SchemaState, message: str) -> None:
        super().__init__(message)
        self.state = state


ADVICE = {
    SchemaState.EMPTY: "the database has no tables yet; run `clement init`",
    SchemaState.OLDER: "the tables are older than this program; run `clement init` to migrate them",
    SchemaState.NEWER: "the tables are newer than this program; start the newer one, or restore a backup",
    SchemaState.BROKEN: "a migration stopped half-way; restore a backup, or drop the tables if they were new",
}


def schema_state() -> SchemaState:
    """Compare the migrations in SQL with those of this program.

    Raises django.db.Error when SQL cannot be asked.
    """
    executor = MigrationExecutor(connection)
    ours = {key for key in executor.loader.disk_migrations if key[0] == "clement"}
    applied = {key for key in executor.loader.applied_migrations if key[0] == "clement"}
    if applied - ours:
        return SchemaState.NEWER
    if applied == ours:
        return SchemaState.CURRENT
    if applied:
        return SchemaState.OLDER
    tables = connection.introspection.table_names()
    return SchemaState.BROKEN if any(name.startswith("clement_") for name in tables) else SchemaState.EMPTY


def require_current_schema() -> None:
    """Raise WrongSchema unless the tables are exactly this program's."""
    state = schema_state()
    if state is not SchemaState.CURRENT:
        raise WrongSchema(state, ADVICE[state])


def migrate(progress: Progress = lambda _done, _total, _name: None) -> int:
    """Bring the tables to this program's schema; returns the number of migrations applied.

    progress is called with (done, total, name of the migration). Raises WrongSchema when the tables are newer
    or half made, django.db.Error when SQL refuses.
    """
    state = schema_state()
    if state in (SchemaState.NEWER, SchemaState.BROKEN):
        raise WrongSchema(state, ADVICE[state])
    if state is SchemaState.EMPTY:
        _prepare_database()
    done = count()

    def note(step: str, migration: Migration | None = None, *_: object) -> None:
        if step == "apply_start":
            progress(next(done), len(plan), str(migration))

    executor = MigrationExecutor(connection, note)
    targets = executor.loader.graph.leaf_nodes()
    plan = executor.migration_plan(targets)
    executor.migrate(targets, plan)
    progress(len(plan), len(plan), "")
    return len(plan)


def _prepare_database() -> None:
    """MariaDB compares text without regard to case and accents unless told otherwise: ü@ would be u@."""
    if connection.vendor == "mysql":
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
