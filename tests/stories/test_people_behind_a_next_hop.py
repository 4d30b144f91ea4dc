"""Whoever has his mail behind a next hop decides about it as others do: thresholds, held mail, reports."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

from tests.fixtures.programs import wait_until
from tests.server.furnish import PASSWORD
from tests.server.house import Builder, House
from tests.server.next_hop import Handed, NextHop
from tests.server.talk import message
from tests.stories.test_people_and_evidence_teach import attached

RITA, OTHER, SENDER = "rita@relay.example", "otto@relay.example", "shop@sender.example"
VERBS = (
    f"mailbox add {RITA}",
    f"person add {RITA} --password-file {{password}}",
    f"mailbox change {RITA} --owner {RITA} --quarantine-at 2",
    f"mailbox add {OTHER}",
    "rule add weigh subject casino --weight 2.5 --for domain:relay.example",
    f'digest set {RITA} "07:00 Europe/Zurich" --language fr',
)


def receive(house: House, recipient: str, subject: str) -> str:
    with house.client() as client:
        assert client.envelope(recipient, sender=SENDER)[-1].code == 250
        return client.content(message(subject)).text


def letters(handed: list[Handed]) -> list[EmailMessage]:
    """What of it Clement itself has sent."""
    found = [message_from_bytes(each.content, policy=default) for each in handed]
    return [cast("EmailMessage", each) for each in found if each["Auto-Submitted"]]


def test_a_person_behind_a_next_hop_has_thresholds_and_a_taste_of_his_own(
    build: Builder, next_hop: NextHop
) -> None:
    password = build.folder / "password"
    password.write_text(PASSWORD + "\n")
    tables = {"learning": {"report_spam": "spam@local.example"}}
    before = len(next_hop.messages)  # of other tests
    house = build(*(verb.format(password=password) for verb in VERBS), tables=tables)

    # Her threshold holds what others of her domain get, for plain and further addresses of hers.
    assert "held for the recipient" in receive(house, RITA, "casino tonight")
    assert "held for the recipient" in receive(house, "Rita+games@relay.example", "casino again")
    assert "held" not in receive(house, OTHER, "casino for all")
    assert "held" not in receive(house, RITA, "minutes")
    mailbox = house.rows("SELECT id FROM clement_mailbox WHERE address = ?", RITA)[0][0]
    held = "SELECT address, mailbox_key FROM clement_heldrecipient ORDER BY id"
    wait_until(lambda: len(house.rows(held)) == 2, "both are in the index")
    assert house.rows(held) == [(RITA, mailbox), ("Rita+games@relay.example", mailbox)]
    assert "casino tonight" in house.verb(f"digest preview {RITA}")

    # What she reports is her taste, and she is told at her next hop.
    with house.client("submissions") as client:
        assert client.log_in(RITA, PASSWORD).code == 235
        assert client.envelope("spam@local.example", sender=RITA)[-1].code == 250
        assert "learned as spam" in client.content(attached("offer1")).text
    act = "SELECT mailbox_key, actor FROM clement_teachingact WHERE way = 'report'"
    assert house.wait_for_row(act) == (mailbox, RITA)
    wait_until(lambda: bool(letters(next_hop.messages[before:])), "the receipt has come to the next hop")
    [receipt] = letters(next_hop.messages[before:])
    assert (receipt["To"], receipt["Subject"]) == (RITA, "Un message appris comme indésirable")

    # Released, it goes to her next hop.
    [first] = [row[0] for row in house.rows("SELECT id FROM clement_heldrecipient WHERE address = ?", RITA)]
    assert "delivered" in house.verb(f"held release {first}")
    released = [each for each in next_hop.messages[before:] if b"casino tonight" in each.content]
    assert [each.recipients for each in released] == [(RITA,)]
    assert re.search(rb"\(released\s+from held mail\)", released[0].content)
