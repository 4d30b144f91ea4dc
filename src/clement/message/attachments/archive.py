"""What every reader of an archive gives: its members, what is wrong with it, and where a member begins."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

UNKNOWN_SIZE: Final = -1


class Member(msgspec.Struct, frozen=True, gc=False):
    """One file in an archive.

    name: as it stands there, neither escaped nor bounded. other_name: what another place of the archive calls
    it, "" when all agree. size_bytes (UNKNOWN_SIZE where nothing is said), packed_bytes: as claimed.
    encrypted: by a password. at: where it begins, in the terms of its reader. method: how it is packed, -1
    when that cannot be undone.
    """

    name: str
    size_bytes: int
    packed_bytes: int = 0
    at: int = 0
    method: int = 0
    encrypted: bool = False
    other_name: str = ""
    link: bool = False


class Archive(Protocol):
    """One archive, listed.

    troubles: why not everything in it can be seen. disguises: what its makers hide from other readers.
    encrypted: even the names are.
    """

    members: list[Member]
    troubles: list[str]
    disguises: list[str]
    encrypted: bool

    def open(self, member: Member, limit_bytes: int) -> bytes:
        """At most that many octets of a member. Raises Unreadable."""
        ...
