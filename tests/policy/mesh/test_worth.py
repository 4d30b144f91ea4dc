"""What claims are worth: quorum, weights, ends; and what a peer's own word is worth after what it did."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.mesh.assertion import Evidence
from clement.policy.mesh.key import KeyId
from clement.policy.mesh.standing import COSTS, FULL, HEARD_FROM, Fault, Standing
from clement.policy.mesh.worth import Ban, Claim, decide

NOW_S = 1_790_000_000
DAY_S = 86_400
ANNA, BRUNO, CARLA, DORA = (KeyId(name * 26) for name in "abcd")
ONE_EACH = dict.fromkeys((ANNA, BRUNO, CARLA, DORA), 1.0)
EVIDENCE = Evidence((("content", 3),), NOW_S - 60, NOW_S)


def claim(origin: KeyId, network: str = "198.51.100.7/32", hours: float = 24) -> Claim:
    return Claim(ip_network(network), origin, int(NOW_S + hours * 3600), EVIDENCE)


def decided(*claims: Claim, weights: dict[KeyId, float] = ONE_EACH, quorum: float = 2) -> dict[str, Ban]:
    return {str(ban.network): ban for ban in decide(claims, weights, quorum, NOW_S)}


def test_one_voice_is_no_quorum_however_often_it_is_heard() -> None:
    assert not decided(claim(ANNA), claim(ANNA), claim(ANNA, "198.51.100.0/24"))


def test_two_voices_are() -> None:
    ban = decided(claim(ANNA), claim(BRUNO))["198.51.100.7/32"]
    assert {each.origin for each in ban.claims} == {ANNA, BRUNO}
    assert ban.weight == 2


def test_who_is_not_heard_and_who_is_not_known_count_nothing() -> None:
    assert not decided(claim(ANNA), claim(BRUNO), weights={ANNA: 1.0, CARLA: 1.0})


def test_weights_count() -> None:
    assert decided(claim(ANNA), weights={ANNA: 2.0})
    assert not decided(claim(ANNA), claim(BRUNO), weights={ANNA: 1.0, BRUNO: 0.5})
    assert decided(*(claim(who) for who in ONE_EACH), weights=dict.fromkeys(ONE_EACH, 0.5))


def test_a_claim_counts_for_what_lies_inside_it_and_not_for_what_lies_around_it() -> None:
    bans = decided(claim(ANNA, "198.51.100.0/24"), claim(BRUNO, "198.51.100.7/32"))
    assert set(bans) == {"198.51.100.7/32"}
    bans = decided(claim(ANNA, "2001:db8:1::/48"), claim(BRUNO, "2001:db8:1:2::/64"), claim(CARLA))
    assert set(bans) == {"2001:db8:1:2::/64"}


def test_a_ban_ends_when_the_rest_is_no_quorum() -> None:
    ban = decided(claim(ANNA, hours=1), claim(BRUNO, hours=2), claim(CARLA, hours=3))["198.51.100.7/32"]
    assert ban.expires_at_s == NOW_S + 2 * 3600


def test_what_has_expired_is_no_claim() -> None:
    assert not decided(claim(ANNA), claim(BRUNO, hours=0))


origins = st.sampled_from(sorted(ONE_EACH))
some_networks = st.sampled_from(["198.51.100.0/24", "198.51.100.0/25", "198.51.100.7/32", "203.0.113.9/32"])
some_claims = st.lists(st.builds(claim, origins, some_networks, st.integers(-2, 48)), max_size=20)


@given(some_claims, st.sampled_from([0.5, 1, 2, 3, 4, 5]), st.randoms(use_true_random=False))
def test_every_ban_has_its_quorum_to_its_end_and_order_changes_nothing(
    claims: list[Claim], quorum: float, order: object
) -> None:
    bans = decide(claims, ONE_EACH, quorum, NOW_S)
    for ban in bans:
        in_force = {
            each.origin
            for each in claims
            if ban.network.subnet_of(each.network) and each.expires_at_s >= ban.expires_at_s  # type: ignore[arg-type]
        }
        assert len(in_force) >= quorum
        assert ban.expires_at_s > NOW_S
    order.shuffle(claims)  # type: ignore[attr-defined]
    again = decide(claims, ONE_EACH, quorum, NOW_S)
    assert [(ban.network, ban.expires_at_s, ban.weight) for ban in again] == [
        (ban.network, ban.expires_at_s, ban.weight) for ban in bans
    ]


# --- Standing -------------------------------------------------------------------------------------------


def test_faults_cost_and_time_restores() -> None:
    standing = Standing(FULL, NOW_S).after(Fault.CONTRADICTED, NOW_S, times=5)
    assert standing.score_at(NOW_S) == HEARD_FROM
    assert standing.is_heard(NOW_S)
    standing = standing.after(Fault.CONTRADICTED, NOW_S)
    assert not standing.is_heard(NOW_S)
    assert standing.is_heard(NOW_S + 5 * DAY_S)
    assert standing.score_at(NOW_S + 1000 * DAY_S) == FULL


def test_a_clock_that_goes_back_gives_and_takes_nothing() -> None:
    standing = Standing(60, NOW_S)
    assert standing.score_at(NOW_S - DAY_S) == 60
    assert standing.after(Fault.FLOODED, NOW_S - DAY_S) == Standing(40, NOW_S)


@given(st.lists(st.tuples(st.sampled_from(Fault), st.integers(0, 10 * DAY_S)), max_size=30))
def test_a_score_stays_within_its_bounds(faults: list[tuple[Fault, int]]) -> None:
    standing = Standing()
    for fault, at_s in faults:
        standing = standing.after(fault, NOW_S + at_s)
        assert 0 <= standing.score <= FULL - COSTS[fault]


@pytest.mark.parametrize("fault", Fault)
def test_one_fault_of_form_or_content_silences_nobody_but_equivocation(fault: Fault) -> None:
    heard = Standing().after(fault, NOW_S).is_heard(NOW_S)
    assert heard is (fault is not Fault.EQUIVOCATED)
