"""Processes are killed under load: what was accepted is there, and the others never notice."""

import os
import signal
import threading
import time
from functools import partial

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House, still_serves
from tests.server.talk import Gone, message


def test_receivers_are_killed_under_load(build: Builder) -> None:
    house = build(tables={"processes": {"receivers": 2, "checkers": 1}})
    over = threading.Event()
    accepted: list[str] = []
    uncertain: list[str] = []
    threads = [
        threading.Thread(target=_send, args=(house, number, over, accepted, uncertain)) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for turn in range(4):
        sent = len(accepted)
        wait_until(lambda sent=sent: len(accepted) > sent + 6, "mail is under way")  # type: ignore[misc]
        name = f"receiver-{turn % 2}"
        pid = house.process(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(_replaced, house, name, pid), "started again")
    over.set()
    for thread in threads:
        thread.join()
    stored = [
        line
        for path in house.stored()
        for line in path.read_text().split("\n")
        if line.startswith("Subject: ")
    ]
    found = [line.removeprefix("Subject: ") for line in stored]
    assert set(accepted) <= set(found), "nothing accepted is lost"
    assert len(found) == len(set(found)), "nothing is there twice"
    assert set(found) - set(accepted) <= set(uncertain), "and what is there besides was under way"
    still_serves(house)
    wait_until(lambda: _recorded(house) >= set(accepted), "everything accepted is in SQL")


def _replaced(house: House, name: str, pid: int) -> bool:
    return house.process(name) != pid


def _recorded(house: House) -> set[str]:
    return {
        row[0] for row in house.rows("SELECT subject FROM clement_transaction WHERE outcome = 'accepted'")
    }


def _send(
    house: House, number: int, over: threading.Event, accepted: list[str], uncertain: list[str]
) -> None:
    turn = 0
    while not over.is_set():
        turn += 1
        subject = f"kill-{number}-{turn}"
        uncertain.append(subject)
        try:
            with house.client(source=f"127.0.40.{number + 1}") as client:
                client.envelope("anna@local.example")
                if client.content(message(subject)).code == 250:
                    accepted.append(subject)
        except (Gone, OSError, AssertionError):
            time.sleep(0.05)


def test_limits_of_a_killed_receiver_are_given_back(build: Builder) -> None:
    house = build(tables={"limits": {"sessions_per_client": 5}})
    clients = [house.client() for _ in range(5)]
    with house.talk() as client:
        client.expect("421 4.7.0")
    pid = house.process("receiver-0")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: house.process("receiver-0") != pid, "started again")
    with house.client() as client:
        assert client.ask("NOOP").code == 250
    for each in clients:
        each.socket.close()


def test_the_house_is_closed_and_opened_again(build: Builder) -> None:
    house = build()
    with house.client() as client:
        client.envelope("anna@local.example")
        assert client.content(message("before")).code == 250
    assert house.program.stop() == 0
    assert house.rows("SELECT subject FROM clement_transaction") == [("before",)], "written before the end"
    house.start_again()
    still_serves(house)
