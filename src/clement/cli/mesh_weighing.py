"""From what peers claim to what the server lists are told: quorum, local veto, the price of contradiction."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

from clement.config.mesh import MeshSettings
from clement.policy.mesh.assertion import parse_assertion
from clement.policy.mesh.key import KeyId
from clement.policy.mesh.roster import Roster
from clement.policy.mesh.standing import DAY_S, HEARD_FROM
from clement.policy.mesh.worth import ROUNDING, Ban, decide
from clement.policy.network import Network
from clement.store.access import mesh as access
from clement.store.access.actor import shell_actor
from clement.store.actions import mesh as actions
from clement.store.actions.server_list import assert_foreign, withdraw_foreign
from clement.store.list_records import Evidence, ForeignAssertion
from clement.store.mesh_records import HandedOver
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("steward")

OLDER_AT_ONCE: Final = 500
REMEMBERED_S: Final = 300.0
MOST_REMEMBERED: Final = 50_000
STEWARD: Final = shell_actor("steward (mesh)")


class Weighing:
    """Decides what foreign claims are worth at this site, and tells the server lists."""

    def __init__(self, mesh: MeshSettings, roster: Roster) -> None:
        self._mesh = mesh
        self._roster = roster
        self._peers_at = tuple(_places(mesh))
        self._accepted: dict[Network, tuple[float, int]] = {}
        self._looked_at_until = 0
        self._look_again_after = 0

    def weigh(self, now_s: float) -> list[Ban]:
        """Charge those who contradict us, then hand over what a quorum of the others says; returns that.

        Raises StoreUnavailable, django.db.Error.
        """
        self._charge_contradictions(now_s)
        decided = decide(access.claims(now_s), self._weights(now_s), self._mesh.quorum, now_s)
        spoken_for = (*access.protected_networks(), *self._peers_at)
        bans = [ban for ban in decided if not self._is_vetoed(ban.network, spoken_for, now_s)]
        self._hand_over(bans, now_s)
        return bans

    def _weights(self, now_s: float) -> dict[KeyId, float]:
        """Of those who are heard."""
        scores = access.standings(now_s)
        return {
            peer.id: peer.weight
            for peer in self._roster.peers
            if peer.weight > 0 and scores.get(peer.id, HEARD_FROM) >= HEARD_FROM
        }

    # --- Veto -------------------------------------------------------------------------------------------

    def _is_vetoed(self, network: Network, spoken_for: Iterable[Network], now_s: float) -> bool:
        """Whether we know better: an administrator spoke, a peer lives there, or good mail came from it."""
        if any(_overlap(network, other) for other in spoken_for):
            return True
        return self._accepted_from(network, now_s) >= self._mesh.veto_messages

    def _accepted_from(self, network: Network, now_s: float) -> int:
        """Asked anew after some minutes: thousands of claims are weighed in every round."""
        if not self._mesh.veto_days:
            return 0
        known = self._accepted.get(network)
        if known is not None and 0 <= now_s - known[0] < REMEMBERED_S:
            return known[1]
        accepted = access.accepted_from(network, now_s - self._mesh.veto_days * DAY_S)
        if len(self._accepted) >= MOST_REMEMBERED:
            self._accepted.clear()
        self._accepted[network] = (now_s, accepted)
        return accepted

    def _charge_contradictions(self, now_s: float) -> None:
        """Once for each assertion, when it is found that its origin bans whom we accept mail from.

        What is new is looked at at once, what is older in turn.
        """
        fresh = access.uncontradicted(now_s, self._looked_at_until)
        older = access.uncontradicted(now_s, self._look_again_after, limit=OLDER_AT_ONCE)
        self._looked_at_until = fresh[-1].position if fresh else self._looked_at_until
        self._look_again_after = older[-1].position if len(older) == OLDER_AT_ONCE else 0
        for entry in {entry.position: entry for entry in (*fresh, *older)}.values():
            accepted = self._accepted_from(parse_assertion(entry.text).statement.network, now_s)
            if accepted >= self._mesh.veto_messages and actions.contradict(entry, accepted, now_s):
                peer = self._roster.get(entry.origin)
                name = peer.name if peer is not None else entry.origin
                log.error(log_events.MESH_PEER_UNHEARD, peer=name, network=entry.network)

    # --- Handing over -----------------------------------------------------------------------------------

    def _hand_over(self, bans: list[Ban], now_s: float) -> None:
        """Bring what the server lists hold in our peers' names to what has a quorum now."""
        wanted = {(each.peer, each.network): each for ban in bans for each in self._parts(ban)}
        there = {(each.peer, each.network): each for each in access.handed_over()}
        gone: dict[str, list[str]] = {}
        for peer, network in there.keys() - wanted.keys():
            gone.setdefault(peer, []).append(network)
        for peer, networks in gone.items():
            withdraw_foreign(STEWARD, peer, networks)
        news = [each for key, each in wanted.items() if _differs(there.get(key), each)]
        if news:
            assert_foreign(STEWARD, news, int(now_s))

    def _parts(self, ban: Ban) -> Iterable[ForeignAssertion]:
        """A ban as the parts of those behind it, which come to 1 together while the quorum holds."""
        for claim in ban.claims:
            peer = self._roster.get(claim.origin)
            if peer is None:
                continue
            yield ForeignAssertion(
                peer=peer.name,
                network=str(ban.network),
                evidence=Evidence(
                    counts=dict(claim.evidence.counts),
                    first_seen_s=claim.evidence.first_seen_at_s,
                    last_seen_s=claim.evidence.last_seen_at_s,
                ),
                expires_at_s=claim.expires_at_s,
                # Seven sevenths fall short of 1 by the last bit.
                worth=peer.weight / self._mesh.quorum * (1 + ROUNDING),
            )


def _differs(there: HandedOver | None, wanted: ForeignAssertion) -> bool:
    return there is None or (there.worth, there.expires_at_s) != (wanted.worth, wanted.expires_at_s)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _places(mesh: MeshSettings) -> Iterable[Network]:
    """Where peers are, as far as they are configured as addresses; no word of others bans a peer."""
    for peer in mesh.peer:
        yield from peer.networks
        try:
            yield ip_network(ip_address(peer.host))
        except ValueError:
            continue  # a name, or none: where it calls from stands in `networks`
