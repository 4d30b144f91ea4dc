"""Whether an assertion that a peer hands over is taken: one pure function, and every answer it can give.

Taking one says nothing of what it is worth (`worth`). Refusing one costs whoever handed it over, where it is
a fault that an honest server cannot make by mistake of its clock or its configuration.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Final

from clement.policy.mesh.assertion import (
    Assertion,
    AssertionMalformed,
    Kind,
    Statement,
    is_assertion_version_known,
    parse_assertion,
)
from clement.policy.mesh.exchange import MAX_HOPS, Entry
from clement.policy.mesh.lifetime import LONGEST_LIFE_S
from clement.policy.mesh.roster import Peer, Roster
from clement.policy.network import Network

CLOCK_SKEW_S: Final = 300
"""How far an honest peer's clock may be ahead of ours."""

SHORTEST_PREFIX: Final = {4: 24, 6: 48}
"""Wider networks are nobody's server; one lie must not reach further."""

NEVER_ASSERTED: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "224.0.0.0/3", "::/32", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Addresses that mean another machine at every site (RFC 6890), and so nothing to anybody else."""


class Refusal(StrEnum):
    """Why an assertion was not taken."""

    MALFORMED = "malformed"
    VERSION = "version"
    HOPS = "hops"
    UNKNOWN_ORIGIN = "unknown-origin"
    SIGNATURE = "signature"
    FUTURE = "future"
    EXPIRED = "expired"
    LIFETIME = "lifetime"
    TIMES = "times"
    NETWORK = "network"
    OWN = "own"


FAULTS: Final = frozenset(
    {Refusal.MALFORMED, Refusal.HOPS, Refusal.SIGNATURE, Refusal.LIFETIME, Refusal.TIMES, Refusal.NETWORK}
)
"""What no honest server hands over: it has checked the same before it took the assertion itself."""


def judge(entry: Entry, handed_by: Peer, roster: Roster, now_s: float) -> Assertion | Refusal:
    """The assertion in an entry, if it is to be taken.

    An assertion counts only where its origin is a peer by configuration: strangers vouched for by peers, or
    invented by them, have no voice here.
    """
    if not is_assertion_version_known(entry.text):
        return Refusal.VERSION
    try:
        assertion = parse_assertion(entry.text)
    except AssertionMalformed:
        return Refusal.MALFORMED
    statement = assertion.statement
    if entry.hops > MAX_HOPS or (entry.hops == 0) != (statement.origin == handed_by.id):
        return Refusal.HOPS
    if statement.origin == roster.own_id:
        return Refusal.OWN
    origin = roster.get(statement.origin)
    if origin is None:
        return Refusal.UNKNOWN_ORIGIN
    refusal = _bounds(statement, now_s)
    if refusal is not None:
        return refusal
    # Last, because it is what costs time.
    return assertion if assertion.is_signed_by(origin.key) else Refusal.SIGNATURE


def may_be_asserted(network: Network) -> bool:
    """Whether anything may be asserted of this network at all."""
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        return False
    return not any(
        network.version == reserved.version and network.network_address in reserved
        for reserved in NEVER_ASSERTED
    )


def _bounds(statement: Statement, now_s: float) -> Refusal | None:
    issued_at_s = statement.issued_at_s
    if not may_be_asserted(statement.network):
        return Refusal.NETWORK
    if issued_at_s > now_s + CLOCK_SKEW_S:
        return Refusal.FUTURE
    if statement.expires_at_s <= now_s:
        return Refusal.EXPIRED
    if statement.expires_at_s > issued_at_s + LONGEST_LIFE_S:
        return Refusal.LIFETIME
    evidence = statement.evidence
    if statement.kind is Kind.BAN and evidence is not None:
        in_order = evidence.first_seen_at_s <= evidence.last_seen_at_s <= issued_at_s + CLOCK_SKEW_S
        if not in_order:
            return Refusal.TIMES
    return None
