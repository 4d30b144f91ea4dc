"""What the store hands out of the mesh: frozen values."""

from __future__ import annotations

import msgspec

from clement.policy.mesh.assertion import Kind
from clement.policy.mesh.key import KeyId


class MeshEntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """An assertion in force. handed_by: the peer's key id, "" for our own. Times in Unix seconds."""

    position: int
    origin: KeyId
    sequence: int
    kind: Kind
    network: str
    expires_at_s: int
    handed_by: str
    hops: int
    received_at_s: int
    contradicted: bool
    text: str


class MeshPeerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a peer. score: by now. Times in Unix seconds, 0 for never."""

    key: KeyId
    have: int = 0
    score: float = 100.0
    called_at_s: float = 0.0
    succeeded_at_s: float = 0.0
    failures: int = 0
    next_call_at_s: float = 0.0
    taken_today: int = 0


class MeshEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened with a peer."""

    number: int
    at_s: float
    peer: KeyId
    what: str
    detail: str


class HandedOver(msgspec.Struct, frozen=True):
    """What the server lists have been told in a peer's name."""

    peer: str
    network: str
    worth: float
    expires_at_s: int
