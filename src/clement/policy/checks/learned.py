"""What the learned model thinks of the content, for each recipient by his own taste: evidence only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, isfinite
from typing import Final

from clement.message.text import visible
from clement.policy.directory import Foreign, Local, Relayed
from clement.policy.facts import RecipientContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.ports import Judge, Weighing

NAME: Final = "learned"
MOST_LOG_ODDS: Final = 8.0
"""However sure it is, it is one witness."""
MOST_FEATURES: Final = 5
MOST_NAME_CHARS: Final = 40


def check_with(judge: Judge) -> Callable[[RecipientContentFacts], Finding | None]:
    """The check of a receiver that has this judge."""

    def check(facts: RecipientContentFacts) -> Finding | None:
        study, route = facts.content.study, facts.recipient.route
        if study is None or not study.features.hashes or isinstance(route, Foreign):
            return None
        known = route.mailboxes if isinstance(route, Local | Relayed) else ()
        mailboxes = [mailbox.id for mailbox in known]
        weighing = judge.weigh(study.features, facts.findings, route.domain.id, mailboxes)
        return None if weighing is None else finding_of(weighing)

    return check


def finding_of(weighing: Weighing) -> Finding | None:
    """Log-odds as a weight, with what spoke most loudly; nothing before the filter has seen enough."""
    if not weighing.ready or not isfinite(weighing.log_odds):
        return None
    weight = max(-MOST_LOG_ODDS, min(weighing.log_odds, MOST_LOG_ODDS))
    detail = f"{100 / (1 + exp(-weight)):.2f} % unwanted"
    strongest = _shown(weighing.strongest)
    return Finding(NAME, Result.NEUTRAL, None, f"{detail}: {strongest}" if strongest else detail, weight)


def _shown(strongest: Sequence[tuple[str, float]]) -> str:
    told = [(name, log_odds) for name, log_odds in strongest if isfinite(log_odds)]
    return ", ".join(
        f"{visible(name, MOST_NAME_CHARS)} {log_odds:+.2f}" for name, log_odds in told[:MOST_FEATURES]
    )
