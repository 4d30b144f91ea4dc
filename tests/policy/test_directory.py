"""Where mail for an address goes: exact domains, mailboxes, aliases, subaddresses, catch-alls, next hops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.alias_reach import ALIAS_DEPTH, ALIAS_REACH
from clement.policy.directory import (
    Alias,
    Directory,
    DirectoryContents,
    Domain,
    Foreign,
    Local,
    LocalMailbox,
    Person,
    Relayed,
    Route,
    Unknown,
    Unplaceable,
)
from clement.smtp import AddressError, parse_mailbox
from tests.policy.samples import CONTENTS, LMTP, RELAYED, STORED

DIRECTORY = Directory(CONTENTS)


def route(address: str, directory: Directory = DIRECTORY) -> Route:
    local_part, _, domain = address.rpartition("@")
    return directory.route(local_part, domain)


def mailboxes(found: Route) -> list[str]:
    assert isinstance(found, Local)
    return [mailbox.address for mailbox in found.mailboxes]


def with_aliases(*aliases: Alias, mailboxes: tuple[LocalMailbox, ...] = CONTENTS.mailboxes) -> Directory:
    return Directory(
        DirectoryContents(
            groups=CONTENTS.groups, domains=CONTENTS.domains, mailboxes=mailboxes, aliases=aliases
        )
    )


@pytest.mark.parametrize("address", ["anna@local.example", "Anna@local.example", "ANNA@local.example"])
def test_case_007_a_mailbox_is_found_in_any_case(address: str) -> None:
    assert mailboxes(route(address)) == ["anna@local.example"]


@pytest.mark.parametrize(
    "domain",
    [
        "xlocal.example",
        "sub.local.example",
        "example",
        "local.example.",
        "LOCAL.example",
        "l\u043ecal.example",
        "",
    ],
)
def test_case_080_only_exactly_a_hosted_name_is_hosted(domain: str) -> None:
    assert route(f"anna@{domain}") == Foreign(domain)


@pytest.mark.parametrize("written", ["LOCAL.EXAMPLE", "Local.Example"])
def test_case_080_the_parser_brings_names_into_the_form_that_is_looked_up(written: str) -> None:
    mailbox = parse_mailbox(f"anna@{written}".encode())
    assert isinstance(DIRECTORY.route(mailbox.local_part, mailbox.domain), Local)


def test_case_080_a_trailing_dot_is_refused_before_it_is_looked_up() -> None:
    with pytest.raises(AddressError):
        parse_mailbox(b"anna@local.example.")


def test_case_084_an_address_that_is_nobody_s_is_unknown() -> None:
    found = route("nobody@local.example")
    assert isinstance(found, Unknown)
    assert found.group is not None
    assert (found.group.id, found.domain.name) == (STORED.id, "local.example")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("anna+shop@local.example", ["anna@local.example"]),
        ("ANNA+Shop+more@local.example", ["anna@local.example"]),
        ("anna+@local.example", ["anna@local.example"]),
        ("both+x@local.example", ["anna@local.example", "bruno@local.example"]),
    ],
)
def test_a_subaddress_belongs_to_its_mailbox(address: str, found: list[str]) -> None:
    assert mailboxes(route(address)) == found


@pytest.mark.parametrize("address", ["+anna@local.example", "+@local.example", "anna-shop@local.example"])
def test_what_is_no_subaddress_is_not_taken_for_one(address: str) -> None:
    assert isinstance(route(address), Unknown)


def test_a_domain_without_a_separator_has_no_subaddresses() -> None:
    directory = Directory(
        DirectoryContents(
            groups=(STORED,),
            domains=(Domain(1, "local.example", STORED.id, subaddress_separator=""),),
            mailboxes=CONTENTS.mailboxes,
        )
    )
    assert isinstance(route("anna+x@local.example", directory), Unknown)


def test_a_mailbox_with_the_separator_in_its_name_comes_before_the_subaddress() -> None:
    named = LocalMailbox(9, "anna+shop@local.example", "x")
    assert mailboxes(
        route("anna+shop@local.example", with_aliases(mailboxes=(*CONTENTS.mailboxes, named)))
    ) == ["anna+shop@local.example"]


def test_a_catch_all_takes_what_nobody_else_does() -> None:
    assert mailboxes(route("whoever@all.example")) == ["anna@local.example"]


@pytest.mark.parametrize("local_part", ["x", "Jo.Doe+Tag"])
def test_a_relayed_address_is_handed_on_as_it_was_written(local_part: str) -> None:
    found = route(f"{local_part}@relay.example")
    assert isinstance(found, Relayed)
    assert (found.group.id, found.address) == (RELAYED.id, f"{local_part}@relay.example")


def test_a_store_that_is_reached_by_lmtp_knows_its_own_recipients() -> None:
    found = route("anyone@lmtp.example")
    assert isinstance(found, Relayed)
    assert found.group.id == LMTP.id


def test_an_alias_stands_for_its_targets_each_once() -> None:
    assert mailboxes(route("both@local.example")) == ["anna@local.example", "bruno@local.example"]
    nested = with_aliases(
        Alias("all@local.example", ("both@local.example", "anna@local.example")),
        Alias("both@local.example", ("bruno@local.example", "anna@local.example")),
    )
    assert sorted(mailboxes(route("all@local.example", nested))) == [
        "anna@local.example",
        "bruno@local.example",
    ]


def test_an_alias_may_lead_to_one_next_hop() -> None:
    found = route("boss@local.example")
    assert isinstance(found, Relayed)
    assert (found.group.id, found.address) == (RELAYED.id, "boss@relay.example")


@pytest.mark.parametrize("name", ["mixed", "two", "dead", "far", "loop-a", "loop-b"])
def test_an_alias_that_no_single_answer_can_be_true_for_is_unplaceable(name: str) -> None:
    assert isinstance(route(f"{name}@local.example"), Unplaceable)


def chain(length: int) -> Directory:
    """a0 -> a1 -> ... -> anna, through `length` aliases."""
    names = [f"a{step}@local.example" for step in range(length)] + ["anna@local.example"]
    return with_aliases(*(Alias(name, (names[step + 1],)) for step, name in enumerate(names[:-1])))


def test_aliases_follow_one_another_to_a_depth() -> None:
    assert mailboxes(route("a0@local.example", chain(ALIAS_DEPTH))) == ["anna@local.example"]
    assert isinstance(route("a0@local.example", chain(ALIAS_DEPTH + 1)), Unplaceable)


def test_an_alias_may_have_many_targets() -> None:
    many = tuple(LocalMailbox(number, f"m{number}@local.example", str(number)) for number in range(1, 1001))
    everyone = Alias("everyone@local.example", tuple(mailbox.address for mailbox in many))
    assert len(mailboxes(route("everyone@local.example", with_aliases(everyone, mailboxes=many)))) == 1000


def test_what_an_alias_reaches_is_bounded() -> None:
    wide = Alias("w@local.example", tuple(f"w{n}@local.example" for n in range(ALIAS_REACH)))
    deeper = [Alias(target, ("anna@local.example",)) for target in wide.targets]
    assert isinstance(route("w@local.example", with_aliases(wide, *deeper)), Unplaceable)


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("Anna+x@local.example", "anna@local.example"),
        ("w@all.example", "anna@local.example"),
        ("both@local.example", ""),
    ],
)
def test_one_mailbox_has_a_user_who_can_speak_for_it(address: str, user: str) -> None:
    found = route(address)
    assert isinstance(found, Local)
    assert found.user == user


def test_a_login_is_found_in_any_case() -> None:
    directory = Directory(DirectoryContents(persons=(Person(1, "anna@local.example", ""),)))
    assert directory.person("Anna@Local.Example") is not None
    assert directory.person("bruno") is None


local_parts = st.sampled_from(["anna", "both", "loop-a", "a", "b", "c"])
addresses = st.builds(
    lambda local_part, domain: f"{local_part}@{domain}",
    local_parts,
    st.sampled_from(["local.example", "relay.example", "lmtp.example", "all.example", "foreign.example"]),
)


@given(st.dictionaries(addresses, st.lists(addresses, max_size=4).map(tuple), max_size=8), addresses)
def test_any_tangle_of_aliases_has_a_route_that_leaves_nobody_out(
    tangle: dict[str, tuple[str, ...]], address: str
) -> None:
    directory = with_aliases(*(Alias(name, targets) for name, targets in tangle.items()))
    found = route(address, directory)
    domain = address.rpartition("@")[2]
    if domain == "foreign.example":
        assert isinstance(found, Foreign)
    elif address in tangle and address != "anna@local.example" and isinstance(found, Local):
        # Everything reachable that is no alias is a mailbox, and it is in the route.
        reachable, waiting = set(), [address]
        while waiting:
            current = waiting.pop()
            if current not in reachable:
                reachable.add(current)
                waiting += () if current == "anna@local.example" else tangle.get(current, ())
        ends = {each for each in reachable if each not in tangle or each == "anna@local.example"}
        assert set(mailboxes(found)) == ends


RITA = LocalMailbox(9, "rita@relay.example", "relay.example/rita", person_id=4, quarantine_at=2.0)
LARS = LocalMailbox(10, "lars@lmtp.example", "lmtp.example/lars")
BEHIND = with_aliases(
    Alias("desk@local.example", ("rita@relay.example",)), mailboxes=(*CONTENTS.mailboxes, RITA, LARS)
)


@pytest.mark.parametrize(
    ("address", "handed_on", "known"),
    [
        ("rita@relay.example", "rita@relay.example", (RITA,)),
        ("Rita@relay.example", "Rita@relay.example", (RITA,)),
        ("rita+news@relay.example", "rita+news@relay.example", (RITA,)),
        ("desk@local.example", "rita@relay.example", (RITA,)),
        ("lars@lmtp.example", "lars@lmtp.example", (LARS,)),
        ("other@relay.example", "other@relay.example", ()),
    ],
)
def test_a_mailbox_behind_a_next_hop_is_handed_on_and_known(
    address: str, handed_on: str, known: tuple[LocalMailbox, ...]
) -> None:
    found = route(address, BEHIND)
    assert isinstance(found, Relayed)
    assert (found.address, found.mailboxes) == (handed_on, known)
    assert found.user == (known[0].address if known else "")
    assert BEHIND.knows_address("rita@relay.example")
    assert list(BEHIND.stored_mailboxes()) == list(CONTENTS.mailboxes)


IN_OTHER_SCRIPTS = Directory(
    DirectoryContents(
        groups=CONTENTS.groups,
        domains=(
            *CONTENTS.domains,
            Domain(9, "caught.example", STORED.id, catch_all="žofie@local.example"),
        ),
        mailboxes=(
            LocalMailbox(1, "žofie@local.example", "žofie"),
            LocalMailbox(2, "žofie@relay.example", ""),
        ),
        aliases=(Alias("prodejna-é@local.example", ("žofie@local.example",)),),
        persons=(Person(1, "žofie@local.example", ""),),
    )
)


@pytest.mark.parametrize(
    "address",
    [
        "žofie@local.example",
        "z\u030cofie@local.example",
        "Z\u030cOFIE@local.example",
        "z\u030cofie+sle\u0301vy@local.example",
        "prodejna-e\u0301@local.example",
        "nikdo-e\u0301@caught.example",
    ],
)
def test_a_mailbox_is_found_in_any_normal_form(address: str) -> None:
    # RFC 6530 §10.1
    assert mailboxes(route(address, IN_OTHER_SCRIPTS)) == ["žofie@local.example"]


def test_a_next_hop_is_told_what_the_client_said() -> None:
    said = "Z\u030cofie+x@relay.example"
    found = route(said, IN_OTHER_SCRIPTS)
    assert isinstance(found, Relayed)
    assert (found.address, found.user) == (said, "žofie@relay.example")


def test_a_person_logs_in_under_his_name_in_any_normal_form() -> None:
    found = IN_OTHER_SCRIPTS.person("Z\u030cofie@local.example")
    assert found is not None
    assert found.login == "žofie@local.example"
