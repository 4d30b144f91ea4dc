"""Why a recipient's mail fared as it did, and what would have changed it. Pure: rows in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from clement.cli.reason_words import words_of
from clement.cli.story import UNENDED, SessionState
from clement.policy.reason import RULES, Reason

if TYPE_CHECKING:
    from clement.journal.records import FindingNote
    from clement.store.records import DirectiveRow


MAX_EVIDENCE = 40


class Explanation(msgspec.Struct, frozen=True):
    """One answer, explained. Empty strings are left out when it is shown.

    finding: the one that decided. evidence: the others that say something.
    directive: the rule that decided, with whose it is and where it came from.
    otherwise: what would have changed the verdict, each by itself. score: the sum of what was found, and the
    thresholds in force with where each is set. state: of the session, as `SessionState`.
    """

    about: str
    outcome: str
    reason: str
    reply: str
    happened: str
    finding: str = ""
    directive: str = ""
    otherwise: tuple[str, ...] = ()
    sender_can: str = ""
    postmaster_can: str = ""
    evidence: tuple[str, ...] = ()
    score: str = ""
    state: str = SessionState.ENDED.value


def explain(
    *,
    about: str,
    outcome: str,
    reason: str,
    reply: str,
    findings: Sequence[FindingNote],
    directive: DirectiveRow | None,
    score: float = 0.0,
    thresholds: str = "",
    state: SessionState = SessionState.ENDED,
) -> Explanation:
    """What the log holds of one answer, in words."""
    words = words_of(reason)
    deciding = next((finding for finding in findings if reason and finding.reason == reason), None)
    return Explanation(
        about=about,
        outcome=outcome,
        reason=reason,
        reply=reply,
        happened=words.happened,
        finding=finding_text(deciding) if deciding is not None else "",
        directive=directive_text(directive) if directive is not None else "",
        otherwise=(
            *_otherwise(reason, directive),
            *(_other_thresholds(outcome, score, thresholds) if reason == Reason.UNWANTED else ()),
        ),
        sender_can=words.sender,
        postmaster_can=words.postmaster,
        evidence=tuple(
            dict.fromkeys(
                finding_text(finding) for finding in findings if finding.detail and finding != deciding
            )
        )[:MAX_EVIDENCE],
        score=score_text(score, thresholds) if thresholds else "",
        state=state.value,
    )


def finding_text(finding: FindingNote) -> str:
    """`spf fail +1.5: SPF of example.org does not allow 192.0.2.1`."""
    weight = f" {finding.weight:+.2g}" if finding.weight else ""
    return f"{finding.check} {finding.result}{weight}" + (f": {finding.detail}" if finding.detail else "")


def score_text(score: float, thresholds: str) -> str:
    """`+5.31; tag 3 site, quarantine 4.6 domain, refuse never site`."""
    return f"{score:+.2f}; {thresholds}"


def _other_thresholds(outcome: str, score: float, thresholds: str) -> Iterator[str]:
    """From where on it would have been taken: the threshold that was reached, and who has set it."""
    deed = "quarantine" if outcome == "held" else "refuse"
    for part in thresholds.split(", "):
        name, _, rest = part.partition(" ")
        value, _, origin = rest.partition(" ")
        if name == deed:
            yield f"with {deed}_at above {score:.2f}: it is {value}, of the {origin}"


def directive_text(directive: DirectiveRow) -> str:
    """`12, of the group family: refuse from @shop.example (set by hand by root, "enough")`."""
    kind = directive.scope.name.lower()
    whose = "of the site" if kind == "site" else f"of the {kind} {directive.scope_name}"
    sender = directive.sender_pattern or "anyone"
    client = f" at {directive.client_network}" if directive.client_network else ""
    note = f', "{directive.note}"' if directive.note else ""
    final = ", final" if directive.final else ""
    made = f"{directive.origin.value}, {directive.created_by}{note}{final}"
    return f"{directive.id}, {whose}: {directive.action.value} mail from {sender}{client} ({made})"


def _otherwise(reason: str, directive: DirectiveRow | None) -> Iterator[str]:
    """Counterfactuals that follow from the table of reasons."""
    if reason not in list(Reason):
        return
    if reason in {Reason.DIRECTIVE_REFUSES, Reason.DIRECTIVE_QUARANTINES} and directive is not None:
        yield f"without directive {directive.id}"
        if not directive.final and directive.scope.name != "USER":
            yield "with an accepting directive in a narrower scope, such as the recipient's own"
    rule = RULES.get(Reason(reason))
    if rule is None:
        return
    if rule.setting:
        yield f"with the group's policy {rule.setting} = accept"
    if rule.liftable:
        yield "with a directive of the recipient that accepts this sender, if the sender is authenticated"
        yield "with a directive of the recipient that accepts this client's network"


def lines(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which a person wants to know."""
    yield "about", explanation.about
    yield "session", UNENDED.get(SessionState(explanation.state), "")
    yield (
        "outcome",
        f"{explanation.outcome} ({explanation.reason})" if explanation.reason else explanation.outcome,
    )
    yield "what was said", explanation.reply
    yield "what happened", explanation.happened
    yield "finding", explanation.finding
    for number, text in enumerate(explanation.evidence):
        yield "" if number else "also found", text
    yield "score", explanation.score
    yield "directive", explanation.directive
    for number, text in enumerate(explanation.otherwise):
        yield "it would have passed" if not number else "or", text
    yield "the sender can", explanation.sender_can
    yield "you can", explanation.postmaster_can
