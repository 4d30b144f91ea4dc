"""Whether the database keeps what it confirmed: settings under which a COMMIT may be lost in a power cut.

Accepted mail does not depend on them, because it never waits for SQL; the
directory and the log do. `clement serve` says loudly what it finds here, and
`clement check` fails on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import connection


def unsafe_settings() -> tuple[str, ...]:
    """What is unsafe, each in one sentence; empty when all is well. Raises django.db.Error."""
    return tuple(CHECKS[connection.vendor]())


def _sqlite() -> Iterator[str]:
    if int(_value("PRAGMA synchronous")) < 2:
        yield "SQLite: PRAGMA synchronous is below FULL, so a power cut may undo committed changes"
    if _value("PRAGMA journal_mode") != "wal":
        yield "SQLite: the journal mode is not WAL (a network file system?), so readers and writers wait"


def _postgresql() -> Iterator[str]:
    if _value("SHOW fsync") != "on":
        yield "PostgreSQL: fsync is off, so a power cut may destroy the database"
    if _value("SHOW full_page_writes") != "on":
        yield "PostgreSQL: full_page_writes is off, so a power cut may destroy pages"
    if _value("SHOW synchronous_commit") == "off":
        yield "PostgreSQL: synchronous_commit is off, so a power cut may undo committed changes"
    if _value("SHOW server_encoding") != "UTF8":
        yield "PostgreSQL: the database's encoding is not UTF8, so names and subjects cannot be stored"
    if _value("SELECT pg_is_in_recovery()::text") == "true":
        yield "PostgreSQL: this server is a read-only replica"


def _mariadb() -> Iterator[str]:
    if _value("SELECT @@innodb_flush_log_at_trx_commit") != "1":
        yield "MariaDB: innodb_flush_log_at_trx_commit is not 1, so a power cut may undo committed changes"
    if _value("SELECT @@innodb_doublewrite") in ("0", "OFF"):
        yield "MariaDB: innodb_doublewrite is off, so a power cut may destroy pages"
    if _value("SELECT @@read_only") not in ("0", "OFF"):
        yield "MariaDB: this server is read-only"
    yield from _mariadb_tables()


def _mariadb_tables() -> Iterator[str]:
    tables = (
        "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'clement\\_%%'"
    )
    if _value(f"SELECT COUNT(*) {tables} AND engine <> 'InnoDB'") != "0":
        yield "MariaDB: some tables are not InnoDB, so they have no transactions"
    if _value(f"SELECT COUNT(*) {tables} AND table_collation <> 'utf8mb4_bin'") != "0":
        yield "MariaDB: the collation of some tables is not utf8mb4_bin, so different names may count as one"


def _value(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question, [])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
}
