"""From claims in SQL to what the server lists are told: quorum, local veto, and standing."""

from ipaddress import ip_network

import pytest
from django.db import transaction

from clement.cli.mesh_parts import roster_of
from clement.cli.mesh_weighing import Weighing
from clement.config.mesh import MeshPeerSettings, MeshSettings
from clement.journal.records import MeshRecord
from clement.policy.mesh.assertion import Evidence, Kind, Statement, sign
from clement.policy.mesh.key import PrivateKey
from clement.policy.network import Standing
from clement.store import mesh_writer, models
from clement.store.access import mesh as access
from clement.store.access.actor import Actor
from clement.store.actions.network import add_network
from clement.store.log_ids import first_id_at

NOW_S = 1_790_000_000
OURS, ANNA, BRUNO, CARLA = (PrivateKey(bytes([number]) * 32) for number in range(1, 5))
NAMES = {ANNA: "anna", BRUNO: "bruno", CARLA: "carla"}

pytestmark = pytest.mark.usefixtures("database")


def mesh_of(**settings: object) -> MeshSettings:
    peers = tuple(
        MeshPeerSettings(
            name=name,
            public_key=key.public.text,
            host="203.0.113.250" if name == "carla" else "",
            networks=(ip_network("203.0.113.251/32"),) if name == "carla" else (),
        )
        for key, name in NAMES.items()
    )
    return MeshSettings(enabled=True, peer=peers, **settings)  # type: ignore[arg-type]


def weighing(**settings: object) -> Weighing:
    mesh = mesh_of(**settings)
    return Weighing(mesh, roster_of(mesh, OURS))


def say(key: PrivateKey, network: str, *, kind: Kind = Kind.BAN, number: int = 1, hours: int = 24) -> None:
    """Have a peer's statement taken."""
    evidence = Evidence((("content", 12),), NOW_S - 3_600, NOW_S - 60) if kind is Kind.BAN else None
    sequence = NOW_S * 1_000_000 + number * 1_000 + hash(network) % 1_000
    statement = Statement(key.public.id, sequence, kind, ip_network(network), NOW_S + hours * 3600, evidence)
    record = MeshRecord("node", NOW_S, key.public.id, sequence, 0, sign(statement, key).encode())
    with transaction.atomic():
        mesh_writer.settle([record], lambda: NOW_S)


def accepted(address: str, count: int = 1) -> None:
    """Sessions of this client in which mail was accepted."""
    base = dict.fromkeys(("node", "service", "reason", "ending", "hello", "tls", "login"), "")
    numbers = dict.fromkeys(
        ("duration_us", "client_port", "person_key", "transaction_count", "bytes_received", "bytes_sent"), 0
    )
    for number in range(count):
        models.Session.objects.create(
            **base,
            **numbers,
            id=f"{first_id_at(NOW_S - 60)[:-4]}{address[-2:]}{number:02}"[:40],
            started_at_s=NOW_S - 60,
            client_address=address,
            outcome="accepted",
            transcript=b"",
        )


def told() -> dict[str, set[str]]:
    """Networks that the server lists have been told of, and by whom."""
    found: dict[str, set[str]] = {}
    for each in access.handed_over():
        found.setdefault(each.network, set()).add(each.peer)
    return found


def test_what_two_say_is_handed_over_with_those_who_say_it() -> None:
    say(ANNA, "198.51.100.7/32", hours=10)
    weighing().weigh(NOW_S)
    assert not told()
    say(BRUNO, "198.51.100.0/24", hours=20)
    weighing().weigh(NOW_S)
    assert told() == {"198.51.100.7/32": {"anna", "bruno"}}
    handed = access.handed_over()
    assert sum(each.worth for each in handed) >= 1
    assert {each.expires_at_s for each in handed} == {NOW_S + 36_000, NOW_S + 72_000}


def test_what_is_taken_back_is_withdrawn() -> None:
    for key in (ANNA, BRUNO):
        say(key, "198.51.100.7/32")
    weighing().weigh(NOW_S)
    assert told()
    say(ANNA, "198.51.100.7/32", kind=Kind.UNBAN, number=2)
    weighing().weigh(NOW_S)
    assert not told()


def test_what_has_ended_is_withdrawn() -> None:
    say(ANNA, "198.51.100.7/32", hours=1)
    say(BRUNO, "198.51.100.7/32", hours=2)
    weigher = weighing()
    weigher.weigh(NOW_S)
    assert told()
    weigher.weigh(NOW_S + 3_601)
    assert not told()


@pytest.mark.parametrize("standing", [Standing.TRUSTED, Standing.RELAYABLE, Standing.BANNED])
@pytest.mark.parametrize("network", ["198.51.100.7/32", "198.51.100.0/24"])
def test_what_an_administrator_has_spoken_of_is_left_to_him(
    root: Actor, standing: Standing, network: str
) -> None:
    add_network(root, network, standing)
    for key in (ANNA, BRUNO):
        say(key, "198.51.100.7/32")
    weighing().weigh(NOW_S)
    assert not told()


@pytest.mark.parametrize("network", ["203.0.113.250/32", "203.0.113.251/32", "203.0.113.0/24"])
def test_no_word_of_others_bans_a_peer(network: str) -> None:
    for key in (ANNA, BRUNO):
        say(key, network)
    weighing().weigh(NOW_S)
    assert not told()


@pytest.mark.parametrize("network", ["198.51.100.7/32", "198.51.100.0/24", "198.51.100.0/28"])
def test_good_mail_protects_and_costs_the_accuser(network: str) -> None:
    accepted("198.51.100.7", 5)
    for key in (ANNA, BRUNO):
        say(key, network)
    weigher = weighing(veto_messages=5)
    for _ in range(3):
        weigher.weigh(NOW_S)
    assert not told()
    scores = access.standings(NOW_S)
    assert (scores[ANNA.public.id], scores[BRUNO.public.id]) == (90, 90)


def test_too_little_good_mail_protects_nobody() -> None:
    accepted("198.51.100.7", 4)
    for key in (ANNA, BRUNO):
        say(key, "198.51.100.7/32")
    weighing(veto_messages=5).weigh(NOW_S)
    assert told()
    assert access.standings(NOW_S)[ANNA.public.id] == 100


def test_whoever_is_not_heard_counts_nothing() -> None:
    for key in (ANNA, BRUNO):
        say(key, "198.51.100.7/32")
    models.MeshPeer.objects.filter(key=ANNA.public.id).update(score=49, scored_at_s=NOW_S)
    weighing().weigh(NOW_S)
    assert not told()
    say(CARLA, "198.51.100.7/32")
    weighing().weigh(NOW_S)
    assert told() == {"198.51.100.7/32": {"bruno", "carla"}}
