"""What sessions teach the learning filter: by reports of people who have logged in, and by certain evidence.

A lesson is a record of the journal, like all that a receiver writes down; the recorder puts it into the
ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from clement.journal.records import ReportedMessage, ReportRecord, TeachingRecord
from clement.message.answered import answered_ids
from clement.message.attached import attached_messages
from clement.message.grammar import MessageFacts, examine
from clement.policy.directory import Local, LocalMailbox, Person, Relayed, Route
from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.lesson import Way
from clement.policy.reason import Reason
from clement.policy.study import ContentStudy, Unstudied
from clement.policy.verdict import ACCEPTED, Accept, Defer, Reject, Verdict
from clement.policy.wording import reply_to
from clement.server.reporting import mailbox_of, own_address, reported_message
from clement.server.sent_memory import SentMemory
from clement.smtp import Reply, replies
from clement.spool.content import Content
from clement.spool.workers import Workers

MOST_REPORT_BYTES: Final = 10 * 1024 * 1024
MOST_ATTACHED: Final = 20
TRAP_WEIGHT: Final = 0.5
REPLY_WEIGHT: Final = 0.3
DAY_S: Final = 86_400
MOST_COUNTED: Final = 10_000

_OWN: Final = frozenset({"learned"})
"""Findings that are the filter's own opinion."""
HOW: Final = "attach the message itself (forward as attachment) to what you send here"


class LessonJournal(Protocol):
    """Where lessons are written down."""

    def append(self, record: TeachingRecord | ReportRecord) -> None: ...

    def flush(self) -> bool: ...


class ReadMessage(Protocol):
    """Reads a whole message; raises CheckerFailure when awaited."""

    def __call__(
        self, content: Content
    ) -> ContentStudy | Unstudied | Awaitable[ContentStudy | Unstudied]: ...


class Recipient(Protocol):
    """What is to be known of a recipient (`clement.server.recipients`)."""

    @property
    def address(self) -> str: ...

    @property
    def route(self) -> Route: ...

    @property
    def verdict(self) -> Verdict: ...

    @property
    def reports_unwanted(self) -> bool | None:
        """What is reported to this address; None: it is none for reports."""

    def settle(self, verdict: Verdict, reply: Reply) -> None: ...


class LessonRules(msgspec.Struct, frozen=True):
    """What is learned from sessions.

    reports: addresses in lower case, and whether what is sent there is unwanted. traps: addresses in lower
    case. learn_replies: answers to what people of ours have sent. per_day: lessons of one person, and by
    evidence for one mailbox. confirms: whether people are told by mail what was learned of their reports.
    """

    reports: Mapping[str, bool] = {}
    traps: frozenset[str] = frozenset()
    learn_replies: bool = True
    per_day: int = 500
    confirms: bool = True


class Heard(msgspec.Struct, frozen=True):
    """A message that was judged, whatever became of it. findings: of it and of all before it."""

    transaction_id: str
    recipients: Sequence[Recipient]
    study: ContentStudy | None
    message: MessageFacts | None
    header_block: bytes
    findings: Sequence[Finding]


