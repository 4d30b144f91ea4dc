"""Reputation: what a client, a HELO name or an authenticated domain has earned here, as arithmetic.

Events are counted by cause. Evidence halves with every half-life, so that old
deeds fade, the good like the bad. What counts is not how much was unwanted but
the lower bound of the share of it (Wilson's score interval): a large provider
with one bad customer has a small share, and a stranger who was seen twice has a
wide interval. Nothing here knows a clock or a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from math import inf, log, sqrt
from typing import Final

import msgspec

from clement.policy.network import Address, Network


class Kind(StrEnum):
    """Whose reputation it is. An IPv6 client is its /64 network."""

    CLIENT = "client"
    DOMAIN = "domain"
    HELLO = "hello"


class Cause(StrEnum):
    """What can be counted. The order is that of stored counts: new causes come last."""

    ACCEPTED = "accepted"
    AUTHENTICATED = "authenticated"
    DEFERRED = "deferred"
    REFUSED = "refused"
    VIRUS = "virus"
    UNKNOWN_RECIPIENT = "unknown-recipient"
    UNRULY = "unruly"
    LOGIN_FAILED = "login-failed"
    UNWANTED = "unwanted"
    MALFORMED = "malformed"
    BANNED = "banned"
    COMPLAINT = "complaint"
    RESTORED = "restored"


CAUSES: Final = tuple(Cause)
PLACE: Final = {cause: place for place, cause in enumerate(CAUSES)}

GOOD: Final[Mapping[Cause, float]] = {Cause.ACCEPTED: 1.0, Cause.RESTORED: 3.0}
UNWANTED: Final[Mapping[Cause, float]] = {
    Cause.VIRUS: 3.0,
    Cause.UNKNOWN_RECIPIENT: 1.0,
    Cause.UNRULY: 1.0,
    Cause.LOGIN_FAILED: 1.0,
    Cause.REFUSED: 1.0,
    Cause.UNWANTED: 0.5,
    Cause.COMPLAINT: 2.0,
}
"""What one event is worth. What is not named is worth nothing: a deferral is nobody's fault yet, a large
or malformed message a mistake, and a client that is banned already must not earn its ban by knocking."""

WORDS: Final[Mapping[Cause, str]] = {
    Cause.VIRUS: "viruses",
    Cause.UNKNOWN_RECIPIENT: "unknown recipients",
    Cause.UNRULY: "breaches of the protocol or of its limits",
    Cause.LOGIN_FAILED: "failed logins",
    Cause.REFUSED: "refused messages",
    Cause.UNWANTED: "messages that recipients refuse",
    Cause.COMPLAINT: "complaints",
}

CLIENT_BITS: Final = {4: 32, 6: 64}
"""What counts as one client: an IPv4 address, an IPv6 /64, of which a host may use every address."""

SITE_BITS: Final = {4: 24, 6: 48}
"""What is commonly one organisation's, and the widest that is ever banned by itself."""

SPREAD_BITS: Final = 63
REPEATS_OF_ONE: Final = 3.0
"""How often the same unknown recipient counts: a stale address asked for daily is no dictionary attack."""

CONFIDENCE: Final = 1.96
"""Standard deviations of a two-sided interval of 95 %."""


class Tally(msgspec.Struct):
    """Counts of one subject: all of them since the first, and what is left of them after decay.

    spread: a bit for each unknown recipient, chosen by its hash (linear counting).
    decayed: as of `as_of_s`, Unix seconds.
    """

    totals: list[int]
    decayed: list[float]
    spread: int = 0
    as_of_s: float = 0.0

    @classmethod
    def empty(cls, as_of_s: float = 0.0) -> Tally:
        """Nothing was seen."""
        return cls([0] * len(CAUSES), [0.0] * len(CAUSES), 0, as_of_s)

    def add(self, cause: Cause, count: int, at_s: float, half_life_s: float) -> None:
        """Count `count` events of time `at_s`, which may lie before what was counted last."""
        place = PLACE[cause]
        self.totals[place] = max(0, self.totals[place] + count)
        self.settle(max(at_s, self.as_of_s), half_life_s)
        faded = 2.0 ** ((at_s - self.as_of_s) / half_life_s)
        self.decayed[place] = max(0.0, self.decayed[place] + count * faded)

    def settle(self, now_s: float, half_life_s: float) -> None:
        """Let everything fade until `now_s`."""
        if now_s <= self.as_of_s:
            return
        if self.as_of_s:
            faded = 2.0 ** ((self.as_of_s - now_s) / half_life_s)
            self.decayed = [amount * faded for amount in self.decayed]
        self.as_of_s = now_s

    def good(self) -> float:
        """Evidence for wanted mail, as of the last settling."""
        return sum(self.decayed[PLACE[cause]] * worth for cause, worth in GOOD.items())

    def unwanted(self) -> float:
        """Evidence for unwanted mail, as of the last settling."""
        total = sum(self.decayed[PLACE[cause]] * worth for cause, worth in UNWANTED.items())
        unknown = self.decayed[PLACE[Cause.UNKNOWN_RECIPIENT]]
        return total - max(0.0, unknown - REPEATS_OF_ONE * distinct(self.spread))

    def counts(self) -> dict[str, int]:
        """The totals that are not zero, by cause."""
        return {cause.value: self.totals[place] for place, cause in enumerate(CAUSES) if self.totals[place]}


