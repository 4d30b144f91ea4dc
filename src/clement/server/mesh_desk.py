"""What all mesh sessions of one receiver share: the key, the peers, the log, and what they have spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from clement.journal.records import MeshRecord
from clement.policy.mesh.key import KeyId, PrivateKey
from clement.policy.mesh.proof import NONCE_OCTETS, nonce
from clement.policy.mesh.roster import Peer, Roster
from clement.policy.mesh.snapshot import MeshSnapshot
from clement.policy.mesh.standing import DAY_S

SESSIONS_PER_PEER: Final = 2
"""At once in one receiver; an honest peer needs one."""


class SnapshotFeed(Protocol):
    """The mesh's log, as fresh as it can be had without waiting."""

    @property
    def current(self) -> MeshSnapshot: ...


class MeshJournal(Protocol):
    """Where it is written down what peers hand over."""

    def append(self, record: MeshRecord) -> None: ...

    def flush(self) -> bool: ...


class MeshDesk:
    """One for each receiver. random_octets: fit for nonces, so not from a generator that can be foreseen."""

    def __init__(
        self,
        key: PrivateKey,
        roster: Roster,
        feed: SnapshotFeed,
        journal: MeshJournal,
        node: str,
        now_s: Callable[[], float],
        random_octets: Callable[[int], bytes],
    ) -> None:
        self.key: Final = key
        self.roster: Final = roster
        self.now_s: Final = now_s
        self._feed = feed
        self._journal = journal
        self._node = node
        self._random_octets = random_octets
        self._present: Counter[KeyId] = Counter()
        self._day = 0
        self._spent: Counter[KeyId] = Counter()

    @property
    def log(self) -> MeshSnapshot:
        """The log that is served."""
        return self._feed.current

    def nonce(self) -> str:
        """A nonce that nobody has seen before."""
        return nonce(self._random_octets(NONCE_OCTETS))

    def enter(self, peer: Peer) -> bool:
        """Let a peer in, unless enough of its sessions are here already. `leave` follows."""
        if self._present[peer.id] >= SESSIONS_PER_PEER:
            return False
        self._present[peer.id] += 1
        return True

    def leave(self, peer: Peer) -> None:
        """A session that had entered is over."""
        self._present[peer.id] -= 1

    def spend(self, peer: Peer) -> bool:
        """Take one command from the peer's quota of today; False when nothing is left of it."""
        day = int(self.now_s() // DAY_S)
        if day != self._day:
            self._day = day
            self._spent.clear()
        if self._spent[peer.id] >= peer.quotas.per_day:
            return False
        self._spent[peer.id] += 1
        return True

    def record(self, peer: Peer, position: int, hops: int, *, assertion: str = "", refusal: str = "") -> bool:
        """Write down what a peer handed over, or how it failed; False when that may be lost again."""
        self._journal.append(
            MeshRecord(
                node=self._node,
                at_s=self.now_s(),
                peer=peer.id,
                position=position,
                hops=hops,
                assertion=assertion,
                refusal=refusal,
            )
        )
        return self._journal.flush()
