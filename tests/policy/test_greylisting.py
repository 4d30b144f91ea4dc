"""Whose turn it is to come back: contacts, their sources, and the time they have."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.finding import Finding, Result
from clement.policy.greylisting import (
    KEPT_S,
    Contact,
    Seen,
    Turn,
    host_names,
    minute,
    network_of,
    source_of,
    spf_domain,
    steady,
    turn_of,
    waiting,
)
from clement.smtp import Mailbox, parse_mailbox

NOW_S, DELAY_S, WINDOW_S = 1_795_644_300.0, 240, 172_800
CONTACT = Contact("192.0.2.0/24", "a@sender.example", "anna@local.example")


def turn(seen: Seen | None, now_s: float = NOW_S) -> Turn:
    return turn_of(seen, now_s, DELAY_S, WINDOW_S)


def test_a_stranger_is_new_then_early_then_returned_then_known() -> None:
    assert turn(None) is Turn.FIRST
    seen = Seen(NOW_S, NOW_S)
    assert turn(seen) is Turn.EARLY
    assert turn(seen, NOW_S + DELAY_S - 1) is Turn.EARLY
    assert turn(seen, NOW_S + DELAY_S) is Turn.RETURNED
    assert turn(seen, NOW_S + WINDOW_S) is Turn.RETURNED
    assert turn(seen, NOW_S + WINDOW_S + 1) is Turn.FIRST
    known = Seen(NOW_S, NOW_S + DELAY_S, returned=True)
    assert turn(known, NOW_S + DELAY_S + KEPT_S) is Turn.KNOWN
    assert turn(known, NOW_S + DELAY_S + KEPT_S + 1) is Turn.FIRST


def test_a_clock_that_was_put_back_keeps_nobody_waiting_for_years() -> None:
    assert turn(Seen(NOW_S + 3600, NOW_S + 3600)) is Turn.FIRST
    assert turn(Seen(NOW_S + 1, NOW_S + 1)) is Turn.EARLY


@given(st.integers(0, 10**6), st.integers(1, 3600))
def test_who_tries_again_and_again_gets_through_within_the_window(first: int, every_s: int) -> None:
    """Retries that are not further apart than the window is long always succeed."""
    seen, now_s = Seen(first, first), float(first)
    for _ in range(DELAY_S // every_s + 1):
        now_s += every_s
    assert turn(seen, now_s) is Turn.RETURNED


@pytest.mark.parametrize(
    ("client", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("0.0.0.1", "0.0.0.0/24")],
)
def test_hosts_of_one_network_count_as_one(client: str, network: str) -> None:
    assert network_of(ip_address(client)) == network


def test_a_domain_that_spf_passed_is_the_source_instead() -> None:
    """Outlook's pools retry from other networks (field item 15)."""
    mailbox = parse_mailbox(b"a@sender.example")
    passed = Finding("spf", Result.PASS)
    assert spf_domain(mailbox, [passed]) == "sender.example"
    for other in (
        Finding("spf", Result.NEUTRAL),
        Finding("spf", Result.SOFTFAIL),
        Finding("hello", Result.PASS),
        Finding("spf", Result.PASS, detail="HELO: mx.sender.example allows 192.0.2.1 (a)"),
    ):
        assert not spf_domain(mailbox, [other])
    one, other = ip_address("192.0.2.1"), ip_address("203.0.113.1")
    assert source_of(one, "sender.example") == source_of(other, "sender.example") == "@sender.example"


def test_a_host_name_counts_when_the_address_proves_it() -> None:
    evidence = [Finding("iprev", Result.PASS, detail="mail.Example. (192.0.2.1)")]
    assert host_names(evidence) == ["mail.example"]
    assert host_names([Finding("iprev", Result.FAIL, detail="mail.example")]) == []


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("bounces+4711-ab3f-anna=local.example@em.shop.example", "bounces+99-xy@em.shop.example"),
        ("0102018abc-11aa-000000@amazonses.example", "0102019def-22bb-000001@amazonses.example"),
        ("list-bounce-4711-anna@lists.example", "list-bounce-4712-anna@lists.example"),
        ("SRS0=Xy1z=AB=origin.example=carol@fwd.example", "SRS0=Zz9q=AC=origin.example=carol@fwd.example"),
        (
            "SRS1=Q1=first.example==Xy1z=AB=origin.example=carol@fwd.example",
            "SRS1=R2=first.example==Zz9q=AC=origin.example=carol@fwd.example",
        ),
        ("prvs=0123abcdef=carol@sender.example", "prvs=1124fedcba=carol@sender.example"),
        ("Carol@sender.example", "carol@sender.example"),
    ],
)
def test_what_differs_from_message_to_message_does_not_make_a_stranger(one: str, another: str) -> None:
    assert steady(parse_mailbox(one.encode())) == steady(parse_mailbox(another.encode()))


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("carol@sender.example", "dora@sender.example"),
        ("carol@a.example", "carol@b.example"),
        ("SRS0=Xy1z=AB=origin.example=carol@fwd.example", "SRS0=Xy1z=AB=origin.example=dora@fwd.example"),
        ("SRS0=Xy1z=AB=a.example=carol@fwd.example", "SRS0=Xy1z=AB=b.example=carol@fwd.example"),
    ],
)
def test_people_stay_apart(one: str, another: str) -> None:
    assert steady(parse_mailbox(one.encode())) != steady(parse_mailbox(another.encode()))


@given(st.text(min_size=1, max_size=250), st.sampled_from(["x.example", "[192.0.2.1]"]))
def test_any_local_part_has_a_steady_form(local_part: str, domain: str) -> None:
    form = steady(Mailbox(local_part, domain))
    assert form.endswith(f"@{domain}")
    again = Mailbox(*form.rsplit("@", 1))
    assert len(steady(again)) <= len(form)


def test_the_words_say_when_to_come_back_and_when_it_will_arrive() -> None:
    assert minute(NOW_S) == "22:05 UTC"
    assert minute(NOW_S + 1) == "22:06 UTC"
    said = waiting(Turn.FIRST, CONTACT, NOW_S, NOW_S, DELAY_S, 0)
    assert said == (
        "first contact from 192.0.2.0/24; try again after 22:09 UTC (in 240 s); "
        "will arrive by about 22:20 UTC"
    )
    early = waiting(Turn.EARLY, CONTACT, NOW_S, NOW_S + 200.5, DELAY_S, 600)
    assert early == "too early; try again after 22:09 UTC (in 40 s); will arrive by about 22:15 UTC"
