"""Paths: what is one, what is not, and the normal form of those that are."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.smtp import (
    NULL_REVERSE_PATH,
    POSTMASTER,
    AddressError,
    AddressFault,
    Mailbox,
    parse_domain,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
)
from clement.smtp.address import fold_local_part
from tests.smtp.core import Core


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("a@b", "a", "b"),
        ("A.b+c@Example.ORG", "A.b+c", "example.org"),
        ("!#$%&'*+/=?^_`{|}~-@b.test", "!#$%&'*+/=?^_`{|}~-", "b.test"),
        ('"a b"@b.test', "a b", "b.test"),
        ('"a\\"\\\\b"@b.test', 'a"\\b', "b.test"),
        ('"plain"@b.test', "plain", "b.test"),
        ('""@b.test', "", "b.test"),
        ('"a@b"@c.test', "a@b", "c.test"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:2001:DB8::1]", "a", "[IPv6:2001:db8::1]"),
        ("a@[ipv6:2001:db8:0::1]", "a", "[IPv6:2001:db8::1]"),
        ("@x.test:a@b.test", "a", "b.test"),
        ("@x.test,@[192.0.2.1]:a@b.test", "a", "b.test"),
        ("a@host_name.test", "a", "host_name.test"),
        ("a@xn--bcher-kva.test", "a", "xn--bcher-kva.test"),
    ],
)
def test_mailboxes(text: str, local_part: str, domain: str) -> None:
    mailbox = parse_mailbox(text.encode())
    assert mailbox == Mailbox(local_part, domain)
    assert parse_mailbox(str(mailbox).encode()) == mailbox


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a", AddressFault.SYNTAX),
        ("@b.test", AddressFault.SYNTAX),
        (".a@b.test", AddressFault.SYNTAX),
        ("a.@b.test", AddressFault.SYNTAX),
        ("a..b@b.test", AddressFault.SYNTAX),
        ("a b@b.test", AddressFault.SYNTAX),
        ("a@b@c.test", AddressFault.SYNTAX),
        ('a"b"@c.test', AddressFault.SYNTAX),
        ('"a"b"@c.test', AddressFault.SYNTAX),
        ('"a\\"@c.test', AddressFault.SYNTAX),
        ("@x.test a@b.test", AddressFault.SYNTAX),
        ("@x.test:", AddressFault.SYNTAX),
        ("a@", AddressFault.DOMAIN),
        ("a@b.", AddressFault.DOMAIN),
        ("a@.b", AddressFault.DOMAIN),
        ("a@-b.test", AddressFault.DOMAIN),
        ("a@b-.test", AddressFault.DOMAIN),
        ("a@b..test", AddressFault.DOMAIN),
        ("a@b test", AddressFault.DOMAIN),
        ("a@xn---", AddressFault.DOMAIN),
        ("a@xn--.test", AddressFault.DOMAIN),
        ("a@" + "x" * 64 + ".test", AddressFault.DOMAIN),
        ("a@[192.0.2]", AddressFault.DOMAIN),
        ("a@[192.0.2.256]", AddressFault.DOMAIN),
        ("a@[2001:db8::1]", AddressFault.DOMAIN),
        ("a@[IPv6:fe80::1%eth0]", AddressFault.DOMAIN),
        ("a@[IPv6:::1", AddressFault.DOMAIN),
        ("a@[x400:c=de]", AddressFault.DOMAIN),
        ("a" * 250 + "@b.test", AddressFault.TOO_LONG),
        ("a@" + "b." * 130 + "test", AddressFault.TOO_LONG),
        ("b\xfccher@b.test", AddressFault.NOT_ASCII),
    ],
)
def test_what_is_no_mailbox(text: str, fault: AddressFault) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox(text.encode())
    assert caught.value.fault is fault


def test_long_local_parts_of_verp_are_taken() -> None:
    assert parse_mailbox(b"b" * 200 + b"@b.test").local_part == "b" * 200


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("b\xfccher@b.test", Mailbox("b\xfccher", "b.test")),
        ("a@b\xfccher.test", Mailbox("a", "xn--bcher-kva.test")),
        ("a@B\xdcCHER.test", Mailbox("a", "xn--bcher-kva.test")),
        ("\u7528\u6237@\u4f8b\u5b50.test", Mailbox("\u7528\u6237", "xn--fsqu00a.test")),
        ('"\xe4 \xf6"@b.test', Mailbox("\xe4 \xf6", "b.test")),
    ],
)
def test_smtputf8(text: str, mailbox: Mailbox) -> None:
    assert parse_mailbox(text.encode(), smtputf8=True) == mailbox
    with pytest.raises(AddressError, match="not ASCII"):
        parse_mailbox(text.encode())


@pytest.mark.parametrize(
    "octets",
    [
        b"a\x80@b.test",
        "a\x85@b.test".encode(),
        "a\u2028@b.test".encode(),
        "a\u202e@b.test".encode(),
        "a@fa\xdf.test".encode(),
        "a@a\u200db.test".encode(),
        "a@\u2024.test".encode(),
        b"a\xed\xa0\x80@b.test",
    ],
)
def test_what_smtputf8_does_not_allow(octets: bytes) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(octets, smtputf8=True)


def test_paths_that_are_no_mailbox() -> None:
    assert parse_reverse_path(b"") is NULL_REVERSE_PATH
    assert parse_forward_path(b"pOSTmaster") is POSTMASTER
    with pytest.raises(AddressError):
        parse_forward_path(b"")
    with pytest.raises(AddressError):
        parse_reverse_path(b"postmaster")
    assert str(NULL_REVERSE_PATH) == ""
    assert str(POSTMASTER) == "Postmaster"


def test_one_mailbox_has_one_key() -> None:
    keys = {parse_mailbox(text).key for text in (b"Bob@B.test", b'"bob"@b.TEST', b"@r.test:BOB@b.test")}
    assert keys == {"bob@b.test"}


@given(st.binary(max_size=80), st.booleans())
def test_any_octets_are_an_address_or_an_error(octets: bytes, smtputf8: bool) -> None:
    for parse in (parse_mailbox, parse_reverse_path, parse_forward_path):
        try:
            path = parse(octets, smtputf8=smtputf8)
        except AddressError:
            continue
        assert not {"\r", "\n", "\0"} & set(str(path))
        assert parse(str(path).encode(), smtputf8=smtputf8) == path


@given(st.text(max_size=60))
def test_any_text_is_a_domain_or_an_error(text: str) -> None:
    try:
        domain = parse_domain(text)
    except AddressError:
        return
    assert domain.isascii()
    assert parse_domain(domain) == domain


@given(st.from_regex(r"[A-Za-z0-9.!+=_\-]{1,20}@[A-Za-z0-9.\-]{1,20}", fullmatch=True))
def test_the_quick_way_and_the_full_grammar_agree(text: str) -> None:
    # A quoted local-part, or a source route, keeps a command off the quick way.
    def paths(core: Core) -> list[object]:
        return [getattr(event, "reverse_path", getattr(event, "forward_path", None)) for event in core.events]

    quick = Core().feed(b"EHLO c\r\n", f"MAIL FROM:<{text}>\r\n".encode())
    slow = Core().feed(b"EHLO c\r\n", f"MAIL FROM:<@route.test:{text}>\r\n".encode())
    assert paths(quick) == paths(slow)
    assert quick.codes == slow.codes


@pytest.mark.parametrize("written", ["ža.é", "z\u030ca.e\u0301", "Z\u030cA.É", "ŽA.E\u0301"])
def test_a_local_part_in_any_normal_form_is_one_mailbox_and_stays_as_it_was_said(written: str) -> None:
    mailbox = parse_mailbox(f"{written}@b.test".encode(), smtputf8=True)
    assert mailbox.key == "ža.é@b.test"
    assert (mailbox.local_part, str(mailbox)) == (written, f"{written}@b.test")


@given(st.text(max_size=30))
def test_whatever_is_canonically_equal_has_one_key(text: str) -> None:
    keys = {Mailbox(normalize(form, text), "b.test").key for form in ("NFC", "NFD")}
    assert len(keys | {Mailbox(text, "b.test").key}) == 1
    (key,) = keys
    assert fold_local_part(key) == key == normalize("NFC", key)


def test_a_small_letter_that_composes_only_when_it_is_small_is_composed() -> None:
    assert fold_local_part("J\u030c") == fold_local_part("\u01f0") == "\u01f0"
