"""Assertions: one way to write each, no octets that break the reader, no signature that fits another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clement.policy.mesh.acceptance import (
    CLOCK_SKEW_S,
    FAULTS,
    Refusal,
    judge,
    may_be_asserted,
)
from clement.policy.mesh.assertion import (
    MAX_ASSERTION_OCTETS,
    Assertion,
    AssertionMalformed,
    Evidence,
    Kind,
    Statement,
    parse_assertion,
    sign,
)
from clement.policy.mesh.exchange import MAX_HOPS, Entry
from clement.policy.mesh.key import (
    KeyUnusable,
    PrivateKey,
    PublicKey,
    parse_private_key,
    parse_public_key,
)
from clement.policy.mesh.lifetime import LONGEST_LIFE_S
from clement.policy.mesh.roster import Peer, Roster

NOW_S = 1_790_000_000
OURS, ANNA, BRUNO, STRANGER = (PrivateKey(bytes([number]) * 32) for number in range(1, 5))
PEERS = (Peer("anna", ANNA.public), Peer("bruno", BRUNO.public))
ROSTER = Roster(OURS.public.id, PEERS)

networks = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda pair: ip_network((pair[0] >> (32 - pair[1]) << (32 - pair[1]), pair[1]))
    ),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda pair: ip_network((pair[0] >> (128 - pair[1]) << (128 - pair[1]), pair[1]))
    ),
)
numbers = st.integers(1, 10**18 - 1)
times = st.integers(1, 253_402_300_799)
causes = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20), numbers, min_size=1, max_size=6
).map(lambda counts: tuple(sorted(counts.items())))
evidences = st.builds(Evidence, causes, times, times)
bans = st.builds(Statement, st.just(ANNA.public.id), numbers, st.just(Kind.BAN), networks, times, evidences)
unbans = st.builds(Statement, st.just(ANNA.public.id), numbers, st.just(Kind.UNBAN), networks, times)
statements = st.one_of(bans, unbans)


def a_ban(**changed: object) -> Statement:
    """A ban by Anna that everybody would take."""
    statement = Statement(
        ANNA.public.id,
        NOW_S * 1_000_000,
        Kind.BAN,
        ip_network("198.51.100.7/32"),
        NOW_S + 86_400,
        Evidence((("spam", 12), ("virus", 1)), NOW_S - 3_600, NOW_S - 60),
    )
    return replace(statement, **changed)


def judged(statement: Statement, *, hops: int = 0, by: Peer = PEERS[0]) -> Assertion | Refusal:
    return judge(Entry(1, hops, sign(statement, ANNA).encode()), by, ROSTER, NOW_S)


@given(statements)
def test_what_is_written_is_read_again_and_fits_its_line(statement: Statement) -> None:
    assertion = sign(statement, ANNA)
    text = assertion.encode()
    assert parse_assertion(text) == assertion
    assert len(text) <= MAX_ASSERTION_OCTETS
    assert assertion.is_signed_by(ANNA.public)
    assert not assertion.is_signed_by(BRUNO.public)


@given(st.one_of(st.text(max_size=600), st.binary(max_size=600).map(lambda octets: octets.decode("latin-1"))))
def test_any_text_is_an_assertion_or_is_none(text: str) -> None:
    with suppress(AssertionMalformed):
        assert parse_assertion(text).encode() == text


@given(statements, st.data())
def test_one_changed_octet_is_no_assertion_of_the_origin(statement: Statement, data: st.DataObject) -> None:
    text = sign(statement, ANNA).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(
        st.characters(min_codepoint=32, max_codepoint=126).filter(lambda char: char != text[at])
    )
    try:
        forged = parse_assertion(text[:at] + other + text[at + 1 :])
    except AssertionMalformed:
        return
    assert not forged.is_signed_by(ANNA.public)


@pytest.mark.parametrize(
    "text",
    [
        "198.51.100.7/32 01790000000",
        "198.51.100.7/24 1790086400",
        "198.51.100.007/32 1790086400",
        "2001:DB8::/48 1790086400",
        "2001:db8:0::/48 1790086400",
        "198.51.100.7 1790086400",
        "198.51.100.7/32 9999999999999",
    ],
)
def test_what_could_be_written_otherwise_is_refused(text: str) -> None:
    signature = "A" * 86
    with pytest.raises(AssertionMalformed):
        parse_assertion(f"1 {ANNA.public.id} 17 unban {text} {signature}")


@pytest.mark.parametrize("counts", ["virus=1,spam=2", "spam=1,spam=2", "spam=0", "spam=01", "spam", ""])
def test_causes_are_in_order_and_counted(counts: str) -> None:
    with pytest.raises(AssertionMalformed):
        parse_assertion(f"1 {ANNA.public.id} 17 ban 198.51.100.7/32 9 8 8 {counts} {'A' * 86}")


def test_nobody_signs_for_another() -> None:
    with pytest.raises(AssertionMalformed):
        sign(a_ban(), BRUNO)


def test_an_honest_assertion_is_taken_from_its_origin_and_from_a_relay() -> None:
    assert isinstance(judged(a_ban()), Assertion)
    assert isinstance(judged(a_ban(), hops=1, by=PEERS[1]), Assertion)
    assert isinstance(judged(a_ban(kind=Kind.UNBAN, evidence=None)), Assertion)


@dataclass(frozen=True)
class Case:
    statement: Statement
    refusal: Refusal
    hops: int = 0
    by: Peer = PEERS[0]


REFUSED = {
    "expired": Case(a_ban(expires_at_s=NOW_S), Refusal.EXPIRED),
    "too long a life": Case(a_ban(expires_at_s=NOW_S + LONGEST_LIFE_S + 1), Refusal.LIFETIME),
    "from the future": Case(a_ban(sequence=(NOW_S + CLOCK_SKEW_S + 1) * 10**6), Refusal.FUTURE),
    "too wide": Case(a_ban(network=ip_network("198.51.0.0/16")), Refusal.NETWORK),
    "private": Case(a_ban(network=ip_network("10.1.2.3/32")), Refusal.NETWORK),
    "seen backwards": Case(a_ban(evidence=Evidence((("spam", 1),), NOW_S, NOW_S - 1)), Refusal.TIMES),
    "relayed and not": Case(a_ban(), Refusal.HOPS, hops=1),
    "handed on as one's own": Case(a_ban(), Refusal.HOPS, by=PEERS[1]),
    "too far": Case(a_ban(), Refusal.HOPS, hops=MAX_HOPS + 1, by=PEERS[1]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_bounds_is_refused(name: str) -> None:
    case = REFUSED[name]
    assert judged(case.statement, hops=case.hops, by=case.by) is case.refusal


def test_a_stranger_has_no_voice_whoever_hands_it_on() -> None:
    statement = a_ban(origin=STRANGER.public.id)
    entry = Entry(1, 1, sign(statement, STRANGER).encode())
    assert judge(entry, PEERS[0], ROSTER, NOW_S) is Refusal.UNKNOWN_ORIGIN


def test_our_own_words_are_no_news() -> None:
    entry = Entry(1, 1, sign(a_ban(origin=OURS.public.id), OURS).encode())
    assert judge(entry, PEERS[0], ROSTER, NOW_S) is Refusal.OWN


def test_a_peer_cannot_take_back_what_another_said() -> None:
    forged = a_ban(kind=Kind.UNBAN, evidence=None, sequence=NOW_S * 1_000_000 + 1)
    signature = sign(replace(forged, origin=BRUNO.public.id), BRUNO).signature
    entry = Entry(2, 1, Assertion(forged, signature).encode())
    assert judge(entry, PEERS[1], ROSTER, NOW_S) is Refusal.SIGNATURE
    assert Refusal.SIGNATURE in FAULTS


@given(st.integers(0, 10**18 - 1), st.integers(0, 9), st.text(min_size=1, max_size=600))
def test_any_entry_is_judged_and_breaks_nothing(position: int, hops: int, text: str) -> None:
    assert isinstance(judge(Entry(position, hops, text), PEERS[0], ROSTER, NOW_S), Refusal)


def test_a_later_version_is_not_a_fault() -> None:
    assert judge(Entry(1, 0, "2 something else"), PEERS[0], ROSTER, NOW_S) is Refusal.VERSION
    assert Refusal.VERSION not in FAULTS


@given(networks)
def test_only_networks_of_the_whole_internet_are_asserted(network: object) -> None:
    if may_be_asserted(network):  # type: ignore[arg-type]
        assert not network.is_loopback  # type: ignore[attr-defined]
        assert not network.is_multicast  # type: ignore[attr-defined]


# --- Keys -----------------------------------------------------------------------------------------------


def test_keys_survive_being_written() -> None:
    assert parse_public_key(ANNA.public.text) == ANNA.public
    assert parse_private_key(ANNA.to_pem()).public == ANNA.public
    assert "redacted" in repr(ANNA)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_is_none(text: str) -> None:
    with pytest.raises(KeyUnusable):
        parse_public_key(text)


@given(st.binary(max_size=200))
def test_any_octets_are_a_private_key_or_are_none(octets: bytes) -> None:
    with pytest.raises(KeyUnusable):
        parse_private_key(octets)


@given(st.text(max_size=100), st.binary(max_size=100))
def test_any_signature_is_right_or_wrong(signature: str, octets: bytes) -> None:
    assert not PublicKey(bytes(31) + b"\x05").verifies(signature, octets)
    assert not ANNA.public.verifies(signature, octets)
