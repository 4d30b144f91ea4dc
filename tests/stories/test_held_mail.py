"""Mail in doubt is kept where its recipient can still have it, and comes to him once, as it was sent."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.dns_server import DnsServer
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.programs import wait_until
from tests.fixtures.swaks import SwaksRun
from tests.server.house import Builder, House
from tests.server.talk import Answer

ANNA = "anna@local.example"
SENDER = "ed@offers.example"
BODY = "First line\n.one dot\n..two dots\nlast line"
AUTHOR = "198.18.77.10"


def held(verb: Callable[[str], str], *options: str) -> list[dict[str, Any]]:
    told = verb(" ".join(["held list --json", *options]))
    return [json.loads(line) for line in told.splitlines()]


@pytest.fixture
def house(build: Builder, names: DnsServer) -> House:
    """A house where mail of an author whom SPF proves is held for Anna."""
    names.zones |= {
        "offers.example": {"MX": ["10 mail.offers.example."], "TXT": [f'"v=spf1 ip4:{AUTHOR} -all"']},
        "mail.offers.example": {"A": [AUTHOR]},
        "10.77.18.198.in-addr.arpa": {"PTR": ["mail.offers.example."]},
    }
    return build(f"directive add quarantine --for {ANNA} --from @offers.example")


def test_a_doubtful_message_is_held_and_released_once(
    house: House, swaks: Callable[..., SwaksRun], start_dovecot: Callable[..., Dovecot]
) -> None:
    """Case 138: released twice it is delivered once; as it came, dots and all, as an IMAP server shows."""
    sent = swaks(
        "--from", SENDER, "--to", ANNA, "--header", "Message-Id: <offer-1@sender.example>",
        "--body", BODY, server=house.address(),
    )  # fmt: skip
    assert sent.exit_code == 0, sent.transcript
    assert any("held for the recipient" in reply for reply in sent.replies)
    assert house.messages(ANNA) == []
    wait_until(lambda: len(held(house.verb)) == 1, "the message is in the index")
    [row] = held(house.verb)
    assert (row["kind"], row["state"], row["address"]) == ("quarantine", "held", ANNA)
    shown = house.verb(f"held show {row['transaction_id']}")
    assert "<offer-1@sender.example>" in shown
    assert "last line" in shown

    told = house.verb(f"held release {row['id']} --accept-sender --json")
    assert [json.loads(line)["state"] for line in told.splitlines()] == ["released"]
    rules = map(json.loads, house.verb("directive list --json").splitlines())
    assert SENDER in [rule["sender_pattern"] for rule in rules if rule["action"] == "accept"]
    [path] = house.messages(ANNA)
    raw = house.verb(f"held show {row['id']} --raw").replace("\r\n", "\n")
    assert path.read_text().endswith(raw)
    assert "\n.one dot\n..two dots\n" in raw
    assert "(released from held mail)" in path.read_text()

    lesson = house.wait_for_row("SELECT unwanted, message_id FROM clement_teachingact WHERE way = 'release'")
    assert lesson == (0, "<offer-1@sender.example>"), "a release teaches"

    house.verb(f"held release {row['id']}", fails=True)
    assert len(house.messages(ANNA)) == 1
    if os.geteuid() == 0:
        check_readable(house, start_dovecot, raw)


def check_readable(house: House, start_dovecot: Callable[..., Dovecot], raw: str) -> None:
    nobody = pwd.getpwnam("nobody")
    copy = house.folder / "as-nobody"
    shutil.copytree(house.maildir(ANNA), copy)
    for folder in (house.folder, copy.parent):
        folder.chmod(0o755)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    [shown] = start_dovecot({ANNA: copy}, uid=nobody.pw_uid, gid=nobody.pw_gid).read_inbox(ANNA)
    assert shown.endswith(raw.replace("\n", "\r\n").encode())


def send(house: House, name: str, body: str = "words\r\n") -> Answer:
    content = (
        f"From: Ed <ed@offers.example>\r\nTo: {ANNA}\r\nSubject: offer\r\n"
        f"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{name}@offers.example>\r\n\r\n{body}"
    )
    with house.from_afar(AUTHOR) as talk:
        talk.open("EHLO mail.offers.example")
        assert talk.envelope(ANNA, sender="ed@offers.example")[0].code == 250
        return talk.content(content.encode())


def test_a_held_message_and_its_senders_own_retries_are_one(house: House) -> None:
    """He sends it twice, both are held, one is released: neither the other nor a third brings it again."""
    for number in (1, 2):
        assert "held for the recipient" in send(house, "same").text
        wait_until(lambda number=number: len(held(house.verb)) == number, "it is in the index")
    second, first = held(house.verb)
    before = len(house.messages(ANNA))
    assert "delivered" in house.verb(f"held release {first['id']}")
    assert len(house.messages(ANNA)) == before + 1

    third = send(house, "same")
    assert third.code == 250
    assert "held" not in third.text
    assert "had it already" in house.verb(f"held release {second['id']}")
    assert len(house.messages(ANNA)) == before + 1
    house.wait_for_row("SELECT reason FROM clement_recipient WHERE reason = 'delivered-before'")

    assert "held for the recipient" in send(house, "same", "other words\r\n").text, (
        "Message-ID alone is nothing"
    )
    assert "held for the recipient" in send(house, "another").text
