"""Scores: bounded sums, thresholds by precedence, and that more against a message never makes it milder."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clement.policy.decide import decide
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Domain, GroupPolicy, Local, Relayed
from clement.policy.finding import Finding, Result
from clement.policy.reason import RULES, Disposition, Reason
from clement.policy.score import (
    MOST,
    NEVER,
    Score,
    Thresholds,
    probability,
    score_of,
    scored,
    thresholds_for,
    without_quarantine,
    without_refusal,
)
from clement.policy.verdict import Accept, Quarantine, Reject, Verdict
from tests.policy.samples import ANNA, BRUNO, RELAYED, STORED
from tests.policy.test_decide import gravity

SITE = Thresholds(3.0, 5.0, 7.0)
DIRECTIVES = [
    None,
    Directive(1, Scope.USER, "anna@local.example", Action.ACCEPT),
    Directive(2, Scope.USER, "anna@local.example", Action.QUARANTINE),
    Directive(3, Scope.USER, "anna@local.example", Action.REFUSE),
]
weights = st.floats(-20, 20)
findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(["spf", "dkim", "learned", "links"]),
        st.sampled_from([Result.PASS, Result.FAIL]),
        st.sampled_from([None, None, *RULES]),
        weight=weights,
    ),
    max_size=6,
)
thresholds = st.builds(Thresholds, *[st.sampled_from([0.0, 1.0, 3.0, 6.0])] * 3)


def weighing(*weights: float, check: str = "learned") -> list[Finding]:
    return [Finding(check, Result.FAIL, weight=weight) for weight in weights]


def verdict_at(total: float, of: Thresholds = SITE, directive: Directive | None = None) -> Verdict:
    return decide([], directive, GroupPolicy(), Score(total, {"learned": total}, of))


def test_what_is_found_adds_up() -> None:
    found = [*weighing(2.0), *weighing(-0.5, check="dkim"), *weighing(1.0, 0.5, check="links")]
    assert score_of(found) == pytest.approx(3.0)
    assert scored(found, NEVER).by_check == [("learned", 2.0), ("links", 1.5), ("dkim", -0.5)]


@given(findings)
def test_no_check_says_more_than_the_most_whatever_it_says(found: list[Finding]) -> None:
    checks = {finding.check for finding in found}
    assert abs(score_of(found)) <= MOST * len(checks) + 1e-9


@pytest.mark.parametrize(("weight", "counts"), [(inf, MOST), (-inf, -MOST), (nan, 0.0), (1e300, MOST)])
def test_a_weight_that_is_none_cannot_spoil_the_sum(weight: float, counts: float) -> None:
    assert score_of([*weighing(weight), *weighing(1.0, check="spf")]) == counts + 1.0


def test_what_the_dns_did_not_say_weighs_nothing() -> None:
    assert score_of([Finding("spf", Result.TEMPERROR, weight=3.0)]) == 0.0


def test_three_is_95_of_100() -> None:
    assert probability(3.0) == pytest.approx(0.953, abs=0.001)
    assert probability(4.6) == pytest.approx(0.99, abs=0.001)
    assert (probability(1e9), probability(-1e9)) == (1.0, pytest.approx(0.0))


@given(findings, st.sampled_from(DIRECTIVES), thresholds, st.integers(0, 5), st.floats(0, 20))
def test_raising_a_weight_never_makes_the_answer_milder(
    found: list[Finding], directive: Directive | None, of: Thresholds, which: int, more: float
) -> None:
    graver = list(found)
    if which < len(found):
        graver[which] = replace(found[which], weight=found[which].weight + more)
    policy = GroupPolicy()
    before, after = (decide(each, directive, policy, scored(each, of)) for each in (found, graver))
    assert gravity(after) >= gravity(before)


@given(findings, thresholds)
def test_a_score_is_lifted_by_an_accepting_directive_and_never_counts_for_postmaster(
    found: list[Finding], of: Thresholds
) -> None:
    accepting = DIRECTIVES[1]
    policy = GroupPolicy()
    assert decide(found, accepting, policy, scored(found, of)) == decide(found, accepting, policy)


@pytest.mark.parametrize(
    ("total", "expected"),
    [(-9.0, Accept), (4.99, Accept), (5.0, Quarantine), (6.9, Quarantine), (7.0, Reject)],
)
def test_thresholds_decide(total: float, expected: type) -> None:
    verdict = verdict_at(total)
    assert isinstance(verdict, expected)
    assert verdict.reason is (Reason.ACCEPTED if expected is Accept else Reason.UNWANTED)
    assert verdict.detail == ""


def test_never_is_never() -> None:
    assert isinstance(verdict_at(99.0, NEVER), Accept)
    assert not Score(99.0, {}, NEVER).is_tagged
    assert Score(3.0, {}, SITE).is_tagged
    assert not Score(2.9, {}, SITE).is_tagged


def test_what_has_a_reason_of_its_own_is_named_before_the_score() -> None:
    found = [Finding("dmarc", Result.FAIL, Reason.DMARC_REJECT, "x", 9.0)]
    assert decide(found, None, GroupPolicy(), scored(found, SITE)).reason is Reason.DMARC_REJECT


def test_a_directive_that_quarantines_does_not_save_from_refusal_by_score() -> None:
    assert isinstance(verdict_at(9.0, directive=DIRECTIVES[2]), Reject)
    assert verdict_at(6.0, directive=DIRECTIVES[2]).reason is Reason.DIRECTIVE_QUARANTINES


def local(*, group: GroupPolicy | None = None, domain: str = "", mailbox: float | None = None) -> Local:
    """A route to anna, whose thresholds of quarantine are these."""
    at_home = Domain(1, "local.example", 1, policy=domain)
    owner = replace(ANNA, quarantine_at=mailbox)
    return Local(replace(STORED, policy=group or GroupPolicy()), at_home, (owner,))


def test_the_narrower_threshold_wins_field_by_field() -> None:
    assert thresholds_for(SITE, local()) is SITE
    group = GroupPolicy(quarantine_at=4.0, refuse_at=0.0)
    assert thresholds_for(SITE, local(group=group)) == Thresholds(3.0, 4.0, 0.0, ("site", "group", "group"))
    own = local(group=group, domain='{"refuse_at":0.0}', mailbox=2.0)
    assert thresholds_for(SITE, own) == Thresholds(3.0, 2.0, 0.0, ("site", "mailbox", "domain"))
    assert str(thresholds_for(SITE, own)) == "tag 3 site, quarantine 2 mailbox, refuse never domain"


@given(*[st.sampled_from([None, 0.0, 2.0, 4.0])] * 2)
def test_a_mailbox_wins_over_its_group_and_both_over_the_site(
    of_group: float | None, of_mailbox: float | None
) -> None:
    found = thresholds_for(SITE, local(group=GroupPolicy(quarantine_at=of_group), mailbox=of_mailbox))
    said = [each for each in (of_mailbox, of_group, SITE.quarantine_at) if each is not None]
    assert found.quarantine_at == said[0]
    assert (found.tag_at, found.refuse_at) == (SITE.tag_at, SITE.refuse_at)


def test_an_alias_for_several_has_the_thresholds_of_its_domain() -> None:
    several = Local(STORED, Domain(1, "local.example", 1), (replace(ANNA, tag_at=1.0), BRUNO))
    assert thresholds_for(SITE, several) is SITE
    relayed = Relayed(RELAYED, Domain(2, "relay.example", 2), "boss@relay.example")
    assert thresholds_for(SITE, relayed) is SITE
    known = replace(relayed, mailboxes=(replace(ANNA, tag_at=1.0),))
    assert thresholds_for(SITE, known).tag_at == 1.0


def test_where_nothing_can_be_held_nothing_more_is_refused_for_that() -> None:
    assert Score(6.0, {}, without_quarantine(SITE)).disposition is Disposition.ACCEPT
    assert Score(7.0, {}, without_quarantine(SITE)).disposition is Disposition.REJECT


def test_for_whom_a_refusal_would_be_a_bounce_it_is_held() -> None:
    assert Score(9.0, {}, without_refusal(SITE)).disposition is Disposition.QUARANTINE
    assert without_refusal(Thresholds(0.0, 0.0, 7.0)) == Thresholds(0.0, 7.0, 0.0)
    assert without_refusal(NEVER) is NEVER
