"""Client networks: ranges of addresses and what an administrator said of them.

The longest prefix wins (a host that must not relay inside a range that may),
for IPv4 and IPv6 alike; an IPv4-mapped IPv6 address is the IPv4 address it
carries (RFC 4291 §2.5.5.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Standing(StrEnum):
    """What is said of a network. Relaying and reputation are separate questions."""

    RELAYABLE = "relayable"
    NOT_RELAYABLE = "not-relayable"
    TRUSTED = "trusted"
    BANNED = "banned"


RELAYING = frozenset({Standing.RELAYABLE, Standing.NOT_RELAYABLE})
REPUTATION = frozenset({Standing.TRUSTED, Standing.BANNED})


class ClientNetwork(msgspec.Struct, frozen=True):
    """One entry. final: no directive can lift a ban. expires_at: Unix seconds, 0 for never."""

    id: int
    network: Network
    standing: Standing
    note: str = ""
    final: bool = False
    expires_at: int = 0


def client_address(text: str) -> Address:
    """The address of a client, with IPv4-mapped IPv6 taken for the IPv4 it is.

    Raises ValueError when `text` is no address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class NetworkIndex:
    """Longest-prefix look-up, separately for relaying and for reputation."""

    __slots__ = ("_relaying", "_reputation")

    def __init__(self, networks: tuple[ClientNetwork, ...] = ()) -> None:
        self._relaying = _PrefixTable(entry for entry in networks if entry.standing in RELAYING)
        self._reputation = _PrefixTable(entry for entry in networks if entry.standing in REPUTATION)

    def relaying(self, address: Address, now_s: float) -> ClientNetwork | None:
        """The most specific entry that says whether this client may relay."""
        return self._relaying.longest(address, now_s)

    def reputation(self, address: Address, now_s: float) -> ClientNetwork | None:
        """The most specific entry that trusts or bans this client."""
        return self._reputation.longest(address, now_s)


class _PrefixTable:
    """Networks by prefix length, the longest first; one dictionary probe for each length in use."""

    __slots__ = ("_by_length",)

    def __init__(self, entries: Iterable[ClientNetwork]) -> None:
        tables: dict[tuple[int, int], dict[int, ClientNetwork]] = {}
        for entry in entries:
            network = entry.network
            key = (network.version, network.prefixlen)
            tables.setdefault(key, {})[int(network.network_address)] = entry
        self._by_length: dict[int, list[tuple[int, dict[int, ClientNetwork]]]] = {4: [], 6: []}
        for version, length in sorted(tables, key=lambda key: -key[1]):
            shift = (32 if version == 4 else 128) - length
            self._by_length[version].append((shift, tables[version, length]))

    def longest(self, address: Address, now_s: float) -> ClientNetwork | None:
        tables = self._by_length[address.version]
        if not tables:
            return None
        number = int(address)
        for shift, table in tables:
            entry = table.get(number >> shift << shift)
            if entry is not None and (not entry.expires_at or entry.expires_at > now_s):
                return entry
        return None
