"""The mesh with three real servers on loopback: their own databases, keys, certificates and processes."""

from __future__ import annotations

import smtplib

import pytest

from tests.fixtures.programs import wait_until
from tests.mesh.sites import LONG_S, Mesh, any_certificate, deliver

BAD, WORSE, ODD, GOOD = "203.0.113.7", "203.0.113.8", "203.0.113.9", "198.51.100.20"


@pytest.mark.timeout(300)
def test_a_ban_travels_a_quorum_decides_one_comes_back_and_an_unban_ends_it(mesh: Mesh) -> None:
    anna, bruno, carla = mesh("anna", "bruno", "carla")

    # What one has learnt reaches the others, and one voice bans nobody.
    anna.bans(BAD)
    for site in (bruno, carla):
        site.hears((anna, "ban", BAD))
        assert not site.with_quorum()
    deliver(carla, BAD)

    # One goes away, and hears what was said meanwhile when it comes back: once, and no more of it than that.
    carla.program.stop()
    bruno.bans(BAD)
    anna.bans(WORSE)
    bruno.hears((anna, "ban", WORSE))
    carla.start()
    carla.hears((anna, "ban", WORSE), (bruno, "ban", BAD))
    assert carla.said() == {
        (anna.key_id, "ban", f"{BAD}/32"),
        (anna.key_id, "ban", f"{WORSE}/32"),
        (bruno.key_id, "ban", f"{BAD}/32"),
    }
    # Two voices are a quorum; the one message that carla has accepted is not history enough for a veto.
    wait_until(lambda: carla.with_quorum() == {f"{BAD}/32"}, "two of two say so", LONG_S)
    carla.conclude()
    wait_until(lambda: carla.refuses(BAD), "carla bans it", LONG_S)
    assert not carla.refuses(WORSE)
    assert carla.shown() == {
        ("anna", "ban", f"{BAD}/32"),
        ("anna", "ban", f"{WORSE}/32"),
        ("bruno", "ban", f"{BAD}/32"),
    }

    # Taken back by one, there is no quorum any more.
    anna.verb(f"network remove {BAD}/32")
    carla.hears((anna, "unban", BAD))
    wait_until(lambda: not carla.with_quorum(), "one of two is not enough", LONG_S)
    carla.conclude()
    wait_until(lambda: not carla.refuses(BAD), "carla lets it in again", LONG_S)

    # Nothing is told twice: once what was taken stands in SQL, further calls hand nothing over.
    def a_call_brings_nothing() -> bool:
        calls, taken = carla.calls_to(anna), carla.taken_from(anna)
        wait_until(lambda: carla.calls_to(anna) > calls, "another call", LONG_S)
        return carla.taken_from(anna) == taken

    wait_until(lambda: a_call_brings_nothing() and a_call_brings_nothing(), "two calls bring nothing", LONG_S)
    for site in (anna, bruno, carla):
        assert all(site.standing(peer) == 100 for peer in (anna, bruno, carla))


@pytest.mark.timeout(300)
def test_a_liar_bans_nobody_and_loses_its_standing(mesh: Mesh) -> None:
    liar, bruno, carla = mesh("liar", "bruno", "carla", settings="quorum = 1\nveto_messages = 1")
    victims = [f"198.51.100.{number}" for number in range(20, 26)]
    for address in victims:
        deliver(carla, address)
    # What it is asked about before its log stands in SQL, it believes for minutes.
    wait_until(
        lambda: carla.accepted_from() >= {*victims}, "carla knows whom it has accepted mail from", LONG_S
    )
    liar.bans(*victims)
    carla.hears(*((liar, "ban", address) for address in victims))
    wait_until(lambda: carla.standing(liar) < 50, "the liar is not heard any more", LONG_S)
    assert not carla.with_quorum()
    deliver(carla, victims[0])
    assert carla.standing(bruno) == 100

    # Not heard: what it says of others, of whom carla knows nothing good, counts nothing either.
    liar.bans(WORSE)
    carla.hears((liar, "ban", WORSE))
    bruno.bans(BAD)
    wait_until(lambda: carla.with_quorum() == {f"{BAD}/32"}, "bruno is heard, the liar is not", LONG_S)
    assert "contradicted" in carla.verb("mesh log")
    assert [row["heard"] for row in carla.rows("mesh peers") if row["name"] == "liar"] == [False]

    # Its people have explained themselves.
    carla.verb("mesh restore liar")
    wait_until(lambda: f"{WORSE}/32" in carla.with_quorum(), "the liar is heard again", LONG_S)


@pytest.mark.timeout(300)
def test_a_stranger_sees_an_ordinary_server(mesh: Mesh) -> None:
    anna, _bruno = mesh("anna", "bruno")
    stranger = anna.from_afar(GOOD)
    replies = [stranger.docmd("XMESH", "HELLO 1")]
    stranger.ehlo()
    replies.append(stranger.docmd("XMESH"))
    stranger.starttls(context=any_certificate())
    replies.append(stranger.docmd("XMESH", "PULL 0"))
    stranger.ehlo()
    assert not stranger.has_extn("xmesh")
    replies.append(stranger.docmd("XMESH", f"HELLO 1 {'a' * 26} {'n' * 22}"))
    stranger.docmd("MAIL", "FROM:<>")
    replies.append(stranger.docmd("XMESH", "HELLO"))
    unknown = stranger.docmd("XUNHEARDOF", "HELLO")
    assert set(replies) == {unknown}

    # From where a peer calls: nothing before TLS, and afterwards nothing without its key.
    neighbour = smtplib.SMTP(*anna.mx, local_hostname="client.example")
    neighbour.ehlo()
    assert not neighbour.has_extn("xmesh")
    assert neighbour.docmd("XMESH", "HELLO 1") == unknown
    neighbour.starttls(context=any_certificate())
    neighbour.ehlo()
    assert neighbour.esmtp_features["xmesh"] == "1"
    assert neighbour.docmd("XMESH", "PULL 0")[0] == 530
    assert neighbour.docmd("XMESH", f"HELLO 1 {'a' * 26} {'n' * 22}")[0] == 250
    assert neighbour.docmd("XMESH", f"PROVE {'A' * 86}")[0] == 535
    with pytest.raises(smtplib.SMTPServerDisconnected):
        neighbour.docmd("NOOP")
