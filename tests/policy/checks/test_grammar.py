"""One message, readable in one way: lines and header, each judged whatever the other is like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.defects import Defect
from clement.message.grammar import MessageFacts, examine
from clement.policy.checks.grammar import check_header, check_lines
from clement.policy.facts import ContentFacts
from clement.policy.finding import Result
from clement.policy.pipeline import gather
from clement.policy.plan import standard_plan
from clement.policy.reason import Reason
from clement.smtp import ContentDefects
from tests.policy.checks.test_sender_domain import Dns
from tests.policy.samples import content


@pytest.mark.parametrize(
    ("defects", "reason"),
    [
        (ContentDefects.TOO_LARGE, Reason.TOO_LARGE),
        (ContentDefects.NUL, Reason.NUL_OCTET),
        (ContentDefects.NUL | ContentDefects.BARE_LF, Reason.NUL_OCTET),
        (ContentDefects.BARE_CR, Reason.LINE_ENDINGS),
        (ContentDefects.BARE_LF, Reason.LINE_ENDINGS),
        (ContentDefects.BARE_LF | ContentDefects.EIGHT_BIT_UNDECLARED, Reason.LINE_ENDINGS),
        (ContentDefects.EIGHT_BIT_UNDECLARED, None),
        (ContentDefects.LINE_TOO_LONG, None),
    ],
)
def test_faults_of_lines(defects: ContentDefects, reason: Reason | None) -> None:
    found = check_lines(content(defects=defects))
    assert found is not None
    assert found.reason is reason


def test_faultless_lines_are_no_evidence() -> None:
    assert check_lines(content()) is None


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"From: a@b.example\r\nFrom: c@d.example\r\n", Reason.SEVERAL_AUTHORS),
        (b"From: <a@b.example>:<c@d.example>\r\n", Reason.AUTHOR_MALFORMED),
        (b"From: nobody\r\n", Reason.AUTHOR_MALFORMED),
        (b"From: a@b\0.example\r\n", Reason.HEADER_MALFORMED),
        (b"From: a@b.example\r\n" + b"X: y\r\n" * 5000, Reason.HEADER_MALFORMED),
        (b"Subject: nobody wrote this\r\n", None),
    ],
    ids=["two", "group", "no-address", "nul", "many-fields", "no-from"],
)
def test_case_096_faults_of_the_header(header: bytes, reason: Reason | None) -> None:
    found = check_header(content(examine(header)))
    assert found is not None
    assert found.reason is reason


def test_a_usual_header_is_no_evidence() -> None:
    assert check_header(content(examine(b"From: a@b.example\r\nDate: x\r\n"))) is None


@given(st.frozensets(st.sampled_from(Defect)), st.integers(0, 3))
def test_any_defects_lead_to_at_most_one_finding(defects: frozenset[Defect], from_count: int) -> None:
    found = check_header(content(MessageFacts(from_count=from_count, defects=defects)))
    assert found is None or found.result in {Result.FAIL, Result.NEUTRAL}
    if from_count > 1:
        assert found is not None
        assert found.reason is Reason.SEVERAL_AUTHORS


def reasons(facts: ContentFacts) -> set[Reason | None]:
    found = gather(standard_plan(Dns(None)).content, facts, 1.0)
    assert isinstance(found, list)
    return {observation.finding.reason for observation in found}


@pytest.mark.parametrize("defects", [each for each in ContentDefects if each])
def test_faulty_lines_hide_no_fault_of_the_header(defects: ContentDefects) -> None:
    two_authors = MessageFacts(from_count=2)
    assert Reason.SEVERAL_AUTHORS in reasons(content(two_authors, defects=defects))
