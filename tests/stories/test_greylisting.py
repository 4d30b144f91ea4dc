"""A stranger in doubt is asked to come back; he does, and is not asked again (field item 15)."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import msgspec
import pytest

from clement.server.greylist_memory import GreylistMemory
from tests.fixtures.dns_server import DnsServer
from tests.fixtures.programs import wait_until
from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Builder, House
from tests.server.talk import Answer, message

ANNA, BRUNO, POSTMASTER = "anna@local.example", "bruno@local.example", "postmaster@local.example"
SENDER = "carol@sender.example"
STRANGER, NEIGHBOUR = "192.0.3.5", "192.0.3.77"
DELAY_S = 300
ON = "group change local --policy greylisting={} --policy greylisting_delay_s=300"


@pytest.fixture
def house(build: Builder) -> Iterator[House]:
    return build(ON.format("all"))


def attempt(
    house: House, client: str, *recipients: str, sender: str = SENDER, subject: str = ""
) -> list[Answer]:
    """What a client hears at RCPT; with a subject it goes on and sends, if anybody is taken."""
    with house.from_afar(client) as talk:
        talk.open()
        answers = talk.envelope(*recipients, sender=sender)
        if subject and any(answer.code == 250 for answer in answers):
            assert talk.content(message(subject)).code == 250
        return answers


def table(house: House, line: str) -> str:
    """What a verb prints on a wide terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "300")
        return house.verb(line)


def let_pass(house: House, seconds: int) -> None:
    """Time goes by for all who wait: their entries are made older, while Clement runs."""
    memory = GreylistMemory.look(house.folder / "spool" / "greylist", writable=True)
    for table in (memory.waiting, memory.sources):
        for entry in table.entries():
            older = msgspec.structs.replace(
                entry, first_s=entry.first_s - seconds, last_s=entry.last_s - seconds
            )
            table.put(older)
    memory.close()


def test_who_comes_back_in_time_is_taken_and_not_asked_again(house: House) -> None:
    [first] = attempt(house, STRANGER, ANNA)
    assert first.codes == "451 4.7.1"
    assert "Greylisted: first contact from 192.0.3.0/24; try again after" in first.text
    assert "(in 300 s); will arrive by about" in first.text
    let_pass(house, 100)
    [early] = attempt(house, NEIGHBOUR, ANNA)
    assert early.codes == "451 4.7.1"
    assert "too early" in early.text
    let_pass(house, 150)
    os.kill(house.process("receiver-0"), signal.SIGKILL)
    house.wait()
    [still_early] = attempt(house, NEIGHBOUR, ANNA)
    assert still_early.codes == "451 4.7.1"
    let_pass(house, 60)
    house.program.stop()
    house.start_again()
    assert attempt(house, NEIGHBOUR, ANNA, subject="patience")[0].code == 250
    assert attempt(house, STRANGER, ANNA, subject="again")[0].code == 250
    assert [answer.code for answer in attempt(house, STRANGER, ANNA, BRUNO)] == [250, 451]
    assert len(house.messages(ANNA)) == 2
    [transaction] = house.wait_for_row("SELECT id FROM clement_transaction WHERE subject = ?", "patience")
    house.wait_for_story(transaction)
    told = house.verb(f"session {transaction.partition('-')[0]}")
    [waited_s] = re.findall(r"greylisting pass: waited (\d+)", told)
    assert int(waited_s) >= 310  # what was let pass, and as long as two starts took


def test_the_delay_is_told_to_people(house: House) -> None:
    attempt(house, STRANGER, ANNA)
    [transaction] = house.wait_for_row("SELECT id FROM clement_transaction WHERE reason = ?", "greylisted")
    house.wait_for_story(transaction)
    assert "greylisted, by about" in table(house, f"log --to {ANNA}")
    assert "will arrive by about" in house.verb(f"explain {transaction}")
    listed = table(house, "greylist list")
    assert "waiting" in listed
    assert SENDER in listed
    [row] = [msgspec.json.decode(line) for line in house.verb("greylist list --json").splitlines()]
    assert row["ready_s"] - row["first_s"] == DELAY_S
    assert row["recipient"] == ANNA
    assert "may come back" in house.verb(f"greylist show {row['id']}")
    house.verb(f"greylist forget {row['id']}")
    house.verb(f"greylist show {row['id']}", fails=True)


