"""[mesh] and [[mesh.peer]]: servers whose word on banned servers we want to hear."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from clement.config.values import Count, Port, Seconds, WholeDaysOrNone
from clement.policy.network import Network

PublicKeyText = Annotated[
    str,
    Meta(
        pattern=r"\Aed25519:[A-Za-z0-9_-]{43}\Z",
        description="a public key as `clement mesh key` prints it on the peer",
    ),
]
PeerName = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z", description="1 to 64 letters, digits, dots and hyphens")
]
Weight = Annotated[float, Meta(ge=0, description="a number of at least 0")]
Quorum = Annotated[float, Meta(gt=0, description="a number greater than 0")]


class MeshPeerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A server that we trust to tell the truth, as long as it does. Give one [[mesh.peer]] for each."""

    name: PeerName
    """What we call it."""
    public_key: PublicKeyText
    """Its key: what `clement mesh key` prints there."""
    host: str = ""
    """Where we call it: a host name or an address. Empty: it calls us, or others tell what it says."""
    port: Port = 25
    """The port of its mx listener."""
    networks: tuple[Network, ...] = ()
    """Where it calls from, such as ["192.0.2.25/32"]. Nobody else learns that there is a mesh."""
    weight: Weight = 1
    """What its word counts towards the quorum; 0: we tell it what we know and do not listen."""
    entries_per_exchange: Count = 2000
    """Assertions taken from it in one session."""
    entries_per_day: Count = 20_000
    """Assertions taken from it, and questions answered to it, in one day, by each receiver."""


class MeshSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Servers that trust each other share what they learn about banned servers (docs/mesh.md)."""

    enabled: bool = False
    """Take part. Needs a key (`clement mesh init`) and peers."""
    key: Path = Path("mesh.key")
    """Our private key, readable by our own user alone."""
    interval_s: Seconds = 300
    """Between two calls to the same peer; after failures up to an hour."""
    quorum: Quorum = 2
    """Weights of peers that must agree before a server is banned on their word."""
    life_s: Seconds = 604_800
    """How long our own assertions hold before we say them again; at most 30 days."""
    share_manual: bool = False
    """Also share networks that were banned by hand."""
    veto_messages: Count = 5
    """So many messages accepted from a network protect it from the mesh, and cost its accuser standing."""
    veto_days: WholeDaysOrNone = 30
    """How far back such messages count."""
    peer: tuple[MeshPeerSettings, ...] = ()
    """The peers."""
