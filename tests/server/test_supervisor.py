"""The supervisor with tiny roles, in a process of its own: what dies starts again, all ends in order."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.places import ROOT
from tests.fixtures.programs import Program, wait_until

TINY = """
    import errno, os, signal, sys, time
    from pathlib import Path
    from clement.server.supervisor import Role, Supervisor

    folder = Path(sys.argv[1])

    class Broken(Exception):
        pass

    def note(text):
        with (folder / "notes").open("a") as notes:
            notes.write(text + "\\n")

    def living(name):
        def live():
            told = []
            signal.signal(signal.SIGTERM, lambda *_: told.append(1))
            note(f"{name} begins")
            while not told:
                time.sleep(0.02)
            note(f"{name} ends")
        return live

    def stubborn():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note("stubborn begins")
        while True:
            time.sleep(10)

    def failing():
        note("failing begins")
        raise SystemExit(3)

    def load():
        if (folder / "broken").exists():
            raise Broken("line 3: no such thing")
        return [Role("fresh", living("fresh"))]

    fork = os.fork

    def fork_if_the_system_can():
        if (folder / "crowded").exists():
            raise OSError(errno.EAGAIN, "no room for another process")
        return fork()

    os.fork = fork_if_the_system_can
    KINDS = {"failing": failing, "stubborn": stubborn}
    roles = [
        Role(name, KINDS.get(name) or living(name), int(order), 0.5)
        for name, order in (word.split(":") for word in sys.argv[2:])
    ]
    Supervisor(load, Broken, lambda: note("tidied")).run(roles)
"""


class House:
    def __init__(self, folder: Path, *roles: str) -> None:
        self.folder = folder
        (folder / "tiny.py").write_text(textwrap.dedent(TINY))
        argv: list[str | Path] = [sys.executable, folder / "tiny.py", folder, *roles]
        self.program = Program(argv, folder / "log", env={"PYTHONPATH": str(ROOT / "src")})

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        notes = path.read_text().splitlines() if path.exists() else []
        return [note for note in notes if note != "tidied"]

    def tidied(self) -> int:
        return (self.folder / "notes").read_text().splitlines().count("tidied")

    def wait_for(self, *notes: str) -> None:
        wait_until(lambda: set(notes) <= set(self.notes()), f"{notes}")

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text()
        return [int(word) for word in listed.split()]


@pytest.fixture
def house(short_folder: Path) -> Callable[..., House]:
    return lambda *roles: House(short_folder, *roles)


def test_processes_end_in_their_order(house: Callable[..., House]) -> None:
    tiny = house("recorder:2", "receiver:0", "checker:1")
    tiny.wait_for("recorder begins", "receiver begins", "checker begins")
    assert tiny.program.stop() == 0
    assert tiny.notes()[-3:] == ["receiver ends", "checker ends", "recorder ends"]


def test_those_who_were_told_to_end_by_somebody_else_are_not_waited_for(house: Callable[..., House]) -> None:
    tiny = house("stubborn:0", "two:1")
    tiny.wait_for("stubborn begins", "two begins")
    # As a terminal does it, or a service manager: everybody at once.
    for process_id in (tiny.program.pid, *tiny.children()):
        os.kill(process_id, signal.SIGTERM)
    assert tiny.program.stop() == 0
    assert tiny.notes()[-1] == "two ends"


def test_a_killed_process_starts_again_and_the_others_stay(house: Callable[..., House]) -> None:
    tiny = house("one:0", "two:0")
    tiny.wait_for("one begins", "two begins")
    before = tiny.children()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(tiny.notes()) == 3, "begun again")
    assert before[1] in tiny.children()
    assert tiny.tidied() == 1
    assert tiny.program.stop() == 0


def test_a_system_that_cannot_fork_is_tried_again(house: Callable[..., House], short_folder: Path) -> None:
    tiny = house("one:0")
    tiny.wait_for("one begins")
    (short_folder / "crowded").touch()
    os.kill(tiny.children()[0], signal.SIGKILL)
    wait_until(lambda: "no room for another process" in tiny.program.output(), "said why")
    (short_folder / "crowded").unlink()
    wait_until(lambda: tiny.notes().count("one begins") == 2, "begun again")
    assert tiny.program.stop() == 0


def test_what_fails_at_once_is_started_less_and_less_often(house: Callable[..., House]) -> None:
    tiny = house("failing:0")
    wait_until(lambda: tiny.notes().count("failing begins") >= 3, "tried again")
    log = tiny.program.output()
    assert '"pause_s":0.5' in log.replace(" ", "")
    assert '"pause_s":1.0' in log.replace(" ", "")
    assert tiny.program.stop() == 0


def test_whoever_does_not_end_is_killed(house: Callable[..., House]) -> None:
    tiny = house("stubborn:0", "polite:1")
    tiny.wait_for("stubborn begins", "polite begins")
    assert tiny.program.stop() == 0
    assert tiny.notes()[-1] == "polite ends"
    assert "process-killed" in tiny.program.output()


def test_reload_begins_the_new_before_it_ends_the_old(house: Callable[..., House]) -> None:
    tiny = house("old:0")
    tiny.wait_for("old begins")
    tiny.program.send(signal.SIGHUP)
    tiny.wait_for("fresh begins", "old ends")
    wait_until(lambda: len(tiny.children()) == 1, "only the fresh one left")
    tiny.program.stop()
    assert tiny.notes()[-1] == "fresh ends"


def test_a_reload_that_is_refused_changes_nothing(house: Callable[..., House], short_folder: Path) -> None:
    tiny = house("old:0")
    tiny.wait_for("old begins")
    (short_folder / "broken").touch()
    tiny.program.send(signal.SIGHUP)
    wait_until(lambda: "line 3: no such thing" in tiny.program.output(), "said why")
    assert tiny.notes() == ["old begins"]
    tiny.program.stop()


def test_children_end_when_the_supervisor_is_killed(house: Callable[..., House]) -> None:
    tiny = house("one:0")
    tiny.wait_for("one begins")
    tiny.program.kill()
    tiny.wait_for("one ends")
