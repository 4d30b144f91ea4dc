"""Client networks: ranges of addresses and what an administrator said of them.

The longest prefix wins (a host that must not relay inside a range that may),
for IPv4 and IPv6 alike; an IPv4-mapped IPv6 address is the IPv4 address it
carries (RFC 4291 §2.5.5.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

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


class ListOrigin(StrEnum):
    """Who says so: a person, our own history, or a peer of the mesh."""

    HAND = "hand"
    HISTORY = "history"
    MESH = "mesh"


class ClientNetwork(msgspec.Struct, frozen=True):
    """One entry. final: no directive can lift a ban. expires_at: Unix seconds, 0 for never.

    note: a person's, and for persons only. why: what the client may be told.
    """

    id: int
    network: Network
    standing: Standing
    note: str = ""
    final: bool = False
    expires_at: int = 0
    origin: ListOrigin = ListOrigin.HAND
    why: str = ""


class ListedServer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entry that the steward made, as it travels in the directory: there may be a hundred thousand.

    address: the first address of the network, 4 or 16 octets. standing: TRUSTED or BANNED.
    """

    id: int
    address: bytes
    prefix_bits: int
    standing: Standing
    origin: ListOrigin
    expires_at: int
    why: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no network."""
        if len(self.address) not in (4, 16) or not 0 <= self.prefix_bits <= 8 * len(self.address):
            raise ValueError(f"no network: {self.address!r}/{self.prefix_bits}")

    @property
    def version(self) -> int:
        """Of the Internet Protocol."""
        return 4 if len(self.address) == 4 else 6

    def entry(self) -> ClientNetwork:
        """As any other entry."""
        network: Network
        if len(self.address) == 4:
            network = IPv4Network((self.address, self.prefix_bits))
        else:
            network = IPv6Network((self.address, self.prefix_bits))
        return ClientNetwork(
            self.id, network, self.standing, expires_at=self.expires_at, origin=self.origin, why=self.why
        )


def client_address(text: str) -> Address:
    """The address of a client, with IPv4-mapped IPv6 taken for the IPv4 it is.

    Raises ValueError when `text` is no address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class NetworkIndex:
    """Longest-prefix look-up, separately for relaying and for reputation.

    What a person said of a network wins over whatever the steward concluded about any part of it.
    """

    __slots__ = ("_concluded", "_lately", "_relaying", "_reputation")

    def __init__(
        self, networks: tuple[ClientNetwork, ...] = (), concluded: tuple[ListedServer, ...] = ()
    ) -> None:
        self._relaying = _of_networks(entry for entry in networks if entry.standing in RELAYING)
        self._reputation = _of_networks(entry for entry in networks if entry.standing in REPUTATION)
        self._concluded = _PrefixTable(
            (each.version, each.prefix_bits, int.from_bytes(each.address), each) for each in concluded
        )
        self._lately: dict[int, ClientNetwork] = {}

    def relaying(self, address: Address, now_s: float) -> ClientNetwork | None:
        """The most specific entry that says whether this client may relay."""
        return self._relaying.longest(address, now_s)

    def reputation(self, address: Address, now_s: float) -> ClientNetwork | None:
        """The entry that trusts or bans this client: the most specific of persons, else of the steward."""
        by_hand = self._reputation.longest(address, now_s)
        if by_hand is not None:
            return by_hand
        found = self._concluded.longest(address, now_s)
        return None if found is None else self._entry(found)

    def _entry(self, found: ListedServer) -> ClientNetwork:
        """The entry, made once for whoever comes again and again."""
        entry = self._lately.get(found.id)
        if entry is None:
            if len(self._lately) >= REMEMBERED:
                self._lately.clear()
            entry = self._lately[found.id] = found.entry()
        return entry


REMEMBERED = 4096


Entry = TypeVar("Entry", ClientNetwork, ListedServer)


def _of_networks(entries: Iterable[ClientNetwork]) -> _PrefixTable[ClientNetwork]:
    return _PrefixTable(
        (entry.network.version, entry.network.prefixlen, int(entry.network.network_address), entry)
        for entry in entries
    )


class _PrefixTable(Generic[Entry]):
    """Networks by prefix length, the longest first; one dictionary probe for each length in use."""

    __slots__ = ("_by_length",)

    def __init__(self, entries: Iterable[tuple[int, int, int, Entry]]) -> None:
        """entries: IP version, prefix length, the first address as a number, the entry."""
        tables: dict[tuple[int, int], dict[int, Entry]] = {}
        for version, length, first, entry in entries:
            tables.setdefault((version, length), {})[first] = entry
        self._by_length: dict[int, list[tuple[int, dict[int, Entry]]]] = {}
        for version, length in sorted(tables, key=lambda key: -key[1]):
            shift = (32 if version == 4 else 128) - length
            self._by_length.setdefault(version, []).append((shift, tables[version, length]))

    def longest(self, address: Address, now_s: float) -> Entry | None:
        """The entry of the most specific network around an address that has not expired."""
        if not self._by_length:
            return None
        number = int(address)
        for shift, table in self._by_length.get(address.version, ()):
            entry = table.get(number >> shift << shift)
            if entry is not None and (not entry.expires_at or entry.expires_at > now_s):
                return entry
        return None
