"""The memory of split transactions: who belongs together, for whom, and for how long."""

import os
from ipaddress import ip_address
from pathlib import Path

from clement.policy.reason import Reason
from clement.policy.verdict import Accept, Defer, Reject
from clement.server.splitting import REMEMBERED_S, SplitMemory, agree, class_of

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
    assert again.recall(neighbour, "a@sender.example", "anna@x") == "accept"
    assert again.recall(neighbour, "a@sender.example", "emil@x") == "reject.too-large"
    assert again.recall(neighbour, "a@sender.example", "other@x") == ""
    assert again.recall(neighbour, "b@sender.example", "anna@x") == ""
    assert again.recall(ip_address("192.0.3.1"), "a@sender.example", "anna@x") == ""


def test_hostile_names_are_no_paths(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path / "splits")
    memory.remember(CLIENT, "../../x\n\udcff", [("/etc/passwd\0", "accept")])
    assert memory.recall(CLIENT, "../../x\n\udcff", "/etc/passwd\0") == "accept"
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "splits"]


def test_what_no_client_comes_back_for_is_swept(tmp_path: Path) -> None:
    memory = SplitMemory(tmp_path)
    memory.remember(CLIENT, "", [("old@x", "accept"), ("young@x", "accept")])
    old = next(path for path in tmp_path.iterdir() if memory.recall(CLIENT, "", "old@x") and path.name)
    now_s = old.stat().st_mtime
    for path in tmp_path.iterdir():
        os.utime(path, (now_s, now_s))
    os.utime(old, (now_s - REMEMBERED_S - 1,) * 2)
    assert memory.sweep(now_s) == 1
    assert len(list(tmp_path.iterdir())) == 1
