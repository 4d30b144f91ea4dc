"""What attachments are worth: a reason for each category, words that help, and the group's own choice."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.attachment import Attachment, Category
from clement.message.mime.defects import AMBIGUOUS, MimeDefect
from clement.policy.checks.attachments import check, check_names
from clement.policy.decide import decide
from clement.policy.directory import Fallback, GroupPolicy, Local
from clement.policy.facts import RecipientContentFacts
from clement.policy.finding import Finding, Observation
from clement.policy.reason import Reason
from clement.policy.study import ContentStudy
from clement.policy.verdict import Accept, Defer, Quarantine, Reject
from clement.policy.wording import reply_to
from tests.policy.samples import content, content_for, policy_with

HARMLESS = (
    Category.ARCHIVE,
    Category.DOCUMENT,
    Category.IMAGE,
    Category.MEDIA,
    Category.TEXT,
    Category.OTHER,
)


def attached(*categories: Category, path: str = "a.zip/b.exe", why: tuple[str, ...] = ()) -> Attachment:
    return Attachment("2", path, 100, "", "", categories, why)


def findings(study: ContentStudy | None) -> list[Finding]:
    answer = check(msgspec.structs.replace(content(), study=study))
    if answer is None:
        return []
    assert isinstance(answer, tuple)
    return [observed.finding for observed in answer if isinstance(observed, Observation)]


def of(*attachments: Attachment) -> list[Finding]:
    return findings(ContentStudy(attachments=attachments))


@pytest.mark.parametrize(
    ("category", "reason", "setting"),
    [
        (Category.EXECUTABLE, Reason.EXECUTABLE_ATTACHMENT, "executable_attachment"),
        (Category.SCRIPT, Reason.SCRIPT_ATTACHMENT, "script_attachment"),
        (Category.SHORTCUT, Reason.SCRIPT_ATTACHMENT, "script_attachment"),
        (Category.MACRO, Reason.MACRO_DOCUMENT, "macro_document"),
        (Category.DISK_IMAGE, Reason.DISK_IMAGE, "disk_image"),
        (Category.ACTIVE_PAGE, Reason.ACTIVE_PAGE, "active_page"),
        (Category.ENCRYPTED, Reason.ENCRYPTED_ARCHIVE, "encrypted_archive"),
        (Category.UNREADABLE, Reason.UNREADABLE_ARCHIVE, "unreadable_archive"),
        (Category.DISGUISED, Reason.DISGUISED_ATTACHMENT, "disguised_attachment"),
    ],
)
def test_case_105_each_category_is_the_group_s_to_decide(
    category: Category, reason: Reason, setting: str
) -> None:
    (finding,) = of(attached(category))
    assert finding.reason is reason
    assert finding.weight > 0
    kinds = [Accept, Quarantine, Defer, Reject]
    for fallback, kind in zip(
        (Fallback.ACCEPT, Fallback.QUARANTINE, Fallback.DEFER, Fallback.REFUSE), kinds, strict=True
    ):
        assert isinstance(decide([finding], None, policy_with(**{setting: fallback})), kind)


def test_what_is_refused_where_a_group_has_set_nothing() -> None:
    refused = {
        category
        for category in Category
        if isinstance(decide(of(attached(category)), None, GroupPolicy()), Reject)
    }
    assert refused == {
        Category.EXECUTABLE,
        Category.SCRIPT,
        Category.SHORTCUT,
        Category.DISK_IMAGE,
        Category.UNREADABLE,
        Category.DISGUISED,
    }


@pytest.mark.parametrize("category", HARMLESS)
def test_harmless_files_are_no_evidence(category: Category) -> None:
    assert of(attached(category)) == []


def test_where_nobody_wanted_the_content_read_there_is_no_evidence() -> None:
    assert findings(None) == []
    assert findings(ContentStudy()) == []


def test_the_sender_hears_which_file_and_what_he_can_do() -> None:
    found = of(
        attached(
            Category.DISGUISED,
            Category.EXECUTABLE,
            path="invoice.zip/invoice.pdf.exe",
            why=("double extension",),
        ),
        attached(Category.EXECUTABLE, path="other.exe"),
    )
    assert [each.reason for each in found] == [Reason.DISGUISED_ATTACHMENT, Reason.EXECUTABLE_ATTACHMENT]
    told = str(reply_to(decide(found, None, GroupPolicy()), "ID"))
    assert told == (
        "554 5.7.1 The name of an attachment hides what it is: "
        "invoice.zip/invoice.pdf.exe (double extension); give it a plain name [ID]"
    )
    assert found[1].detail == "invoice.zip/invoice.pdf.exe (double extension) and 1 more"


@given(st.text(max_size=400), st.lists(st.text(max_size=300), max_size=5))
def test_case_102_no_name_breaks_a_reply(path: str, why: list[str]) -> None:
    found = of(attached(Category.EXECUTABLE, path=path, why=tuple(why)))
    wire = reply_to(decide(found, None, GroupPolicy()), "ID").encode()
    assert len(wire) <= 512
    assert wire.count(b"\n") == 1
    assert all(0x20 <= octet <= 0x7E for octet in wire[:-2])


def test_case_100_what_cannot_be_read_to_its_end_is_refused() -> None:
    found = findings(ContentStudy(over_budget="parts"))
    verdict = decide(found, None, GroupPolicy())
    assert verdict.reason is Reason.CONTENT_UNREADABLE
    assert str(reply_to(verdict, "ID")).startswith("554 5.6.0 ")
    assert isinstance(decide(found, None, policy_with(unreadable_content=Fallback.ACCEPT)), Accept)


@pytest.mark.parametrize("defect", sorted(AMBIGUOUS))
def test_case_101_ambiguity_is_refused_but_where_honest_programs_make_it(defect: MimeDefect) -> None:
    (finding,) = findings(ContentStudy(defects=(defect,)))
    assert finding.weight > 0
    sloppy = {
        MimeDefect.NOT_A_FIELD,
        MimeDefect.BOUNDARY_NOT_FOUND,
        MimeDefect.AFTER_END,
        MimeDefect.CONTENT_IN_PREAMBLE,
        MimeDefect.CONTENT_IN_EPILOGUE,
    }
    assert (finding.reason is None) is (defect in sloppy)


def recipient_with(patterns: str, *attachments: Attachment) -> RecipientContentFacts:
    facts = content_for(
        "anna@local.example", msgspec.structs.replace(content(), study=ContentStudy(attachments=attachments))
    )
    route = facts.recipient.route
    assert isinstance(route, Local)
    group = msgspec.structs.replace(route.group, policy=GroupPolicy(refused_attachment_names=patterns))
    recipient = msgspec.structs.replace(facts.recipient, route=msgspec.structs.replace(route, group=group))
    return msgspec.structs.replace(facts, recipient=recipient)


@pytest.mark.parametrize(
    ("patterns", "path", "is_refused"),
    [
        ("*.pst", "mail.PST", True),
        ("*.pst", "mail.pst.txt", False),
        ("*.pst *.mdb", "a.zip/b/base.mdb", True),
        ("invoice*", "a.zip/old/Invoice 12.pdf", True),
        ("invoice*", "my invoice.pdf", False),
        ("?.txt", "ab.txt", False),
        ("a.b", "axb", False),
        ("secret/*", "a.zip/secret/x/y.txt", True),
        ("*", "anything", True),
        ("*a*a*a*a*a*a*a*a*b", "a" * 250, False),
        ("(x", "(x", True),
        ("", "anything", False),
    ],
)
def test_a_group_may_refuse_names(patterns: str, path: str, is_refused: bool) -> None:
    answer = check_names(recipient_with(patterns, attached(Category.TEXT, path=path)))
    assert isinstance(answer, Finding) is is_refused
    if isinstance(answer, Finding):
        verdict = decide([answer], None, GroupPolicy())
        assert isinstance(verdict, Reject)
        assert path.rsplit("/", maxsplit=1)[-1][:20] in str(reply_to(verdict, "ID"))
