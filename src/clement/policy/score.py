"""How much speaks against a message for one recipient, and from where on it is tagged, held or refused.

The score is the sum of the weights of all findings that concern the recipient, in log-odds: 0 says nothing
either way, +3 that 95 of 100 such messages are unwanted, +4.6 that 99 of 100 are. There is no prior: before
anything is found, mail is as likely wanted as not. Findings of different checks count as independent, which
they are not quite; so what one check says in all is bounded, and no check decides alone beyond `MOST`.
A `temperror` weighs nothing: nobody is judged by what the DNS did not say.

Each threshold may be set for a mailbox, its domain, the domain's group, and the site; the narrower wins, each
by itself. 0: never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import exp
from typing import Final

import msgspec

from clement.policy.directory import GroupPolicy, Local, Relayed
from clement.policy.finding import Finding, Result
from clement.policy.overrides import said_in
from clement.policy.reason import Disposition

CHECK: Final = "score"
MOST: Final = 8.0
"""Log-odds that one check can add or take in all: 3000 to 1."""
TOLD: Final = 8
"""Checks that are named with what they said."""

_FIELDS: Final = ("tag_at", "quarantine_at", "refuse_at")
_DEEDS: Final = ("tag", "quarantine", "refuse")


class Thresholds(msgspec.Struct, frozen=True):
    """Scores from which on something follows; 0: never. origins: where each was set, in this order."""

    tag_at: float = 0.0
    quarantine_at: float = 0.0
    refuse_at: float = 0.0
    origins: tuple[str, str, str] = ("site", "site", "site")

    def __str__(self) -> str:
        """`tag 3 site, quarantine 4.6 domain, refuse never site`."""
        return _in_words(self)


@lru_cache(maxsize=4096)
def _in_words(of: Thresholds) -> str:
    values = (of.tag_at, of.quarantine_at, of.refuse_at)
    return ", ".join(
        [
            f"{deed} {f'{value:g}' if value else 'never'} {origin}"
            for deed, value, origin in zip(_DEEDS, values, of.origins, strict=True)
        ]
    )


NEVER: Final = Thresholds()


class Score(msgspec.Struct, frozen=True):
    """What was found about one message for one recipient, added up.

    total: log-odds for unwanted mail. weights: what each check said in all.
    """

    total: float
    weights: Mapping[str, float]
    thresholds: Thresholds

    @property
    def by_check(self) -> list[tuple[str, float]]:
        """What each check said, the weightiest first."""
        return sorted(self.weights.items(), key=_weight, reverse=True)[:TOLD]

    @property
    def is_tagged(self) -> bool:
        """Whether it is to be marked where it is delivered."""
        return 0 < self.thresholds.tag_at <= self.total

    @property
    def disposition(self) -> Disposition:
        """What follows from it by itself."""
        total, thresholds = self.total, self.thresholds
        if 0 < thresholds.refuse_at <= total:
            return Disposition.REJECT
        if 0 < thresholds.quarantine_at <= total:
            return Disposition.QUARANTINE
        return Disposition.ACCEPT

    @property
    def is_worth_showing(self) -> bool:
        """Whether something follows from it; each recipient's record has it in any case."""
        return self.is_tagged or self.disposition is not Disposition.ACCEPT

    def finding(self) -> Finding:
        """The sum, shown like any other finding; it weighs nothing itself."""
        said = ", ".join([f"{check} {weight:+.1f}" for check, weight in self.by_check])
        share = f"{100 * probability(self.total):.4g} %"
        return Finding(CHECK, Result.NEUTRAL, detail=f"{self.total:+.2f}, {share} unwanted: {said}")


def score_of(findings: Iterable[Finding]) -> float:
    """Log-odds for unwanted mail in all of these findings together."""
    return sum(_by_check(findings).values())


def scored(findings: Iterable[Finding], thresholds: Thresholds) -> Score:
    """The score with what it is made of."""
    weights = _by_check(findings)
    return Score(sum(weights.values()), weights, thresholds)


def probability(log_odds: float) -> float:
    """The share of such messages that is unwanted."""
    return 1 / (1 + exp(-max(-700.0, min(700.0, log_odds))))


def thresholds_for(site: Thresholds, route: Local | Relayed) -> Thresholds:
    """Those in force for mail along this route.

    An alias for several mailboxes has those of its domain: one answer stands for all of them.
    """
    policy = route.group.policy
    mailbox = route.mailboxes[0] if len(route.mailboxes) == 1 else None
    narrower = (policy.tag_at, policy.quarantine_at, policy.refuse_at)
    own = (None, None, None) if mailbox is None else mailbox.thresholds
    if narrower == (None, None, None) == own:
        return site
    of_domain = said_in(GroupPolicy, route.domain.policy)
    found = [
        _narrowest(
            (own[number], "mailbox"),
            (narrower[number], "domain" if field in of_domain else "group"),
            (getattr(site, field), site.origins[number]),
        )
        for number, field in enumerate(_FIELDS)
    ]
    (tag_at, by_tag), (quarantine_at, by_quarantine), (refuse_at, by_refuse) = found
    return Thresholds(tag_at, quarantine_at, refuse_at, (by_tag, by_quarantine, by_refuse))


def _narrowest(*said: tuple[float | None, str]) -> tuple[float, str]:
    return next(((value, origin) for value, origin in said if value is not None), (0.0, "site"))


def without_quarantine(thresholds: Thresholds) -> Thresholds:
    """Where nothing can be held: what would have been is delivered, and tagged as far as it is tagged."""
    return msgspec.structs.replace(thresholds, quarantine_at=0.0)


def without_refusal(thresholds: Thresholds) -> Thresholds:
    """For whom a refusal would make a bounce (LMTP): what would be refused is held."""
    if not thresholds.refuse_at:
        return thresholds
    lowest = min(filter(None, (thresholds.quarantine_at, thresholds.refuse_at)))
    return msgspec.structs.replace(thresholds, quarantine_at=lowest, refuse_at=0.0)


def _by_check(findings: Iterable[Finding]) -> dict[str, float]:
    # Runs for every message: most findings weigh nothing, and hardly any weighs more than it may.
    found: dict[str, float] = {}
    for finding in findings:
        weight = finding.weight
        if weight and finding.result is not Result.TEMPERROR:
            check = finding.check
            found[check] = found.get(check, 0.0) + (weight if -MOST <= weight <= MOST else bounded(weight))
    for check, weight in found.items():
        if not -MOST <= weight <= MOST:
            found[check] = bounded(weight)
    return found


def bounded(weight: float) -> float:
    """What counts of a weight; of what is no number, nothing."""
    if -MOST <= weight <= MOST:
        return weight
    return 0.0 if weight != weight else MOST if weight > 0 else -MOST  # noqa: PLR0124 - NaN alone differs


def _weight(pair: tuple[str, float]) -> float:
    return abs(pair[1])
