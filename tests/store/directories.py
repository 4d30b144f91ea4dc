"""A small site with two tenants, built by the same actions that administrators use."""

from clement.policy.directive import Action, Scope
from clement.policy.directory import Mode, NextHop
from clement.policy.network import Standing
from clement.store.access.actor import Actor, actor_of
from clement.store.actions.alias import add_alias
from clement.store.actions.directive import NewDirective, add_directive
from clement.store.actions.domain import add_domain
from clement.store.actions.group import add_group
from clement.store.actions.mailbox import add_mailbox
from clement.store.actions.network import add_network
from clement.store.actions.person import add_person
from clement.store.actions.role import grant_role
from clement.store.records import Role

PASSWORD = "a long password"


def build_site(root: Actor) -> None:
    """Two groups that store (`north`, `south`) and one that relays (`relay`)."""
    for group in ("north", "south"):
        add_group(root, group)
        for domain in (f"one.{group}.example", f"two.{group}.example"):
            add_domain(root, domain, group)
            for user in ("anna", "bert"):
                add_mailbox(root, f"{user}@{domain}")
            add_alias(root, f"team@{domain}", [f"anna@{domain}", f"bert@{domain}"])
    add_group(root, "relay", mode=Mode.RELAY, next_hops=[NextHop("127.0.0.1", 2526)])
    add_domain(root, "relay.example", "relay")
    add_network(root, "192.0.2.0/24", Standing.RELAYABLE)


def build_people(root: Actor) -> None:
    """A root, and for each storing group a group-admin, a domain-admin and a user."""
    add_person(root, "chief")
    grant_role(root, "chief", Role.ROOT)
    for group in ("north", "south"):
        domain = f"one.{group}.example"
        add_person(root, f"{group}-admin@{domain}")
        grant_role(root, f"{group}-admin@{domain}", Role.GROUP, group)
        add_person(root, f"admin@{domain}")
        grant_role(root, f"admin@{domain}", Role.DOMAIN, domain)
        add_person(root, f"anna@{domain}")


def build_directives(root: Actor) -> dict[str, int]:
    """A rule in each scope of each tenant, by the name of what it is for; returns their numbers."""
    rules = {"": add_directive(root, rule(Scope.SITE, "")).id}
    for group in ("north", "south"):
        domain = f"one.{group}.example"
        rules[group] = add_directive(root, rule(Scope.GROUP, group)).id
        rules[domain] = add_directive(root, rule(Scope.DOMAIN, domain)).id
        rules[f"anna@{domain}"] = add_directive(root, rule(Scope.USER, f"anna@{domain}")).id
    return rules


def rule(scope: Scope, name: str) -> NewDirective:
    return NewDirective(scope=scope, scope_name=name, action=Action.REFUSE, sender_pattern="@spam.example")


def actors_of(group: str) -> dict[str, Actor]:
    """The people of a group by their role."""
    domain = f"one.{group}.example"
    return {
        "group": actor_of(f"{group}-admin@{domain}"),
        "domain": actor_of(f"admin@{domain}"),
        "user": actor_of(f"anna@{domain}"),
    }
