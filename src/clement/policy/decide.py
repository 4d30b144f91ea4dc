"""From evidence to verdict. Pure: the same findings, directive and policy always give the same verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clement.policy.directive import Action, Directive
from clement.policy.directory import Fallback, GroupPolicy
from clement.policy.finding import Finding
from clement.policy.reason import RULES, Disposition, Reason
from clement.policy.score import Score
from clement.policy.verdict import ACCEPTED, Accept, Defer, Drop, Quarantine, Reject, Verdict

_BY_FALLBACK = {
    Fallback.ACCEPT: Disposition.ACCEPT,
    Fallback.QUARANTINE: Disposition.QUARANTINE,
    Fallback.DEFER: Disposition.DEFER,
    Fallback.REFUSE: Disposition.REJECT,
}

_SCANNING = frozenset({Reason.SCANNER_UNAVAILABLE, Reason.UNSCANNABLE})


def decide(
    findings: Sequence[Finding],
    directive: Directive | None,
    policy: GroupPolicy,
    score: Score | None = None,
) -> Verdict:
    """The verdict for one recipient.

    findings: everything that concerns this recipient; only those with a reason can count against it.
    directive: the one that speaks for this sender and recipient (`DirectiveIndex.find`), or None.
    policy: of the recipient's group, as it is for his domain.
    score: what all of it weighs for this recipient; None: it is not to be judged by that.

    A virus stands above everything; a refusing directive above all other findings; an accepting one sets
    aside what its rule calls liftable. Of what remains the gravest decides, and of equals the first. A
    directive that quarantines counts as one more finding of that gravity: it makes nothing milder. So does
    the score, which an accepting directive lifts; what has a reason of its own says more, so it comes last.
    """
    directive_id = directive.id if directive is not None else 0
    action = directive.action if directive is not None else None
    accepting = action is Action.ACCEPT
    worst, gravest = Disposition.ACCEPT, None
    for finding in findings:
        if finding.reason is None or (accepting and RULES[finding.reason].liftable):
            continue
        if finding.reason is Reason.VIRUS:
            return Reject(Reason.VIRUS, finding.detail)
        disposition = disposition_of(finding.reason, policy)
        if disposition > worst:
            worst, gravest = disposition, finding
    unwanted = score is not None and not accepting and score.disposition > worst
    if unwanted and score is not None:
        worst = score.disposition
    if action is Action.REFUSE:
        return Reject(Reason.DIRECTIVE_REFUSES, "", directive_id)
    if action is Action.QUARANTINE and worst <= Disposition.QUARANTINE:
        return Quarantine(Reason.DIRECTIVE_QUARANTINES, "", directive_id)
    if unwanted:
        return _verdict(worst, Reason.UNWANTED, "")
    if gravest is None or gravest.reason is None:
        return Accept(Reason.ACCEPTED, "", directive_id) if accepting else ACCEPTED
    return _verdict(worst, gravest.reason, gravest.detail)


def decide_early(findings: Iterable[Finding], *, a_directive_may_accept: bool) -> Verdict:
    """The verdict before any recipient is known.

    Refuses only for what no directive, and no group's setting, of any possible recipient could change. As
    in `decide` the gravest finding speaks, and of equals the first.
    """
    verdict: Verdict = ACCEPTED
    # Before there is a content nothing can be held.
    worst = Disposition.QUARANTINE
    for finding in findings:
        if finding.reason is None:
            continue
        rule = RULES[finding.reason]
        if rule.setting or (rule.liftable and a_directive_may_accept):
            continue
        if rule.disposition > worst:
            worst = rule.disposition
            verdict = _verdict(worst, finding.reason, finding.detail)
    return verdict


def disposition_of(reason: Reason, policy: GroupPolicy) -> Disposition:
    """What a reason leads to in a group: its own setting where there is one, else the rule.

    What is our own fault never leads to more than a deferral, whatever a group has set.
    """
    rule = RULES[reason]
    if not rule.setting:
        return rule.disposition
    if reason in _SCANNING and not policy.scan_content:
        return Disposition.ACCEPT
    if reason is Reason.UNREADABLE and not policy.read_content:
        return Disposition.ACCEPT
    disposition = _BY_FALLBACK[getattr(policy, rule.setting)]
    return min(disposition, Disposition.DEFER) if rule.ours else disposition


def without_holding(verdict: Quarantine) -> Verdict:
    """What becomes of a message that should be held where no place to hold it exists.

    Never accepted in silence, and never hidden: what the reason leads to by itself, which is at least a
    deferral, so that whoever sent it knows.
    """
    rule = RULES[verdict.reason]
    if rule.ours or rule.disposition is Disposition.DEFER:
        return Defer(verdict.reason, verdict.detail, verdict.directive_id)
    return Reject(verdict.reason, verdict.detail, verdict.directive_id)


def _verdict(disposition: Disposition, reason: Reason, detail: str) -> Verdict:
    match disposition:
        case Disposition.ACCEPT:
            return ACCEPTED
        case Disposition.QUARANTINE:
            return Quarantine(reason, detail)
        case Disposition.DEFER:
            return Defer(reason, detail)
        case Disposition.REJECT:
            return Reject(reason, detail)
        case Disposition.DROP:
            return Drop(reason, detail)
