"""Sessions of strangers for tests of reputation, written into the log as the recorder writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from clement.journal.records import Outcome, RecipientRecord, RefusalRun, SessionRecord, TransactionRecord
from clement.policy.reason import Reason
from clement.store.log_ids import first_id_at
from clement.store.log_writer import SqlLogWriter

DAY_S = 86_400.0
START_S = 1_790_000_000.0
_numbers = count(1)

Told = tuple[SessionRecord, list[TransactionRecord]]
Answer = tuple[Outcome, Reason]

TAKEN: Answer = (Outcome.ACCEPTED, Reason.ACCEPTED)
UNKNOWN: Answer = (Outcome.REFUSED, Reason.RECIPIENT_UNKNOWN)
VIRUS: Answer = (Outcome.REFUSED, Reason.VIRUS)


def mail(
    client: str,
    *answers: Answer,
    at_s: float = START_S,
    hello: str = "",
    domains: str = "",
    reason: Reason | None = None,
    login: str = "",
) -> Told:
    """A session with a transaction for each answer; without any, one that ended for `reason`."""
    session_id = first_id_at(at_s)[:9] + f"{next(_numbers):011d}"
    told = [
        TransactionRecord(
            id=f"{session_id}-{number}",
            session_id=session_id,
            at_s=at_s + number,
            reverse_path="sender@far.example",
            outcome=outcome,
            reason=why,
            reply="",
            recipients=(RecipientRecord(f"{why}{next(_numbers)}@local.example", outcome, why, ""),),
            authenticated_domains=domains,
        )
        for number, (outcome, why) in enumerate(answers, 1)
    ]
    best = next((each for each in told if each.outcome is Outcome.ACCEPTED), told[-1] if told else None)
    session = SessionRecord(
        id=session_id,
        node="here",
        service="mx",
        started_at_s=at_s,
        duration_us=1000,
        client_address=client,
        client_port=40_000,
        outcome=best.outcome if best is not None else Outcome.REFUSED,
        reason=best.reason if best is not None else (reason or Reason.PROTOCOL_ERROR),
        ending="quit",
        hello=hello,
        login=login,
        transaction_count=len(told),
    )
    return session, told


def flood(client: str, number: int, *, run_id: str, reason: Reason, at_s: float = START_S) -> RefusalRun:
    """A run of refusals, as it stands after `number` of them."""
    last, transactions = mail(client, (Outcome.REFUSED, reason), at_s=at_s + 30)
    return RefusalRun(
        id=run_id,
        node="here",
        client_address=client,
        reason=reason,
        count=number,
        first_at_s=at_s,
        last_at_s=at_s + 30,
        first_session_id="0first",
        last=last,
        last_transactions=tuple(transactions),
    )


class Recorder:
    """Writes sessions into the log, each batch at its own place of the journal."""

    def __init__(self) -> None:
        self._writer = SqlLogWriter("here")
        self._end = 0

    def write(self, told: Iterable[Told], runs: Sequence[RefusalRun] = ()) -> None:
        """One batch."""
        self._end += 1
        records = [record for session, transactions in told for record in (*transactions, session)]
        self._writer.write([*records, *runs], {"segment": self._end})

    def write_all(self, told: Sequence[Told], at_once: int = 250) -> None:
        """As many batches as it takes."""
        for start in range(0, len(told), at_once):
            self.write(told[start : start + at_once])
