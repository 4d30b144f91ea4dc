"""What waits to be counted: put beside the log's rows in the same SQL transaction, taken by the steward.

A watermark over ids would not do: a session is written when it ends, and by a
node that was cut off from SQL days later, so rows keep appearing below any mark.
What is queued is counted once, whenever it comes, and no row of the log is read
for it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from django.db import connection

SESSIONS_A_ROW = 500


class RunDelta(msgspec.Struct, frozen=True, array_like=True):
    """By how much the count of a run of refusals has risen."""

    client_address: str
    reason: str
    count: int
    last_at_s: float
    first_session_id: str


class CorrectionDelta(msgspec.Struct, frozen=True, array_like=True):
    """A person's word of a transaction; `count` is 1, or -1 where it is taken back."""

    transaction_id: str
    wanted: bool
    count: int


class Uncounted(msgspec.Struct, frozen=True, array_like=True):
    """One row of the queue: ids of sessions, with all their transactions; runs; corrections."""

    sessions: tuple[str, ...] = ()
    runs: tuple[RunDelta, ...] = ()
    corrections: tuple[CorrectionDelta, ...] = ()


INSERT = "INSERT INTO clement_reputationqueue (items) VALUES (%s)"


def put(sessions: Sequence[str], runs: Iterable[RunDelta] = ()) -> None:
    """Queue what one batch of the log brought, in the transaction that is open. Raises django.db.Error."""
    told = tuple(runs)
    for start in range(0, max(len(sessions), 1), SESSIONS_A_ROW):
        some = tuple(sessions[start : start + SESSIONS_A_ROW])
        if some or told:
            _insert(Uncounted(some, told))
        told = ()


def put_correction(transaction_id: str, *, wanted: bool, count: int) -> None:
    """Queue a person's word, in the transaction that is open."""
    _insert(Uncounted(corrections=(CorrectionDelta(transaction_id, wanted, count),)))


def _insert(items: Uncounted) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [msgspec.json.encode(items).decode()])
