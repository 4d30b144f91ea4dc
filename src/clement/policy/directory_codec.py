"""A directory as bytes, so that receivers can start and go on while SQL is away."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import msgspec

from clement.policy.directive import Action, Directive, Origin, Scope
from clement.policy.directory import (
    Alias,
    Directory,
    DirectoryContents,
    Domain,
    Group,
    LocalMailbox,
    Person,
)
from clement.policy.network import ClientNetwork, Standing

Row = dict[str, Any]


class DirectoryUnreadable(ValueError):
    """These bytes are no directory of this version of Clement."""


class _Written(msgspec.Struct, frozen=True):
    """`DirectoryContents` as it is written: networks, which the codec knows no type for, stand as text."""

    version: int
    groups: tuple[Group, ...]
    domains: tuple[Domain, ...]
    mailboxes: tuple[LocalMailbox, ...]
    aliases: tuple[Alias, ...]
    persons: tuple[Person, ...]
    directives: tuple[Row, ...]
    networks: tuple[Row, ...]


_DECODER = msgspec.msgpack.Decoder(_Written)


def encode(directory: Directory) -> bytes:
    """The directory as MessagePack."""
    return msgspec.msgpack.encode(directory.contents, enc_hook=_network_text)


def decode(octets: bytes) -> Directory:
    """The directory that `encode` wrote. Raises DirectoryUnreadable."""
    try:
        written = _DECODER.decode(octets)
        return Directory(
            DirectoryContents(
                version=written.version,
                groups=written.groups,
                domains=written.domains,
                mailboxes=written.mailboxes,
                aliases=written.aliases,
                persons=written.persons,
                directives=tuple([_directive(row) for row in written.directives]),
                networks=tuple([_client_network(row) for row in written.networks]),
            )
        )
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as fault:
        raise DirectoryUnreadable(str(fault)) from fault


def _network_text(value: object) -> str:
    if isinstance(value, IPv4Network | IPv6Network):
        return str(value)
    raise TypeError(f"no encoding for {type(value).__name__}")


def _directive(row: Row) -> Directive:
    client = ip_network(row["client"]) if row["client"] is not None else None
    typed = {
        "scope": Scope(row["scope"]),
        "action": Action(row["action"]),
        "origin": Origin(row["origin"]),
        "client": client,
    }
    return Directive(**{**row, **typed})


def _client_network(row: Row) -> ClientNetwork:
    return ClientNetwork(
        **{**row, "network": ip_network(row["network"]), "standing": Standing(row["standing"])}
    )
