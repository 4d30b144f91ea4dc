"""XMESH from the server's side: who gets in, what is taken, and what a peer that misbehaves gets to do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clement.journal.records import MeshRecord
from clement.policy.mesh.assertion import Evidence, Kind, Statement, sign
from clement.policy.mesh.exchange import PAGE_ENTRIES, parse_page, parse_proven
from clement.policy.mesh.key import PrivateKey
from clement.policy.mesh.proof import Meeting, Role
from clement.policy.mesh.roster import Peer, Quotas, Roster
from clement.policy.mesh.snapshot import (
    LoggedEntry,
    MeshSnapshot,
    decode_snapshot,
    encode_snapshot,
)
from clement.server.mesh_desk import MeshDesk
from clement.server.mesh_session import MeshSession, told
from clement.smtp import Reply, replies

NOW_S = 1_790_000_000
OURS, ANNA, BRUNO = (PrivateKey(bytes([number]) * 32) for number in range(1, 4))
HOME, ELSEWHERE = ip_address("192.0.2.1"), ip_address("203.0.113.9")
CERTIFICATE = "c" * 64
NONCE = "n" * 22


@dataclass
class Journal:
    records: list[MeshRecord] = field(default_factory=list)
    safe: bool = True

    def append(self, record: MeshRecord) -> None:
        self.records.append(record)

    def flush(self) -> bool:
        return self.safe


@dataclass
class Feed:
    current: MeshSnapshot = field(default_factory=MeshSnapshot)


@dataclass
class House:
    """A desk, and sessions at it."""

    quotas: Quotas = field(default_factory=Quotas)
    journal: Journal = field(default_factory=Journal)
    feed: Feed = field(default_factory=Feed)
    now_s: float = NOW_S

    def __post_init__(self) -> None:
        peers = (
            Peer("anna", ANNA.public, networks=(ip_network("192.0.2.1/32"),), quotas=self.quotas),
            Peer("bruno", BRUNO.public, networks=(ip_network("192.0.2.2/32"),)),
        )
        generator = random.Random(1)
        self.desk = MeshDesk(
            OURS,
            Roster(OURS.public.id, peers),
            self.feed,
            self.journal,
            "node",
            lambda: self.now_s,
            generator.randbytes,
        )

    def session(self) -> MeshSession:
        return MeshSession(self.desk, HOME, CERTIFICATE)

    def proven(self) -> MeshSession:
        session = self.session()
        assert proof(session, ANNA).is_positive
        return session


def proof(session: MeshSession, key: PrivateKey, certificate: str = CERTIFICATE) -> Reply:
    """Go through HELLO and PROVE as `key`; the answer to the latter."""
    hello = say(session, f"HELLO 1 {key.public.id} {NONCE}")
    meeting = Meeting(key.public.id, OURS.public.id, NONCE, hello.text[0], certificate)
    return say(session, f"PROVE {key.sign(meeting.signed_octets(Role.CLIENT))}")


def say(session: MeshSession, text: str) -> Reply:
    return session.answer(text.encode("ascii"))


def ban(number: int = 1, **changed: object) -> str:
    statement = Statement(
        ANNA.public.id,
        NOW_S * 1_000_000 + number,
        Kind.BAN,
        ip_network("198.51.100.7/32"),
        NOW_S + 86_400,
        Evidence((("spam", 12),), NOW_S - 3_600, NOW_S - 60),
    )
    return sign(replace(statement, **changed), ANNA).encode()


def test_both_sides_prove_who_they_are() -> None:
    house = House(feed=Feed(MeshSnapshot(have={ANNA.public.id: 17})))
    session = house.session()
    hello = say(session, f"HELLO 1 {ANNA.public.id} {NONCE}")
    meeting = Meeting(ANNA.public.id, OURS.public.id, NONCE, hello.text[0], CERTIFICATE)
    answer = say(session, f"PROVE {ANNA.sign(meeting.signed_octets(Role.CLIENT))}")
    signature, have = parse_proven(answer.text[0])
    assert OURS.public.verifies(signature, meeting.signed_octets(Role.SERVER))
    assert not OURS.public.verifies(signature, meeting.signed_octets(Role.CLIENT))
    assert have == 17


@pytest.mark.parametrize("key", [BRUNO, PrivateKey(bytes(32))], ids=["wrong address", "stranger"])
def test_whoever_is_no_peer_at_this_address_learns_that_at_the_proof_alone(key: PrivateKey) -> None:
    assert proof(House().session(), key) is replies.MESH_PROOF_WRONG


def test_a_proof_made_for_another_certificate_is_worth_nothing() -> None:
    """Somebody in the middle shows a certificate of his own, and hands on what the client signed for it."""
    assert proof(House().session(), ANNA, certificate="d" * 64) is replies.MESH_PROOF_WRONG


def test_a_proof_cannot_be_used_again() -> None:
    house = House()
    first = house.session()
    hello = say(first, f"HELLO 1 {ANNA.public.id} {NONCE}")
    meeting = Meeting(ANNA.public.id, OURS.public.id, NONCE, hello.text[0], CERTIFICATE)
    overheard = f"PROVE {ANNA.sign(meeting.signed_octets(Role.CLIENT))}"
    assert say(first, overheard).is_positive
    second = house.session()
    say(second, f"HELLO 1 {ANNA.public.id} {NONCE}")
    assert say(second, overheard) is replies.MESH_PROOF_WRONG


@pytest.mark.parametrize("command", ["PULL 0", f"PUSH 1 0 {ban()}"])
def test_nothing_is_told_or_taken_before_the_proof(command: str) -> None:
    house = House()
    assert say(house.session(), command) is replies.MESH_UNPROVEN
    assert not house.journal.records


def test_what_is_taken_is_in_the_journal_before_it_is_answered() -> None:
    house = House()
    session = house.proven()
    assert say(session, f"PUSH 5 0 {ban()}") is replies.MESH_OK
    (record,) = house.journal.records
    assert (record.peer, record.position, record.assertion) == (ANNA.public.id, 5, ban())
    house.journal.safe = False
    assert say(session, f"PUSH 6 0 {ban(2)}") is replies.LOCAL_ERROR


def test_a_refused_assertion_says_why_and_is_remembered() -> None:
    house = House()
    session = house.proven()
    forged = ban()[:-86] + "A" * 86
    assert say(session, f"PUSH 5 0 {forged}") is replies.MESH_SIGNATURE_WRONG
    assert say(session, "PUSH 6 0 nonsense") is replies.MESH_VERSION_UNKNOWN
    wide = say(session, f"PUSH 7 0 {ban(network=ip_network('198.51.0.0/16'))}")
    assert wide.text == ("Not taken: network",)
    assert [record.refusal for record in house.journal.records] == ["signature", "version", "network"]


def test_a_statement_from_the_future_may_come_again() -> None:
    house = House()
    early = ban(sequence=(NOW_S + 3_600) * 1_000_000, expires_at_s=NOW_S + 90_000)
    assert say(house.proven(), f"PUSH 5 0 {early}") is replies.MESH_NOT_YET
    assert not house.journal.records


def test_a_flood_ends_the_session_and_is_remembered() -> None:
    house = House(quotas=Quotas(per_session=3))
    session = house.proven()
    said = [say(session, f"PUSH {number} 0 {ban(number)}") for number in range(1, 15)]
    assert said[:3] == [replies.MESH_OK] * 3
    assert said[3:13] == [replies.MESH_QUOTA] * 10
    assert said[13] is replies.MESH_FLOOD
    assert replies.MESH_FLOOD.closes
    assert [record.refusal for record in house.journal.records] == ["", "", "", "flooded"]


def test_a_day_s_quota_holds_for_all_sessions_and_ends_with_the_day() -> None:
    house = House(quotas=Quotas(per_day=2))
    session = house.proven()
    assert say(session, f"PUSH 1 0 {ban(1)}").is_positive
    session.end()
    session = house.proven()
    assert say(session, f"PUSH 2 0 {ban(2)}").is_positive
    assert say(session, f"PUSH 3 0 {ban(3)}") is replies.MESH_QUOTA
    house.now_s += 86_400
    late = ban(sequence=(NOW_S + 80_000) * 1_000_000, expires_at_s=NOW_S + 200_000)
    assert say(session, f"PUSH 3 0 {late}").is_positive


def test_asking_without_end_spends_the_same_quota() -> None:
    house = House(quotas=Quotas(per_day=3))
    session = house.proven()
    said = [say(session, "PULL 0").code for _ in range(14)]
    assert said == [250] * 3 + [452] * 10 + [421]
    assert [record.refusal for record in house.journal.records] == ["flooded"]


def test_a_peer_is_in_no_more_than_two_sessions_at_once() -> None:
    house = House()
    first, _second = house.proven(), house.proven()
    assert proof(house.session(), ANNA) is replies.MESH_FLOOD
    first.end()
    first.end()
    house.proven()
    assert proof(house.session(), ANNA) is replies.MESH_FLOOD


def test_too_many_commands_end_the_session() -> None:
    session = House(quotas=Quotas(commands_per_session=4)).proven()
    said = [say(session, "PULL 0") for _ in range(5)]
    assert said[-1] is replies.MESH_FLOOD
    assert all(reply.is_positive for reply in said[:-1])


def test_the_log_is_told_in_pages_that_fit_the_lines_of_smtp() -> None:
    entries = tuple(LoggedEntry(position, 0, OURS.public.id, "", ban(position)) for position in range(1, 71))
    session = House(feed=Feed(MeshSnapshot(entries, until=75))).proven()
    after, told_positions = 0, []
    while True:
        reply = say(session, f"PULL {after}")
        assert all(len(line) <= 512 for line in reply.wire.splitlines(keepends=True))
        page = parse_page(reply.text, after)
        assert len(page.entries) <= PAGE_ENTRIES
        told_positions += [entry.position for entry in page.entries]
        after = page.until
        if not page.has_more:
            break
    assert told_positions == list(range(1, 71))
    assert after == 75
    assert len(told(reply).text) == 2


def test_a_peer_is_not_told_its_own_words_nor_what_it_gave_us() -> None:
    entries = (
        LoggedEntry(1, 0, ANNA.public.id, ANNA.public.id, "1 anna"),
        LoggedEntry(2, 0, BRUNO.public.id, BRUNO.public.id, "1 bruno"),
        LoggedEntry(3, 1, BRUNO.public.id, ANNA.public.id, "1 bruno by anna"),
        LoggedEntry(4, 3, BRUNO.public.id, "far", "1 too far travelled"),
        LoggedEntry(5, 0, OURS.public.id, "", "1 ours"),
    )
    snapshot = decode_snapshot(encode_snapshot(MeshSnapshot(entries, until=5)))
    page = snapshot.page(ANNA.public.id, 0)
    assert [(entry.position, entry.hops) for entry in page.entries] == [(2, 1), (5, 0)]


words = st.sampled_from(["HELLO", "PROVE", "PULL", "PUSH", "1", "0", ANNA.public.id, NONCE, "A" * 86, ban()])
arguments = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=500),
    st.lists(words, max_size=5).map(" ".join),
)


@given(st.lists(arguments, max_size=8), st.booleans())
def test_any_commands_are_answered_and_break_nothing(commands: list[str], is_proven: bool) -> None:
    house = House()
    session = house.proven() if is_proven else house.session()
    for command in commands:
        assert isinstance(say(session, command), Reply)
