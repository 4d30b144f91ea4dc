"""Reputation as arithmetic: decay, certainty, weight, and words that a stranger may read."""

from ipaddress import ip_address, ip_network
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.deeds import deferral_cause, is_stranger, refusal_cause
from clement.policy.list_rules import ListRules
from clement.policy.reason import Reason
from clement.policy.reputation import (
    CAUSES,
    UNWANTED,
    WORDS,
    Cause,
    Kind,
    Reputation,
    ReputationIndex,
    Tally,
    badness,
    client_network,
    distinct,
    log_odds,
    lower_bound,
    site_network,
    words_of,
)

HALF_LIFE_S = 100.0


def test_after_a_half_life_an_event_counts_half() -> None:
    tally = Tally.empty()
    tally.add(Cause.ACCEPTED, 8, 1000.0, HALF_LIFE_S)
    tally.settle(1100.0, HALF_LIFE_S)
    assert tally.good() == pytest.approx(4)
    assert tally.counts() == {"accepted": 8}


@given(st.lists(st.tuples(st.sampled_from(CAUSES), st.integers(1, 50), st.floats(1, 10_000)), max_size=20))
def test_events_may_come_in_any_order(events: list[tuple[Cause, int, float]]) -> None:
    there, back = Tally.empty(), Tally.empty()
    for cause, count, at_s in events:
        there.add(cause, count, at_s, HALF_LIFE_S)
    for cause, count, at_s in reversed(events):
        back.add(cause, count, at_s, HALF_LIFE_S)
    assert there.totals == back.totals
    assert there.decayed == pytest.approx(back.decayed, rel=1e-6, abs=1e-9)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_share_is_never_surer_than_what_was_seen(good: float, unwanted: float) -> None:
    certain = badness(good, unwanted)
    assert 0 <= certain <= 1
    if good + unwanted:
        assert certain <= unwanted / (good + unwanted) + 1e-9


def test_few_events_say_little() -> None:
    assert lower_bound(2, 2) < 0.4
    assert lower_bound(200, 200) > 0.95
    assert lower_bound(0, 0) == 0


def test_the_same_unknown_recipient_counts_but_a_few_times() -> None:
    tally = Tally.empty()
    tally.add(Cause.UNKNOWN_RECIPIENT, 100, 1.0, HALF_LIFE_S)
    assert tally.unwanted() == pytest.approx(100)  # nothing is known of the recipients
    tally.spread = 1
    assert tally.unwanted() < 4
    tally.spread = (1 << 63) - 1
    assert tally.unwanted() == pytest.approx(100)
    assert distinct(0) == distinct((1 << 63) - 1) == inf


def test_weights_are_bounded_and_nothing_known_weighs_nothing() -> None:
    assert log_odds(0, 0) == 0
    assert log_odds(0, 1e9) == 4
    assert log_odds(1e9, 0) == -4


def test_words_for_the_client_name_the_gravest_causes() -> None:
    counts = {"virus": 14, "unknown-recipient": 200, "accepted": 3, "unruly": 1}
    assert words_of(counts) == "214 unknown recipients and viruses"
    assert words_of({"accepted": 3}) == ""
    assert set(WORDS) == set(UNWANTED)


def test_an_ipv6_client_is_its_64_and_a_site_its_48() -> None:
    client = client_network(ip_address("2001:db8:1:2:3::4"))
    assert (client, site_network(client)) == (ip_network("2001:db8:1:2::/64"), ip_network("2001:db8:1::/48"))
    assert site_network(client_network(ip_address("192.0.2.77"))) == ip_network("192.0.2.0/24")


def test_private_addresses_are_nobodys() -> None:
    for text in ("10.1.2.3", "127.0.0.1", "fe80::1", "fd00::1", "192.168.7.7"):
        assert not is_stranger(ip_address(text))
    assert is_stranger(ip_address("192.0.2.1"))


def test_our_own_faults_are_nobodys_deeds() -> None:
    assert refusal_cause("some-future-reason") is Cause.REFUSED
    assert deferral_cause("some-future-reason") is Cause.DEFERRED
    assert refusal_cause(Reason.OWN_FAULT) is None
    for reason in (Reason.SERVER_BANNED, Reason.NETWORK_BANNED, Reason.NETWORK_UNWELCOME):
        assert refusal_cause(reason) not in UNWANTED


def test_the_index_answers_for_clients_names_and_the_best_known_domain() -> None:
    index = ReputationIndex(
        (
            Reputation(Kind.CLIENT, "192.0.2.1/32", 2.0, 1, 20),
            Reputation(Kind.HELLO, "mx.far.example", -1.0, 10, 2),
            Reputation(Kind.DOMAIN, "a.example", -1.0, 10, 2),
            Reputation(Kind.DOMAIN, "b.example", -3.0, 100, 2),
        )
    )
    found = index.client(ip_address("192.0.2.1"))
    assert found is not None
    assert found.weight == 2.0
    assert index.client(ip_address("192.0.2.2")) is None
    assert index.hello("MX.far.example") is not None
    best = index.domains(["a.example", "b.example", "c.example"])
    assert best is not None
    assert best.subject == "b.example"
    assert ReputationIndex().hello("mx.far.example") is None


def test_a_network_with_one_bad_client_is_not_banned_however_bad_it_is() -> None:
    assert not ListRules().bans_site([(0.0, 1000.0), *[(0.0, 0.5)] * 100])


def test_what_costs_good_mail_in_proportion_is_borne() -> None:
    rules = ListRules()
    assert not rules.costs_too_much(2, 0)
    assert rules.costs_too_much(3, 20)
    assert not rules.costs_too_much(3, 200)
