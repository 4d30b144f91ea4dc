"""The mesh out of the settings: who is in it, and what a receiver needs to answer them."""

from __future__ import annotations

import time
from secrets import token_bytes
from typing import TYPE_CHECKING

from clement.config.inspection import read_mesh_key
from clement.config.mesh import MeshPeerSettings, MeshSettings
from clement.policy.mesh.key import PrivateKey, parse_public_key
from clement.policy.mesh.roster import Peer, Quotas, Roster
from clement.server.mesh_desk import MeshDesk, MeshJournal, SnapshotFeed

if TYPE_CHECKING:
    from clement.config.settings import Settings


def peer_of(configured: MeshPeerSettings) -> Peer:
    """A peer as it is configured. Raises KeyUnusable."""
    return Peer(
        name=configured.name,
        key=parse_public_key(configured.public_key),
        weight=configured.weight,
        networks=configured.networks,
        quotas=Quotas(
            per_session=configured.entries_per_exchange,
            per_day=configured.entries_per_day,
            commands_per_session=configured.entries_per_exchange + 1000,
        ),
    )


def roster_of(mesh: MeshSettings, key: PrivateKey) -> Roster:
    """Ourselves and the peers. Raises KeyUnusable."""
    return Roster(key.public.id, [peer_of(peer) for peer in mesh.peer])


def desk_of(settings: Settings, journal: MeshJournal, feed: SnapshotFeed) -> MeshDesk | None:
    """What a receiver's mesh sessions share; None where the mesh is off. Raises ValueError for the key."""
    mesh = settings.mesh
    if not mesh.enabled:
        return None
    key = read_mesh_key(mesh.key)
    return MeshDesk(key, roster_of(mesh, key), feed, journal, settings.site.node_name, time.time, token_bytes)
