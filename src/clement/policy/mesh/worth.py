"""What foreign assertions lead to here: a quorum of peers makes a ban, unless we know better.

A claim on a network counts for every network inside it. A ban lasts no longer than the quorum behind it: to
the moment at which so many claims have expired that the rest would not have sufficed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from clement.policy.mesh.assertion import Evidence
from clement.policy.mesh.key import KeyId
from clement.policy.network import Network

ROUNDING: Final = 1e-9


class Claim(msgspec.Struct, frozen=True):
    """An origin's ban of a network, as far as it is in force. Unix seconds."""

    network: Network
    origin: KeyId
    expires_at_s: int
    evidence: Evidence


class Ban(msgspec.Struct, frozen=True):
    """What the mesh bans here and until when. claims: one of each origin behind it; weight: of them all."""

    network: Network
    expires_at_s: int
    claims: tuple[Claim, ...]
    weight: float


def decide(claims: Iterable[Claim], weights: Mapping[KeyId, float], quorum: float, now_s: float) -> list[Ban]:
    """The bans that a quorum stands behind, in order of their networks.

    weights: of those who are heard; others count nothing.
    """
    index = _Claims(claim for claim in claims if claim.expires_at_s > now_s and claim.origin in weights)
    bans = []
    for network in index.networks():
        ban = _ban(network, index.covering(network), weights, quorum)
        if ban is not None:
            bans.append(ban)
    return sorted(
        bans, key=lambda ban: (ban.network.version, ban.network.network_address, ban.network.prefixlen)
    )


def _ban(
    network: Network, claims: Sequence[Claim], weights: Mapping[KeyId, float], quorum: float
) -> Ban | None:
    latest: dict[KeyId, Claim] = {}
    for claim in claims:
        known = latest.get(claim.origin)
        if known is None or known.expires_at_s < claim.expires_at_s:
            latest[claim.origin] = claim
    behind = sorted(latest.values(), key=lambda claim: -claim.expires_at_s)
    weight, expires_at_s = 0.0, 0
    for claim in behind:
        weight += weights[claim.origin]
        if not expires_at_s and weight + ROUNDING >= quorum:
            expires_at_s = claim.expires_at_s
    if not expires_at_s:
        return None
    return Ban(network, expires_at_s, tuple(behind), weight)


class _Claims:
    """Claims by network; those that cover a network are found by one probe for each prefix length in use."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._by_network: dict[Network, list[Claim]] = defaultdict(list)
        for claim in claims:
            self._by_network[claim.network].append(claim)
        self._lengths: dict[int, set[int]] = {4: set(), 6: set()}
        for network in self._by_network:
            self._lengths[network.version].add(network.prefixlen)

    def networks(self) -> list[Network]:
        return list(self._by_network)

    def covering(self, network: Network) -> list[Claim]:
        found: list[Claim] = []
        for length in self._lengths[network.version]:
            if length <= network.prefixlen:
                found.extend(self._by_network.get(network.supernet(new_prefix=length), ()))
        return found