class LessonDesk:
    """One for each receiver. key: the site's, b"" before it is known. sent: where that table lies."""

    def __init__(  # noqa: PLR0913 - what it asks the world for
        self,
        rules: LessonRules,
        journal: LessonJournal,
        read_content: ReadMessage,
        workers: Workers,
        of_findings: Callable[[Iterable[Finding]], tuple[str, ...]],
        *,
        key: Callable[[], bytes],
        sent: Path,
        now_s: Callable[[], float],
    ) -> None:
        self.rules: Final = rules
        self._journal = journal
        self._read_content = read_content
        self._workers = workers
        self._of_findings = of_findings
        self._key = key
        self._sent_path = sent
        self._sent: SentMemory | None = None
        self._now_s = now_s
        self._day = 0
        self._given: Counter[str] = Counter()

    # --- Reports ----------------------------------------------------------------------------------------

    async def answer_report(
        self,
        content: Content,
        recipients: Sequence[Recipient],
        facts: TransactionFacts,
        transaction_id: str,
    ) -> None:
        """Take the messages that are attached to a report, and settle its recipients.

        Nothing of it is delivered. Raises CheckerFailure, StorageFailure.
        """
        verdict, count = await self._take_report(content, recipients[0], facts, transaction_id)
        word = "spam" if recipients[0].reports_unwanted else "wanted"
        noun = "message" if count == 1 else "messages"
        thanks = f"Thank you: {count} {noun} learned as {word} [{transaction_id}]"
        reply = reply_to(verdict, transaction_id, replies.MESSAGE_OK.with_text(thanks))
        for recipient in recipients:
            recipient.settle(verdict, reply)

    async def _take_report(
        self, content: Content, recipient: Recipient, facts: TransactionFacts, transaction_id: str
    ) -> tuple[Verdict, int]:
        person = facts.session.person
        if person is None or recipient.reports_unwanted is None:
            raise RuntimeError("a report of nobody")
        if content.size_bytes > MOST_REPORT_BYTES:
            return Reject(Reason.REPORT_EMPTY, f"a report has at most {MOST_REPORT_BYTES} octets"), 0
        messages = await self._workers.run(
            lambda: attached_messages(b"".join(content.chunks()), MOST_ATTACHED + 1)
        )
        if not messages:
            return Reject(Reason.REPORT_EMPTY, HOW), 0
        mailbox = mailbox_of(facts.session.directory, person, facts.reverse_path.key)
        lessons: list[TeachingRecord] = []
        reported: list[ReportedMessage] = []
        for number, octets in enumerate(messages[:MOST_ATTACHED]):
            study = await self._studied(octets)
            stated = examine(Content.in_memory(octets).header_block)
            if study is not None:
                record_id = f"{transaction_id}/{number}"
                lessons.append(self._report(facts, person, recipient, record_id, stated, study, mailbox))
            reported.append(reported_message(stated, lessons[-1] if study is not None else None))
        if not lessons:
            return Defer(Reason.CHECK_FAILED), 0
        if not self._may_give(f"p{person.id}", len(lessons)):
            return Defer(Reason.PERSON_BUSY, f"No more than {self.rules.per_day} reports a day"), 0
        for lesson in lessons:
            self._journal.append(lesson)
        address = own_address(facts.session.directory, person, mailbox)
        if self.rules.confirms and address:
            left_out = len(messages) > MOST_ATTACHED
            self._confirm(content, lessons[0], address, reported, left_out=left_out)
        # It is said to be learned only when the record will survive us.
        return (ACCEPTED, len(lessons)) if self._journal.flush() else (Defer(Reason.OWN_FAULT), 0)

    def _confirm(
        self,
        content: Content,
        lesson: TeachingRecord,
        address: str,
        reported: Sequence[ReportedMessage],
        *,
        left_out: bool,
    ) -> None:
        """Have the person told, unless a program has sent the report (RFC 3834 §2)."""
        report = examine(content.header_block)
        if report.auto_submitted not in {"", "no"}:
            return
        self._journal.append(
            ReportRecord(
                id=lesson.transaction_id,
                at_s=lesson.at_s,
                person_id=lesson.person_id,
                login=lesson.actor,
                address=address,
                unwanted=lesson.unwanted,
                messages=tuple(reported),
                message_id=report.message_id,
                group_id=lesson.group_id,
                domain_id=lesson.domain_id,
                mailbox_id=lesson.mailbox_id,
                left_out=left_out,
            )
        )

    async def _studied(self, octets: bytes) -> ContentStudy | None:
        found = self._read_content(Content.in_memory(octets))
        study = found if isinstance(found, ContentStudy | Unstudied) else await found
        if isinstance(study, Unstudied) or not study.features.hashes:
            return None
        return study if self._key() else None  # what was hashed without it is like nothing else

    def _report(
        self,
        facts: TransactionFacts,
        person: Person,
        recipient: Recipient,
        record_id: str,
        stated: MessageFacts,
        study: ContentStudy,
        mailbox: LocalMailbox | None,
    ) -> TeachingRecord:
        directory = facts.session.directory
        domain = directory.domain(mailbox.address.rpartition("@")[2]) if mailbox is not None else None
        return TeachingRecord(
            id=record_id,
            at_s=self._now_s(),
            actor=person.login,
            way=Way.REPORT.value,
            unwanted=bool(recipient.reports_unwanted),
            features=study.features.hashes,
            message_id=stated.message_id,
            body_hash=study.body_hash,
            transaction_id=record_id.rpartition("/")[0],
            person_id=person.id,
            group_id=domain.group_id if domain is not None else 0,
            domain_id=domain.id if domain is not None else 0,
            mailbox_id=mailbox.id if mailbox is not None else 0,
        )

    # --- Evidence ---------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Open the table of sent Message-IDs once the key is known; called by the clock."""
        if self._sent is None and self.rules.learn_replies and self._key():
            try:
                self._sent = SentMemory.open(self._sent_path, self._key())
            except OSError:
                return  # without it no answer is known for one; the next second tries again

    def close(self) -> None:
        """At the end of the process."""
        if self._sent is not None:
            self._sent.close()

    def hear(self, facts: TransactionFacts, heard: Heard) -> bool:
        """What a message that was judged teaches by itself; True when a record is to be written down."""
        person = facts.session.person
        accepted = [each for each in heard.recipients if isinstance(each.verdict, Accept)]
        if person is not None:
            if self._sent is not None and accepted and heard.message is not None:
                self._sent.remember(heard.message.message_id, person.id, self._now_s())
            return False
        if heard.study is None or not heard.study.features.hashes or not self._key():
            return False
        if any(recipient.address in self.rules.traps for recipient in heard.recipients):
            if self._may_give("trap"):
                self._journal.append(self._by_evidence(heard, Way.TRAP, None))
                return True
            return False
        return self._hear_answers(heard, accepted)

    def _hear_answers(self, heard: Heard, accepted: Sequence[Recipient]) -> bool:
        """An answer to a person's own message, in which the scanner has found nothing."""
        if self._sent is None or not accepted or not _is_clean(heard.findings):
            return False
        now_s = self._now_s()
        persons = {self._sent.sender_of(each, now_s) for each in answered_ids(heard.header_block)} - {0}
        taught = False
        for recipient in accepted if persons else ():
            route = recipient.route
            if not isinstance(route, Local | Relayed) or len(route.mailboxes) != 1:
                continue
            mailbox = route.mailboxes[0]
            if mailbox.person_id in persons and self._may_give(f"m{mailbox.id}"):
                self._journal.append(self._by_evidence(heard, Way.REPLY, recipient))
                taught = True
        return taught

    def _by_evidence(self, heard: Heard, way: Way, recipient: Recipient | None) -> TeachingRecord:
        """recipient: whose taste it is; None: everybody's."""
        route = recipient.route if recipient is not None else None
        own = route if isinstance(route, Local | Relayed) else None
        study = heard.study
        if study is None:
            raise RuntimeError("nothing was studied")
        number = heard.recipients.index(recipient) if recipient is not None else 0
        return TeachingRecord(
            id=f"{heard.transaction_id}/{way.value}{number}",
            at_s=self._now_s(),
            actor=f"({way.value})",
            way=way.value,
            unwanted=way is Way.TRAP,
            features=study.features.hashes,
            extra=self._of_findings([each for each in heard.findings if each.check not in _OWN]),
            weight=TRAP_WEIGHT if way is Way.TRAP else REPLY_WEIGHT,
            message_id=heard.message.message_id if heard.message is not None else "",
            body_hash=study.body_hash,
            transaction_id=heard.transaction_id,
            group_id=own.group.id if own is not None else 0,
            domain_id=own.domain.id if own is not None else 0,
            mailbox_id=own.mailboxes[0].id if own is not None else 0,
        )

    def _may_give(self, who: str, count: int = 1) -> bool:
        """Take lessons from today's quota; False when they exceed it."""
        day = int(self._now_s() // DAY_S)
        if day != self._day or len(self._given) >= MOST_COUNTED:
            self._day = day
            self._given.clear()
        if self._given[who] + count > self.rules.per_day:
            return False
        self._given[who] += count
        return True


def _is_clean(findings: Sequence[Finding]) -> bool:
    return any(each.check == "virus" and each.result is Result.PASS for each in findings)
