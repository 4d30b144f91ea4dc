"""A message is recorded before its reply, its session when it ends: until then, what is there is told."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from contextlib import closing

from clement.store.log_ids import began_s, first_id_at
from tests.server.house import Builder, House
from tests.server.talk import Talk, message

ANNA = "anna@local.example"


def accepted(house: House, client: Talk, number: int = 1) -> str:
    """Have one message accepted, and keep the session; returns the transaction's id once it is in the log."""
    assert [answer.code for answer in client.envelope(ANNA, "nobody@local.example")] == [250, 550]
    assert client.content(message(f"still here {number}")).code == 250
    (transaction_id,) = house.wait_for_row(
        "SELECT id FROM clement_transaction WHERE id LIKE ?", f"%-{number}"
    )
    return str(transaction_id)


def test_what_is_there_of_an_open_session_is_told_and_all_of_it_when_it_has_ended(build: Builder) -> None:
    house = build()
    with house.client() as client:
        transaction_id = accepted(house, client)
        session_id = transaction_id.partition("-")[0]
        for which in (transaction_id, session_id, session_id[:19], f"{session_id[:19]}-1"):
            why = house.verb(f"explain {which}")
            assert f"→ {ANNA}, transaction {transaction_id}" in why
            assert "still open" in why
            assert re.search("what was said +250 2", why)
        told = house.verb(f"session {session_id}")
        head, open_still, *_ = told.splitlines()
        assert head == f"session {session_id}"
        assert open_still == "  still open as far as the log knows; its transcript follows when it ends"
        assert "subject: still here 1" in told
        assert f"to {ANNA}: accepted, 250 2.0.0" in told
        assert "to nobody@local.example: refused (recipient-unknown), 550 5.1.1" in told
        assert "· virus pass: clean" in told
        assert "S: 250 2.0.0" in told

        (story,) = map(json.loads, house.verb(f"session {session_id} --json").splitlines())
        assert (story["state"], story["session"], story["transcript"]) == ("open", None, [])
        assert [one["id"] for one in story["transactions"]] == [transaction_id]
        anna, nobody = map(json.loads, house.verb(f"explain {session_id} --json").splitlines())
        assert (anna["outcome"], anna["state"]) == ("accepted", "open")
        assert (nobody["outcome"], nobody["state"]) == ("refused", "open")

        second = accepted(house, client, 2)
        assert house.verb(f"session {session_id}").count("\ntransaction ") == 2
        assert "transaction" in house.verb(f"explain {second}")
        client.ask("QUIT")
    house.wait_for_story(second)
    told = house.verb(f"session {session_id}")
    assert "still open" not in told
    assert "C: QUIT" in told
    (story,) = map(json.loads, house.verb(f"session {session_id} --json").splitlines())
    assert (story["state"], story["session"]["id"]) == ("ended", session_id)
    assert json.loads(house.verb(f"explain {second} --json").splitlines()[0])["state"] == "ended"
    assert house.verb(f"explain {session_id}-3", fails=True) == ""


def test_a_session_that_died_with_its_process_is_not_called_open_for_ever(build: Builder) -> None:
    house = build()
    with house.client() as client:
        transaction_id = accepted(house, client)
        os.kill(house.process("receiver-0"), signal.SIGKILL)
    assert "still open" in house.verb(f"explain {transaction_id}")
    # As it would look after the longest time that a session may last.
    earlier = first_id_at(began_s(transaction_id.partition("-")[0]) - 3 * 3600)
    with closing(sqlite3.connect(house.folder / "clement.sqlite3", timeout=60)) as database, database:
        database.execute("UPDATE clement_transaction SET id = ?", [f"{earlier}-1"])
        database.execute("UPDATE clement_recipient SET transaction_key = ?", [f"{earlier}-1"])
    for verb in ("explain", "session"):
        assert "its transcript is lost" in house.verb(f"{verb} {earlier}")
