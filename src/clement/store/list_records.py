"""What the store hands out of reputation and of the banned and trusted server lists: frozen values.

What persons said stands in client networks, what the steward concluded in list entries. A `ListedRow`
shows either; `origin` tells which it is.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clement.policy.network import ListOrigin, Standing
from clement.policy.reputation import Kind


class EntryState(StrEnum):
    """How far an entry has come. Only what is effective has an effect.

    TRIAL: it is watched which good mail a ban would have cost. DROPPED: that was too much.
    PARDONED: a person took it back. ENDED: its time is over.
    """

    TRIAL = "trial"
    EFFECTIVE = "effective"
    DROPPED = "dropped"
    PARDONED = "pardoned"
    ENDED = "ended"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why somebody is on a list: counts by cause (`clement.policy.reputation.Cause`), times, examples.

    Times are Unix seconds, 0 where nothing was seen. sessions: ids in the log, at most a handful.
    """

    counts: dict[str, int] = {}
    first_seen_s: int = 0
    last_seen_s: int = 0
    sessions: tuple[str, ...] = ()


class ListedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list. `id` is that of the client network for origin *hand*, else of the list entry.

    standing: BANNED or TRUSTED. badness: the lower bound of its share of unwanted mail, 0 to 1.
    cost_messages: good mail that came from it during its trial; cost_transactions: examples of it;
    trial_unwanted: unwanted events meanwhile.
    peers: mesh peers that asserted it. expires_at_s: Unix seconds, 0 for never.
    """

    id: int
    network: str
    standing: Standing
    origin: ListOrigin
    state: EntryState
    note: str = ""
    final: bool = False
    evidence: Evidence = Evidence()
    badness: float = 0.0
    made_at_s: int = 0
    trial_until_s: int = 0
    expires_at_s: int = 0
    cost_messages: int = 0
    trial_unwanted: int = 0
    cost_transactions: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


class ListChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of what is in effect: somebody came on a list, was renewed, or went from it.

    number rises with each change and is a watermark for whoever reads on. listed False: it no longer is;
    pardoned True: because a person took it back. Entries of origin *mesh* are told like others.
    """

    number: int = 0
    at_s: int = 0
    network: str
    standing: Standing
    origin: ListOrigin
    listed: bool
    pardoned: bool = False
    expires_at_s: int = 0
    evidence: Evidence = Evidence()


class ForeignAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer of the mesh says of a network; the newest of one peer and network stands.

    worth: what it is worth here. A network becomes a candidate, and goes through a trial like any other,
    where the worth of its unexpired assertions comes to 1 or more; hand-made entries and pardons win.
    expires_at_s: Unix seconds, and never 0.
    """

    peer: str
    network: str
    evidence: Evidence
    expires_at_s: int
    worth: float
    standing: Standing = Standing.BANNED


class PardonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A network that the steward may not ban. `until_s`: Unix seconds, 0 for ever."""

    id: int
    network: str
    until_s: int
    by: str
    note: str
    at_s: int


class ReputationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a client address, an authenticated domain or a HELO name.

    counts: by cause, since first_seen_s. good, unwanted: the decayed evidence of the moment.
    badness: the lower bound of the share of unwanted mail. weight: log-odds for unwanted mail.
    """

    kind: Kind
    subject: str
    counts: dict[str, int]
    good: float
    unwanted: float
    badness: float
    weight: float
    first_seen_s: int
    last_seen_s: int
    days: int
    sessions: tuple[str, ...]