def client_network(address: Address) -> Network:
    """The network that stands for a client: of one IPv4 address, or the /64 of an IPv6 address."""
    return _network(address, CLIENT_BITS[address.version])


def site_network(client: Network) -> Network:
    """The /24 or /48 around a client."""
    return _network(client.network_address, SITE_BITS[client.version])


def _network(address: Address, bits: int) -> Network:
    if isinstance(address, IPv4Address):
        return IPv4Network((int(address) >> 32 - bits << 32 - bits, bits))
    return IPv6Network((int(address) >> 128 - bits << 128 - bits, bits))


def distinct(spread: int) -> float:
    """About how many different values set these bits (Whang et al. 1990, linear counting).

    Infinite where nothing can be told: all bits are set, or none, as where refusals were only counted.
    """
    unset = SPREAD_BITS - spread.bit_count()
    return SPREAD_BITS * log(SPREAD_BITS / unset) if 0 < unset < SPREAD_BITS else inf


def lower_bound(part: float, whole: float, deviations: float = CONFIDENCE) -> float:
    """The share that `part` of `whole` shows for certain: Wilson's lower bound; 0 of nothing is 0."""
    if whole <= 0:
        return 0.0
    part, square = min(part, whole), deviations * deviations
    spread = deviations * sqrt(part * (1 - part / whole) + square / 4)
    return max(0.0, (part + square / 2 - spread) / (whole + square))


def badness(good: float, unwanted: float) -> float:
    """The share of unwanted mail that this evidence shows for certain."""
    return lower_bound(unwanted, good + unwanted)


def log_odds(good: float, unwanted: float, *, most: float = 4.0) -> float:
    """How this evidence moves the odds of unwanted mail: positive for the worse; 0 for none.

    Half an event of each is added (Jeffreys' prior), so that no evidence is ever certain; bounded by `most`.
    """
    return max(-most, min(most, log((unwanted + 0.5) / (good + 0.5))))


def words_of(counts: Mapping[str, int], *, most: int = 2) -> str:
    """The gravest causes in words for a reply: `214 viruses and unknown recipients`; "" for none."""
    found = [(cause, counts[cause.value]) for cause in WORDS if counts.get(cause.value)]
    if not found:
        return ""
    found.sort(key=lambda pair: -pair[1] * UNWANTED[pair[0]])
    named = found[:most]
    return f"{sum(count for _, count in named)} " + " and ".join(WORDS[cause] for cause, _ in named)


class Reputation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a subject's history is worth to a check. `weight`: log-odds for unwanted mail."""

    kind: Kind
    subject: str
    weight: float
    good: int
    unwanted: int


class ReputationIndex:
    """Look-up of those subjects of whom enough is known; the others say nothing."""

    __slots__ = ("_known",)

    def __init__(self, known: Iterable[Reputation] = ()) -> None:
        self._known = {(each.kind, each.subject): each for each in known}

    def __len__(self) -> int:
        return len(self._known)

    def client(self, address: Address) -> Reputation | None:
        """Of a client: an IPv4 address, or the /64 of an IPv6 address."""
        if not self._known:
            return None
        subject = f"{address}/32" if address.version == 4 else str(client_network(address))
        return self._known.get((Kind.CLIENT, subject))

    def hello(self, name: str) -> Reputation | None:
        """Of a HELO name."""
        return self._known.get((Kind.HELLO, name.lower())) if self._known else None

    def domains(self, names: Sequence[str]) -> Reputation | None:
        """Of authenticated domains: the one of whom most is known."""
        found = [self._known.get((Kind.DOMAIN, name.lower())) for name in names]
        known = [each for each in found if each is not None]
        return max(known, key=lambda each: each.good + each.unwanted, default=None)
