"""Which directive speaks for a pair: precedence, expiry, patterns, and the authentication rule."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.directive import Action, Correspondence, Directive, DirectiveIndex, Scope, sender_patterns
from clement.policy.network import Address, Network, client_address
from tests.policy.samples import NOW_S

CLIENT = client_address("192.0.2.7")
SCOPE_KEYS = {
    Scope.SITE: "",
    Scope.GROUP: "1",
    Scope.DOMAIN: "local.example",
    Scope.USER: "anna@local.example",
}


def pair(
    sender: str = "ed@shop.example",
    *,
    client: str = "192.0.2.7",
    authenticated: frozenset[str] = frozenset(),
) -> Correspondence:
    return Correspondence(
        client_address(client), sender, "anna@local.example", "local.example", 1, authenticated
    )


def rule(
    number: int,
    scope: Scope,
    action: Action = Action.REFUSE,
    sender: str = "",
    *,
    recipient: str = "",
    client: str = "",
    final: bool = False,
    expires_at: int = 0,
) -> Directive:
    return Directive(
        number,
        scope,
        SCOPE_KEYS[scope],
        action,
        sender,
        recipient,
        ip_network(client) if client else None,
        final=final,
        expires_at=expires_at,
    )


def winner(rules: Sequence[Directive], of: Correspondence | None = None) -> int:
    found = DirectiveIndex(rules).find(of or pair(), NOW_S)
    return found.id if found is not None else 0


# --- Precedence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", Scope)
def test_a_narrower_scope_wins_over_a_wider_one(scope: Scope) -> None:
    rules = [rule(each + 1, each) for each in Scope if each <= scope]
    assert winner(rules) == scope + 1


@pytest.mark.parametrize("scope", [Scope.SITE, Scope.GROUP, Scope.DOMAIN])
def test_a_final_directive_ends_the_search_at_its_scope(scope: Scope) -> None:
    rules = [rule(each + 1, each, final=each is scope) for each in Scope]
    assert winner(rules) == scope + 1


def test_the_more_specific_sender_wins_inside_a_scope() -> None:
    anyone, below = rule(1, Scope.SITE), rule(2, Scope.SITE, sender="@example")
    domain, address = (
        rule(3, Scope.SITE, sender="@shop.example"),
        rule(4, Scope.SITE, sender="ed@shop.example"),
    )
    assert winner([address, domain, below, anyone]) == 4
    assert winner([domain, below, anyone]) == 3
    assert winner([below, anyone]) == 2
    assert winner([anyone]) == 1


def test_the_sender_weighs_more_than_the_recipient_and_that_more_than_the_client() -> None:
    sender = rule(1, Scope.SITE, sender="@example")
    recipient = rule(2, Scope.SITE, recipient="anna@local.example")
    client = rule(3, Scope.SITE, client="192.0.2.7/32")
    assert winner([client, recipient, sender]) == 1
    assert winner([client, recipient]) == 2


def test_an_exception_beside_a_final_directive_holds_and_is_as_final() -> None:
    everything = rule(1, Scope.SITE, sender="@shop.example", final=True)
    exception = rule(2, Scope.SITE, Action.ACCEPT, "ed@shop.example", client="192.0.2.0/24")
    of_the_user = rule(3, Scope.USER, sender="ed@shop.example")
    assert winner([everything, exception, of_the_user]) == 2


def test_of_two_equals_the_refusing_one_holds() -> None:
    accepting = rule(1, Scope.USER, Action.ACCEPT)
    assert winner([accepting, rule(2, Scope.USER)]) == 2
    assert winner([rule(2, Scope.USER), accepting]) == 2


def test_expiry_is_a_moment_after_which_a_directive_is_not_there() -> None:
    assert winner([rule(1, Scope.SITE), rule(2, Scope.USER, expires_at=int(NOW_S))]) == 1
    assert winner([rule(1, Scope.SITE), rule(2, Scope.USER, expires_at=int(NOW_S) + 1)]) == 2


# --- Patterns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "covered"),
    [
        ("ed@shop.example", True),
        ("ed@mail.shop.example", True),
        ("ed@a.b.shop.example", True),
        ("ed@workshop.example", False),
        ("ed@shop.example.evil.example", False),
        ("shop.example@evil.example", False),
        ("a@shop.example@evil.example", False),
        ("", False),
    ],
)
def test_a_domain_pattern_covers_that_domain_and_below(sender: str, covered: bool) -> None:
    assert bool(winner([rule(1, Scope.SITE, sender="@shop.example")], pair(sender))) is covered


def test_the_null_reverse_path_is_covered_by_anyone_alone() -> None:
    assert list(sender_patterns("")) == [""]
    assert winner([rule(1, Scope.SITE), rule(2, Scope.SITE, sender="@example")], pair("")) == 1


def test_a_recipient_pattern_narrows_a_scope() -> None:
    assert winner([rule(1, Scope.SITE, recipient="anna@local.example")]) == 1
    assert winner([rule(1, Scope.SITE, recipient="@local.example")]) == 1
    assert winner([rule(1, Scope.SITE, recipient="@example")]) == 1
    assert winner([rule(1, Scope.SITE, recipient="bruno@local.example")]) == 0


def test_another_group_domain_or_user_is_not_spoken_for() -> None:
    others = [
        Directive(1, Scope.GROUP, "2", Action.REFUSE),
        Directive(2, Scope.DOMAIN, "other.example", Action.REFUSE),
        Directive(3, Scope.DOMAIN, "example", Action.REFUSE),
        Directive(4, Scope.USER, "bruno@local.example", Action.REFUSE),
    ]
    assert winner(others) == 0


def test_a_subaddress_is_no_way_around_its_owner() -> None:
    tagged = Correspondence(
        CLIENT, "ed@shop.example", "anna+tag@local.example", "local.example", 1, user="anna@local.example"
    )
    of_anna = rule(1, Scope.USER, sender="@shop.example")
    about_anna = rule(2, Scope.SITE, recipient="anna@local.example")
    about_the_tag = rule(3, Scope.SITE, recipient="anna+tag@local.example")
    assert [winner([each], tagged) for each in (of_anna, about_anna, about_the_tag)] == [1, 2, 3]


# --- The authentication rule ------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["ed@shop.example", "@shop.example", "@example"])
def test_a_name_alone_never_accepts(pattern: str) -> None:
    assert winner([rule(1, Scope.USER, Action.ACCEPT, pattern)]) == 0


@pytest.mark.parametrize("proven", ["ed@shop.example", "@shop.example"])
@pytest.mark.parametrize("pattern", ["ed@shop.example", "@shop.example", "@example"])
def test_a_proven_name_accepts(pattern: str, proven: str) -> None:
    assert winner([rule(1, Scope.USER, Action.ACCEPT, pattern)], pair(authenticated=frozenset({proven}))) == 1


@pytest.mark.parametrize("proven", ["@example", "@mail.shop.example", "@other.example", "al@shop.example"])
def test_a_proof_of_another_name_is_none(proven: str) -> None:
    claimed = pair(authenticated=frozenset({proven}))
    assert winner([rule(1, Scope.USER, Action.ACCEPT, "@shop.example")], claimed) == 0


def test_a_client_network_proves_a_name_for_its_own_clients_alone() -> None:
    rules = [rule(1, Scope.USER, Action.ACCEPT, "@shop.example", client="192.0.2.0/24")]
    assert winner(rules, pair(client="192.0.2.7")) == 1
    assert winner(rules, pair(client="::ffff:192.0.2.7")) == 1
    assert winner(rules, pair(client="192.0.3.7")) == 0
    assert winner(rules, pair(client="2001:db8::7")) == 0


def test_refusing_needs_no_proof_and_an_unproven_acceptance_hides_nothing() -> None:
    assert winner([rule(1, Scope.SITE), rule(2, Scope.USER, Action.ACCEPT, "ed@shop.example")]) == 1


# --- Against a slow, obviously right reference ----------------------------------------------------------

addresses = st.sampled_from(["192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8::7", "2001:db8:1::7"]).map(
    client_address
)
networks = st.none() | st.sampled_from(
    ["192.0.2.0/24", "192.0.2.7/32", "0.0.0.0/0", "::/0", "2001:db8::/64", "2001:db8::7/128"]
).map(ip_network)
senders = st.sampled_from(["ed@shop.example", "al@shop.example", "ed@a.shop.example", "ed@evil.example", ""])
patterns = st.sampled_from(["", "ed@shop.example", "@shop.example", "@a.shop.example", "@example"])
recipient_patterns = st.sampled_from(
    ["", "anna@local.example", "bruno@local.example", "@local.example", "@example"]
)
scopes = st.sampled_from(
    [
        (Scope.SITE, ""),
        (Scope.GROUP, "1"),
        (Scope.GROUP, "2"),
        (Scope.DOMAIN, "local.example"),
        (Scope.USER, "anna@local.example"),
        (Scope.USER, "bruno@local.example"),
    ]
)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Directive]:
    several = draw(
        st.lists(
            st.tuples(
                scopes,
                st.sampled_from(Action),
                patterns,
                recipient_patterns,
                networks,
                st.booleans(),
                st.sampled_from([0, int(NOW_S) - 1, int(NOW_S) + 1]),
            ),
            max_size=8,
        )
    )
    return [
        Directive(number, scope, key, action, sender, to, client, final=final, expires_at=expires_at)
        for number, ((scope, key), action, sender, to, client, final, expires_at) in enumerate(several, 1)
    ]


def matches(pattern: str, address: str) -> bool:
    """A pattern, read as a person would."""
    if pattern.startswith("@"):
        return ("." + address.rpartition("@")[2]).endswith("." + pattern[1:]) and "@" in address
    return pattern in ("", address)


def holds(directive: Directive, of: Correspondence) -> bool:
    keys = {
        Scope.SITE: "",
        Scope.GROUP: str(of.group_id),
        Scope.DOMAIN: of.recipient_domain,
        Scope.USER: of.recipient,
    }
    named_only = directive.action is Action.ACCEPT and directive.sender and directive.client is None
    proven = {of.sender, "@" + of.sender.rpartition("@")[2]} & of.authenticated
    return (
        directive.scope_key == keys[directive.scope]
        and (not directive.expires_at or directive.expires_at > NOW_S)
        and matches(directive.sender, of.sender)
        and matches(directive.recipient, of.recipient)
        and in_network(of.client, directive.client)
        and (not named_only or bool(proven))
    )


def in_network(client: Address, network: Network | None) -> bool:
    return network is None or (client.version == network.version and client in network)


def weight(pattern: str) -> tuple[int, int]:
    """An address, then domains, the longer the heavier, then anyone."""
    kind = 0 if not pattern else 1 if pattern.startswith("@") else 2
    return kind, len(pattern) if kind == 1 else 0


def reference(rules: Sequence[Directive], of: Correspondence) -> set[int]:
    """The ids of the directives that may win: several when nothing tells them apart."""
    chosen: list[Directive] = []
    for scope in Scope:
        here = [each for each in rules if each.scope is scope and holds(each, of)]
        if here:
            best = max(map(rank, here))
            chosen = [each for each in here if rank(each) == best]
        if any(each.final for each in here):
            break
    return {each.id for each in chosen}


def rank(each: Directive) -> tuple[tuple[int, int], tuple[int, int], int, bool, bool]:
    length = -1 if each.client is None else each.client.prefixlen
    return weight(each.sender), weight(each.recipient), length, each.final, each.action is Action.REFUSE


@given(rule_sets(), senders, addresses, st.frozensets(st.sampled_from(["ed@shop.example", "@shop.example"])))
def test_the_index_finds_what_the_rules_say(
    rules: list[Directive], sender: str, client: Address, authenticated: frozenset[str]
) -> None:
    of = Correspondence(client, sender, "anna@local.example", "local.example", 1, authenticated)
    sparing = [each for each in rules if each.action is Action.SKIP_GREYLISTING]
    expected = reference([each for each in rules if each not in sparing], of)
    found = winner(rules, of)
    assert found in expected if expected else found == 0
    spared = DirectiveIndex(rules).skipping_greylisting(of, NOW_S)
    expected = reference(sparing, of)
    assert spared.id in expected if spared is not None else not expected


@given(rule_sets(), senders, addresses, st.frozensets(st.sampled_from(["ed@shop.example", "@shop.example"])))
def test_what_accepts_was_said_to_be_possible(
    rules: list[Directive], sender: str, client: Address, authenticated: frozenset[str]
) -> None:
    of = Correspondence(client, sender, "anna@local.example", "local.example", 1, authenticated)
    index = DirectiveIndex(rules)
    found = index.find(of, NOW_S)
    if found is not None and found.action is Action.ACCEPT:
        assert index.may_accept(client, NOW_S)


@given(rule_sets(), addresses)
def test_acceptance_is_possible_while_an_accepting_directive_lives(
    rules: list[Directive], client: Address
) -> None:
    alive = [
        each
        for each in rules
        if each.action is Action.ACCEPT
        and (not each.expires_at or each.expires_at > NOW_S)
        and in_network(client, each.client)
    ]
    assert DirectiveIndex(rules).may_accept(client, NOW_S) is bool(alive)
