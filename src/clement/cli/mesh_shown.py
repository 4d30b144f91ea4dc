"""The mesh as `clement mesh` shows it: peers and assertions, with names instead of keys."""

from __future__ import annotations

import msgspec

from clement.config.inspection import read_mesh_key
from clement.config.mesh import MeshPeerSettings
from clement.config.settings import Settings
from clement.policy.mesh.assertion import parse_assertion
from clement.policy.mesh.key import KeyId, parse_public_key
from clement.policy.mesh.standing import HEARD_FROM
from clement.store.mesh_records import MeshEntryRow, MeshPeerRow


class PeerShown(msgspec.Struct, frozen=True, kw_only=True):
    """A peer: what is configured, and what is remembered."""

    name: str
    key_id: str
    calls: str
    weight: float
    standing: float
    heard: bool
    assertions: int
    taken_today: int
    called_at_s: float
    succeeded_at_s: float
    failures: int
    next_call_at_s: float


class AssertionShown(msgspec.Struct, frozen=True, kw_only=True):
    """An assertion in force."""

    origin: str
    kind: str
    network: str
    expires_at_s: int
    counts: dict[str, int]
    first_seen_at_s: int
    last_seen_at_s: int
    by: str
    hops: int
    contradicted: bool


def names_of(settings: Settings) -> dict[KeyId, str]:
    """What the keys are called here; our own "us"."""
    names = {parse_public_key(peer.public_key).id: peer.name for peer in settings.mesh.peer}
    try:
        names[read_mesh_key(settings.mesh.key).public.id] = "us"
    except ValueError:
        return names
    return names


def by_origin(rows: list[MeshEntryRow]) -> dict[KeyId, int]:
    """How many assertions each origin has in force."""
    counts: dict[KeyId, int] = {}
    for row in rows:
        counts[row.origin] = counts.get(row.origin, 0) + 1
    return counts


def peer_shown(
    peer: MeshPeerSettings, remembered: dict[KeyId, MeshPeerRow], said: dict[KeyId, int]
) -> PeerShown:
    """A peer of the configuration with what is remembered of it."""
    key_id = parse_public_key(peer.public_key).id
    row = remembered.get(key_id) or MeshPeerRow(key=key_id)
    return PeerShown(
        name=peer.name,
        key_id=key_id,
        calls=f"{peer.host}:{peer.port}" if peer.host else "",
        weight=peer.weight,
        standing=row.score,
        heard=row.score >= HEARD_FROM,
        assertions=said.get(key_id, 0),
        taken_today=row.taken_today,
        called_at_s=row.called_at_s,
        succeeded_at_s=row.succeeded_at_s,
        failures=row.failures,
        next_call_at_s=row.next_call_at_s,
    )


def assertion_shown(row: MeshEntryRow, names: dict[KeyId, str]) -> AssertionShown:
    """An assertion with names for keys."""
    evidence = parse_assertion(row.text).statement.evidence
    return AssertionShown(
        origin=names.get(row.origin, row.origin),
        kind=row.kind,
        network=row.network,
        expires_at_s=row.expires_at_s,
        counts=dict(evidence.counts) if evidence else {},
        first_seen_at_s=evidence.first_seen_at_s if evidence else 0,
        last_seen_at_s=evidence.last_seen_at_s if evidence else 0,
        by=names.get(KeyId(row.handed_by), row.handed_by) if row.handed_by else "us",
        hops=row.hops,
        contradicted=row.contradicted,
    )
