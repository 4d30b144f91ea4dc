"""Fills the directory of a Clement under test, in one process: `python -m tests.server.furnish CONFIG PORT`.

PORT: of the next hop that relay.example is handed to. Names and addresses are those reserved for examples.
"""

import sys
from pathlib import Path

from msgspec.structs import replace

from clement.cli.database import operator
from clement.policy.directive import Action, Scope
from clement.policy.directory import Fallback, GroupPolicy, Mode, NextHop, TlsUse
from clement.policy.network import Standing

LOGIN, PASSWORD = "anna@local.example", "correct horse battery staple"
SMALL_BYTES = 70_000

# Nobody resolves .example but the DNS server of a test; where that is not the subject, it does not matter.
LENIENT = GroupPolicy(unresolvable_sender=Fallback.ACCEPT)
STRICT = GroupPolicy(unresolvable_sender=Fallback.REFUSE, implausible_hello=Fallback.REFUSE)
SMALL = replace(LENIENT, size_limit_bytes=SMALL_BYTES)
LAX = replace(LENIENT, unscannable=Fallback.ACCEPT, scanner_unavailable=Fallback.ACCEPT)


def furnish(config: Path, next_hop_port: int) -> None:
    with operator(config) as actor:
        from clement.store.actions.alias import add_alias
        from clement.store.actions.directive import NewDirective, add_directive
        from clement.store.actions.domain import add_domain
        from clement.store.actions.group import add_group
        from clement.store.actions.mailbox import add_mailbox
        from clement.store.actions.network import add_network
        from clement.store.actions.person import add_person

        hop = NextHop(host="127.0.0.1", port=next_hop_port, tls=TlsUse.NEVER)
        add_group(actor, "local", policy=LENIENT)
        add_group(actor, "strict", policy=STRICT)
        add_group(actor, "small", policy=SMALL)
        add_group(actor, "lax", policy=LAX)
        add_group(actor, "relay", mode=Mode.RELAY, next_hops=[hop], policy=LENIENT)
        for name, group in DOMAINS.items():
            add_domain(actor, name, group)
        for address in MAILBOXES:
            add_mailbox(actor, address)
        add_mailbox(actor, "full@local.example", quota_bytes=1)
        add_alias(actor, "postmaster@local.example", ["anna@local.example"])
        add_alias(actor, "everybody@local.example", ["anna@local.example", "bruno@local.example"])
        add_person(actor, LOGIN, PASSWORD)
        for login in ("bruno@local.example", "bob@local.example", "user@testserver.example"):
            add_person(actor, login, PASSWORD)
        for network, standing, final in NETWORKS:
            add_network(actor, network, standing, final=final)
        rule = NewDirective(scope=Scope.USER, scope_name="bruno@local.example", action=Action.REFUSE)
        add_directive(actor, replace(rule, sender_pattern="@unwanted.example"))
        rule = NewDirective(scope=Scope.USER, scope_name="carla@local.example", action=Action.ACCEPT)
        add_directive(actor, replace(rule, client_network="198.51.100.7/32"))


DOMAINS = {
    "local.example": "local",
    "strict.example": "strict",
    "small.example": "small",
    "lax.example": "lax",
    "relay.example": "relay",
    "testserver.example": "local",
}
MAILBOXES = (
    "anna@local.example",
    "bruno@local.example",
    "carla@local.example",
    "bob@local.example",
    "user@testserver.example",
    "dora@strict.example",
    "emil@small.example",
    "frida@lax.example",
)
NETWORKS = (
    ("192.0.2.0/24", Standing.RELAYABLE, False),
    ("192.0.2.66/32", Standing.NOT_RELAYABLE, False),
    ("2001:db8:1::/48", Standing.RELAYABLE, False),
    ("2001:db8:1:2::/64", Standing.NOT_RELAYABLE, False),
    ("203.0.113.0/24", Standing.BANNED, True),
    ("198.51.100.0/24", Standing.BANNED, False),
)


if __name__ == "__main__":
    furnish(Path(sys.argv[1]), int(sys.argv[2]))
