"""Zero bounces: refusals, dead next hops and mixed verdicts in any number generate no mail to anybody."""

import pytest

from tests.fixtures.programs import choose_port
from tests.server.fake_clamd import FakeClamd, clean, hanging_up, replying
from tests.server.house import Builder, House
from tests.server.next_hop import NextHop
from tests.server.talk import message

VICTIM = "victim@relay.example"
LARGE = message("mixed", ("y" * 70 + "\r\n") * 1200, author=VICTIM)


@pytest.fixture
def house(build: Builder, next_hop: NextHop) -> House:
    """Any mail to the victim, whose domain is hosted here, would end at the next hop."""
    next_hop.at_recipient.clear()
    next_hop.at_content.clear()
    dead = choose_port()
    return build(
        f"group add dead --relay-to 127.0.0.1:{dead} --policy unresolvable_sender=accept",
        "domain add dead.example --group dead",
        tables={"limits": {"size_bytes": 1_000_000, "unknown_recipients": 1000, "errors": 1000}},
    )


def test_a_flood_of_everything_that_goes_wrong(
    house: House, next_hop: NextHop, fake_clamd: FakeClamd
) -> None:
    next_hop.at_content["never"] = "554 5.7.1 never"
    next_hop.at_content["later"] = "451 4.3.0 later"
    next_hop.at_recipient["unknown"] = "550 5.1.1 unknown"
    before = len(next_hop.messages)
    with house.client() as client:
        for turn in range(15):
            for refused in ("nobody@local.example", "x@elsewhere.example", "unknown@relay.example"):
                assert client.envelope(refused, sender=VICTIM)[0].code == 550
                client.ask("RSET")
            for name, wanted in (("never", 554), ("later", 451)):
                client.envelope(f"{name}@relay.example", sender=VICTIM)
                assert client.content(message(f"{name}-{turn}", author=VICTIM)).code == wanted
            assert 400 <= client.envelope("anybody@dead.example", sender=VICTIM)[0].code < 500
            client.ask("RSET")
            client.envelope("anna@local.example", "emil@small.example", sender=f"{turn}-{VICTIM}")
            assert client.content(LARGE).code == 451
            fake_clamd.act = replying(b"stream: Worm FOUND\0")
            client.envelope("anna@local.example", sender=VICTIM)
            assert client.content(message("worm", author=VICTIM)).code == 554
            fake_clamd.act = hanging_up
            client.envelope("anna@local.example", sender=VICTIM)
            assert client.content(message("unscanned", author=VICTIM)).code == 451
            fake_clamd.act = clean
            client.envelope("anna@local.example", sender=VICTIM)
            client.send(b"DATA\r\n")
            client.expect("354")
            client.send(b"bare\nline feed\r\n.\r\n")
            client.expect("550 5.5.2")
    house.program.stop()
    assert next_hop.messages[before:] == []
    assert house.stored() == []
