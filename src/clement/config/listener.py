"""[[listener]]: the doors of the house."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from clement.config.endpoint import Endpoint
from clement.policy.network import Network


class ListenerKind(StrEnum):
    """What is spoken behind a door, and to whom."""

    MX = "mx"
    SUBMISSION = "submission"
    SUBMISSIONS = "submissions"
    LMTP = "lmtp"


class ListenerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One address that Clement listens on. Give one [[listener]] for each."""

    kind: ListenerKind
    """mx: mail from other servers (RFC 5321). submission: our own people, STARTTLS (RFC 6409).
    submissions: the same over TLS from the first byte (RFC 8314 §3.3). lmtp: RFC 2033."""
    address: Endpoint
    """"ADDRESS:PORT", "unix:PATH", or "fd:NAME" for a socket that systemd opened."""
    name: str = ""
    """How the log calls this listener; by default its kind."""
    proxy_protocol_from: tuple[Network, ...] = ()
    """Load balancers that announce the true client with the PROXY protocol (v1, v2). Nobody else may."""
    certificate: Path | None = None
    """A certificate of its own, in place of that in [tls]."""
    key: Path | None = None
    """The private key of that certificate."""

    @property
    def service(self) -> str:
        """The name under which sessions of this listener stand in the log."""
        return self.name or self.kind.value
