"""How two peers prove to each other who they are, inside a TLS session that nobody vouches for.

Each signs the same facts, but for the first line: both names, both nonces, and the SHA-256 of the
certificate that the server shows. A nonce of one's own makes the other's proof fresh; the certificate ties
it to this TLS session, as tls-server-end-point does (RFC 5929 §4): somebody in the middle shows a certificate
of his own, and what the client signs then fits nowhere else. The client proves itself first, so that a server
tells its name to nobody who is not a peer.

proof      = role LF client-id LF server-id LF client-nonce LF server-nonce LF certificate
role       = "CLEMENT-MESH-1 client-proof" / "CLEMENT-MESH-1 server-proof"
nonce      = 22base64url-char                   ; 16 octets
certificate = 64HEXDIG                          ; lower case, SHA-256 of the DER octets
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from clement.policy.mesh.key import KeyId

NONCE: Final = r"[A-Za-z0-9_\-]{22}"
NONCE_OCTETS: Final = 16


class Role(StrEnum):
    """Who makes a proof."""

    CLIENT = "CLEMENT-MESH-1 client-proof"
    SERVER = "CLEMENT-MESH-1 server-proof"


class Meeting(msgspec.Struct, frozen=True):
    """What both sides of one exchange know. certificate: `certificate_hash` of what the server shows."""

    client: KeyId
    server: KeyId
    client_nonce: str
    server_nonce: str
    certificate: str

    def signed_octets(self, role: Role) -> bytes:
        """What the proof of this side signs."""
        names, nonces = f"{self.client}\n{self.server}", f"{self.client_nonce}\n{self.server_nonce}"
        return f"{role}\n{names}\n{nonces}\n{self.certificate}".encode("ascii")


def nonce(octets: bytes) -> str:
    """Sixteen random octets as they are sent."""
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def certificate_hash(der: bytes) -> str:
    """What stands for a certificate in a proof."""
    return sha256(der).hexdigest()
