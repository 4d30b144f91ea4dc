"""A real server and a peer that is played by the test: floods, forgeries, replays, and who pays for them."""

from __future__ import annotations

import smtplib

import pytest

from clement.policy.mesh.key import PrivateKey
from tests.fixtures.programs import wait_until
from tests.mesh.sites import LONG_S, MESSAGE, RECIPIENT, FalsePeer, Mesh, deliver

BAD, GOOD = "203.0.113.7", "198.51.100.20"


@pytest.mark.timeout(300)
def test_a_flooding_peer_is_cut_off_and_mail_is_not_touched(mesh: Mesh) -> None:
    anna, bruno = mesh("anna", "bruno", peer_settings="entries_per_exchange = 5")
    anna.program.stop()
    peer = FalsePeer(anna.key, bruno)
    assert peer.prove() == 250
    said = []
    mail = bruno.from_afar(GOOD)
    for number in range(1, 100):
        said.append(peer.push(number, peer.ban(number, f"203.0.113.{number}")))
        mail.sendmail("", [RECIPIENT], MESSAGE)
        if said[-1] == 421:
            break
    with pytest.raises(smtplib.SMTPServerDisconnected):
        peer.docmd("NOOP")
    assert said == [250] * 5 + [452] * 10 + [421]
    assert len(bruno.messages()) == len(said)
    wait_until(lambda: bruno.standing(anna) == 80, "a flood costs standing", LONG_S)
    assert bruno.taken_from(anna) == 6
    assert len(bruno.said()) == 5
    deliver(bruno, GOOD)


@pytest.mark.timeout(300)
def test_replayed_and_forged_assertions_have_no_effect(mesh: Mesh) -> None:
    anna, bruno = mesh("anna", "bruno", settings="quorum = 1")
    anna.program.stop()
    peer = FalsePeer(anna.key, bruno)
    assert peer.prove() == 250
    first = peer.ban(1, BAD)
    assert peer.push(1, first) == 250
    wait_until(lambda: bruno.with_quorum() == {f"{BAD}/32"}, "one is enough here", LONG_S)
    known = bruno.said()

    # The same again, whatever position it is said to have; then what anna has not signed.
    assert peer.push(2, first) == 250
    assert peer.push(3, first[:-1] + ("A" if first[-1] != "A" else "Q")) == 554
    stranger = PrivateKey(bytes(32))
    theirs = FalsePeer(stranger, bruno)
    assert peer.push(4, theirs.ban(1, GOOD), hops=1) == 554
    assert peer.push(5, peer.ban(2, "127.0.0.1")) == 554
    wait_until(lambda: bruno.standing(anna) < 100, "a forgery costs standing", LONG_S)
    assert bruno.said() == known

    # Whoever has no peer's key does not get so far.
    assert theirs.prove() == 535
    with pytest.raises(smtplib.SMTPServerDisconnected):
        theirs.docmd("NOOP")
