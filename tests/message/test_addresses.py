"""Addresses of header fields, by themselves and beside the standard library where that is right."""

from __future__ import annotations

from email.headerregistry import AddressHeader
from email.utils import formataddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.addresses import MAX_MAILBOXES, AddressList, HeaderMailbox, _Reader, parse_address_list
from clement.smtp.address import Mailbox


def one(name: str, local_part: str, domain: str) -> AddressList:
    return AddressList((HeaderMailbox(name, Mailbox(local_part, domain)),))


def written(found: AddressList) -> list[str]:
    return [f"{one.mailbox.local_part}@{one.mailbox.domain}" for one in found.mailboxes]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x.example", one("", "a", "x.example")),
        ("<a@x.example>", one("", "a", "x.example")),
        ("A B <a@X.Example>", one("A B", "a", "x.example")),
        ('"B, A" <a@x.example>', one("B, A", "a", "x.example")),
        ('"A \\"B\\" C" <a@x.example>', one('A "B" C', "a", "x.example")),
        ("A. B. <a@x.example>", one("A. B.", "a", "x.example")),
        ("A (b) C <a@x.example> (d)", one("A C", "a", "x.example")),
        ("A <a@x.example (nested (comment) \\) here)>", one("A", "a", "x.example")),
        ("=?utf-8?q?J=C3=A9r=C3=B4me?= <a@x.example>", one("Jérôme", "a", "x.example")),
        ("Jérôme <a@x.example>", one("Jérôme", "a", "x.example")),
        ('"a b"@x.example', one("", "a b", "x.example")),
        ('"a"@x.example', one("", "a", "x.example")),
        ("a . b @ x . example", one("", "a.b", "x.example")),
        ("a@[192.0.2.1]", one("", "a", "[192.0.2.1]")),
        ("a@[IPv6:2001:db8::1]", one("", "a", "[IPv6:2001:db8::1]")),
        ("a@bücher.example", one("", "a", "xn--bcher-kva.example")),
        ("<@r.example,@s.example:a@x.example>", one("", "a", "x.example")),
        ("a@x.example,", one("", "a", "x.example")),
    ],
)
def test_what_rfc_5322_allows_is_well_formed(value: str, expected: AddressList) -> None:
    assert parse_address_list(value) == expected


def test_groups() -> None:
    found = parse_address_list("Team: a@x.example, B <b@y.example>;, Nobody:;, c@z.example")
    assert found.groups == ("Team", "Nobody")
    assert [mailbox.address for mailbox in found.mailboxes] == ["a@x.example", "b@y.example", "c@z.example"]
    assert found.well_formed


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@x.example <b@y.example>", ["b@y.example"]),
        ("a@x.example [work] <b@y.example>", ["b@y.example"]),
        ("Shop, Inc. <a@x.example>", ["a@x.example"]),
        ("a..b@x.example", ["a..b@x.example"]),
        ("a.@x.example", ["a.@x.example"]),
        ("a@x.example;", ["a@x.example"]),
        ("Re: mail <a@x.example>", ["a@x.example"]),
        ("G: H: a@x.example;;", ["a@x.example"]),
        ("G: a@x.example", ["a@x.example"]),
        ("name only", []),
    ],
)
def test_faults_that_change_no_address_are_told_apart(value: str, addresses: list[str]) -> None:
    found = parse_address_list(value)
    assert not found.well_formed
    assert found.clear
    assert written(found) == addresses


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@b@x.example", ["a@b", "b@x.example"]),
        ("a b@x.example", ["ab@x.example"]),
        ("a@x.example b@y.example", ["a@x.example", "b@y.example"]),
        ("<a@x.example>:<b@y.example>", ["a@x.example", "b@y.example"]),
        ("<<a@x.example>>", ["a@x.example"]),
        ("<a@x.example> <b@y.example>", ["a@x.example", "b@y.example"]),
        ("<a@x.example", ["a@x.example"]),
        ("a@-x.example", ["a@-x.example"]),
        ("a@x..example", ["a@x..example"]),
        ("a@[192.0.2.300]", ["a@[192.0.2.300]"]),
        ("a@", []),
        ("@x.example", []),
        ('"a@x.example', []),
        ("(a@x.example", []),
        ("\\a@x.example", ["a@x.example"]),
        ("a@x.example\0", ["a@x.example"]),
    ],
)
def test_what_readers_may_see_differently_is_not_clear(value: str, addresses: list[str]) -> None:
    found = parse_address_list(value)
    assert not found.well_formed
    assert not found.clear
    assert written(found) == addresses


def test_case_104_a_quoted_name_with_a_comma_is_one_mailbox() -> None:
    """CVE-2023-27043: the address in angle brackets is the only one."""
    found = parse_address_list('"alice@x.example," <bob@y.example>')
    assert [mailbox.address for mailbox in found.mailboxes] == ["bob@y.example"]


def test_mailboxes_are_bounded() -> None:
    found = parse_address_list(",".join(["a@x.example"] * 500))
    assert len(found.mailboxes) == MAX_MAILBOXES
    assert not found.well_formed


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=20)
LOCAL_PARTS = st.from_regex(r"[a-z0-9+_-]{1,8}(\.[a-z0-9]{1,5})?", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z][a-z0-9]{0,7}\.example", fullmatch=True)


@given(st.lists(st.tuples(NAMES, LOCAL_PARTS, DOMAINS), min_size=1, max_size=4))
def test_what_the_standard_library_writes_is_read_back(people: list[tuple[str, str, str]]) -> None:
    value = ", ".join(formataddr((name, f"{local_part}@{domain}")) for name, local_part, domain in people)
    found = parse_address_list(value)
    assert found.well_formed
    assert [(one.mailbox.local_part, one.mailbox.domain) for one in found.mailboxes] == [
        (local_part, domain) for _, local_part, domain in people
    ]


@given(NAMES, LOCAL_PARTS, DOMAINS)
def test_the_short_way_agrees_with_the_whole_parser(name: str, local_part: str, domain: str) -> None:
    for value in (
        f"{local_part}@{domain}",
        f"{name} <{local_part}@{domain}>",
        f'"{name}" <{local_part}@{domain}>',
    ):
        assert parse_address_list(value) == _Reader().read(value.strip(" \t"))


@given(
    st.tuples(NAMES, LOCAL_PARTS, DOMAINS).map(lambda parts: formataddr((parts[0], f"{parts[1]}@{parts[2]}")))
)
def test_the_standard_library_reads_the_same_address(value: str) -> None:
    expected = AddressHeader.value_parser(value).all_mailboxes
    found = parse_address_list(value)
    assert [mailbox.address for mailbox in found.mailboxes] == [mailbox.addr_spec for mailbox in expected]
