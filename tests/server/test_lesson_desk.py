"""What sessions teach by themselves: only what is certain, only so much, and never without the key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clement.journal.records import ReportRecord, TeachingRecord
from clement.learn.features import of_findings
from clement.message.grammar import MessageFacts
from clement.policy.directory import Directory, Foreign, Person, Route
from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason
from clement.policy.study import ContentStudy, Features
from clement.policy.verdict import ACCEPTED, Reject, Verdict
from clement.server.lesson_desk import Heard, LessonDesk, LessonRules
from clement.server.reporting import mailbox_of, own_address
from clement.smtp import Reply, replies
from clement.spool.content import Content
from clement.spool.workers import Workers
from tests.policy.samples import CONTENTS, NOW_S, session, transaction

KEY = bytes(32)
ANNA = Person(9, "anna@local.example", "")
CLEAN = Finding("virus", Result.PASS)
OWN = tuple(msgspec.structs.replace(each, person_id=9) for each in CONTENTS.mailboxes[:1])
DIRECTORY = Directory(msgspec.structs.replace(CONTENTS, mailboxes=(*OWN, *CONTENTS.mailboxes[1:])))


class Journal:
    def __init__(self) -> None:
        self.records: list[TeachingRecord | ReportRecord] = []
        self.works = True

    def append(self, record: TeachingRecord | ReportRecord) -> None:
        self.records.append(record)

    def flush(self) -> bool:
        return self.works


class Recipient:
    def __init__(self, address: str, verdict: Verdict = ACCEPTED, unwanted: bool | None = None) -> None:
        self.address = address
        self.route: Route = DIRECTORY.route(*address.split("@"))
        self.verdict = verdict
        self.reply = replies.RECIPIENT_OK
        self.reports_unwanted = unwanted

    def settle(self, verdict: Verdict, reply: Reply) -> None:
        self.verdict, self.reply = verdict, reply


class World:
    """A desk with what it asks for, and a clock."""

    def __init__(self, folder: Path, rules: LessonRules, key: bytes = KEY) -> None:
        self.journal = Journal()
        self.now_s = NOW_S
        self.workers = Workers()
        self.desk = LessonDesk(
            rules,
            self.journal,
            lambda content: ContentStudy(features=Features((content.whole or b"")[:8])),
            self.workers,
            of_findings,
            key=lambda: key,
            sent=folder / "sent",
            now_s=lambda: self.now_s,
        )
        self.desk.tend()

    def hear(
        self, *to: Recipient, by: Person | None = None, answers: str = "", finding: Finding = CLEAN
    ) -> list[str]:
        """The ways in which a message teaches."""
        before = len(self.journal.records)
        facts = transaction(of=session(person=by))
        header = f"References: {answers}\r\n".encode()
        study = ContentStudy(features=Features(b"abcd"))
        message = MessageFacts(from_count=1, message_id="<sent@local.example>")
        own = Finding("learned", Result.NEUTRAL)
        found = self.desk.hear(facts, Heard("id-1", to, study, message, header, [finding, own]))
        new = self.journal.records[before:]
        assert found is bool(new)
        return [record.way for record in new if isinstance(record, TeachingRecord)]

    def report(self, content: bytes, facts: TransactionFacts) -> Recipient:
        recipient = Recipient("spam@local.example", unwanted=True)
        recipient.route = Foreign("local.example")

        async def take() -> None:
            await self.desk.answer_report(Content.in_memory(content), [recipient], facts, "id-1")

        asyncio.run(take())
        return recipient


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, LessonRules(traps=frozenset({"bruno@local.example"}), per_day=2))
    yield made
    made.desk.close()
    made.workers.stop()


def test_an_answer_teaches_for_the_person_who_had_written_and_nobody_else(world: World) -> None:
    anna = Recipient("anna@local.example")
    assert world.hear(anna, answers="<sent@local.example>") == []  # nobody has sent that yet
    assert world.hear(Recipient("both@local.example"), by=ANNA) == []
    assert world.hear(anna, answers="<other@local.example>") == []
    assert world.hear(Recipient("both@local.example"), answers="<sent@local.example>") == []
    assert world.hear(anna, answers="<x@y.example> <sent@local.example>") == ["reply"]
    (record,) = world.journal.records
    assert isinstance(record, TeachingRecord)
    assert (record.unwanted, record.mailbox_id, record.person_id) == (False, 1, 0)
    assert record.weight < 0.5
    assert "virus=pass" in record.extra
    assert not any("learned" in name for name in record.extra)


@pytest.mark.parametrize(
    "finding", [Finding("virus", Result.TEMPERROR, Reason.SCANNER_UNAVAILABLE), Finding("spf", Result.PASS)]
)
def test_an_answer_that_nobody_scanned_is_not_certain(world: World, finding: Finding) -> None:
    anna = Recipient("anna@local.example")
    world.hear(anna, by=ANNA)
    assert world.hear(anna, answers="<sent@local.example>", finding=finding) == []
    refused = Recipient("anna@local.example", Reject(Reason.VIRUS))
    assert world.hear(refused, answers="<sent@local.example>") == []
    world.now_s += 61 * 86_400
    assert world.hear(anna, answers="<sent@local.example>") == []


def test_a_trap_teaches_whatever_became_of_the_message_and_only_so_often(world: World) -> None:
    trap = Recipient("bruno@local.example", Reject(Reason.DNS_LISTED))
    assert [world.hear(trap) for _ in range(3)] == [["trap"], ["trap"], []]
    world.now_s += 86_400
    assert world.hear(trap, Recipient("anna@local.example")) == ["trap"]
    record = world.journal.records[-1]
    assert isinstance(record, TeachingRecord)
    assert (record.unwanted, record.domain_id, record.mailbox_id) == (True, 0, 0)
    assert world.hear(trap, by=ANNA) == []  # who has logged in is no stranger who guessed


def test_without_the_key_nothing_is_learned(tmp_path: Path) -> None:
    world = World(tmp_path, LessonRules(traps=frozenset({"bruno@local.example"})), key=b"")
    assert world.hear(Recipient("bruno@local.example")) == []
    told = world.report(REPORT, transaction(of=session(person=ANNA)))
    assert told.reply.is_transient
    world.workers.stop()


REPORT = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=b"\r\n\r\n--=b\r\n'
    b"Content-Type: message/rfc822\r\n\r\nSubject: offer\r\nMessage-ID: <o@far.example>\r\n\r\nBuy.\r\n"
    b"--=b--\r\n"
)


def test_a_report_is_confirmed_only_when_it_will_be_learned(world: World) -> None:
    facts = transaction("anna@local.example", of=session(person=ANNA))
    facts.session.directory = DIRECTORY
    assert world.report(REPORT, facts).reply.shown == (
        "250 2.0.0 Thank you: 1 message learned as spam [id-1]"
    )
    record, report = world.journal.records
    assert isinstance(record, TeachingRecord)
    assert (record.way, record.message_id, record.mailbox_id) == ("report", "<o@far.example>", 1)
    assert isinstance(report, ReportRecord)
    assert (report.id, report.address, report.left_out) == ("id-1", "anna@local.example", False)
    assert [(each.subject, each.record) for each in report.messages] == [("offer", "id-1/0")]
    world.journal.works = False
    assert world.report(REPORT, facts).reply.code == 451
    world.journal.works = True
    assert world.report(REPORT, facts).reply.code == 450  # the two of today are spent
    empty = world.report(b"Subject: words\r\n\r\nonly\r\n", facts).reply
    assert (empty.code, empty.enhanced) == (554, "5.6.0")


def test_more_than_is_taken_is_said_and_a_program_is_not_answered(tmp_path: Path) -> None:
    world = World(tmp_path, LessonRules())
    facts = transaction("anna@local.example", of=session(person=ANNA))
    facts.session.directory = DIRECTORY
    part = REPORT.partition(b"--=b\r\n")[2].removesuffix(b"--=b--\r\n")
    world.report(
        REPORT.replace(b"--=b--", b"".join(b"--=b\r\n" + part for _ in range(20)) + b"--=b--"), facts
    )
    *lessons, report = world.journal.records
    assert isinstance(report, ReportRecord)
    assert (len(lessons), len(report.messages), report.left_out) == (20, 20, True)
    world.report(b"Auto-Submitted: auto-generated\r\n" + REPORT, facts)
    assert world.journal.records[-1] is not report
    assert isinstance(world.journal.records[-1], TeachingRecord)
    world.workers.stop()


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("anna@local.example", "anna@local.example"),
        ("boss@relay.example", "boss@relay.example"),
        ("boss@local.example", ""),  # an alias: it may lead to others
        ("both@local.example", ""),
        ("anna", ""),
        ("anna@elsewhere.example", ""),
    ],
)
def test_a_person_is_told_at_an_address_of_his_own_or_not_at_all(login: str, address: str) -> None:
    person = Person(9 if login == "anna@local.example" else 10, login, "", frozenset({"bruno@local.example"}))
    mailbox = mailbox_of(DIRECTORY, person, "bruno@local.example")
    assert own_address(DIRECTORY, person, mailbox) == address
