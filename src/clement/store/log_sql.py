"""Inserting many rows at once, in the way each database does it fastest.

SQLite runs one prepared statement for all rows, PostgreSQL takes them by COPY,
MariaDB as one statement with many rows. All bind or escape values in the driver;
names of tables and columns are constants of this package.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import connection

from clement.store.log_rows import Row, Table, Value

KEYS_AT_ONCE = 500


def insert(table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, in the transaction that is open. Raises django.db.Error, OverflowError."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(table, rows)
        return
    marks = ", ".join(["%s"] * len(table.columns))
    statement = f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({marks})"  # noqa: S608  (constants)
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def known_keys(table: Table, keys: Collection[Value]) -> set[Value]:
    """Those of the keys that are in the table's first column already."""
    found: set[Value] = set()
    wanted = list(keys)
    with connection.cursor() as cursor:
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            some = wanted[start : start + KEYS_AT_ONCE]
            marks = ", ".join(["%s"] * len(some))
            column = table.columns[0]
            cursor.execute(f"SELECT {column} FROM {table.name} WHERE {column} IN ({marks})", some)  # noqa: S608
            found.update(row[0] for row in cursor.fetchall())
    return found


def delete_keys(table: Table, keys: Sequence[Value]) -> None:
    """Delete the rows whose first column is one of the keys."""
    with connection.cursor() as cursor:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            marks = ", ".join(["%s"] * len(some))
            cursor.execute(f"DELETE FROM {table.name} WHERE {table.columns[0]} IN ({marks})", some)  # noqa: S608


def execute_each(statement: str, parameters: Iterable[Sequence[Value]]) -> None:
    """Run a statement once for each of some parameter lists."""
    with connection.cursor() as cursor:
        for values in parameters:
            cursor.execute(statement, values)


def _copy(table: Table, rows: Sequence[Row]) -> None:
    statement = f"COPY {table.name} ({_columns(table)}) FROM STDIN"
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.cursor.copy(statement) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _columns(table: Table) -> str:
    return ", ".join(connection.ops.quote_name(column) for column in table.columns)
