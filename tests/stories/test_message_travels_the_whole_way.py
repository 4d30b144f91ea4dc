"""One message: swaks, verdict, Maildir, SQL, and the story told afterwards."""

from collections.abc import Callable

import pytest

from scripts.eicar import EICAR
from tests.fixtures.clamd import Clamd
from tests.fixtures.swaks import SwaksRun
from tests.server.house import Builder, House

Swaks = Callable[..., SwaksRun]
ENVELOPE = ("--from", "author@sender.example", "--ehlo", "client.sender.example")

pytestmark = pytest.mark.peer


@pytest.fixture
def scanned_house(build: Builder, clamd: Clamd) -> House:
    return build(tables={"scanner": {"addresses": [f"unix:{clamd.unix_socket}"], "timeout_s": 20}})


def test_from_swaks_to_the_session_told(scanned_house: House, swaks: Swaks) -> None:
    house = scanned_house
    subject = ("--header", "Subject: the whole way")
    run = swaks(*ENVELOPE, *subject, "--to", "anna@local.example", server=house.address())
    assert run.exit_code == 0, run.transcript
    accepted = next(reply for reply in run.replies if "Accepted" in reply)
    transaction_id = accepted.partition("[")[2].partition("]")[0]

    [stored] = house.messages("anna@local.example")
    text = stored.read_bytes()
    top = b"Return-Path: <author@sender.example>\nDelivered-To: anna@local.example\nX-Clement-Score: +"
    assert text.startswith(top)
    assert text.splitlines()[3] == b"Authentication-Results: mx.clement.example;"
    assert text.index(b"\nReceived: ") < text.index(b"\nSubject: ")
    assert f"id {transaction_id}".encode() in text
    assert b"Subject: the whole way\n" in text

    row = house.wait_for_row(
        "SELECT outcome, reverse_path, subject, reply FROM clement_transaction WHERE id = ?", transaction_id
    )
    assert row[:3] == ("accepted", "author@sender.example", "the whole way")
    assert transaction_id in row[3]
    recipients = house.rows(
        "SELECT address, outcome FROM clement_recipient WHERE transaction_key = ?", transaction_id
    )
    assert recipients == [("anna@local.example", "accepted")]

    session_id = transaction_id.rpartition("-")[0]
    house.wait_for_row("SELECT 1 FROM clement_session WHERE id = ?", session_id)
    told = house.verb(f"session {session_id}")
    for words in (
        "127.0.0.1",
        "client.sender.example",
        "author@sender.example",
        "anna@local.example",
        "virus",
    ):
        assert words in told


def test_a_virus_is_refused_by_name_while_the_client_waits(scanned_house: House, swaks: Swaks) -> None:
    house = scanned_house
    letter = (*ENVELOPE, "--to", "anna@local.example")
    for attachment in ((), ("--attach-type", "application/zip", "--attach-name", "a.bin")):
        words = (
            ("--body", EICAR.decode()) if not attachment else (*attachment, "--attach-body", EICAR.decode())
        )
        run = swaks(*letter, *words, server=house.address())
        assert run.last_refusal.startswith("554 5.7.1"), run.transcript
        assert "Eicar" in run.last_refusal
    assert house.stored() == []
    house.wait_for_row("SELECT 1 FROM clement_transaction WHERE outcome = 'refused' AND reason = 'virus'")


def test_swaks_by_lmtp_and_over_tls(scanned_house: House, swaks: Swaks) -> None:
    house = scanned_house
    letter = (*ENVELOPE, "--to", "anna@local.example,bruno@local.example")
    assert swaks(*letter, "--protocol", "LMTP", server=house.address("lmtp")).exit_code == 0
    assert swaks(*letter, "--tls", server=house.address()).exit_code == 0
    assert len(house.stored()) == 4
    assert b"with LMTP id" in house.messages("anna@local.example")[0].read_bytes()
