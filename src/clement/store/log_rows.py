"""From the journal's records to rows of the log's tables: tuples in the order of the columns.

Runs for every message, so it touches no model and makes no object but the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite

import msgspec

from clement.journal.records import (
    GapRecord,
    HeldGone,
    HeldRecord,
    MeshRecord,
    Record,
    RefusalRun,
    ReportRecord,
    SessionRecord,
    TeachingRecord,
    TransactionRecord,
)
from clement.store.log_text import fit, packed

Value = str | int | float | bytes
Row = tuple[Value, ...]

SMALLEST_RANGE = 1 << 31  # of an integer column


class Table(msgspec.Struct, frozen=True):
    """A table of the log and the order of its columns."""

    name: str
    columns: tuple[str, ...]


SESSION = Table(
    "clement_session",
    (
        "id", "node", "service", "started_at_s", "duration_us", "client_address", "client_port", "outcome",
        "reason", "ending", "hello", "tls", "person_key", "login", "transaction_count", "bytes_received",
        "bytes_sent", "transcript",
    ),
)  # fmt: skip
TRANSACTION = Table(
    "clement_transaction",
    (
        "id", "at_s", "reverse_path", "outcome", "reason", "reply", "recipient_count",
        "size_bytes", "message_id", "author", "subject", "person_key", "findings", "authenticated_domains",
    ),
)  # fmt: skip
RECIPIENT = Table(
    "clement_recipient",
    (
        "transaction_key", "position", "address", "outcome", "reason", "reply", "group_key",
        "domain_key", "mailbox_key", "directive_key", "next_hop", "score", "thresholds",
    ),
)  # fmt: skip
DIRECTIVE_COLUMN = RECIPIENT.columns.index("directive_key")
FURTHER_MAILBOX = Table("clement_recipientmailbox", ("transaction_key", "position", "mailbox_key"))
REFUSAL_RUN = Table(
    "clement_refusalrun",
    (
        "id", "node", "client_address", "reason", "count", "first_at_s", "last_at_s", "first_session_key",
        "last_session_key",
    ),
)  # fmt: skip
LOG_GAP = Table(
    "clement_loggap",
    (
        "id", "node", "cause", "first_at_s", "last_at_s", "transcripts", "sessions", "refusal_runs",
        "transactions",
    ),
)  # fmt: skip


class Batch:
    """The rows of some records, by table.

    Runs stay records: what becomes of them depends on what is there.
    """

    __slots__ = (
        "further",
        "gaps",
        "held",
        "mesh",
        "recipients",
        "reports",
        "runs",
        "sessions",
        "teachings",
        "transactions",
    )

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.sessions: list[Row] = []
        self.transactions: list[Row] = []
        self.recipients: list[Row] = []
        self.further: list[Row] = []
        self.gaps: list[Row] = []
        self.runs: dict[str, RefusalRun] = {}
        self.mesh: list[MeshRecord] = []
        self.held: list[HeldRecord | HeldGone] = []
        self.teachings: list[TeachingRecord] = []
        self.reports: list[ReportRecord] = []
        for record in records:
            self._add(record)

    def tables(self) -> tuple[tuple[Table, list[Row]], ...]:
        """The rows with their tables; those of one table belong into one statement."""
        return (
            (SESSION, self.sessions),
            (TRANSACTION, self.transactions),
            (RECIPIENT, self.recipients),
            (FURTHER_MAILBOX, self.further),
            (LOG_GAP, self.gaps),
        )

    def with_rows_of(self, other: Batch) -> Batch:
        """A batch with the rows of both and no runs; neither is changed."""
        whole = Batch()
        for (_table, rows), (_same, first), (_again, second) in zip(
            whole.tables(), self.tables(), other.tables(), strict=True
        ):
            rows.extend(first)
            rows.extend(second)
        return whole

    def keep_new(self, known: Mapping[str, Collection[Value]]) -> None:
        """Drop the rows whose ids are known, by table's name, and rows that come twice."""
        self.sessions = _once(self.sessions, known[SESSION.name])
        self.gaps = _once(self.gaps, known[LOG_GAP.name])
        transactions = known[TRANSACTION.name]
        self.transactions = _once(self.transactions, transactions)
        # A transaction and its recipients are always written together, so its id speaks for them too.
        self.recipients = _once(self.recipients, transactions, key_width=2)
        self.further = _once(self.further, transactions, key_width=3)

    def harden(self) -> None:
        """Bring numbers into the ranges of the columns; for batches that a database would not take."""
        for _table, rows in self.tables():
            rows[:] = [tuple(map(_in_range, row)) for row in rows]

    def hits(self) -> list[tuple[int, int, int]]:
        """(directive id, how often it decided, when last in Unix seconds), in order of ids."""
        times = {row[0]: row[1] for row in self.transactions}
        found: dict[int, tuple[int, int]] = {}
        for row in self.recipients:
            directive_id = row[DIRECTIVE_COLUMN]
            if directive_id:
                count, last_at_s = found.get(int(directive_id), (0, 0))
                found[int(directive_id)] = (count + 1, max(last_at_s, int(times[row[0]])))
        return [(directive_id, *found[directive_id]) for directive_id in sorted(found)]

    def _add(self, record: Record) -> None:
        if isinstance(record, TransactionRecord):
            self.add_transaction(record)
        elif isinstance(record, SessionRecord):
            self.add_session(record)
        elif isinstance(record, RefusalRun):
            if record.count > getattr(self.runs.get(record.id), "count", 0):
                self.runs[record.id] = record
        elif isinstance(record, MeshRecord):
            self.mesh.append(record)
        elif isinstance(record, HeldRecord | HeldGone):
            self.held.append(record)
        elif isinstance(record, TeachingRecord):
            self.teachings.append(record)
        elif isinstance(record, ReportRecord):
            self.reports.append(record)
        else:
            self.gaps.append(_gap(record))

    def add_transaction(self, record: TransactionRecord) -> None:
        """A row for the transaction, and one for each recipient."""
        self.transactions.append(_transaction(record))
        for position, recipient in enumerate(record.recipients):
            mailboxes = recipient.mailbox_ids
            self.recipients.append(
                (
                    record.id,
                    position,
                    fit(recipient.address, 320),
                    recipient.outcome.value,
                    fit(recipient.reason, 64),
                    fit(recipient.reply, 512),
                    recipient.group_id,
                    recipient.domain_id,
                    mailboxes[0] if mailboxes else 0,
                    recipient.directive_id,
                    fit(recipient.next_hop, 255),
                    finite(recipient.score),
                    fit(recipient.thresholds, 120),
                )
            )
            if len(mailboxes) > 1:
                self.further.extend((record.id, position, mailbox) for mailbox in set(mailboxes[1:]))

    def add_session(self, record: SessionRecord) -> None:
        """A row for the session, with its transcript packed."""
        self.sessions.append(
            (
                record.id,
                fit(record.node, 64),
                fit(record.service, 32),
                finite(record.started_at_s),
                record.duration_us,
                fit(record.client_address, 45),
                record.client_port,
                record.outcome.value,
                fit(record.reason, 64),
                fit(record.ending, 64),
                fit(record.hello, 255),
                fit(record.tls, 64),
                record.person_id,
                fit(record.login, 320),
                record.transaction_count,
                record.bytes_received,
                record.bytes_sent,
                packed(record.transcript),
            )
        )


