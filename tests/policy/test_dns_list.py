"""Names that lists are asked for, what their answers mean, and what listings are worth together."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.dns_list import (
    LONGEST_REASON,
    NOT_LISTED,
    Asked,
    DnsList,
    ListAnswer,
    ListKind,
    Reading,
    name_to_ask,
    parse_code_weight,
    read_answer,
    reversed_address,
    told_reason,
    weigh,
)

BLOCK = DnsList(zone="bl.example")
ALLOW = DnsList(zone="wl.example", kind=ListKind.ALLOW, weight=5)


def listing(weight: float, of: DnsList = BLOCK, subject: str = "192.0.2.1") -> ListAnswer:
    return ListAnswer(of, Asked.CLIENT, subject, reading=Reading(("127.0.0.2",), weight))


def silence(of: DnsList) -> ListAnswer:
    return ListAnswer(of, Asked.CLIENT, "192.0.2.1", failed="no answer")


def test_addresses_are_reversed_as_rfc_5782_says() -> None:
    assert reversed_address(ip_address("192.0.2.99")) == "99.2.0.192"
    six = "2001:db8:1:2:3:4:567:89ab"
    assert (
        reversed_address(ip_address(six)) == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MX.Sender.Example.", "mx.sender.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("_dmarc.example", "_dmarc.example"),
        ("localhost", ""),
        ("192.0.2.1", ""),
        ("[192.0.2.1]", ""),
        ("a..example", ""),
        ("a b.example", ""),
        ("a.example\r\nx", ""),
        ("a." * 127 + "example", ""),
        ("", ""),
    ],
)
def test_only_names_are_asked_for(text: str, name: str) -> None:
    assert name_to_ask(text) == name


@given(st.text(max_size=300))
def test_whatever_a_client_calls_itself_the_name_is_one(text: str) -> None:
    name = name_to_ask(text)
    assert name.isascii()
    assert len(name) <= 253
    assert not set(name) & set(" \r\n\0/@:")


@pytest.mark.parametrize(
    ("codes", "records", "weight"),
    [
        ((), ["127.0.0.2"], 3),
        ((), ["127.0.0.200", "127.0.0.2"], 3),
        (("127.0.0.2=4",), ["127.0.0.2"], 4),
        (("127.0.0.2=4",), ["127.0.0.3"], 0),
        (("127.0.0.4/30=2", "127.0.0.0/24=1"), ["127.0.0.6"], 2),
        (("127.0.0.4/30=2", "127.0.0.0/24=1"), ["127.0.0.9", "127.0.0.7"], 2),
        (("&0.0.0.8=2.5",), ["127.0.0.10"], 2.5),
        (("&0.0.0.8=2.5",), ["127.0.0.6"], 0),
    ],
)
def test_a_code_is_worth_what_the_list_s_settings_say(
    codes: tuple[str, ...], records: list[str], weight: float
) -> None:
    of = DnsList(zone="bl.example", codes=tuple(map(parse_code_weight, codes)))
    assert read_answer(of, records) == Reading(tuple(records), weight)


def test_an_allow_list_speaks_for_the_client() -> None:
    assert read_answer(ALLOW, ["127.0.10.1"]).weight == -5


@pytest.mark.parametrize("text", ["", "127.0.0.2", "=4", "127.0.0.2=", "127.0.0.2=-1", "127.0.0.2=nan"])
def test_codes_that_say_nothing_are_no_codes(text: str) -> None:
    with pytest.raises(ValueError, match="expected codes and their weight"):
        parse_code_weight(text)


@pytest.mark.parametrize("text", ["127.0.0.2=1e3", "&0.0.0.0=1", "&127.0.0.0=1", "127.0.0.3/30=2", "::1=1"])
def test_codes_that_no_list_gives_are_no_codes(text: str) -> None:
    with pytest.raises(ValueError, match="expected codes and their weight"):
        parse_code_weight(text)


@pytest.mark.parametrize("text", ["127.0.0.2=4", "127.0.0.4/30=2.5", "&0.0.0.8=2"])
def test_codes_are_shown_as_they_are_written(text: str) -> None:
    assert str(parse_code_weight(text)) == text


@pytest.mark.parametrize("code", ["127.255.255.254", "127.255.255.252", "127.255.255.255", "127.0.0.1"])
def test_you_may_not_ask_is_never_a_listing(code: str) -> None:
    for records in ([code], [code, "127.0.0.2"], ["127.0.0.2", code]):
        reading = read_answer(BLOCK, records)
        assert (reading.refusal, reading.codes, reading.weight) == (code, (), 0)


def test_a_list_may_have_a_code_of_its_own_for_you_may_not_ask() -> None:
    of = DnsList(zone="wl.example", kind=ListKind.ALLOW, refusals=("127.0.0.255",))
    assert read_answer(of, ["127.0.0.255"]) == Reading(refusal="127.0.0.255")
    assert read_answer(of, ["127.0.10.1"]).weight == -3


def test_case_092_an_answer_outside_127_is_no_listing() -> None:
    assert read_answer(BLOCK, ["203.0.113.5"]) == Reading(odd="203.0.113.5")
    assert read_answer(BLOCK, ["203.0.113.5", "127.0.0.2"]) == Reading(("127.0.0.2",), 3, odd="203.0.113.5")
    assert read_answer(BLOCK, []) is NOT_LISTED


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=20))
def test_case_092_whatever_the_answer_only_codes_weigh(records: list[str]) -> None:
    reading = read_answer(BLOCK, records)
    assert set(reading.codes) <= set(records)
    assert all(IPv4Address(code).is_loopback for code in reading.codes)
    assert (reading.weight > 0) is bool(reading.codes)


def test_weights_are_added_and_the_gravest_is_named() -> None:
    light, heavy = listing(1), listing(2.5)
    assert weigh([light], 3).gravest is None
    assert weigh([light, heavy], 3).gravest is heavy
    assert weigh([light, heavy], 3.6).gravest is None


def test_an_allow_list_of_enough_weight_rescues() -> None:
    assert weigh([listing(4), listing(-5, ALLOW)], 3).gravest is None
    assert weigh([listing(4), listing(-0.5, ALLOW)], 3).gravest is not None


def test_nothing_that_speaks_for_a_client_makes_it_listed_whatever_the_threshold() -> None:
    assert weigh([listing(-5, ALLOW)], 0).gravest is None
    assert weigh([], 0).gravest is None


def test_case_090_an_allow_list_that_was_not_heard_may_have_rescued() -> None:
    assert weigh([listing(4), silence(ALLOW)], 3).unheard is not None
    assert weigh([listing(9), silence(ALLOW)], 3).unheard is None, "not even it could have"
    assert weigh([listing(4), silence(BLOCK)], 3).unheard is None


def test_the_reason_is_the_list_s_own_or_where_to_read_it_or_the_code() -> None:
    page = DnsList(zone="bl.example", lookup_url="https://bl.example/?q={listed}")
    assert told_reason(listing(3, page), "spam seen") == ": spam seen"
    assert told_reason(listing(3, page), "  ") == ", see https://bl.example/?q=192.0.2.1"
    assert told_reason(listing(3), "") == " (127.0.0.2)"


@given(st.text(max_size=2000))
def test_case_092_a_list_s_words_are_bounded_and_plain(text: str) -> None:
    told = told_reason(listing(3), text)
    assert len(told) <= LONGEST_REASON + 2
    assert told.isascii()
    assert told.isprintable()
