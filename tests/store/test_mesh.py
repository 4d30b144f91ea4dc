"""The mesh in SQL: each statement once, the latest in force, and who pays for what."""

from ipaddress import ip_network

import pytest
from django.db import transaction

from clement.journal.records import MeshRecord
from clement.policy.mesh.assertion import Evidence, Kind, Statement, parse_assertion, sign
from clement.policy.mesh.key import PrivateKey
from clement.policy.mesh.snapshot import decode_snapshot, encode_snapshot
from clement.store import mesh_writer, models
from clement.store.access import mesh as access
from clement.store.access.actor import Actor
from clement.store.actions import mesh as actions
from clement.store.log_writer import SqlLogWriter

NOW_S = 1_790_000_000
OURS, ANNA, BRUNO = (PrivateKey(bytes([number]) * 32) for number in range(1, 4))
NETWORK = ip_network("198.51.100.7/32")
EVIDENCE = Evidence((("content", 12), ("virus", 1)), NOW_S - 3_600, NOW_S - 60)

pytestmark = pytest.mark.usefixtures("database")


def said(
    number: int,
    *,
    key: PrivateKey = ANNA,
    kind: Kind = Kind.BAN,
    network: str = "198.51.100.7/32",
    life_s: int = 86_400,
    by: PrivateKey | None = None,
) -> MeshRecord:
    """What a peer hands over at position `number`."""
    statement = Statement(
        key.public.id,
        NOW_S * 1_000_000 + number,
        kind,
        ip_network(network),
        NOW_S + life_s,
        EVIDENCE if kind is Kind.BAN else None,
    )
    handed_by = (by or key).public.id
    return MeshRecord("node", NOW_S, handed_by, number, int(by is not None), sign(statement, key).encode())


def refused(number: int, why: str) -> MeshRecord:
    return MeshRecord("node", NOW_S, ANNA.public.id, number, 0, refusal=why)


def take(*records: MeshRecord) -> None:
    with transaction.atomic():
        mesh_writer.settle(records, lambda: NOW_S)


def in_force() -> list[tuple[str, str, int]]:
    found = models.MeshEntry.objects.order_by("position").values_list("kind", "network", "sequence")
    return [(kind, network, sequence - NOW_S * 1_000_000) for kind, network, sequence in found]


def score(key: PrivateKey = ANNA) -> float:
    return access.standings(NOW_S).get(key.public.id, 100.0)


def test_what_comes_twice_and_on_other_ways_is_there_once() -> None:
    take(said(1), said(1), said(2, network="198.51.100.8/32"))
    take(said(1, by=BRUNO), said(1))
    assert in_force() == [("ban", "198.51.100.7/32", 1), ("ban", "198.51.100.8/32", 2)]
    assert score() == score(BRUNO) == 100


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_the_latest_is_in_force_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    each = {1: said(1), 2: said(2, kind=Kind.UNBAN), 3: said(3)}
    take(*(each[number] for number in order))
    assert in_force() == [("ban", "198.51.100.7/32", 3)]


def test_an_unban_ends_a_ban_and_a_replay_does_not_bring_it_back() -> None:
    take(said(1))
    assert len(access.claims(NOW_S)) == 1
    take(said(2, kind=Kind.UNBAN))
    take(said(1), said(1, by=BRUNO))
    assert not access.claims(NOW_S)
    assert in_force() == [("unban", "198.51.100.7/32", 2)]


def test_two_statements_of_one_number_cost_their_origin() -> None:
    take(said(1), said(1, network="198.51.100.8/32", by=BRUNO))
    assert in_force() == [("ban", "198.51.100.7/32", 1)]
    assert score() == 40
    assert score(BRUNO) == 100


@pytest.mark.parametrize(
    ("why", "left"),
    [
        ("signature", 70), ("malformed", 90), ("network", 90), ("flooded", 80),
        ("expired", 100), ("unknown-origin", 100), ("version", 100),
    ],
)  # fmt: skip
def test_faults_cost_whoever_handed_it_over(why: str, left: int) -> None:
    take(refused(1, why))
    assert score() == left


def test_positions_are_remembered_and_given_in_order(root: Actor) -> None:
    take(said(17), said(3, network="198.51.100.8/32"), refused(20, "expired"))
    row = access.peers(root, NOW_S)[ANNA.public.id]
    assert (row.have, row.taken_today) == (20, 3)
    actions.take([], ANNA.public.id, 99, NOW_S)
    assert access.peers(root, NOW_S)[ANNA.public.id].have == 99
    positions = [entry.position for entry in access.entries(root, NOW_S)]
    assert positions == sorted(set(positions))
    assert positions[0] >= NOW_S * 1_000_000