def run_row(run: RefusalRun) -> Row:
    """The row of a run; its last session and transactions have rows of their own."""
    return (
        run.id,
        fit(run.node, 64),
        fit(run.client_address, 45),
        fit(run.reason, 64),
        run.count,
        finite(run.first_at_s),
        finite(run.last_at_s),
        run.first_session_id,
        run.last.id,
    )


def _transaction(record: TransactionRecord) -> Row:
    return (
        record.id,
        finite(record.at_s),
        fit(record.reverse_path, 320),
        record.outcome.value,
        fit(record.reason, 64),
        fit(record.reply, 512),
        len(record.recipients),
        record.size_bytes,
        fit(record.message_id, 255),
        fit(record.author, 320),
        fit(record.subject, 255),
        record.person_id,
        packed(record.findings),
        fit(record.authenticated_domains, 512),
    )


def _gap(record: GapRecord) -> Row:
    return (
        record.id,
        fit(record.node, 64),
        fit(record.cause, 16),
        finite(record.first_at_s),
        finite(record.last_at_s),
        record.transcripts,
        record.sessions,
        record.refusal_runs,
        record.transactions,
    )


def _once(rows: Sequence[Row], known: Collection[Value], *, key_width: int = 1) -> list[Row]:
    """The rows whose first value is not known, each key once."""
    found: dict[Row, Row] = {}
    for row in rows:
        if row[0] not in known:
            found.setdefault(row[:key_width], row)
    return list(found.values())


def finite(number: float) -> float:
    """A number that every database takes."""
    return number if isfinite(number) else 0.0


def _in_range(value: Value) -> Value:
    if isinstance(value, int):
        return max(-SMALLEST_RANGE, min(value, SMALLEST_RANGE - 1))
    return value
