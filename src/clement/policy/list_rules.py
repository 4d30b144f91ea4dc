"""What evidence puts a server on a list: thresholds, and the questions they answer. Pure.

A ban needs enough evidence and a high lower bound of the share of unwanted mail;
a whole /24 or /48 needs many bad clients and hardly a good one; what sends good
mail from the same house is never banned for a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clement.policy.reputation import PLACE, Cause, Tally, badness, lower_bound

DAY_S = 86_400


class ListRules(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds. Evidence is in decayed events, shares lie between 0 and 1; see `[reputation]`."""

    half_life_s: float = 14 * DAY_S
    history_s: float = 90 * DAY_S
    ban_evidence: float = 20.0
    ban_share: float = 0.85
    ban_s: int = 7 * DAY_S
    trial_s: int = DAY_S
    trial_messages: int = 2
    trial_share: float = 0.1
    site_clients: int = 8
    protecting_messages: float = 20.0
    pardon_evidence: float = 500.0
    trust_messages: float = 100.0
    trust_share: float = 0.95
    trust_authenticated: float = 0.9
    trust_after_s: float = 30 * DAY_S
    trust_days: int = 10
    trust_s: int = 30 * DAY_S

    def bans_client(self, good: float, unwanted: float, *, already: bool = False) -> bool:
        """Whether this evidence bans a client, if nothing protects it.

        already: it is on trial or banned; its evidence has faded meanwhile, and less of it will do.
        """
        slack = BAN_SLACK if already else 1.0
        if unwanted < self.ban_evidence * slack:
            return False
        return badness(good, unwanted) >= self.ban_share * (SHARE_SLACK if already else 1.0)

    def bans_site(self, clients: Sequence[tuple[float, float]], *, already: bool = False) -> bool:
        """Whether the clients of a /24 or /48, as (good, unwanted), ban all of it."""
        slack = BAN_SLACK if already else 1.0
        bad = sum(unwanted >= BAD_CLIENT * slack and unwanted > good for good, unwanted in clients)
        fine = sum(good >= unwanted and good >= GOOD_CLIENT for good, unwanted in clients)
        if bad < self.site_clients or fine > bad * FINE_AMONG_BAD:
            return False
        good, unwanted = (sum(column) for column in zip(*clients, strict=True))
        return self.bans_client(good, unwanted, already=already)

    def costs_too_much(self, good: int, unwanted: int) -> bool:
        """Whether a ban would have kept out too much good mail for what unwanted mail came meanwhile."""
        return good > max(self.trial_messages, self.trial_share * unwanted)

    def protects(self, good: float, unwanted: float) -> bool:
        """Whether what neighbours of the same house send speaks for a client that nothing else speaks for."""
        return good >= self.protecting_messages and badness(unwanted, good) >= PROTECTING_SHARE

    def trusts(self, tally: Tally, first_seen_s: float, days: int, now_s: float) -> bool:
        """Whether a client has earned trust: long, often, authenticated, and with hardly a refusal."""
        if now_s - first_seen_s < self.trust_after_s or days < self.trust_days:
            return False
        return tally.good() >= self.trust_messages and self._is_trustworthy(tally, self.trust_share)

    def keeps_trust(self, tally: Tally) -> bool:
        """Whether trust lasts: sending less than before does not end it, sending worse does."""
        return self._is_trustworthy(tally, self.trust_share - TRUST_SLACK)

    def _is_trustworthy(self, tally: Tally, share: float) -> bool:
        good = tally.good()
        accepted = tally.decayed[PLACE[Cause.ACCEPTED]]
        if accepted <= 0 or tally.decayed[PLACE[Cause.VIRUS]] >= RECENT_VIRUS:
            return False
        authenticated = tally.decayed[PLACE[Cause.AUTHENTICATED]] / accepted
        return (
            authenticated >= self.trust_authenticated and lower_bound(good, good + tally.unwanted()) >= share
        )


BAN_SLACK = 0.5
SHARE_SLACK = 0.8
BAD_CLIENT = 2.0
GOOD_CLIENT = 1.0
FINE_AMONG_BAD = 0.1
PROTECTING_SHARE = 0.5
TRUST_SLACK = 0.05
RECENT_VIRUS = 0.5  # one within the last half-life
