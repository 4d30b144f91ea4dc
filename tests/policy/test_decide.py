"""`decide` and `decide_early`: total, pure, and in the right order of precedence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.decide import decide, decide_early, disposition_of, without_holding
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Fallback, Greylisting, GroupPolicy
from clement.policy.finding import Finding, Result
from clement.policy.reason import RULES, Disposition, Reason
from clement.policy.verdict import Accept, Defer, Drop, Quarantine, Reject, Verdict

ACCEPTING = Directive(11, Scope.USER, "anna@local.example", Action.ACCEPT)
REFUSING = Directive(12, Scope.SITE, "", Action.REFUSE)
QUARANTINING = Directive(13, Scope.DOMAIN, "local.example", Action.QUARANTINE)
GRAVITY = {
    Accept: Disposition.ACCEPT,
    Quarantine: Disposition.QUARANTINE,
    Defer: Disposition.DEFER,
    Reject: Disposition.REJECT,
    Drop: Disposition.DROP,
}


def found(*reasons: Reason | None) -> list[Finding]:
    return [
        Finding("check", Result.FAIL, reason, f"{reason} {place}") for place, reason in enumerate(reasons)
    ]


reasons = st.sampled_from([None, *RULES])
evidence = st.lists(reasons, max_size=6).map(lambda several: found(*several))
directives = st.sampled_from([None, ACCEPTING, REFUSING, QUARANTINING])
fallbacks = st.sampled_from(Fallback)
policies = st.builds(
    GroupPolicy,
    scan_content=st.booleans(),
    scanner_unavailable=fallbacks,
    unscannable=fallbacks,
    unresolvable_sender=fallbacks,
    implausible_hello=fallbacks,
    bare_line_endings=fallbacks,
    dns_listed=fallbacks,
    greylisting=st.sampled_from(Greylisting),
    executable_attachment=fallbacks,
    script_attachment=fallbacks,
    macro_document=fallbacks,
    disk_image=fallbacks,
    active_page=fallbacks,
    encrypted_archive=fallbacks,
    unreadable_archive=fallbacks,
    disguised_attachment=fallbacks,
    unreadable_content=fallbacks,
)


def gravity(verdict: Verdict) -> Disposition:
    return GRAVITY[type(verdict)]


@given(evidence, directives, policies)
def test_any_evidence_has_a_verdict_and_always_the_same(
    findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    verdict = decide(findings, directive, policy)
    assert isinstance(verdict, Accept | Quarantine | Defer | Reject | Drop)
    assert verdict == decide(tuple(findings), directive, policy)
    assert verdict.reason is Reason.ACCEPTED or verdict.reason in RULES


@given(evidence, st.sampled_from([None, ACCEPTING]), policies)
def test_the_gravest_that_counts_decides_and_of_equals_the_first(
    findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    lifted = directive is not None
    counting = [each for each in findings if each.reason and not (lifted and RULES[each.reason].liftable)]
    worst = max((disposition_of(each.reason, policy) for each in counting if each.reason), default=0)
    verdict = decide(findings, directive, policy)
    virus = next((each for each in counting if each.reason is Reason.VIRUS), None)
    if virus is not None:
        assert verdict == Reject(Reason.VIRUS, virus.detail)
        return
    assert gravity(verdict) == worst
    if worst:
        first = next(
            each for each in counting if each.reason and disposition_of(each.reason, policy) == worst
        )
        assert (verdict.reason, verdict.detail) == (first.reason, first.detail)


@given(evidence, policies)
def test_a_refusing_directive_wins_over_everything_but_a_virus(
    findings: Sequence[Finding], policy: GroupPolicy
) -> None:
    verdict = decide(findings, REFUSING, policy)
    assert isinstance(verdict, Reject)
    infected = any(each.reason is Reason.VIRUS for each in findings)
    assert verdict.reason is (Reason.VIRUS if infected else Reason.DIRECTIVE_REFUSES)
    assert verdict.directive_id == (0 if infected else REFUSING.id)


@given(evidence, directives, policies)
def test_nothing_overrides_a_virus(
    findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    verdict = decide([*findings, *found(Reason.VIRUS)], directive, policy)
    assert verdict.reason is Reason.VIRUS
    assert isinstance(verdict, Reject)


@given(evidence, directives, policies)
def test_our_own_fault_never_answers_5xx(
    findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    verdict = decide(findings, directive, policy)
    if verdict.reason in RULES and RULES[verdict.reason].ours:
        assert isinstance(verdict, Defer)


@pytest.mark.parametrize("reason", RULES)
def test_an_accepting_directive_lifts_what_its_rule_says_and_nothing_else(reason: Reason) -> None:
    policy = GroupPolicy(implausible_hello=Fallback.REFUSE)
    verdict = decide(found(reason), ACCEPTING, policy)
    assert isinstance(verdict, Accept) is RULES[reason].liftable
    if isinstance(verdict, Accept):
        assert verdict.directive_id == ACCEPTING.id


@given(evidence, policies)
def test_a_directive_that_quarantines_makes_nothing_milder(
    findings: Sequence[Finding], policy: GroupPolicy
) -> None:
    without, verdict = decide(findings, None, policy), decide(findings, QUARANTINING, policy)
    assert gravity(verdict) == max(gravity(without), Disposition.QUARANTINE)
    if isinstance(verdict, Quarantine):
        assert (verdict.reason, verdict.directive_id) == (Reason.DIRECTIVE_QUARANTINES, QUARANTINING.id)
    else:
        assert verdict == without


@given(evidence, directives, policies)
def test_where_nothing_can_be_held_whoever_sent_it_hears_so(
    findings: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    verdict = decide(findings, directive, policy)
    if isinstance(verdict, Quarantine):
        instead = without_holding(verdict)
        assert isinstance(instead, Defer if RULES[verdict.reason].ours else Defer | Reject)
        assert (instead.reason, instead.detail) == (verdict.reason, verdict.detail)


def test_without_evidence_mail_is_accepted() -> None:
    assert isinstance(decide([], None, GroupPolicy()), Accept)
    assert isinstance(decide(found(None, None), None, GroupPolicy()), Accept)


@pytest.mark.parametrize("fallback", Fallback)
@pytest.mark.parametrize("reason", [reason for reason, rule in RULES.items() if rule.setting])
def test_a_setting_of_the_group_decides_where_there_is_one(reason: Reason, fallback: Fallback) -> None:
    policy = GroupPolicy(**{RULES[reason].setting: fallback})  # type: ignore[arg-type]
    expected = {
        Fallback.ACCEPT: Accept,
        Fallback.QUARANTINE: Quarantine,
        Fallback.DEFER: Defer,
        Fallback.REFUSE: Reject,
    }[fallback]
    if RULES[reason].ours and fallback is Fallback.REFUSE:
        expected = Defer
    assert isinstance(decide(found(reason), None, policy), expected)


@pytest.mark.parametrize("reason", [Reason.SCANNER_UNAVAILABLE, Reason.UNSCANNABLE])
def test_a_group_that_wants_no_scan_does_not_suffer_from_that_of_another(reason: Reason) -> None:
    assert isinstance(decide(found(reason), None, GroupPolicy(scan_content=False)), Accept)


@given(evidence, st.lists(reasons, max_size=3).map(lambda several: found(*several)), directives, policies)
def test_an_early_refusal_is_one_that_nothing_later_could_change(
    early: Sequence[Finding], late: Sequence[Finding], directive: Directive | None, policy: GroupPolicy
) -> None:
    may_accept = directive is ACCEPTING
    at_once = decide_early(early, a_directive_may_accept=may_accept)
    if not isinstance(at_once, Accept):
        assert gravity(decide([*early, *late], directive, policy)) >= min(
            gravity(at_once), Disposition.REJECT
        )


@pytest.mark.parametrize(
    ("reason", "may_accept", "expected"),
    [
        (Reason.NETWORK_BANNED, True, Drop),
        (Reason.NETWORK_UNWELCOME, True, Accept),
        (Reason.NETWORK_UNWELCOME, False, Drop),
        (Reason.HELLO_IMPLAUSIBLE, False, Accept),
        (Reason.SENDER_UNRESOLVABLE, False, Accept),
        (Reason.SENDER_REFUSES_MAIL, False, Reject),
        (Reason.LOGIN_REQUIRED, True, Reject),
    ],
)
def test_what_is_refused_before_any_recipient(reason: Reason, may_accept: bool, expected: type) -> None:
    assert isinstance(decide_early(found(None, reason), a_directive_may_accept=may_accept), expected)


def test_the_gravest_speaks_early_as_well() -> None:
    verdict = decide_early(found(Reason.CHECK_FAILED, Reason.NETWORK_BANNED), a_directive_may_accept=True)
    assert verdict.reason is Reason.NETWORK_BANNED
