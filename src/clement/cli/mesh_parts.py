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
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

if TYPE_CHECKING:
    from clement.config.settings import Settings

log = Log("mesh")


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


def usable_key(mesh: MeshSettings) -> PrivateKey | None:
    """Our key, where the mesh is on. One that cannot be read stops the mesh, which is told, and no mail."""
    if not mesh.enabled:
        return None
    try:
        return read_mesh_key(mesh.key)
    except ValueError as fault:
        tell_failure(fault)
        return None


def tell_failure(fault: Exception) -> None:
    """The mesh does not work; everything else goes on."""
    log.error(log_events.MESH_FAILED, fault=str(fault)[:300])


def roster_of(mesh: MeshSettings, key: PrivateKey) -> Roster:
    """Ourselves and the peers. Raises KeyUnusable."""
    return Roster(key.public.id, [peer_of(peer) for peer in mesh.peer])


def desk_of(settings: Settings, journal: MeshJournal, feed: SnapshotFeed) -> MeshDesk | None:
    """What a receiver's mesh sessions share; None where the mesh is off, or its key cannot be read."""
    mesh = settings.mesh
    key = usable_key(mesh)
    if key is None:
        return None
    return MeshDesk(key, roster_of(mesh, key), feed, journal, settings.site.node_name, time.time, token_bytes)
