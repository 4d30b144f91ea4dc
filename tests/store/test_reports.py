"""Reports wait in SQL until their reporter was told, and so long only; nobody is told too often."""

from __future__ import annotations

import msgspec
import pytest

from clement.journal.records import ReportedMessage, ReportRecord, TeachingRecord
from clement.policy.directive import Scope
from clement.queue.digest.links import Deed, HeldLink
from clement.store import models
from clement.store.access.actor import Actor
from clement.store.actions.digest import NewDigestPlan, plan_digest
from clement.store.actions.domain import add_domain
from clement.store.actions.group import add_group
from clement.store.digest_records import DigestPlanInForce
from clement.store.learning_records import ReportOutcome
from clement.store.log_writer import SqlLogWriter
from clement.store.reports_due import HOUR_S, REMEMBERED_S, SqlReports
from clement.web.held_links import Fate, ShownLesson
from clement.web.lesson_desk import SqlLessonDesk

pytestmark = pytest.mark.usefixtures("database")

NOW_S = 1_800_000_000.0
ANNA = "anna@local.example"
SITE = DigestPlanInForce(Scope.SITE, "", "07:00 UTC", "en")


def lesson(report: str, number: int, body: int) -> TeachingRecord:
    return TeachingRecord(
        id=f"{report}/{number}",
        at_s=NOW_S,
        actor=ANNA,
        way="report",
        unwanted=True,
        features=bytes(4),
        message_id=f"<{body}@shop.example>",
        body_hash=body.to_bytes(16, "big"),
        transaction_id=report,
        person_id=9,
        mailbox_id=7,
    )


def report(number: int, *lessons: TeachingRecord | None, person_id: int = 9) -> ReportRecord:
    messages = [
        ReportedMessage("eve@shop.example", "\0 offer \udcff", each.message_id, each.id, each.body_hash)
        if each is not None
        else ReportedMessage("", "", "")
        for each in lessons
    ]
    return ReportRecord(
        id=f"report-{number}",
        at_s=NOW_S,
        person_id=person_id,
        login=ANNA,
        address=ANNA,
        unwanted=True,
        messages=tuple(messages),
        mailbox_id=7,
    )


def reports(node: str = "node", per_hour: int = 2) -> SqlReports:
    return SqlReports(node, SITE, per_hour)


def test_what_became_of_each_message_is_found_in_the_ledger() -> None:
    writer = SqlLogWriter("node")
    lessons = [lesson("report-1", 0, 1), lesson("report-1", 1, 2), lesson("report-1", 2, 1)]
    writer.write([*lessons, report(1, *lessons, None, lesson("report-1", 4, 9))], {"segment": 10})
    writer.write([report(1)], {"segment": 20})  # read again: it is known
    due = reports().next_due(NOW_S)
    assert due is not None
    assert [item.outcome for item in due.items] == [
        ReportOutcome.LEARNED,
        ReportOutcome.LEARNED,
        ReportOutcome.BEFORE,
        ReportOutcome.UNREADABLE,
        ReportOutcome.LIMIT,
    ]
    assert due.items[2].act_id == due.items[0].act_id != 0
    assert due.items[0].subject == "\\x00 offer \\udcff"
    assert (due.plan, due.address) == (SITE, ANNA)
    assert reports("elsewhere").next_due(NOW_S) is None


def test_a_receipt_names_the_lesson_that_was_in_force_when_the_report_came() -> None:
    def at(number: int, *, unwanted: bool, is_learned: bool = True) -> list[TeachingRecord | ReportRecord]:
        at_s = NOW_S + number
        given = msgspec.structs.replace(lesson(f"report-{number}", 0, 1), at_s=at_s, unwanted=unwanted)
        told = msgspec.structs.replace(report(number, given), at_s=at_s, unwanted=unwanted)
        return [given, told] if is_learned else [told]

    # Over the day's limit nothing is learned, and what he said before is taken back by then.
    over = at(4, unwanted=True, is_learned=False)
    every = [*at(1, unwanted=True), *at(2, unwanted=True), *at(3, unwanted=False), *over]
    SqlLogWriter("node").write(every, {"segment": 10})
    first, last = models.TeachingAct.objects.order_by("id").values_list("id", flat=True)
    found = []
    while (due := reports(per_hour=9).next_due(NOW_S)) is not None:
        reports().ended(due.id, NOW_S)
        found.append((due.items[0].outcome, due.items[0].act_id))
    assert found == [
        (ReportOutcome.LEARNED, first),
        (ReportOutcome.BEFORE, first),
        (ReportOutcome.LEARNED, last),
        (ReportOutcome.LIMIT, 0),
    ]