def test_who_is_never_asked(house: House) -> None:
    """Null reverse-paths, postmaster, those who post, and what LMTP brings."""
    assert attempt(house, STRANGER, POSTMASTER)[0].code == 250
    assert attempt(house, STRANGER, ANNA, sender="")[0].code == 250
    assert attempt(house, "192.0.2.9", ANNA)[0].code == 250, "a network that may relay"
    with house.client("lmtp") as client:
        assert client.envelope(ANNA, sender=SENDER)[0].code == 250
    assert attempt(house, STRANGER, ANNA)[0].code == 451


def test_a_directive_a_trusted_network_and_an_allowed_one_spare_the_delay(house: House) -> None:
    house.verb(f"directive add skip-greylisting --for {BRUNO} --from @sender.example")
    house.verb("network add 192.0.7.0/24 trusted")
    attempt(house, STRANGER, ANNA)
    house.verb("greylist allow 192.0.8.9")
    wait_until(lambda: attempt(house, "192.0.7.3", ANNA)[0].code == 250, "the directory is followed")
    assert [answer.code for answer in attempt(house, STRANGER, ANNA, BRUNO)] == [451, 250]
    assert attempt(house, "192.0.7.3", ANNA)[0].code == 250
    assert attempt(house, "192.0.8.200", ANNA)[0].code == 250
    assert attempt(house, "192.0.9.3", ANNA)[0].code == 451
    assert "allowed" in house.verb("greylist list sources")
    house.verb("greylist allow 192.0.0.0/16", fails=True)
    house.verb("greylist allow nonsense", fails=True)
    house.verb("greylist forget 192.0.8.0/24")
    assert attempt(house, "192.0.8.200", ANNA, sender="new@sender.example")[0].code == 451


def test_only_what_is_in_doubt_is_asked(build: Builder, names: DnsServer) -> None:
    names.zones |= {
        "sound.example": {"MX": ["10 mail.sound.example."], "TXT": ['"v=spf1 mx -all"']},
        "mail.sound.example": {"A": ["192.0.9.9"]},
        "9.9.0.192.in-addr.arpa": {"PTR": ["mail.sound.example."]},
    }
    house = build(ON.format("doubtful"))
    assert attempt(house, "192.0.9.9", ANNA, sender="ed@sound.example")[0].code == 250
    # No name in the DNS, and no SPF: nothing that would be refused, and nothing to be sure of.
    assert attempt(house, STRANGER, ANNA)[0].codes == "451 4.7.1"
    # The group accepts mail of domains that do not resolve; that is a reason to doubt it.
    assert attempt(house, "192.0.9.9", ANNA, sender="a@unresolvable.example")[0].codes == "451 4.7.1"


def test_a_simulation_says_whether_it_would_be_asked_and_touches_nothing(house: House) -> None:
    mail = house.folder / "mail.eml"
    mail.write_bytes(message("simulated"))
    line = f"simulate {mail} --client {STRANGER} --from {SENDER} --to {ANNA} --helo client.sender.example"
    for _ in range(2):
        assert "first contact" in house.verb(line, fails=True)
    assert attempt(house, STRANGER, ANNA)[0].text.startswith("Greylisted: first contact")
    assert "too early" in house.verb(line, fails=True)


def test_who_was_written_to_is_not_asked(house: House) -> None:
    with house.client("submissions") as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        assert client.envelope("dora@strict.example", sender=ANNA)[0].code == 250
        assert client.content(message("to dora")).code == 250
    assert attempt(house, STRANGER, ANNA, sender="dora@strict.example")[0].code == 250
    assert attempt(house, STRANGER, BRUNO, sender="dora@strict.example")[0].code == 451
    assert "dora@strict.example" in table(house, "greylist list correspondents")


def test_tables_that_are_torn_or_of_another_version_are_begun_anew(house: House) -> None:
    attempt(house, STRANGER, ANNA)
    house.program.stop()
    folder = house.folder / "spool" / "greylist"
    waiting = folder / "waiting.table"
    waiting.write_bytes(waiting.read_bytes()[:5000])
    sources = folder / "sources.table"
    sources.write_bytes(b"\xff" * sources.stat().st_size)
    house.start_again()
    said = {line["table"]: line["fault"] for line in house.events("greylist-anew")}
    assert said.keys() == {"waiting", "sources"}
    assert attempt(house, STRANGER, ANNA)[0].text.startswith("Greylisted: first contact")
