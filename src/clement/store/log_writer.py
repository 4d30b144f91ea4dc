"""The journal's way into SQL: `clement.journal.ports.LogWriter`.

One call is one SQL transaction: the rows, the hit counts of directives, and how
far the journal has been read. So a batch is there or it is not, and the
positions tell which, also after a COMMIT whose answer was lost. Batches are
written as if all were new, which they nearly always are; only when the database
finds a key twice are they compared with what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from django.db import DataError, Error, IntegrityError, connection, transaction

from clement.journal.ports import LogUnavailable, RecordRejected
from clement.journal.records import Record
from clement.store import held_writer, log_runs, log_sql, mesh_writer, reports_due
from clement.store.learning import writer as teaching_writer
from clement.store.log_rows import LOG_GAP, SESSION, TRANSACTION, Batch
from clement.store.reputation import queue

REPEATS = 3
PAUSE_S = 0.05
REPEATS_WITHIN_S = 5.0
"""Whoever has waited for a lock for this long says so, and does not wait again in silence."""

# PostgreSQL: serialization failure, deadlock, lock not available (appendix A of its manual).
PASSING_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
# MariaDB: lock wait timeout, deadlock, record changed since read.
PASSING_ERRORS = frozenset({1205, 1213, 1020})

SELECT_POSITIONS = "SELECT segment, offset_bytes FROM clement_journalposition WHERE node = %s"
INSERT_POSITION = "INSERT INTO clement_journalposition (offset_bytes, node, segment) VALUES (%s, %s, %s)"
UPDATE_POSITION = "UPDATE clement_journalposition SET offset_bytes = %s WHERE node = %s AND segment = %s"
DELETE_POSITION = "DELETE FROM clement_journalposition WHERE node = %s AND segment = %s"
ADD_HITS = (
    "UPDATE clement_directive SET hit_count = hit_count + %s,"
    " last_hit_at_s = CASE WHEN last_hit_at_s < %s THEN %s ELSE last_hit_at_s END WHERE id = %s"
)


class SqlLogWriter:
    """Writes the records of one node. Used by one thread at a time."""

    def __init__(
        self,
        node: str,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node = node
        self._sleep = sleep
        self._monotonic = monotonic

    def positions(self) -> dict[str, int]:
        try:
            return self._positions()
        except Error as reason:
            raise _unavailable(reason) from reason

    def write(self, records: Sequence[Record], positions: Mapping[str, int]) -> None:
        batch = Batch(records)
        compare = hardened = False
        repeats, until_s = 0, self._monotonic() + REPEATS_WITHIN_S
        # Ends: each way round is taken once, or at most REPEATS times.
        while True:
            try:
                self._write_once(batch, positions, compare=compare, hardened=hardened)
                return
            except IntegrityError as reason:
                if compare:
                    raise _rejected(reason) from reason
                compare = True
            except (DataError, OverflowError) as reason:
                if hardened:
                    raise _rejected(reason) from reason
                hardened = True
            except Error as reason:
                repeats += 1
                if repeats > REPEATS or self._monotonic() > until_s or not _passes(reason):
                    raise _unavailable(reason) from reason
                self._sleep(PAUSE_S * repeats)

    def forget(self, segments: Sequence[str]) -> None:
        try:
            with transaction.atomic():
                log_sql.execute_each(DELETE_POSITION, ((self._node, segment) for segment in segments))
        except Error as reason:
            raise _unavailable(reason) from reason

    def _write_once(
        self, batch: Batch, positions: Mapping[str, int], *, compare: bool, hardened: bool
    ) -> None:
        with transaction.atomic():
            there = self._positions()
            if positions and all(there.get(segment, -1) >= end for segment, end in positions.items()):
                return  # the COMMIT of an earlier call came through, only its answer did not
            settled = log_runs.settle(batch.runs)
            whole = batch.with_rows_of(settled.last) if batch.runs else batch
            if compare:
                _keep_new(whole)
            if hardened:
                whole.harden()
            for table, rows in whole.tables():
                log_sql.insert(table, rows)
            counted = {row[0] for row in settled.last.sessions}
            queue.put([str(row[0]) for row in whole.sessions if row[0] not in counted], settled.told)
            _add_hits(whole)
            mesh_writer.settle(batch.mesh)
            held_writer.settle(batch.held)
            teaching_writer.settle(batch.teachings)
            reports_due.settle(batch.reports, self._node)
            self._advance(there, positions)

    def _positions(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(SELECT_POSITIONS, [self._node])
            return dict(cursor.fetchall())

    def _advance(self, there: Mapping[str, int], positions: Mapping[str, int]) -> None:
        for segment, end in positions.items():
            if segment not in there:
                log_sql.execute_each(INSERT_POSITION, [(end, self._node, segment)])
            elif there[segment] < end:
                log_sql.execute_each(UPDATE_POSITION, [(end, self._node, segment)])


def _keep_new(batch: Batch) -> None:
    """Drop what is there already."""
    batch.keep_new(
        {
            table.name: log_sql.known_keys(table, {row[0] for row in rows})
            for table, rows in batch.tables()
            if table in (SESSION, TRANSACTION, LOG_GAP)
        }
    )


def _add_hits(batch: Batch) -> None:
    # In order of ids, so that two nodes' writers wait for each other instead of locking crosswise.
    log_sql.execute_each(ADD_HITS, ((count, at_s, at_s, id_) for id_, count, at_s in batch.hits()))


def _passes(reason: Error) -> bool:
    """Whether the same transaction may succeed when it is tried again at once."""
    cause = reason.__cause__
    if getattr(cause, "sqlstate", None) in PASSING_SQLSTATES:
        return True
    code = cause.args[0] if cause is not None and cause.args else None
    return code in PASSING_ERRORS or "database is locked" in str(reason)


def _rejected(reason: Exception) -> RecordRejected:
    return RecordRejected(f"{type(reason).__name__}: {str(reason)[:300]}")


def _unavailable(reason: Exception) -> LogUnavailable:
    """What the recorder is told. The connection is given up, whatever broke it: the next call opens one."""
    connection.close()
    return LogUnavailable(f"{type(reason).__name__}: {str(reason)[:300]}")
