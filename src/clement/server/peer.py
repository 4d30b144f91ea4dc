"""Who talks to whom: the listener a session came through, and the client at the other end."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, ip_network

import msgspec

from clement.journal.proportion import client_key
from clement.policy.network import Address, client_address
from clement.server.census import slot_of
from clement.smtp import Reply, Service


class Door(msgspec.Struct, frozen=True):
    """What a conversation must know of the listener it came through. `label` is its name in the log.

    certificate: the hash of the one it shows, by which peers of the mesh know it; "" without TLS.
    """

    label: str
    service: Service
    greeting: Reply
    certificate: str = ""


class Client(msgspec.Struct, frozen=True):
    """Who is at the other end.

    key: what counts as one client, an IPv4 address or an IPv6 /64. slot: where the census counts it.
    network: the client and its neighbours, an IPv4 /24 or an IPv6 /48. is_loopback: it is this machine.
    called: tells the address of ours that it has called, None where nobody knows.
    """

    address: Address
    text: str
    port: int
    key: str
    slot: int
    network: str
    is_loopback: bool
    called: Callable[[], Address | None]


@lru_cache(maxsize=4096)
def client_at(text: str) -> tuple[Address, str, str, int, str, bool]:
    """Address, canonical text, and the rest of a `Client`, of an address as text. Raises ValueError."""
    address = client_address(text.partition("%")[0])
    shown = str(address)
    is_ipv4 = isinstance(address, IPv4Address)
    key = shown if is_ipv4 else client_key(shown)
    network = ip_network((address, 24 if is_ipv4 else 48), strict=False)
    return address, shown, key, slot_of(address), str(network), address.is_loopback


def client(text: str, port: int, called: Callable[[], Address | None] = lambda: None) -> Client:
    """A client from the text of its address; a zone index is dropped. Raises ValueError."""
    address, shown, key, slot, network, is_loopback = client_at(text)
    return Client(address, shown, port, key, slot, network, is_loopback, called)


def own_address(sockname: object) -> Address | None:
    """The address in what getsockname(2) tells of a connection; None for a Unix socket."""
    return client_address(sockname[0].partition("%")[0]) if isinstance(sockname, tuple) else None
