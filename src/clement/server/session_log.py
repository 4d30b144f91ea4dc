"""What is remembered of a session until it can be recorded, and the records made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from clement.journal.records import Outcome, RecipientRecord, SessionRecord, TransactionRecord
from clement.message.grammar import MessageFacts
from clement.policy.directory import Foreign, Local, Relayed
from clement.policy.facts import SessionFacts
from clement.policy.finding import Observation
from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Defer, Quarantine, Verdict
from clement.server.recipients import Recipient
from clement.server.transcript import Transcript, notes_of, shown_text
from clement.smtp import ReversePath


class TransactionNotes(msgspec.Struct):
    """One transaction as it went. `recorded`: its record was written before its reply."""

    id: str
    at_s: float
    reverse_path: ReversePath
    recipients: list[Recipient]
    person_id: int = 0
    size_bytes: int = 0
    message: MessageFacts | None = None
    observations: Sequence[Observation] = ()
    recorded: bool = False
    authenticated_domains: Sequence[str] = ()


def outcome_of(verdict: Verdict) -> Outcome:
    """A verdict in one of the log's few words."""
    if isinstance(verdict, Accept):
        return Outcome.ACCEPTED
    if isinstance(verdict, Quarantine):
        return Outcome.HELD
    return Outcome.DEFERRED if isinstance(verdict, Defer) else Outcome.REFUSED


_SPEAKS: Final = {Outcome.ACCEPTED: 0, Outcome.HELD: 1}
"""Whose outcome stands for the whole: the best of them, and of equals the first."""


def transaction_record(notes: TransactionNotes, session_id: str, *, completed: bool) -> TransactionRecord:
    """The record of a transaction. Not completed: its accepted recipients never got any content."""
    recipients = tuple([_recipient_record(recipient, completed=completed) for recipient in notes.recipients])
    speaking = recipients[0] if recipients else None
    if len(recipients) > 1:
        speaking = min(recipients, key=lambda each: _SPEAKS.get(each.outcome, 2))
    message = notes.message
    return TransactionRecord(
        id=notes.id,
        session_id=session_id,
        at_s=notes.at_s,
        reverse_path=shown_text(str(notes.reverse_path)),
        outcome=speaking.outcome if speaking is not None else Outcome.NOTHING,
        reason=speaking.reason if speaking is not None else "",
        reply=speaking.reply if speaking is not None else "",
        recipients=recipients,
        size_bytes=notes.size_bytes,
        message_id=shown_text(message.message_id) if message is not None else "",
        author=shown_text(message.author) if message is not None else "",
        subject=shown_text(message.subject) if message is not None else "",
        person_id=notes.person_id,
        findings=notes_of(notes.observations),
        authenticated_domains=shown_text(" ".join(notes.authenticated_domains)),
    )


def _recipient_record(recipient: Recipient, *, completed: bool) -> RecipientRecord:
    outcome = outcome_of(recipient.verdict)
    if outcome in _SPEAKS and not completed:
        outcome = Outcome.NOTHING
    route, score = recipient.route, recipient.score
    group_id, domain_id = (0, 0) if isinstance(route, Foreign) else (route.group.id, route.domain.id)
    return RecipientRecord(
        address=shown_text(recipient.address),
        outcome=outcome,
        reason=recipient.verdict.reason,
        reply=recipient.reply.shown,
        group_id=group_id,
        domain_id=domain_id,
        mailbox_ids=tuple([each.id for each in route.mailboxes])
        if isinstance(route, Local | Relayed)
        else (),
        directive_id=recipient.directive.id if recipient.directive is not None else 0,
        next_hop=recipient.next_hop,
        score=score.total if score is not None else 0.0,
        thresholds=str(score.thresholds) if score is not None else "",
    )


class SessionLog:
    """Keeps the notes of one session, and its overall outcome: the best thing that happened in it."""

    __slots__ = ("id", "outcome", "reason", "started_at_s", "transactions", "transcript")

    def __init__(self, session_id: str, started_at_s: float, began_ns: int) -> None:
        """started_at_s: Unix time; began_ns: the same moment on the clock of the transcript."""
        self.id = session_id
        self.started_at_s = started_at_s
        self.transcript = Transcript(began_ns)
        self.transactions: list[TransactionNotes] = []
        self.outcome = Outcome.NOTHING
        self.reason = ""

    def mark(self, outcome: Outcome, reason: Reason) -> None:
        """Something was decided. A message that was taken outweighs all refusals; else the last stands."""
        if _SPEAKS.get(outcome, 2) <= _SPEAKS.get(self.outcome, 2):
            self.outcome, self.reason = outcome, reason

    def session_record(  # noqa: PLR0913 - the facts of the connection, which only it knows
        self,
        facts: SessionFacts,
        *,
        node: str,
        service: str,
        client_port: int,
        duration_us: int,
        ending: str,
        tls: str,
        bytes_received: int,
        bytes_sent: int,
    ) -> SessionRecord:
        """The record of the whole session."""
        person = facts.person
        return SessionRecord(
            id=self.id,
            node=node,
            service=service,
            started_at_s=self.started_at_s,
            duration_us=duration_us,
            client_address=facts.client_text,
            client_port=client_port,
            outcome=self.outcome,
            reason=self.reason,
            ending=ending,
            hello=shown_text(facts.hello),
            tls=tls,
            person_id=person.id if person is not None else 0,
            login=shown_text(person.login) if person is not None else "",
            transaction_count=len(self.transactions),
            bytes_received=bytes_received,
            bytes_sent=bytes_sent,
            transcript=self.transcript.exchanges(),
        )

    def unrecorded(self) -> list[TransactionRecord]:
        """Records of the transactions that have none yet and had at least one recipient."""
        return [
            transaction_record(notes, self.id, completed=False)
            for notes in self.transactions
            if not notes.recorded and notes.recipients
        ]
