"""Reading the log on behalf of a person: lines, whole sessions, counted refusals.

A recipient's line is seen by the administrators of its group and domain and by
the owner of its mailbox. A session or transaction is seen by whoever sees one of
its recipients, and only as far as those go (`redaction.py`); what ended before
any recipient was named is root's business alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q

from clement.journal.records import Exchange, FindingNote, Outcome
from clement.store.access.actor import Actor, NotFound
from clement.store.access.log_filter import EVERYTHING, LogFilter, Page
from clement.store.access.log_streams import START, Key, holds, merged, streams, visible_among
from clement.store.access.redaction import redacted
from clement.store.log_ids import first_id_at, session_of, transactions_between, transactions_of
from clement.store.log_text import unpacked
from clement.store.models import LogGap, Recipient, RefusalRun, Session, Transaction
from clement.store.records import (
    LogGapRow,
    RecipientRow,
    RefusalRunRow,
    SessionRow,
    SessionStory,
    TransactionRow,
)

WINDOW_SESSIONS = 20_000
MOST_TRANSACTIONS = 1000


def recipients(
    actor: Actor, wanted: LogFilter = EVERYTHING, *, cursor: str = "", limit: int = 50
) -> Page[RecipientRow]:
    """Lines of recipients, the newest first. Raises ValueError for a cursor that no page gave."""
    found, searched = merged(streams(actor, wanted), _key_of(cursor), limit)
    return Page(rows=tuple(_with_transactions(found)), cursor=_cursor_of(searched))


def sessions(
    actor: Actor, wanted: LogFilter = EVERYTHING, *, cursor: str = "", limit: int = 50
) -> Page[SessionRow]:
    """Lines of sessions, the newest first.

    For root, `text` is sought in HELO names and logins. For all others, and when a recipient or reverse-path
    is asked for: the sessions of the recipients that match. Raises ValueError for a cursor that no page gave.
    """
    if not actor.root or wanted.recipient or wanted.reverse_path is not None:
        return _sessions_of_recipients(actor, wanted, cursor, limit)
    rows = Session.objects.defer("transcript").order_by("-id")
    if wanted.client:
        rows = rows.filter(client_address=wanted.client)
    if wanted.since_s:
        rows = rows.filter(id__gte=first_id_at(wanted.since_s))
    if wanted.until_s:
        rows = rows.filter(id__lt=first_id_at(wanted.until_s))
    if cursor:
        rows = rows.filter(id__lt=cursor)
    asked = _session_condition(wanted)
    end = rows.values_list("id", flat=True)[WINDOW_SESSIONS : WINDOW_SESSIONS + 1].first() if asked else None
    if end is not None:
        rows = rows.filter(id__gt=end)
    found = [_session_row(session) for session in rows.filter(asked)[:limit]]
    if len(found) == limit:
        return Page(rows=tuple(found), cursor=found[-1].id)
    # `end` itself belongs to the next page.
    return Page(rows=tuple(found), cursor=f"{end}z" if end is not None else "")


def session(actor: Actor, session_id: str) -> SessionStory:
    """A whole session, as far as the actor may see it and it is in the log. Raises NotFound."""
    found = Session.objects.filter(id=session_id).first()
    if found is None:
        return _unended(actor, session_id)
    ids = list(transactions_of(found.id, found.transaction_count))
    everybody = list(
        Recipient.objects.filter(transaction_key__in=ids).order_by("transaction_key", "position")
    )
    seen = visible_among(actor, everybody)
    transcript = _unpacked_transcript(found)
    if actor.root:
        return SessionStory(_session_row(found), transcript, _transactions(ids, seen, all_of_them=True))
    if not seen:
        raise NotFound("session", session_id)
    whole = len(seen) == len(everybody) and {row.transaction_key for row in seen} == set(ids)
    return SessionStory(
        session=_session_row(found, hide_login=found.login != actor.name),
        transcript=transcript if whole else redacted(transcript, {row.address for row in seen}),
        transactions=_transactions(ids, seen, all_of_them=False),
        redacted=not whole,
    )


def _unended(actor: Actor, session_id: str) -> SessionStory:
    """Those transactions that are in the log of a session which is not. Raises NotFound."""
    first, last = transactions_between(session_id)
    rows = Transaction.objects.filter(id__gte=first, id__lte=last).order_by("at_s")
    ids = list(rows.values_list("id", flat=True)[:MOST_TRANSACTIONS])
    everybody = Recipient.objects.filter(transaction_key__in=ids).order_by("transaction_key", "position")
    seen = visible_among(actor, everybody)
    told = _transactions(ids, seen, all_of_them=actor.root)
    if not told:
        raise NotFound("session", session_id)
    return SessionStory(session=None, transcript=(), transactions=told, redacted=not actor.root)


def transaction(actor: Actor, transaction_id: str) -> TransactionRow:
    """A transaction with those of its recipients that the actor may see. Raises NotFound."""
    everybody = Recipient.objects.filter(transaction_key=transaction_id).order_by("position")
    seen = visible_among(actor, everybody)
    found = _transactions([transaction_id], seen, all_of_them=actor.root)
    if not found:
        raise NotFound("transaction", transaction_id)
    return found[0]


def refusal_runs(
    actor: Actor, wanted: LogFilter = EVERYTHING, *, cursor: str = "", limit: int = 50
) -> Page[RefusalRunRow]:
    """Counted refusals, the newest first; for root. Raises ValueError for a cursor that no page gave."""
    if not actor.root:
        return Page(rows=())
    rows = RefusalRun.objects.order_by("-last_at_s", "-id")
    if wanted.client:
        rows = rows.filter(client_address=wanted.client)
    if wanted.reason:
        rows = rows.filter(reason=wanted.reason)
    if wanted.since_s:
        rows = rows.filter(last_at_s__gte=wanted.since_s)
    if wanted.until_s:
        rows = rows.filter(last_at_s__lt=wanted.until_s)
    if cursor:
        at, _mark, run_id = cursor.partition("/")
        rows = rows.filter(Q(last_at_s__lte=float(at)) & (Q(last_at_s__lt=float(at)) | Q(id__lt=run_id)))
    found = tuple(map(_run_row, rows[:limit]))
    more = len(found) == limit
    return Page(rows=found, cursor=f"{found[-1].last_at_s!r}/{found[-1].id}" if more else "")


def gaps(actor: Actor, *, since_s: float = 0.0, limit: int = 100) -> tuple[LogGapRow, ...]:
    """What is missing from the log, the newest first; for root."""
    if not actor.root:
        return ()
    rows = LogGap.objects.filter(last_at_s__gte=since_s).order_by("-last_at_s", "-id")[:limit]
    return tuple(
        LogGapRow(
            id=gap.id,
            node=gap.node,
            cause=gap.cause,
            first_at_s=gap.first_at_s,
            last_at_s=gap.last_at_s,
            transcripts=gap.transcripts,
            sessions=gap.sessions,
            refusal_runs=gap.refusal_runs,
            transactions=gap.transactions,
        )
        for gap in rows
    )


def _sessions_of_recipients(actor: Actor, wanted: LogFilter, cursor: str, limit: int) -> Page[SessionRow]:
    found, searched = merged(streams(actor, wanted), _key_of(cursor), limit)
    ids = dict.fromkeys(session_of(row.transaction_key) for row in found)
    rows = {one.id: one for one in Session.objects.defer("transcript").filter(id__in=ids)}
    shown = [rows[one] for one in ids if one in rows]
    hidden = [one.login != actor.name and not actor.root for one in shown]
    lines = (_session_row(one, hide_login=hide) for one, hide in zip(shown, hidden, strict=True))
    # The rest of the last session's recipients would bring it again on the next page.
    last = session_of(found[-1].transaction_key) if found and searched is not None else ""
    return Page(rows=tuple(lines), cursor=f"{last}/0" if last else _cursor_of(searched))


def _session_condition(wanted: LogFilter) -> Q:
    asked = Q()
    if wanted.outcome is not None:
        asked &= Q(outcome=wanted.outcome.value)
    if wanted.reason:
        asked &= Q(reason=wanted.reason)
    if wanted.text:
        asked &= Q(holds("hello", wanted.text)) | Q(holds("login", wanted.text))
    return asked


def _transactions(
    ids: Sequence[str], seen: Iterable[Recipient], *, all_of_them: bool
) -> tuple[TransactionRow, ...]:
    """The transactions with the recipients that are seen; without all_of_them, only those that have some.

    How many recipients there are besides is not told then: it could be a blind copy (RFC 5322 §3.6.3).
    """
    of: dict[str, list[Recipient]] = {}
    for row in seen:
        of.setdefault(row.transaction_key, []).append(row)
    wanted = ids if all_of_them else list(of)
    found = {one.id: one for one in Transaction.objects.filter(id__in=wanted)}
    return tuple(
        _transaction_row(found[one], of.get(one, []), all_of_them=all_of_them) for one in ids if one in found
    )


def _with_transactions(rows: Sequence[Recipient]) -> Iterable[RecipientRow]:
    found = Transaction.objects.defer("findings").filter(id__in={row.transaction_key for row in rows})
    of = {one.id: one for one in found}
    return (_recipient_row(row, of[row.transaction_key]) for row in rows if row.transaction_key in of)


def _transaction_row(one: Transaction, seen: Sequence[Recipient], *, all_of_them: bool) -> TransactionRow:
    return TransactionRow(
        id=one.id,
        session_id=session_of(one.id),
        at_s=one.at_s,
        reverse_path=one.reverse_path,
        outcome=Outcome(one.outcome),
        reason=one.reason,
        reply=one.reply,
        recipient_count=one.recipient_count if all_of_them else len(seen),
        size_bytes=one.size_bytes,
        message_id=one.message_id,
        author=one.author,
        subject=one.subject,
        findings=_unpacked_findings(one),
        recipients=tuple(_recipient_row(row, one) for row in seen),
    )


def _recipient_row(row: Recipient, of: Transaction) -> RecipientRow:
    return RecipientRow(
        transaction_id=row.transaction_key,
        session_id=session_of(row.transaction_key),
        position=row.position,
        at_s=of.at_s,
        address=row.address,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        reply=row.reply,
        next_hop=row.next_hop,
        directive_id=row.directive_key,
        reverse_path=of.reverse_path,
        message_id=of.message_id,
        author=of.author,
        subject=of.subject,
        size_bytes=of.size_bytes,
        score=row.score or 0.0,
        thresholds=row.thresholds or "",
    )


def _session_row(one: Session, *, hide_login: bool = False) -> SessionRow:
    return SessionRow(
        id=one.id,
        node=one.node,
        service=one.service,
        started_at_s=one.started_at_s,
        duration_us=one.duration_us,
        client_address=one.client_address,
        client_port=one.client_port,
        outcome=Outcome(one.outcome),
        reason=one.reason,
        ending=one.ending,
        hello=one.hello,
        tls=one.tls,
        login="" if hide_login else one.login,
        transaction_count=one.transaction_count,
        bytes_received=one.bytes_received,
        bytes_sent=one.bytes_sent,
    )


def _run_row(run: RefusalRun) -> RefusalRunRow:
    return RefusalRunRow(
        id=run.id,
        node=run.node,
        client_address=run.client_address,
        reason=run.reason,
        count=run.count,
        first_at_s=run.first_at_s,
        last_at_s=run.last_at_s,
        first_session_id=run.first_session_key,
        last_session_id=run.last_session_key,
    )


def _unpacked_transcript(one: Session) -> tuple[Exchange, ...]:
    return unpacked(bytes(one.transcript), Exchange)


def _unpacked_findings(one: Transaction) -> tuple[FindingNote, ...]:
    return unpacked(bytes(one.findings), FindingNote)


def _key_of(cursor: str) -> Key:
    if not cursor:
        return START
    transaction_id, _mark, position = cursor.partition("/")
    return transaction_id, int(position)


def _cursor_of(key: Key | None) -> str:
    return "" if key is None else f"{key[0]}/{key[1]}"
