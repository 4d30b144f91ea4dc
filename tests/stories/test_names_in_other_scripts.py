"""A name has one mailbox, whether its sender's program composes the characters or not (RFC 6530 §10.1)."""

from __future__ import annotations

import json

import pytest

from tests.server.house import Builder, House
from tests.server.talk import message

ZOFIE, APART = "žofie@local.example", "Z\u030cofie@local.example"
UNWANTED, UNWANTED_APART = "škola@sender.example", "s\u030ckola@sender.example"


@pytest.fixture
def house(build: Builder) -> House:
    return build(
        f"mailbox add {ZOFIE} --maildir local.example/zofie",
        f"alias add prodejna-é@local.example {ZOFIE}",
        f"directive add refuse --for {ZOFIE} --from {UNWANTED}",
    )


@pytest.mark.parametrize(
    "said", [ZOFIE, APART, "z\u030cofie+lesk@local.example", "prodejna-e\u0301@local.example"]
)
def test_mail_for_a_name_reaches_it_in_any_normal_form(house: House, said: str) -> None:
    with house.client() as client:
        (answer,) = client.envelope(said, words=" SMTPUTF8")
        assert answer.code == 250
        taken = client.content(message("in-any-form"))
    assert taken.code == 250
    (path,) = house.messages("zofie@local.example")
    assert b"\nSubject: in-any-form" in path.read_bytes()


def test_the_transcript_tells_what_was_said_and_the_log_whose_it_is(house: House) -> None:
    with house.client() as client:
        client.envelope(APART, words=" SMTPUTF8")
        client.content(message("told"))
    (transaction_id,) = house.wait_for_row("SELECT id FROM clement_transaction")
    house.wait_for_story(transaction_id)
    for asked in (ZOFIE, APART):
        line = json.loads(house.verb(f"log --to {asked} --json"))
        assert line["address"] == ZOFIE
    assert f"RCPT TO:<{APART}>" in house.verb(f"session {transaction_id}")


def test_a_directive_means_its_pair_in_any_normal_form(house: House) -> None:
    with house.client() as client:
        for sender in (UNWANTED, UNWANTED_APART):
            for recipient in (ZOFIE, APART):
                (answer,) = client.envelope(recipient, sender=sender, words=" SMTPUTF8")
                assert answer.codes == "550 5.7.1"
                client.ask("RSET")
