"""[reputation]: what clients have earned here, and when that bans or trusts them."""

from __future__ import annotations

import msgspec

from clement.config.values import Count, CountOrNone, Days, Hours, Rate, Share


class ReputationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Banned and trusted servers, from our own history (docs/reputation.md). Persons' entries always win."""

    enabled: bool = True
    """false: the steward counts, but puts nobody on a list; entries that are there run out."""
    half_life_days: Days = 14
    """After so many days an event counts half, the good and the bad alike."""
    history_days: Days = 90
    """Days after which what was not seen again is forgotten."""
    ban_evidence: Rate = 20
    """Unwanted events, faded, that a ban needs: an unknown recipient or a refused message counts 1, a
    virus 3, a complaint 2."""
    ban_share: Share = 0.85
    """And the share of unwanted mail that must be certain (the lower bound of a 95 % interval)."""
    ban_days: Days = 7
    """How long a ban lasts; one that is still knocked at and still earned is renewed."""
    trial_hours: Hours = 24
    """How long a ban is watched before it takes effect. 0: no longer than until the next round."""
    trial_messages: CountOrNone = 2
    """More accepted messages than this during the trial, and the ban is dropped..."""
    trial_share: Share = 0.1
    """...unless they were a smaller share than this of the unwanted events meanwhile."""
    network_clients: Count = 8
    """Bad clients that a ban of a whole /24 (IPv6: /48) needs, with hardly a good one among them."""
    protecting_messages: Rate = 20
    """Good messages, faded, from neighbours under the same domain that protect a client from a ban."""
    pardon_evidence: Rate = 500
    """Unwanted events since a pardon that make the steward ban all the same."""
    trust_messages: Rate = 100
    """Good messages, faded, that trust needs."""
    trust_share: Share = 0.95
    """And the share of good mail that must be certain."""
    trust_authenticated: Share = 0.9
    """And the share of accepted messages that SPF or DKIM vouched for."""
    trust_after_days: Days = 30
    """And for how long the client must be known."""
    trust_active_days: Count = 10
    """And on how many days it must have been seen."""
    trust_list_days: Days = 30
    """How long trust lasts without being earned again."""
