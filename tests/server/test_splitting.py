"""The memory of split transactions: who belongs together, for whom, and for how long."""

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Defer, Reject
from clement.server.splitting import COUNT_EVERY, REMEMBERED_S, SplitMemory, agree, class_of

CLIENT = ip_address("192.0.2.1")


def test_verdicts_agree_when_one_reply_is_true_for_all() -> None:
    accept, virus, large = Accept(Reason.ACCEPTED), Reject(Reason.VIRUS, "A"), Reject(Reason.TOO_LARGE)
    assert agree([])
    assert agree([accept, Accept(Reason.ACCEPTED, directive_id=3)])
    assert agree([virus, Reject(Reason.VIRUS, "B")])
    assert not agree([accept, virus])
    assert not agree([virus, large])
    assert not agree([Defer(Reason.QUOTA), Reject(Reason.QUOTA)])


def test_classes_are_remembered_for_the_network_reverse_path_and_recipient(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path / "splits")
    memory.remember(
        CLIENT, "a@sender.example", [("anna@x", "accept"), ("emil@x", class_of(Reject(Reason.TOO_LARGE)))]
    )
    again = SplitMemory(tmp_path / "splits")
    neighbour = ip_address("192.0.2.77")
    assert again.recall(neighbour, "a@sender.example").class_of("anna@x") == "accept"
    assert again.recall(neighbour, "a@sender.example").class_of("emil@x") == "reject.too-large"
    assert again.recall(neighbour, "a@sender.example").class_of("other@x") == ""
    assert again.recall(neighbour, "b@sender.example").class_of("anna@x") == ""
    assert again.recall(ip_address("192.0.3.1"), "a@sender.example").class_of("anna@x") == ""


def test_hostile_names_are_no_paths(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path / "splits")
    memory.remember(CLIENT, "../../x\n\udcff", [("/etc/passwd\0", "accept")])
    assert memory.recall(CLIENT, "../../x\n\udcff").class_of("/etc/passwd\0") == "accept"
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "splits"]


def test_what_no_client_comes_back_for_is_swept(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path)
    memory.remember(CLIENT, "old", [("anna@x", "accept")])
    [old] = tmp_path.iterdir()
    now_s = old.stat().st_mtime
    os.utime(old, (now_s - REMEMBERED_S - 1,) * 2)
    memory.remember(CLIENT, "young", [("anna@x", "accept")])
    assert memory.sweep(now_s) == 1
    assert memory.recall(CLIENT, "old").class_of("anna@x") == ""
    assert memory.recall(CLIENT, "young").class_of("anna@x") == "accept"


def test_a_note_grows_and_changes(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path)
    memory.remember(CLIENT, "a", [("anna@x", "accept"), ("bruno@x", "accept")])
    memory.remember(CLIENT, "a", [("anna@x", "reject.virus")])
    assert memory.recall(CLIENT, "a").class_of("anna@x") == "reject.virus"
    assert memory.recall(CLIENT, "a").class_of("bruno@x") == "accept"


def test_when_it_is_full_the_oldest_gives_way(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path, most_notes=200)
    for turn in range(200):
        memory.remember(CLIENT, f"flood {turn}", [("anna@x", "accept")])
    for age_s, note in enumerate(sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(note, (1000 + age_s,) * 2)
    again = SplitMemory(tmp_path, most_notes=200)
    again.remember(CLIENT, "new", [("anna@x", "accept")])
    assert again.recall(CLIENT, "new").class_of("anna@x") == "accept"
    assert again.recall(CLIENT, "flood 0").class_of("anna@x") == ""
    assert again.recall(CLIENT, "flood 199").class_of("anna@x") == "accept"


def test_a_note_is_read_once_for_all_its_recipients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SplitMemory(tmp_path)
    memory.remember(CLIENT, "a", [("anna@x", "accept"), ("bruno@x", "reject.virus")])
    note = memory.recall(CLIENT, "a")
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("read again"))
    assert [note.class_of(f"{name}@x") for name in ("anna", "bruno", "cilla")] == [
        "accept",
        "reject.virus",
        "",
    ]


def test_one_file_for_a_thousand_recipients_and_no_more_files_than_allowed(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path, most_notes=10)
    for turn in range(200):
        memory.remember(
            CLIENT, f"{turn}@sender.example", [(f"{number}@x", "accept") for number in range(100)]
        )
    assert len(list(tmp_path.iterdir())) <= 10 + COUNT_EVERY
    for turn in range(50):
        memory.remember(
            CLIENT, "0@sender.example", [(f"{turn}-{number}@x", "accept") for number in range(100)]
        )
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 100_000


def test_a_damaged_note_says_nothing(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path)
    memory.remember(CLIENT, "a", [("anna@x", "accept")])
    [note] = tmp_path.iterdir()
    note.write_bytes(b"nonsense")
    assert memory.recall(CLIENT, "a").class_of("anna@x") == ""
