"""A session as a story: every command and reply, beneath each what was found, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from clement.cli.terminal import OUTCOME_STYLES, Line, duration, local_time, safe, size

if TYPE_CHECKING:
    from clement.journal.records import (
        Exchange,
        FindingNote,
        RecipientRecord,
        SessionRecord,
        TransactionRecord,
    )
    from clement.store.records import RecipientRow, SessionRow, TransactionRow

MAX_LINE = 600
REPLY_STYLES = {"2": "green", "3": "green", "4": "yellow", "5": "red"}
GOOD_RESULTS = frozenset({"pass", "none", "neutral"})


def tell(
    session: SessionRow | SessionRecord,
    transcript: Sequence[Exchange],
    transactions: Sequence[TransactionRow | TransactionRecord],
) -> Iterator[Line]:
    """The lines of a session with its transactions, as it was recorded or as it would be."""
    yield from _head(session)
    for exchange in transcript:
        yield from _exchange(exchange)
    for transaction in transactions:
        yield "", ""
        yield from tell_transaction(transaction)


class SessionState(Enum):
    """Whether the record of a session is in the log, can still come, or was lost."""

    ENDED = "ended"
    OPEN = "open"
    LOST = "lost"


UNENDED = {
    SessionState.OPEN: "still open as far as the log knows; its transcript follows when it ends",
    SessionState.LOST: "its transcript is lost: its process died, or the journal had no room",
}


def tell_unended(state: SessionState, transactions: Sequence[TransactionRow]) -> Iterator[Line]:
    """What there is of a session whose record is not in the log."""
    yield f"session {transactions[0].session_id}", "bold"
    yield f"  {UNENDED[state]}", "yellow"
    for transaction in transactions:
        yield "", ""
        yield from tell_transaction(transaction)
        for finding in transaction.findings:
            yield _finding(finding, "   ")
        yield safe(f"  S: {transaction.reply}", MAX_LINE), REPLY_STYLES.get(transaction.reply[:1], "")


def _head(session: SessionRow | SessionRecord) -> Iterator[Line]:
    yield f"session {session.id}", "bold"
    who = f"{session.client_address} port {session.client_port}"
    hello = f", greeting as {session.hello}" if session.hello else ""
    login = f", logged in as {session.login}" if session.login else ""
    yield safe(f"  {local_time(session.started_at_s)} from {who}{hello}{login}", MAX_LINE), ""
    secured = f", {session.tls}" if session.tls else ""
    traffic = f"{size(session.bytes_received)} in, {size(session.bytes_sent)} out"
    yield (
        safe(
            f"  {session.service} on {session.node}{secured}, {duration(session.duration_us)}, {traffic}",
            MAX_LINE,
        ),
        "",
    )
    why = f" ({session.reason})" if session.reason and session.reason != session.outcome else ""
    style = OUTCOME_STYLES.get(session.outcome, "")
    yield safe(f"  {session.outcome}{why}, ended by {session.ending or 'nobody'}", MAX_LINE), style
    yield "", ""


def _exchange(exchange: Exchange) -> Iterator[Line]:
    """`12.3 ms  C: RCPT TO:<...>`, findings, `S: 250 ...`: in the order in which they happened."""
    at = f"{exchange.at_us / 1_000_000:9.3f} s  "
    indent = " " * len(at)
    if exchange.command:
        yield safe(f"{at}C: {exchange.command}", MAX_LINE), "bold"
    for finding in exchange.findings:
        yield _finding(finding, indent + "   ")
    replies = exchange.reply.splitlines() or [""]
    for number, reply in enumerate(replies):
        prefix = indent if exchange.command or number else at
        took = f"  ({duration(exchange.duration_us)})" if number == len(replies) - 1 else ""
        if reply:
            yield safe(f"{prefix}S: {reply}{took}", MAX_LINE), REPLY_STYLES.get(reply[:1], "")


def _finding(finding: FindingNote, indent: str) -> Line:
    reason = f" → {finding.reason}" if finding.reason else ""
    detail = f": {finding.detail}" if finding.detail else ""
    weight = f" {finding.weight:+.2g}" if finding.weight else ""
    took = f" ({duration(finding.duration_us)})"
    text = f"{indent}· {finding.check} {finding.result}{weight}{reason}{detail}{took}"
    style = "red" if finding.reason else "dim" if finding.result in GOOD_RESULTS else "yellow"
    return safe(text, MAX_LINE), style


def tell_transaction(transaction: TransactionRow | TransactionRecord) -> Iterator[Line]:
    """The lines of one transaction with its recipients."""
    yield f"transaction {transaction.id}", "bold"
    yield safe(f"  from <{transaction.reverse_path}>, {size(transaction.size_bytes)}", MAX_LINE), ""
    for name, value in (
        ("author", transaction.author),
        ("subject", transaction.subject),
        ("Message-ID", transaction.message_id),
    ):
        if value:
            yield safe(f"  {name}: {value}", MAX_LINE), ""
    for recipient in transaction.recipients:
        yield recipient_line(recipient)
        if recipient.thresholds:
            yield safe(f"    score {recipient.score:+.2f}; {recipient.thresholds}", MAX_LINE), "dim"


def recipient_line(recipient: RecipientRow | RecipientRecord) -> Line:
    """`  to x@y: refused (recipient-unknown), 550 5.1.1 ...`."""
    why = f" ({recipient.reason})" if recipient.reason and recipient.reason != recipient.outcome else ""
    through = f" through {recipient.next_hop}" if recipient.next_hop else ""
    directive = f", directive {recipient.directive_id}" if recipient.directive_id else ""
    text = f"  to {recipient.address}: {recipient.outcome}{why}{through}{directive}, {recipient.reply}"
    return safe(text, MAX_LINE), OUTCOME_STYLES.get(recipient.outcome, "")
