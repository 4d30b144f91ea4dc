"""A directory as bytes, so that receivers can start and go on while SQL is away."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import msgspec

from clement.policy.content_rule import ContentRule
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
from clement.policy.network import ClientNetwork, ListedServer, ListOrigin, Standing
from clement.policy.reputation import Reputation

Row = dict[str, Any]


class DirectoryUnreadable(ValueError):
    """These bytes are no directory of this version of Clement."""


class _Written(msgspec.Struct, frozen=True):
    """`DirectoryContents` as it is written, its rows not yet decoded.

    Row by row, because a decoder never lets another thread run: a whole large directory would take half a
    second of everybody's time.
    """

    version: int
    groups: list[msgspec.Raw]
    domains: list[msgspec.Raw]
    mailboxes: list[msgspec.Raw]
    aliases: list[msgspec.Raw]
    persons: list[msgspec.Raw]
    directives: list[msgspec.Raw]
    networks: list[msgspec.Raw]
    servers: list[msgspec.Raw] = []
    reputations: list[msgspec.Raw] = []
    content_rules: list[msgspec.Raw] = []


_DECODER = msgspec.msgpack.Decoder(_Written)
_GROUP = msgspec.msgpack.Decoder(Group)
_DOMAIN = msgspec.msgpack.Decoder(Domain)
_MAILBOX = msgspec.msgpack.Decoder(LocalMailbox)
_ALIAS = msgspec.msgpack.Decoder(Alias)
_PERSON = msgspec.msgpack.Decoder(Person)
_SERVER = msgspec.msgpack.Decoder(ListedServer)
_REPUTATION = msgspec.msgpack.Decoder(Reputation)
_CONTENT_RULE = msgspec.msgpack.Decoder(ContentRule)
# Networks, which the codec knows no type for, stand in their rows as text.
_ROW = msgspec.msgpack.Decoder(Row)


def encode(directory: Directory) -> bytes:
    """The directory as MessagePack."""
    return msgspec.msgpack.encode(directory.contents, enc_hook=_network_text)


def decode(octets: bytes) -> Directory:
    """The directory that `encode` wrote; other threads can run meanwhile. Raises DirectoryUnreadable."""
    try:
        written = _DECODER.decode(octets)
        return Directory(
            DirectoryContents(
                version=written.version,
                groups=tuple([_GROUP.decode(row) for row in written.groups]),
                domains=tuple([_DOMAIN.decode(row) for row in written.domains]),
                mailboxes=tuple([_MAILBOX.decode(row) for row in written.mailboxes]),
                aliases=tuple([_ALIAS.decode(row) for row in written.aliases]),
                persons=tuple([_PERSON.decode(row) for row in written.persons]),
                directives=tuple([_directive(_ROW.decode(row)) for row in written.directives]),
                networks=tuple([_client_network(_ROW.decode(row)) for row in written.networks]),
                servers=tuple([_SERVER.decode(row) for row in written.servers]),
                reputations=tuple([_REPUTATION.decode(row) for row in written.reputations]),
                content_rules=tuple([_CONTENT_RULE.decode(row) for row in written.content_rules]),
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
    typed = {
        "network": ip_network(row["network"]),
        "standing": Standing(row["standing"]),
        "origin": ListOrigin(row["origin"]),
    }
    return ClientNetwork(**{**row, **typed})
