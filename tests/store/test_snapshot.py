"""The directory as receivers get it: the same from every database, and only what holds now."""

import pytest
from msgspec.structs import replace

from clement.policy.directive import Action, Scope
from clement.policy.directory import Directory, Foreign, Local, Relayed, Unknown
from clement.policy.network import Standing, client_address
from clement.store import models
from clement.store.access.actor import Actor
from clement.store.actions.directive import NewDirective, add_directive
from clement.store.actions.domain import DomainChange, change_domain
from clement.store.actions.mailbox import MailboxChange, NewMailbox, add_mailboxes, change_mailbox
from clement.store.actions.network import add_network
from clement.store.actions.person import PersonChange, add_person, allow_send_as, change_person
from clement.store.snapshot import current_version, load_directory
from tests.store.directories import PASSWORD, build_site

NOW_S = 2_000_000_000


@pytest.fixture
def site(root: Actor) -> Actor:
    build_site(root)
    return root


def told(directory: Directory) -> dict[str, object]:
    """What a directory says, by names instead of ids, which each database gives as it likes."""
    contents = directory.contents
    groups = {group.id: group.name for group in contents.groups}
    owners = {person.id: person.login for person in contents.persons}
    scopes = {str(number): name for number, name in groups.items()}
    return {
        "groups": {one.name: replace(one, id=0) for one in contents.groups},
        "domains": {
            one.name: (groups[one.group_id], replace(one, id=0, group_id=0)) for one in contents.domains
        },
        "mailboxes": {
            one.address: (owners.get(one.person_id or 0), replace(one, id=0, person_id=None))
            for one in contents.mailboxes
        },
        "aliases": {one.address: one.targets for one in contents.aliases},
        "persons": {one.login: one.may_send_as for one in contents.persons},
        "directives": [
            replace(one, id=0, scope_key=scopes.get(one.scope_key, one.scope_key))
            for one in sorted(contents.directives, key=lambda one: one.scope)
        ],
        "networks": {one.network: replace(one, id=0) for one in contents.networks},
    }


FIRST: dict[str, dict[str, object]] = {}


def test_every_database_gives_the_same_directory(site: Actor) -> None:
    fill(site)
    found = told(load_directory(lambda: NOW_S))
    assert found == FIRST.setdefault("site", found)
    assert len(found["mailboxes"]) == 8  # type: ignore[arg-type]
    assert found["persons"] == {"anna@one.north.example": {"anna@one.north.example", "@two.north.example"}}
    assert [one.scope_key for one in found["directives"]] == ["", "north", "ärger@relay.example"]  # type: ignore[attr-defined]


def fill(root: Actor) -> None:
    add_person(root, "anna@one.north.example", PASSWORD)
    allow_send_as(root, "anna@one.north.example", "@two.north.example")
    for scope, name in ((Scope.SITE, ""), (Scope.GROUP, "north"), (Scope.USER, "Ärger@relay.example")):
        add_directive(
            root,
            NewDirective(
                scope=scope,
                scope_name=name,
                action=Action.REFUSE,
                sender_pattern="@X.example",
                client_network="192.0.2.0/24",
                note="Größe 😀",
                expires_at_s=NOW_S + 1,
            ),
        )
    add_network(root, "2001:db8::/32", Standing.BANNED, final=True, note="gone")


@pytest.mark.usefixtures("site")
def test_routes_from_the_tables() -> None:
    directory = load_directory()
    local = directory.route("team", "one.north.example")
    assert isinstance(local, Local)
    assert [mailbox.address for mailbox in local.mailboxes] == [
        "anna@one.north.example",
        "bert@one.north.example",
    ]
    assert isinstance(directory.route("anyone", "relay.example"), Relayed)
    assert isinstance(directory.route("nobody", "one.north.example"), Unknown)
    assert directory.route("a", "sub.one.north.example") == Foreign("sub.one.north.example")
    entry = directory.networks.relaying(client_address("::ffff:192.0.2.7"), NOW_S)
    assert entry is not None
    assert entry.standing is Standing.RELAYABLE


def test_the_version_is_the_tables(site: Actor) -> None:
    before = load_directory()
    assert before.version == current_version()
    change_mailbox(site, "anna@one.north.example", MailboxChange(quota_bytes=9))
    assert current_version() > before.version
    assert load_directory().version == current_version()


def test_what_is_disabled_is_not_there(site: Actor) -> None:
    fill(site)
    change_mailbox(site, "anna@one.north.example", MailboxChange(enabled=False))
    change_domain(site, "one.south.example", DomainChange(enabled=False))
    directory = load_directory(lambda: NOW_S)
    assert isinstance(directory.route("anna", "one.north.example"), Unknown)
    team = directory.route("team", "one.north.example")
    assert isinstance(team, Local)
    assert [mailbox.address for mailbox in team.mailboxes] == ["bert@one.north.example"]
    assert isinstance(directory.route("anna", "one.south.example"), Foreign)
    change_mailbox(site, "bert@one.north.example", MailboxChange(enabled=False))
    assert isinstance(load_directory(lambda: NOW_S).route("team", "one.north.example"), Unknown)
    assert not any(mailbox.address.endswith("one.south.example") for mailbox in directory.contents.mailboxes)
    change_person(site, "anna@one.north.example", PersonChange(enabled=False))
    assert load_directory(lambda: NOW_S).person("anna@one.north.example") is None


def test_a_person_without_a_password_cannot_be_logged_in(site: Actor) -> None:
    add_person(site, "bert@one.north.example")
    assert load_directory().person("bert@one.north.example") is None


def test_what_is_expired_is_not_there(site: Actor) -> None:
    fill(site)
    add_network(site, "198.51.100.0/24", Standing.BANNED, expires_at_s=NOW_S)
    contents = load_directory(lambda: NOW_S + 1).contents
    assert contents.directives == ()
    assert {str(one.network) for one in contents.networks} == {"192.0.2.0/24", "2001:db8::/32"}
    assert models.Directive.objects.count() == 3


def test_addresses_that_differ_in_accents_only_are_different(site: Actor) -> None:
    add_mailboxes(site, [NewMailbox(f"{name}@one.north.example") for name in ("muller", "müller", "mußler")])
    directory = load_directory()
    routes = [directory.route(name, "one.north.example") for name in ("MULLER", "MÜLLER", "mußler")]
    assert len({route.mailboxes[0].id for route in routes if isinstance(route, Local)}) == 3


def test_a_change_while_the_directory_is_loaded_is_in_it_or_in_the_next_version(site: Actor) -> None:
    moments = iter([NOW_S])

    def clock() -> float:
        # Between the moment and the queries, somebody changes the directory.
        change_mailbox(site, "bert@one.north.example", MailboxChange(enabled=False))
        return next(moments)

    directory = load_directory(clock)
    assert directory.version == current_version()
    assert isinstance(directory.route("bert", "one.north.example"), Unknown)


def test_few_queries_however_many_mailboxes(site: Actor, django_queries: list[str]) -> None:
    add_mailboxes(site, [NewMailbox(f"user{number}@one.north.example") for number in range(2000)])
    django_queries.clear()
    load_directory()
    assert len(django_queries) <= 18