def test_numbers_go_on_when_the_clock_goes_back() -> None:
    with transaction.atomic():
        first = mesh_writer.Numbers(NOW_S).next()
    with transaction.atomic():
        assert mesh_writer.Numbers(NOW_S - 3_600).next() == first + 1


def test_a_contradiction_is_paid_once(root: Actor) -> None:
    take(said(1))
    (entry,) = access.uncontradicted(NOW_S)
    assert not actions.contradict(entry, 7, NOW_S)
    assert not actions.contradict(entry, 7, NOW_S)
    assert score() == 90
    assert not access.uncontradicted(NOW_S)
    for number in range(2, 7):
        take(said(number, network=f"198.51.100.{number + 10}/32"))
    fell = [actions.contradict(entry, 7, NOW_S) for entry in access.uncontradicted(NOW_S)]
    assert fell == [False, False, False, False, True]
    actions.restore_standing(root, ANNA.public.id, NOW_S)
    assert score() == 100


def test_what_has_expired_and_who_is_no_peer_any_more_is_forgotten() -> None:
    take(said(1, life_s=10), said(2, network="198.51.100.8/32"), said(3, key=BRUNO))
    actions.tidy({OURS.public.id, ANNA.public.id}, NOW_S + 60)
    assert in_force() == [("ban", "198.51.100.8/32", 2)]


def test_the_log_s_writer_takes_what_receivers_took() -> None:
    writer = SqlLogWriter("node")
    writer.write([said(1), refused(2, "signature")], {"segment": 10})
    writer.write([said(1), refused(2, "signature")], {"segment": 10})
    assert in_force() == [("ban", "198.51.100.7/32", 1)]
    assert score() > 69


# --- What we say ----------------------------------------------------------------------------------------


def publish(*bans: actions.OwnBan, at_s: float = NOW_S, life_s: float = 86_400) -> int:
    return actions.publish(OURS, bans, life_s, at_s)


def test_we_say_what_is_new_once_and_take_back_what_no_longer_holds() -> None:
    ban = actions.OwnBan(NETWORK, NOW_S + 7 * 86_400, EVIDENCE)
    assert publish(ban) == 1
    assert publish(ban, at_s=NOW_S + 60) == 0
    (entry,) = access.own(OURS.public.id, NOW_S)
    assert entry.expires_at_s == NOW_S + 86_400
    assert parse_assertion(entry.text).is_signed_by(OURS.public)
    assert publish(at_s=NOW_S + 120) == 1
    (entry,) = access.own(OURS.public.id, NOW_S)
    assert (entry.kind, entry.expires_at_s) == (Kind.UNBAN, NOW_S + 86_400)
    assert publish(at_s=NOW_S + 180) == 0
    assert publish(ban, at_s=NOW_S + 240) == 1


def test_we_say_it_again_when_half_its_life_is_over_or_much_more_is_known() -> None:
    ban = actions.OwnBan(NETWORK, 0, EVIDENCE)
    more = actions.OwnBan(NETWORK, 0, Evidence((("content", 26),), NOW_S - 3_600, NOW_S))
    assert publish(ban) == 1
    assert publish(ban, at_s=NOW_S + 43_000) == 0
    assert publish(ban, at_s=NOW_S + 43_300) == 1
    assert publish(more, at_s=NOW_S + 43_400) == 1


def test_a_later_statement_never_ends_before_an_earlier_one() -> None:
    publish(actions.OwnBan(NETWORK, 0, EVIDENCE))
    shorter = actions.OwnBan(NETWORK, NOW_S + 600, Evidence((("content", 99),), NOW_S - 60, NOW_S))
    assert publish(shorter, at_s=NOW_S + 60) == 1
    (entry,) = access.own(OURS.public.id, NOW_S)
    assert entry.expires_at_s == NOW_S + 86_400


def test_receivers_are_told_what_is_in_force() -> None:
    publish(actions.OwnBan(NETWORK, 0, EVIDENCE))
    take(said(1), said(5, key=BRUNO, by=ANNA))
    snapshot = decode_snapshot(encode_snapshot(access.snapshot(NOW_S)))
    assert [entry.handed_by for entry in snapshot.entries] == ["", ANNA.public.id, ANNA.public.id]
    assert snapshot.until == snapshot.entries[-1].position == access.last_number()
    assert snapshot.have[ANNA.public.id] == 5
    page = snapshot.page(BRUNO.public.id, 0)
    assert [(entry.hops, parse_assertion(entry.text).statement.origin) for entry in page.entries] == [
        (0, OURS.public.id),
        (1, ANNA.public.id),
    ]
