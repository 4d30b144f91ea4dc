"""The supervisor with tiny roles, in a process of its own: what dies starts again, all ends in order."""

from __future__ import annotations

import os
import signal
import socket
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fixtures.places import ROOT
from tests.fixtures.programs import Program, has_ended, wait_until

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
        listed = folder / "next"
        names = listed.read_text().split() if listed.exists() else ["fresh"]
        mark = "new " if listed.exists() else ""
        pause_s = float(os.environ.get("PAUSE_S", "0.5"))
        return [
            Role(name, living(mark + name), first_pause_s=pause_s, longest_pause_s=3600) for name in names
        ]

    fork = os.fork

    def fork_if_the_system_can():
        crowded = folder / "crowded"
        if crowded.exists():
            room = int(crowded.read_text() or 0)
            if not room:
                raise OSError(errno.EAGAIN, "no room for another process")
            crowded.write_text(str(room - 1))
        supervisor_id, process_id = os.getpid(), fork()
        if process_id == 0 and (folder / "late").exists():
            note(f"forked {os.getpid()}")
            while os.getppid() == supervisor_id:
                time.sleep(0.01)
        return process_id

    os.fork = fork_if_the_system_can
    KINDS = {"failing": failing, "stubborn": stubborn}
    # Only for one who never ends is it no matter how busy the machine is.
    roles = [
        Role(name, KINDS.get(name) or living(name), int(order), 0.5 if name == "stubborn" else 60.0)
        for name, order in (word.split(":") for word in sys.argv[2:])
    ]
    Supervisor(load, Broken, lambda: note("tidied")).run(roles)
"""


class House:
    def __init__(self, folder: Path, *roles: str) -> None:
        self.folder = folder
        (folder / "tiny.py").write_text(textwrap.dedent(TINY))
        argv: list[str | Path] = [sys.executable, folder / "tiny.py", folder, *roles]
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._manager.bind(str(folder / "manager"))
        self._told: list[str] = []
        env = {"PYTHONPATH": str(ROOT / "src"), "NOTIFY_SOCKET": str(folder / "manager")}
        self.program = Program(argv, folder / "log", env=env)

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        notes = path.read_text().splitlines() if path.exists() else []
        return [note for note in notes if note != "tidied"]

    def told_systemd(self) -> list[str]:
        with suppress(BlockingIOError):
            while True:
                self._told.append(self._manager.recv(1000).decode())
        return self._told

    def reload(self, *names: str, room: int) -> None:
        """Load a configuration with these roles while the system has room for so many more processes."""
        (self.folder / "next").write_text(" ".join(names))
        (self.folder / "crowded").write_text(str(room))
        self.program.send(signal.SIGHUP)

    def make_room(self) -> None:
        (self.folder / "crowded").unlink()

    def wait_until_said(self, words: str, times: int = 1) -> None:
        wait_until(lambda: self.program.output().count(words) >= times, f"said {words} {times} times")

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


def test_a_reload_that_cannot_fork_leaves_the_old_ones_at_work(house: Callable[..., House]) -> None:
    tiny = house("one:0", "two:0")
    tiny.wait_for("one begins", "two begins")
    tiny.reload("one", "two", room=0)
    tiny.wait_until_said("no room for another process", times=4)
    assert sorted(tiny.notes()) == ["one begins", "two begins"]
    unfinished = "STATUS=Reload unfinished, those of before go on; cannot start: one, two"
    assert tiny.told_systemd()[2:4] == [unfinished, "READY=1"]
    assert '"reloaded"' not in tiny.program.output()
    tiny.make_room()
    tiny.wait_for("new one begins", "new two begins", "one ends", "two ends")
    tiny.wait_until_said('"reloaded"')
    assert tiny.told_systemd()[-1] == "STATUS="
    assert tiny.program.stop() == 0
    assert set(tiny.notes()[-2:]) == {"new one ends", "new two ends"}


def test_a_reload_that_can_fork_some_replaces_those_alone(house: Callable[..., House]) -> None:
    tiny = house("one:0", "two:0", "three:0")
    tiny.wait_for("one begins", "two begins", "three begins")
    tiny.reload("one", "two", room=1)
    tiny.wait_for("new one begins", "one ends")
    tiny.wait_until_said("no room for another process", times=2)
    # Neither the one without a successor as yet, nor the one that will have none.
    assert not {"two ends", "three ends"} & set(tiny.notes())
    tiny.make_room()
    tiny.wait_for("new two begins", "two ends", "three ends")
    assert tiny.notes().count("new one begins") == 1
    assert tiny.program.stop() == 0


def test_whoever_ends_makes_room_for_those_who_found_none(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE_S", "3600")
    tiny = house("one:0", "two:0", "three:0")
    tiny.wait_for("one begins", "two begins", "three begins")
    tiny.reload("one", "two", room=0)
    tiny.wait_until_said("reload-unfinished")
    tiny.make_room()
    os.kill(tiny.children()[0], signal.SIGKILL)
    tiny.wait_for("new one begins", "new two begins", "two ends", "three ends")
    assert tiny.program.stop() == 0


def test_an_old_one_that_dies_before_its_successor_begins_is_not_started_again(
    house: Callable[..., House],
) -> None:
    tiny = house("one:0", "two:0")
    tiny.wait_for("one begins", "two begins")
    tiny.reload("one", room=0)
    tiny.wait_until_said("reload-unfinished")
    for process_id in tiny.children():
        os.kill(process_id, signal.SIGKILL)
    wait_until(lambda: tiny.tidied() == 2, "noticed")
    tiny.make_room()
    tiny.wait_for("new one begins")
    tiny.wait_until_said('"reloaded"')
    assert sorted(tiny.notes()) == ["new one begins", "one begins", "two begins"]
    assert tiny.program.stop() == 0


def test_a_reload_takes_the_place_of_one_that_is_unfinished(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE_S", "3600")
    tiny = house("one:0", "two:0")
    tiny.wait_for("one begins", "two begins")
    tiny.reload("two", "three", room=1)
    tiny.wait_for("new two begins", "two ends")
    # Once at the reload, and once more for the room that the old one has left.
    tiny.wait_until_said("no room for another process", times=2)
    tiny.reload("one", "two", room=9)
    tiny.wait_for("new one begins", "one ends", "new two ends")
    tiny.wait_until_said('"reloaded"')
    wait_until(lambda: tiny.notes().count("new two begins") == 2, "the second of them has begun")
    assert tiny.program.stop() == 0
    assert "new three begins" not in tiny.notes()


def test_children_end_when_the_supervisor_is_killed(house: Callable[..., House]) -> None:
    tiny = house("one:0")
    tiny.wait_for("one begins")
    tiny.program.kill()
    tiny.wait_for("one ends")


def test_a_child_that_is_forked_as_the_supervisor_dies_does_not_live(
    house: Callable[..., House], short_folder: Path
) -> None:
    (short_folder / "late").touch()
    tiny = house("one:0")
    wait_until(lambda: bool(tiny.notes()), "forked")
    tiny.program.kill()
    process_id = int(tiny.notes()[0].removeprefix("forked "))
    wait_until(lambda: has_ended(process_id), "ended")
    assert tiny.notes() == [f"forked {process_id}"]
