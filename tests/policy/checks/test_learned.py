"""The learned check: one bounded witness, by each recipient's taste, silent while it knows too little."""

from collections.abc import Sequence
from math import inf

import msgspec
import pytest

from clement.policy.checks.learned import MOST_LOG_ODDS, check_with, finding_of
from clement.policy.facts import RecipientContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.study import ContentStudy, Features
from tests.policy.samples import content, content_for


class Weighing(msgspec.Struct, frozen=True):
    log_odds: float
    ready: bool = True
    strongest: tuple[tuple[str, float], ...] = ()


class Judge:
    """Remembers what it was asked."""

    def __init__(self, answer: Weighing | None) -> None:
        self.answer = answer
        self.asked: list[tuple[Features, list[str], int, list[int]]] = []

    def weigh(
        self, features: Features, findings: Sequence[Finding], domain_id: int, mailbox_ids: Sequence[int]
    ) -> Weighing | None:
        checks = [each.check for each in findings]
        self.asked.append((features, checks, domain_id, list(mailbox_ids)))
        return self.answer


def concerning(address: str, features: bytes = b"abcd") -> RecipientContentFacts:
    whole = content()
    whole.study = ContentStudy(features=Features(features))
    facts = content_for(address, whole)
    facts.findings = [Finding("spf", Result.FAIL)]
    return facts


@pytest.mark.parametrize(
    ("address", "domain_id", "mailbox_ids"),
    [
        ("anna@local.example", 1, [1]),
        ("both@local.example", 1, [1, 2]),
        ("somebody@relay.example", 2, []),
    ],
)
def test_the_judge_is_asked_for_whom_it_is(address: str, domain_id: int, mailbox_ids: list[int]) -> None:
    judge = Judge(Weighing(2.0))
    found = check_with(judge)(concerning(address))
    assert found is not None
    assert (found.weight, found.reason) == (2.0, None)
    assert judge.asked == [(Features(b"abcd"), ["spf"], domain_id, mailbox_ids)]


def test_without_a_study_features_or_a_model_it_says_nothing() -> None:
    judge = Judge(None)
    unread = concerning("anna@local.example")
    unread.content.study = None
    for facts in (unread, concerning("anna@local.example", b""), concerning("x@elsewhere.example")):
        assert check_with(judge)(facts) is None
    assert judge.asked == []
    assert check_with(judge)(concerning("anna@local.example")) is None


def test_before_it_has_seen_enough_it_says_nothing() -> None:
    assert finding_of(Weighing(5.0, ready=False)) is None
    assert finding_of(Weighing(inf)) is None


@pytest.mark.parametrize("log_odds", [-1000.0, -3.0, 0.0, 3.0, 1000.0])
def test_it_is_one_witness_however_sure(log_odds: float) -> None:
    found = finding_of(Weighing(log_odds))
    assert found is not None
    assert abs(found.weight) <= MOST_LOG_ODDS
    assert found.detail.endswith("% unwanted")


def test_case_136_what_a_stranger_wrote_is_named_bounded_and_harmless() -> None:
    names = ("subject:viagra", "\x1b[2Jred\u202e", "x" * 1000, "nan", "e", "f", "g")
    strongest = tuple((name, inf if name == "nan" else 1.5) for name in names)
    found = finding_of(Weighing(1.0, strongest=strongest))
    assert found is not None
    assert "73.11 % unwanted: subject:viagra +1.50, \\x1b[2Jred\\u202e +1.50, xxx" in found.detail
    assert found.detail.isprintable()
    assert "nan" not in found.detail
    assert len(found.detail) < 300
