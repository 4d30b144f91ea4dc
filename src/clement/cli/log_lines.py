"""How lines of the log look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from clement.cli.terminal import Column, Line, duration, local_time, outcome_style, safe, size

if TYPE_CHECKING:
    from clement.store.records import RecipientRow, RefusalRunRow, SessionRow

# The value of Reason.GREYLISTED, whose module is more than --help should import.
_GREYLISTED: Final = "greylisted"
_PROMISE: Final = re.compile(r"will arrive (by about [0-9:]{5} UTC)")


def why(row: RecipientRow) -> str:
    """The reason, and for what was asked to come back, by when it is expected."""
    if row.reason == row.outcome:
        return ""
    promised = _PROMISE.search(row.reply) if row.reason == _GREYLISTED else None
    return f"{row.reason}, {promised[1]}" if promised is not None else row.reason


def reverse_path(text: str) -> str:
    """A reverse-path as people read it."""
    return text or "<>"


RECIPIENT_COLUMNS: list[Column[RecipientRow]] = [
    Column("time", lambda row: local_time(row.at_s)),
    Column("outcome", lambda row: row.outcome.value, outcome_style),
    Column("from", lambda row: reverse_path(row.reverse_path)),
    Column("to", lambda row: row.address),
    Column("reason", why),
    Column("size", lambda row: size(row.size_bytes) if row.size_bytes else "", is_number=True),
    Column("transaction", lambda row: row.transaction_id),
]

SESSION_COLUMNS: list[Column[SessionRow]] = [
    Column("time", lambda row: local_time(row.started_at_s)),
    Column("outcome", lambda row: row.outcome.value, outcome_style),
    Column("client", lambda row: row.client_address),
    Column("greeting", lambda row: row.hello),
    Column("reason", lambda row: row.reason if row.reason != row.outcome else ""),
    Column("took", lambda row: duration(row.duration_us), is_number=True),
    Column("session", lambda row: row.id),
]

FLOOD_COLUMNS: list[Column[RefusalRunRow]] = [
    Column("first", lambda row: local_time(row.first_at_s)),
    Column("last", lambda row: local_time(row.last_at_s)),
    Column("client", lambda row: row.client_address),
    Column("reason", lambda row: row.reason),
    Column("times", lambda row: str(row.count), is_number=True),
    Column("first session", lambda row: row.first_session_id),
    Column("last session", lambda row: row.last_session_id),
]


def recipient_line(row: RecipientRow) -> Line:
    """One line of `log --follow`."""
    path = f"{reverse_path(row.reverse_path)} → {row.address}"
    reason = f"  {why(row)}" if why(row) else ""
    text = f"{local_time(row.at_s)}  {row.outcome.value:<8}  {path}{reason}  {row.transaction_id}"
    return safe(text, 600), outcome_style(row.outcome.value)
