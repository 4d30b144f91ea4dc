"""Journal records for tests of the log."""

from itertools import count
from typing import Any

from clement.journal.records import (
    Exchange,
    FindingNote,
    Outcome,
    RecipientRecord,
    RefusalRun,
    SessionRecord,
    TransactionRecord,
)
from clement.store.log_ids import first_id_at

START_S = 1_790_000_000.0
_numbers = count(1)


def new_session_id(at_s: float) -> str:
    """An id like the server's: time, then something that differs."""
    return first_id_at(at_s)[:9] + f"{next(_numbers):011d}"


def recipient(address: str, **fields: Any) -> RecipientRecord:
    told: dict[str, Any] = {
        "outcome": Outcome.ACCEPTED,
        "reason": "accepted",
        "reply": "250 2.1.5 Recipient OK",
    }
    return RecipientRecord(address=address, **{**told, **fields})


def session(
    *transactions: tuple[RecipientRecord, ...], at_s: float = START_S, **fields: Any
) -> tuple[SessionRecord, list[TransactionRecord]]:
    """A session with a transaction for each tuple of recipients; fields go to both where both have them."""
    session_id = new_session_id(at_s)
    told = [
        TransactionRecord(
            id=f"{session_id}-{number}",
            session_id=session_id,
            at_s=at_s + number,
            reverse_path=str(fields.get("reverse_path", "sender@far.example")),
            outcome=Outcome.ACCEPTED,
            reason="accepted",
            reply="250 2.0.0 OK",
            recipients=recipients,
            size_bytes=1234,
            message_id="<1@far.example>",
            author="sender@far.example",
            subject=str(fields.get("subject", "A subject")),
            findings=(FindingNote("virus", "pass", "clean", "", 900),),
        )
        for number, recipients in enumerate(transactions, 1)
    ]
    own = {name: value for name, value in fields.items() if name in SessionRecord.__struct_fields__}
    defaults: dict[str, Any] = {
        "node": "here",
        "service": "mx",
        "duration_us": 1000,
        "client_address": "192.0.2.1",
        "client_port": 40000,
        "outcome": Outcome.ACCEPTED,
        "reason": "accepted",
        "ending": "quit",
        "transcript": tuple(_exchanges(told)),
    }
    record = SessionRecord(
        id=session_id, started_at_s=at_s, transaction_count=len(told), **{**defaults, **own}
    )
    return record, told


def _exchanges(told: list[TransactionRecord]) -> list[Exchange]:
    lines = [("", "220 mx.here.example ESMTP"), ("EHLO far.example", "250 mx.here.example")]
    for transaction in told:
        lines.append((f"MAIL FROM:<{transaction.reverse_path}>", "250 2.1.0 Sender OK"))
        lines += [(f"RCPT TO:<{one.address}>", one.reply) for one in transaction.recipients]
        lines += [("DATA", "354 Start"), ("<content>", transaction.reply)]
    lines.append(("QUIT", "221 2.0.0 Goodbye"))
    note = FindingNote("network", "none", "", "", 5)
    return [Exchange(1000 * at, 300, command, reply, (note,)) for at, (command, reply) in enumerate(lines)]


def run(count: int, run_id: str = "0run", at_s: float = START_S) -> RefusalRun:
    """A run of refusals at a given count, with its last session."""
    last, transactions = session(
        (recipient("nobody@one.north.example", outcome=Outcome.REFUSED, reason="unknown-recipient"),),
        at_s=at_s + count,
        outcome=Outcome.REFUSED,
    )
    return RefusalRun(
        id=run_id,
        node="here",
        client_address="192.0.2.9",
        reason="unknown-recipient",
        count=count,
        first_at_s=at_s,
        last_at_s=at_s + count,
        first_session_id="0first",
        last=last,
        last_transactions=tuple(transactions),
    )
