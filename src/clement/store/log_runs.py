"""Counted refusals in SQL: a running run is told again and again, and the largest count stands.

The last session of a run has rows in the log like any other; when a later one
takes its place, they go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.db import connection

from clement.journal.records import RefusalRun
from clement.store import log_sql
from clement.store.log_ids import transactions_of
from clement.store.log_rows import (
    FURTHER_MAILBOX,
    RECIPIENT,
    REFUSAL_RUN,
    SESSION,
    TRANSACTION,
    Batch,
    finite,
    run_row,
)
from clement.store.log_text import fit
from clement.store.reputation.queue import RunDelta

UPDATE = f"UPDATE {REFUSAL_RUN.name} SET count = %s, last_at_s = %s, last_session_key = %s WHERE id = %s"  # noqa: S608


class Settled(NamedTuple):
    """The rows of the runs' last sessions, which the counts include, and by how much each count rose."""

    last: Batch
    told: list[RunDelta]


def settle(runs: Mapping[str, RefusalRun]) -> Settled:
    """Write those runs that tell more than what is there; returns the rows of their last sessions.

    Works in the transaction that is open. Raises django.db.Error.
    """
    last, told = Batch(), list[RunDelta]()
    if not runs:
        return Settled(last, told)
    there = _there(list(runs))
    new = []
    for run in runs.values():
        known = there.get(run.id)
        if known is None:
            new.append(run_row(run))
        elif known[0] < run.count:
            _forget_session(known[1])
            log_sql.execute_each(UPDATE, [(run.count, finite(run.last_at_s), run.last.id, run.id)])
        else:
            continue
        rise = run.count - (known[0] if known is not None else 0)
        told.append(
            RunDelta(
                fit(run.client_address, 45),
                fit(run.reason, 64),
                rise,
                finite(run.last_at_s),
                fit(run.first_session_id, 40),
            )
        )
        last.add_session(run.last)
        for transaction in run.last_transactions:
            last.add_transaction(transaction)
    log_sql.insert(REFUSAL_RUN, new)
    return Settled(last, told)


def _there(ids: list[str]) -> dict[str, tuple[int, str]]:
    """Count and last session of the runs that are there, by id."""
    marks = ", ".join(["%s"] * len(ids))
    statement = f"SELECT id, count, last_session_key FROM {REFUSAL_RUN.name} WHERE id IN ({marks})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, ids)
        return {run_id: (count, session_id) for run_id, count, session_id in cursor.fetchall()}


def _forget_session(session_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT transaction_count FROM {SESSION.name} WHERE id = %s", [session_id])  # noqa: S608
        found = cursor.fetchone()
    count = found[0] if found else 0
    transactions = list(transactions_of(session_id, count))
    log_sql.delete_keys(SESSION, [session_id])
    for table in (TRANSACTION, RECIPIENT, FURTHER_MAILBOX):
        log_sql.delete_keys(table, transactions)
