"""What was found adds up: mail is marked, held or refused as its recipient wants, and all learn why."""

from __future__ import annotations

import re

import pytest

from tests.fixtures.dns_server import DnsServer
from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.next_hop import NextHop
from tests.server.talk import message

LISTED = "198.18.0.9"
ANNA, EMIL, FRIDA = "anna@local.example", "emil@small.example", "frida@lax.example"
FORGED = b"X-Spam-Flag: NO\r\nX-Spam-Status: No,\r\n score=-9\r\n"


@pytest.fixture
def house(build: Builder, names: DnsServer) -> House:
    """A house that knows the client from a list, which by itself refuses nobody here.

    Anna has the site's thresholds; Emil's domain refuses, Frida's holds.
    """
    names.zones |= {
        "2.0.0.127.bl.example": {"A": ["127.0.0.2"]},
        "9.0.18.198.bl.example": {"A": ["127.0.0.2"]},
    }
    made = build(
        "domain change small.example --policy refuse_at=4",
        "domain change lax.example --policy quarantine_at=4",
        tables={
            "dns": {"list_threshold": 50},
            "dns_list.bl": {"zone": "bl.example", "weight": 5, "timeout_s": 8},
        },
    )
    wait_until(lambda: bool(made.events("dns-list-trusted")), "a list that is trusted")
    return made


def test_each_recipient_s_own_threshold_decides_and_is_told(house: House, next_hop: NextHop) -> None:
    with house.from_afar(LISTED).open() as client:
        client.envelope(ANNA)
        assert client.content(FORGED + message("marked")).code == 250
        client.envelope("boss@relay.example")
        assert client.content(FORGED + message("handed-on")).code == 250
        client.envelope(EMIL)
        refusal = client.content(message("refused"))
    assert refusal.codes == "554 5.7.1"
    assert refusal.text.startswith(
        "This looks like mail nobody asked for; if it is not, write to our postmaster"
    )

    [stored] = house.messages(ANNA)
    for header in (stored.read_text(), next_hop.messages[-1].content.decode().replace("\r\n", "\n")):
        assert "X-Spam-Flag: YES\n" in header
        assert "X-Spam-Flag: NO" not in header
        assert "score=-9" not in header
        assert re.search(r"^X-Clement-Score: \+[4-6]\.\d\d$", header, re.MULTILINE)
        assert "most was said by dns-lists +5.0" in header

    transaction = refusal.text.rpartition("[")[2].rstrip("]")
    house.wait_for_story(transaction)
    told = house.verb(f"explain {transaction}")
    assert "refused (unwanted-content)" in told
    assert "with refuse_at above" in told
    assert "it is 4, of the domain" in told
    assert "refuse 4 domain" in house.verb(f"session {transaction}")


def test_one_reply_is_true_for_those_who_have_it_those_who_do_not_and_those_for_whom_it_is_held(
    house: House,
) -> None:
    """Case 088: accepted, held, refused: two classes of answers, and so two transactions."""
    with house.from_afar(LISTED).open() as client:
        assert [answer.code for answer in client.envelope(ANNA, EMIL, FRIDA)] == [250, 250, 250]
        assert client.content(message("three")).codes == "451 4.5.3"
        again = client.envelope(ANNA, EMIL, FRIDA)
        assert [answer.codes for answer in again] == ["250 2.1.5", "452 4.5.3", "250 2.1.5"]
        taken = client.content(message("three"))
        assert taken.code == 250
        client.envelope(EMIL)
        assert client.content(message("three")).codes == "554 5.7.1"
    assert len(house.messages(ANNA)) == 1
    assert "held for some of the recipients" in taken.text
    assert house.messages(FRIDA) == []
    outcome = house.wait_for_row("SELECT outcome, reason FROM clement_recipient WHERE address = ?", FRIDA)
    assert outcome in {("held", "unwanted-content"), ("deferred", "mixed-verdicts")}
