"""Deleting what is old from the log, in batches so small that nobody waits for them.

Ids begin with the time, so what is old is the beginning of a primary key: no
index by time is needed, and a batch never looks at more than it deletes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from django.db import connection, transaction

from clement.store import log_sql
from clement.store.log_ids import first_id_at
from clement.store.log_rows import (
    FURTHER_MAILBOX,
    LOG_GAP,
    RECIPIENT,
    REFUSAL_RUN,
    SESSION,
    TRANSACTION,
    Table,
)

BATCH_ROWS = 500
PAUSE_S = 0.05
DAY_S = 86_400


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days the log is kept; 0 for ever."""

    sessions_days: int = 90
    refusal_runs_days: int = 90
    audit_days: int = 0


def delete_expired(
    keep: Retention,
    *,
    now_s: float,
    stop: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Delete what is older than `keep` says; returns the number of rows.

    Between batches it sleeps, and ends when `stop` says so; the next call goes on from there.
    Raises django.db.Error when SQL cannot be asked; what was deleted by then stays deleted.
    """
    deleted = 0
    for table, column, bound in _expired(keep, now_s):
        while not stop():
            count = _delete_some(table, column, bound)
            deleted += count
            if count < BATCH_ROWS:
                break
            sleep(PAUSE_S)
    return deleted


AUDIT = Table("clement_auditentry", ("id", "at_s"))


def _expired(keep: Retention, now_s: float) -> list[tuple[Table, str, str | float]]:
    """Table, column, and the bound below which rows go; sessions after what is told about them."""
    found: list[tuple[Table, str, str | float]] = []
    if keep.sessions_days:
        first_kept = first_id_at(now_s - keep.sessions_days * DAY_S)
        found += [(table, table.columns[0], first_kept) for table in (FURTHER_MAILBOX, RECIPIENT)]
        found += [(table, table.columns[0], first_kept) for table in (TRANSACTION, SESSION)]
    if keep.refusal_runs_days:
        oldest_s = now_s - keep.refusal_runs_days * DAY_S
        found += [(REFUSAL_RUN, "last_at_s", oldest_s), (LOG_GAP, "last_at_s", oldest_s)]
    if keep.audit_days:
        found.append((AUDIT, "at_s", now_s - keep.audit_days * DAY_S))
    return found


def _delete_some(table: Table, column: str, bound: str | float) -> int:
    """Delete at most one batch of the oldest rows, in a transaction of its own."""
    key = table.columns[0]
    # MariaDB does not take LIMIT in a subquery, PostgreSQL none in DELETE: so the keys are fetched.
    select = f"SELECT {key} FROM {table.name} WHERE {column} < %s ORDER BY {column} LIMIT {BATCH_ROWS}"  # noqa: S608
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(select, [bound])
            keys = [row[0] for row in cursor.fetchall()]
        log_sql.delete_keys(table, list(dict.fromkeys(keys)))
    return len(keys)
