"""`clement learned` and `clement train`: teaching, the ledger, and taking back."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

WORDS = ("garden", "invoice", "meeting", "lottery", "pills", "casino")


ANNA = ("--for", "anna@local.example")


def message(number: int) -> bytes:
    return (
        f"From: a{number}@far.example\nTo: anna@local.example\nMessage-ID: <{number}@far.example>\n"
        f"Subject: {WORDS[number % len(WORDS)]} number {number}\n\nAbout {WORDS[number % 6]} {number}.\n"
    ).encode()


@pytest.fixture
def files(shell: Shell) -> list[str]:
    """Six messages."""
    for number in range(6):
        (shell.folder / f"{number}.eml").write_bytes(message(number))
    return [f"{number}.eml" for number in range(6)]


def test_messages_are_taught_shown_and_taken_back(shell: Shell, files: list[str]) -> None:
    taught = shell.json("learned", "spam", files[0], files[1], "--for", "anna@local.example")
    assert [each["is_new"] for each in taught] == [True, True]
    (again,) = shell.json("learned", "spam", files[0], "--for", "anna@local.example")
    assert (again["act_id"], again["is_new"]) == (taught[0]["act_id"], False)
    assert "wanted (act 3)" in shell.out("learned", "ham", files[2])
    assert "act 1" in shell.run("learned", "spam", "-", *ANNA, stdin=message(0).decode()).stdout
    assert shell.refusal("learned", "spam", "none.eml", code=2) == (
        "clement: cannot read none.eml: No such file or directory"
    )
    rows = shell.json("learned", "acts")
    assert [(row["id"], row["about"], row["unwanted"], row["state"]) for row in rows] == [
        (3, "", False, "pending"),
        (2, "anna@local.example", True, "pending"),
        (1, "anna@local.example", True, "pending"),
    ]
    assert rows[0]["message_id"] == "<2@far.example>"
    assert "taken back" in shell.out("learned", "undo", "2")
    assert "already" in shell.refusal("learned", "undo", "2", code=1)
    (status,) = shell.json("learned", "status")
    assert (status["pending"], status["version"], status["ready"]) == (2, 0, None)


def test_a_mailbox_is_taught_once_however_often_it_is_imported(shell: Shell, files: list[str]) -> None:
    box = mailbox.mbox(shell.folder / "box")
    for number in range(4):
        box.add(message(number))
    box.flush()
    maildir = shell.folder / "maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    for number in range(2, 5):
        (maildir / ("cur" if number % 2 else "new") / f"{number}.host:2,S").write_bytes(message(number))
    (maildir / "tmp" / "9.host").write_bytes(message(9))

    counts = {"read": 4, "taught": 4, "known": 0, "unreadable": 0}
    assert shell.json("train", "box", "--spam") == [counts]
    assert shell.json("train", "maildir", "--spam") == [{"read": 3, "taught": 1, "known": 2, "unreadable": 0}]
    (shell.folder / "index").write_text(
        f"ham {files[5]} 2026-01-01\nspam {files[0]}\nham gone.eml\n\nham {files[1]}\n"
    )
    told = shell.run("train", "index", "--json")
    assert '"taught":2,"known":1,"unreadable":1' in told.stdout
    assert "gone.eml" in told.stderr
    rows = {row["message_id"]: row for row in reversed(shell.json("learned", "acts"))}
    assert len(rows) == 6
    assert not rows["<1@far.example>"]["unwanted"]  # the newest word of it
    assert rows["<4@far.example>"]["way"] == "import"


def test_what_is_no_mailbox_and_no_index_is_refused(shell: Shell, files: list[str]) -> None:
    assert "label" in shell.refusal("train", files[0], code=2)
    for verb in (("train", ".", "--spam"), ("learned", "spam", files[0])):
        for nobody in ("nobody@far.example", "anne@local.example"):
            refusal = shell.refusal(*verb, "--for", nobody, code=3)
            assert refusal.endswith(f"clement: no mailbox {nobody}")
    assert shell.json("learned", "acts") == []


def test_an_empty_message_teaches_nothing(shell: Shell) -> None:
    folder = shell.folder / "cut"
    folder.mkdir()
    for name, octets in (("1", b""), ("2", b"\r\n \n"), ("3", message(3))):
        (folder / name).write_bytes(octets)
    told = shell.run("train", "cut", "--spam", "--json")
    assert '"read":1,"taught":1,"known":0,"unreadable":2' in told.stdout
    assert told.stderr.splitlines()[:2] == ["cut/1: it is empty", "cut/2: it is empty"]
    assert shell.refusal("learned", "ham", "cut/1", code=1) == "clement: cut/1: it is empty"


def test_an_mbox_gives_back_what_it_quoted(shell: Shell) -> None:
    from clement.cli.lesson_files import specimens

    path = Path(shell.folder / "box")
    path.write_bytes(
        b"From a\nSubject: 1\n\n>From here\n>>From there\n\nFrom b\nSubject: 2\n\nNot\nFrom it\n\n"
    )
    first, second = (each.octets() for each in specimens(path, unwanted=True))
    assert first == b"Subject: 1\n\nFrom here\n>From there\n"
    assert second == b"Subject: 2\n\nNot\nFrom it\n"
