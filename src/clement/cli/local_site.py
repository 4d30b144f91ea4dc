"""The little site of `clement init --local`: who lives there, and one rule to show what rules do.

Names end in .example, which nobody can own (RFC 2606 §3): nothing here can reach a stranger.
"""

from __future__ import annotations

import msgspec

from clement.policy.directive import Action, Scope
from clement.policy.directory import Fallback, GroupPolicy, Mode, NextHop, TlsUse
from clement.store.access import directory
from clement.store.access.actor import Actor
from clement.store.actions.alias import add_alias
from clement.store.actions.directive import NewDirective, add_directive
from clement.store.actions.domain import add_domain
from clement.store.actions.group import add_group
from clement.store.actions.mailbox import add_mailbox
from clement.store.actions.person import add_person

LOCAL_DOMAIN = "local.example"
RELAY_DOMAIN = "relay.example"
NEXT_HOP = NextHop(host="127.0.0.1", port=2526, tls=TlsUse.NEVER)
PEOPLE = ("anna", "bob")
UNWANTED = "unwanted@sender.example"

# .example does not resolve, and whoever tries things greets with whatever his machine is called.
POLICY = GroupPolicy(unresolvable_sender=Fallback.ACCEPT, implausible_hello=Fallback.ACCEPT)


class Resident(msgspec.Struct, frozen=True):
    """A person of the site, with the password that is shown once."""

    login: str
    password: str


def furnish(actor: Actor, passwords: dict[str, str]) -> list[Resident]:
    """Make the two groups with their domains, mailboxes and people, unless a group is there already.

    passwords: one for each of `PEOPLE`. Returns the people that were made.
    """
    if directory.groups(actor):
        return []
    add_group(actor, "local", policy=POLICY)
    add_group(actor, "relay", mode=Mode.RELAY, next_hops=(NEXT_HOP,), policy=POLICY)
    add_domain(actor, LOCAL_DOMAIN, "local")
    add_domain(actor, RELAY_DOMAIN, "relay")
    residents = [_settle(actor, name, passwords[name]) for name in PEOPLE]
    add_alias(actor, f"everybody@{LOCAL_DOMAIN}", [resident.login for resident in residents])
    add_alias(actor, f"postmaster@{LOCAL_DOMAIN}", [residents[0].login])
    rule = NewDirective(
        scope=Scope.USER,
        scope_name=residents[0].login,
        action=Action.REFUSE,
        sender_pattern=UNWANTED,
        note="so that `make demo` can show a refusal by directive",
    )
    add_directive(actor, rule)
    return residents


def _settle(actor: Actor, name: str, password: str) -> Resident:
    address = f"{name}@{LOCAL_DOMAIN}"
    add_mailbox(actor, address)
    add_person(actor, address, password)
    return Resident(address, password)
