"""What was taught judges the next message, on every node, and no more once it was taken back."""

from __future__ import annotations

import json
import re
from pathlib import Path

from clement.journal.records import FindingNote
from clement.store.log_text import unpacked
from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import message

ANNA = "anna@local.example"
ENOUGH = 60
QUICK = {"learning": {"publish_s": 1}, "processes": {"receivers": 1, "checkers": 1}}
UNWANTED = "lottery winner claim your million dollars now casino bonus pills"
WANTED = "minutes of the garden meeting with the invoice for the new greenhouse"


def corpus(folder: Path) -> Path:
    """An index of enough messages of both kinds."""
    folder.mkdir()
    lines = []
    for number in range(ENOUGH):
        for label, words in (("spam", UNWANTED), ("ham", WANTED)):
            name = f"{label}{number}"
            body = f"{words}\r\n{name} says {number * 7919}"
            (folder / name).write_bytes(message(name, body, f"{name}@{label}.example"))
            lines.append(f"{label} {name}")
    (folder / "index").write_text("\n".join(lines))
    return folder / "index"


def send(house: House, subject: str, body: str) -> str:
    """Send to anna; the transaction's id."""
    with house.client() as client:
        client.envelope(ANNA)
        answer = client.content(message(subject, body))
        assert answer.code == 250
        return answer.text.rpartition("[")[2].rstrip("]")


def found(house: House, subject: str, body: str) -> tuple[str, list[str]]:
    """A new message's transaction, and what the filter found in it, as the log has it."""
    transaction = send(house, subject, body)
    house.wait_for_story(transaction)
    (notes,) = house.wait_for_row("SELECT findings FROM clement_transaction WHERE id = ?", transaction)
    return transaction, [each.detail for each in unpacked(notes, FindingNote) if each.check == "learned"]


def share(finding: str) -> float:
    """The probability it tells, in percent."""
    return float(re.findall(r"([0-9.]+) % unwanted", finding)[0])


def test_what_was_taught_is_weighed_and_explained_for_the_next_message(build: Builder) -> None:
    house = build(tables=QUICK)
    assert found(house, "before", UNWANTED)[1] == []
    index = corpus(house.folder / "corpus")
    told = json.loads(house.verb(f"train {index} --json"))
    assert told == {"read": 2 * ENOUGH, "taught": 2 * ENOUGH, "known": 0, "unreadable": 0}

    judged: dict[str, tuple[str, list[str]]] = {}

    def judges() -> bool:
        judged["unwanted"] = found(house, f"after{len(house.messages(ANNA))}", UNWANTED)
        return bool(judged["unwanted"][1])

    wait_until(judges, "a finding of the filter")
    assert share(judged["unwanted"][1][0]) > 90, judged
    wanted = found(house, "wanted", WANTED)[1]
    assert share(wanted[0]) < 20, wanted
    explained = house.verb(f"explain {judged['unwanted'][0]}")
    assert re.search(r"learned neutral .*% unwanted: .*(lottery|casino|dollars|pills)", explained), explained

    def all_is_here() -> bool:
        told = json.loads(house.verb("learned status --json"))
        here = [(node["node"], node["version"]) for node in told["nodes"]]
        return (
            here == [("mx.clement.example", told["version"])] and told["wanted"] == told["unwanted"] == ENOUGH
        )

    wait_until(all_is_here, "the node has a version that has learned everything")
    assert json.loads(house.verb("learned status --json"))["ready"]

    (house.folder / "mail.eml").write_bytes(message("simulated", UNWANTED))
    simulated = house.verb(f"simulate {house.folder}/mail.eml --client 192.0.3.9 --to {ANNA} --json")
    assert '"learned"' in simulated
