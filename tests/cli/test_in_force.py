"""When a change of the directory is in force: told by the command that made it, and true."""

from __future__ import annotations

import json
import os
import re
import signal

from tests.cli.conftest import Shell
from tests.fixtures.clement import LOCAL_EXAMPLE, Clement, ClementStarter
from tests.fixtures.databases import DatabaseServer
from tests.server.talk import Talk

ROUNDS = 5


def answer_to(clement: Clement, sender: str, recipient: str = "anna@local.example") -> str:
    """What a new session says to this envelope."""
    with Talk(clement.mx).open() as client:
        return client.envelope(recipient, sender=sender)[0].codes


def test_mail_sent_directly_after_a_change_meets_it(start_clement: ClementStarter) -> None:
    clement = start_clement(*LOCAL_EXAMPLE, tables={"processes": {"receivers": 2}})
    for number in range(ROUNDS):
        sender = f"offers{number}@unwanted.example"
        told = clement.verb(f"directive add refuse --for anna@local.example --from {sender} --json")
        assert json.loads(told)["in_force"] == "now"
        assert answer_to(clement, sender) == "550 5.7.1"
    told = clement.verb("mailbox add carla@local.example")
    assert told.endswith("\nIn force.\n")
    assert answer_to(clement, "", "carla@local.example") == "250 2.1.5"
    assert clement.verb("mailbox remove carla@local.example") == "In force.\n"
    assert answer_to(clement, "", "carla@local.example") == "550 5.1.1"


def test_every_kind_of_change_says_when_it_is_in_force(running_clement: Clement) -> None:
    # Who stands still takes nothing up between the change and the word about it.
    receiver = receiver_of(running_clement)
    os.kill(receiver, signal.SIGSTOP)
    try:
        for line in (
            "group add family",
            "domain add family.example --group family",
            "alias add info@local.example anna@local.example",
            "alias remove info@local.example",
            "person add anna@local.example",
            "network add 192.0.2.0/24 relayable",
            "rule add refuse subject casino --for site",
            "banned add 192.0.2.9",
            "banned remove 192.0.2.9",
            "trusted add 192.0.2.10",
            "mailbox change anna@local.example --quota 1GB",
        ):
            told = clement_says(running_clement, f"{line} --no-wait")
            assert told == "In force within about two seconds, where the service runs.", line
    finally:
        os.kill(receiver, signal.SIGCONT)
    assert clement_says(running_clement, "group add last") == "In force."
    assert "\ndirectory " in running_clement.verb("status")
    (state,) = map(json.loads, running_clement.verb("status --json").splitlines())
    assert state["directory"]["in_use"] == state["directory"]["stored"] > 0


def receiver_of(clement: Clement) -> int:
    """The process id of the only receiver."""
    found = re.search(r"receiver 0 \(pid (\d+)\)", clement.verb("status"))
    assert found is not None
    return int(found[1])


def clement_says(clement: Clement, line: str) -> str:
    return clement.verb(line).splitlines()[-1]


def test_greylisting_is_asked_for_as_soon_as_that_is_in_force(running_clement: Clement) -> None:
    running_clement.verb("group change local --policy greylisting=all")
    memory = running_clement.folder / "spool" / "greylist"
    assert list(memory.iterdir())


def test_without_a_service_a_change_is_in_force_when_it_starts(shell: Shell) -> None:
    assert shell.out("group", "add", "family").endswith("No service runs here: in force when it starts.\n")
    (row,) = shell.json("group", "change", "family", "--name", "friends")
    assert (row["name"], row["in_force"]) == ("friends", "at-start")
    (row,) = shell.json("group", "show", "friends")
    assert "in_force" not in row


def test_others_that_share_the_database_are_not_spoken_for(
    start_clement: ClementStarter, postgresql: DatabaseServer
) -> None:
    clement = start_clement(*LOCAL_EXAMPLE, database=postgresql)
    assert clement_says(clement, "group add family") == (
        "In force here; on other machines within about two seconds."
    )
    clement.program.stop()
    assert clement_says(clement, "group add friends") == (
        "No service runs here: in force when it starts, on other machines within about two seconds."
    )


def test_a_service_that_does_not_take_it_up_is_told_of(running_clement: Clement) -> None:
    assert clement_says(running_clement, "group add friends") == "In force."
    receiver = receiver_of(running_clement)
    os.kill(receiver, signal.SIGSTOP)
    try:
        told = json.loads(running_clement.verb("group add family --json"))
    finally:
        os.kill(receiver, signal.SIGCONT)
    assert (told["name"], told["in_force"]) == ("family", "late")