def test_whoever_was_told_is_not_told_again_and_what_he_reported_is_forgotten() -> None:
    SqlLogWriter("node").write([report(1, None)], {"segment": 10})
    assert reports().next_due(NOW_S) is not None
    reports().deferred("report-1", 1, NOW_S + 60)
    assert reports().next_due(NOW_S) is None
    due = reports().next_due(NOW_S + 60)
    assert due is not None
    assert due.failures == 1
    reports().ended("report-1", NOW_S + 60)
    SqlLogWriter("node").write([report(1, None)], {"segment": 20})
    assert reports().next_due(NOW_S + 120) is None
    row = models.TeachingReport.objects.get()
    assert (row.state, bytes(row.messages)) == ("told", b"")
    reports().forget(NOW_S + 60 + REMEMBERED_S)
    assert models.TeachingReport.objects.count() == 1
    reports().forget(NOW_S + 61 + REMEMBERED_S)
    assert models.TeachingReport.objects.count() == 0


def test_he_is_told_in_the_language_of_his_domain_s_digests(root: Actor) -> None:
    add_group(root, "local")
    add_domain(root, "local.example", "local")
    wanted = {"scope": Scope.DOMAIN, "scope_name": "local.example", "schedule": "07:00 UTC"}
    plan_digest(root, NewDigestPlan(**wanted, language="fr"))  # type: ignore[arg-type]
    SqlLogWriter("node").write([report(1, None)], {"segment": 10})
    due = reports().next_due(NOW_S)
    assert due is not None
    assert due.plan.language == "fr"


def test_one_person_is_told_so_often_in_an_hour_and_others_are_told_meanwhile() -> None:
    others = report(9, None, person_id=10)
    SqlLogWriter("node").write([*(report(n, None) for n in range(5)), others], {"segment": 10})
    told = []
    while (due := reports().next_due(NOW_S)) is not None:
        reports().ended(due.id, NOW_S)
        told.append(due.id)
    assert told == ["report-0", "report-1", "report-9"]
    SqlLogWriter("node").write([report(6, None)], {"segment": 20})
    assert reports().next_due(NOW_S + HOUR_S) is not None


def test_a_link_takes_back_what_its_report_has_taught_and_nothing_else() -> None:
    taught = [lesson("report-1", 0, 1), lesson("report-1", 1, 2)]
    evidence = TeachingRecord("trap-1/trap0", NOW_S, "(trap)", "trap", unwanted=True, features=bytes(4))
    SqlLogWriter("node").write([*taught, evidence], {"segment": 10})
    desk = SqlLessonDesk(lambda: NOW_S)
    link = HeldLink(Deed.TAKE_BACK, "report-1/1", ANNA, int(NOW_S) + 60)
    assert desk.look(link) == ShownLesson("<2@shop.example>", True, NOW_S)
    assert desk.act(link) is Fate.DONE
    assert (desk.act(link), desk.look(link)) == (Fate.ALREADY, Fate.ALREADY)
    undone = models.TeachingAct.objects.filter(undone_by=f"{ANNA} (link)")
    assert [act.record_key for act in undone] == ["report-1/1"]
    assert models.AuditEntry.objects.filter(actor=f"{ANNA} (link)").count() == 1
    for record in ("report-1/7", "trap-1/trap0"):
        other = HeldLink(Deed.TAKE_BACK, record, ANNA, int(NOW_S) + 60)
        assert (desk.look(other), desk.act(other)) == (Fate.GONE, Fate.GONE)
