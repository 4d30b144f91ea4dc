"""What was taught judges the next message, on every node, and no more once it was taken back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import message

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
        client.envelope("anna@local.example")
        answer = client.content(message(subject, body))
        assert answer.code == 250
        return answer.text.rpartition("[")[2].rstrip("]")


def explained(house: House, subject: str, body: str) -> list[str]:
    """What the filter found in a new message, as `clement explain` tells it."""
    transaction = send(house, subject, body)
    house.wait_for_row("SELECT id FROM clement_transaction WHERE id = ?", transaction)
    (told,) = [json.loads(line) for line in house.verb(f"explain {transaction} --json").splitlines()]
    return [finding for finding in told["evidence"] if finding.startswith("learned")]


def test_what_was_taught_is_weighed_and_explained_for_the_next_message(build: Builder) -> None:
    house = build(tables=QUICK)
    assert explained(house, "before", UNWANTED) == []
    index = corpus(house.folder / "corpus")
    told = json.loads(house.verb(f"train {index} --json"))
    assert told == {"read": 2 * ENOUGH, "taught": 2 * ENOUGH, "known": 0, "unreadable": 0}
    # The node says that it has the model only once the file is there.
    house.wait_for_row("SELECT version FROM clement_modelholder WHERE version >= 1")
    status = json.loads(house.verb("learned status --json"))
    assert (status["wanted"], status["unwanted"], status["ready"]) == (ENOUGH, ENOUGH, True)
    (node,) = status["nodes"]
    assert (node["node"], node["version"]) == ("mx.clement.example", status["version"])

    found: list[str] = []

    def judged() -> bool:
        found[:] = explained(house, f"after{len(house.messages('anna@local.example'))}", UNWANTED)
        return bool(found)

    wait_until(judged, "a finding of the filter")
    share = float(found[0].removeprefix("learned neutral: ").partition(" %")[0])
    assert share > 90, found
    assert "lottery" in found[0] or "casino" in found[0] or "dollars" in found[0], found
    (wanted,) = explained(house, "wanted", WANTED)
    assert float(wanted.removeprefix("learned neutral: ").partition(" %")[0]) < 20, wanted
    (house.folder / "mail.eml").write_bytes(message("simulated", UNWANTED))
    simulated = house.verb(
        f"simulate {house.folder}/mail.eml --client 192.0.3.9 --to anna@local.example --json"
    )
    assert '"learned"' in simulated
