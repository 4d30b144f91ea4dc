"""Who is in the mesh, as one server sees it: itself, and the peers that its administrator has named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from clement.policy.mesh.key import KeyId, PublicKey
from clement.policy.network import Address, Network


class Quotas(msgspec.Struct, frozen=True):
    """What a peer may cost. Entries, taken or refused; live: assertions of its own kept at a time."""

    per_session: int = 2_000
    per_day: int = 20_000
    live: int = 10_000
    commands_per_session: int = 3_000
    faults_per_session: int = 10


class Peer(msgspec.Struct, frozen=True):
    """A server whose key we were given. weight: what its word counts towards the quorum."""

    name: str
    key: PublicKey
    weight: float = 1.0
    networks: tuple[Network, ...] = ()
    """Where it calls from. Empty: it never calls us."""
    quotas: Quotas = Quotas()

    @property
    def id(self) -> KeyId:
        """What its key is called."""
        return self.key.id


class Roster:
    """Look-ups among the peers."""

    __slots__ = ("_by_id", "own_id")

    def __init__(self, own_id: KeyId, peers: Iterable[Peer] = ()) -> None:
        self.own_id: Final = own_id
        self._by_id: Final = {peer.id: peer for peer in peers if peer.id != own_id}

    @property
    def peers(self) -> tuple[Peer, ...]:
        """All of them, in the order of the configuration."""
        return tuple(self._by_id.values())

    def get(self, key: KeyId) -> Peer | None:
        """The peer with that key."""
        return self._by_id.get(key)

    def calling_from(self, address: Address) -> bool:
        """Whether any peer may call from there; all others must not learn that there is a mesh."""
        return any(_is_at(peer, address) for peer in self._by_id.values())

    def caller(self, key: KeyId, address: Address) -> Peer | None:
        """The peer of that key, if it may call from there."""
        peer = self._by_id.get(key)
        return peer if peer is not None and _is_at(peer, address) else None


def _is_at(peer: Peer, address: Address) -> bool:
    return any(address in network for network in peer.networks if network.version == address.version)
