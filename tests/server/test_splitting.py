"""The memory of split transactions: who belongs together, for whom, and for how long."""

import gc
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Defer, Reject
from clement.server.slot_table import SLOTS_A_BUCKET
from clement.server.splitting import REMEMBERED_S, TAKEN_CLASS, SplitMemory, agree, class_of

CLIENT = ip_address("192.0.2.1")
NOW_S = 1_790_000_000


def test_verdicts_agree_when_one_reply_is_true_for_all() -> None:
    accept, virus, large = Accept(Reason.ACCEPTED), Reject(Reason.VIRUS, "A"), Reject(Reason.TOO_LARGE)
    assert agree([])
    assert agree([accept, Accept(Reason.ACCEPTED, directive_id=3)])
    assert agree([virus, Reject(Reason.VIRUS, "B")])
    assert not agree([accept, virus])
    assert not agree([virus, large])
    assert not agree([Defer(Reason.QUOTA), Reject(Reason.QUOTA)])


@pytest.fixture
def open_memory(tmp_path: Path) -> Iterator[Callable[..., SplitMemory]]:
    """Opens the memory of a machine as one more receiver; now_s is the time it sees."""
    opened: list[SplitMemory] = []

    def open_one(now_s: float = NOW_S, buckets: int = 16) -> SplitMemory:
        opened.append(SplitMemory.open(tmp_path / "splits", lambda: now_s, buckets))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_classes_are_remembered_for_the_network_reverse_path_and_recipient(
    open_memory: Callable[..., SplitMemory],
) -> None:
    memory, other = open_memory(), open_memory()
    memory.remember(
        CLIENT, "a@sender.example", [("anna@x", "accept"), ("emil@x", class_of(Reject(Reason.TOO_LARGE)))]
    )
    neighbour = ip_address("192.0.2.77")
    # Those who are there, and those who are started later.
    for receiver in (memory, other, open_memory()):
        assert receiver.recall(neighbour, "a@sender.example").class_of("anna@x") == TAKEN_CLASS
        assert receiver.recall(neighbour, "a@sender.example").class_of("emil@x") == "reject.too-large"
        assert receiver.recall(neighbour, "a@sender.example").class_of("other@x") == TAKEN_CLASS
        assert receiver.recall(neighbour, "b@sender.example").class_of("emil@x") == TAKEN_CLASS
        assert receiver.recall(ip_address("192.0.3.1"), "a@sender.example").class_of("emil@x") == TAKEN_CLASS


def test_names_run_into_each_other_nowhere(open_memory: Callable[..., SplitMemory]) -> None:
    memory = open_memory()
    memory.remember(CLIENT, "../../x\n\udcff", [("/etc/passwd\0", "reject.virus")])
    assert memory.recall(CLIENT, "../../x\n\udcff").class_of("/etc/passwd\0") == "reject.virus"
    assert memory.recall(CLIENT, "../../x\n\udcff/etc").class_of("/passwd\0") == TAKEN_CLASS


def test_what_no_client_comes_back_for_is_forgotten(open_memory: Callable[..., SplitMemory]) -> None:
    open_memory().remember(CLIENT, "a", [("anna@x", "reject.virus")])
    for later_s, expected in ((REMEMBERED_S - 1, "reject.virus"), (REMEMBERED_S, TAKEN_CLASS)):
        assert open_memory(NOW_S + later_s).recall(CLIENT, "a").class_of("anna@x") == expected


def test_what_is_remembered_of_a_recipient_changes(open_memory: Callable[..., SplitMemory]) -> None:
    memory = open_memory()
    memory.remember(CLIENT, "a", [("anna@x", "accept"), ("bruno@x", "reject.virus")])
    memory.remember(CLIENT, "a", [("anna@x", "reject.virus")])
    assert [memory.recall(CLIENT, "a").class_of(each) for each in ("anna@x", "bruno@x")] == 2 * [
        "reject.virus"
    ]
    memory.remember(CLIENT, "a", [("anna@x", "accept.Spam"), ("bruno@x", "accept")])
    assert memory.recall(CLIENT, "a").class_of("anna@x") == "accept.Spam"
    assert memory.recall(CLIENT, "a").class_of("bruno@x") == TAKEN_CLASS


def test_long_marks_differ_at_their_ends(open_memory: Callable[..., SplitMemory]) -> None:
    memory = open_memory()
    mark = "accept." + "\u00fc" * 300
    memory.remember(CLIENT, "a", [("anna@x", mark + "1"), ("bruno@x", mark + "2"), ("cilla@x", mark + "1")])
    anna, bruno, cilla = (
        memory.recall(CLIENT, "a").class_of(f"{each}@x") for each in ("anna", "bruno", "cilla")
    )
    assert anna == cilla != bruno


def test_when_it_is_full_the_oldest_give_way(open_memory: Callable[..., SplitMemory]) -> None:
    buckets = 4
    room = buckets * SLOTS_A_BUCKET
    for turn in range(10 * room):
        memory = open_memory(NOW_S + turn, buckets)
        memory.remember(CLIENT, f"flood {turn}", [("anna@x", "reject.virus")])
        memory.close()
    memory = open_memory(NOW_S + 10 * room, buckets)
    remembered = [
        turn
        for turn in range(10 * room)
        if memory.recall(CLIENT, f"flood {turn}").class_of("anna@x") != TAKEN_CLASS
    ]
    assert len(remembered) <= room
    assert 10 * room - 1 in remembered
    assert remembered[0] > 5 * room


def test_nothing_is_read_or_written_while_a_session_waits(
    open_memory: Callable[..., SplitMemory], tmp_path: Path
) -> None:
    memory = open_memory()
    folder = tmp_path / "splits"
    files = sorted(folder.iterdir())
    calls: list[str] = []

    def look(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called.__module__ in ("posix", "io", "_io"):
            calls.append(called.__qualname__)

    # What earlier tests left to be collected may close files of its own.
    gc.disable()
    sys.setprofile(look)
    try:
        for turn in range(100):
            memory.remember(CLIENT, f"{turn}", [(f"{number}@x", "reject.virus") for number in range(100)])
            memory.recall(CLIENT, f"{turn}").class_of("1@x")
    finally:
        sys.setprofile(None)
        gc.enable()
    assert calls == []
    assert sorted(folder.iterdir()) == files


def test_a_damaged_table_is_made_anew(open_memory: Callable[..., SplitMemory], tmp_path: Path) -> None:
    open_memory().remember(CLIENT, "a", [("anna@x", "reject.virus")])
    (tmp_path / "splits" / "splits.table").write_bytes(b"nonsense")
    assert open_memory().recall(CLIENT, "a").class_of("anna@x") == TAKEN_CLASS


def test_without_a_disk_a_receiver_remembers_for_itself(
    open_memory: Callable[..., SplitMemory], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "splits").write_text("in the way")
    memory = open_memory()
    assert "splits-unavailable" in capfd.readouterr().err
    memory.remember(CLIENT, "a", [("anna@x", "reject.virus")])
    assert memory.recall(CLIENT, "a").class_of("anna@x") == "reject.virus"
