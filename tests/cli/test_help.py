"""`--help` teaches, and costs nothing that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import CLEMENT, Shell


def test_help_imports_nothing_heavy() -> None:
    heavy = ("django", "rich", "msgspec", "pydantic", "asyncio", "cryptography", "ssl", "uvloop", "dns")
    program = f"import sys, clement.cli.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_verb_imports_no_other_verb_and_nothing_heavy(shell: Shell) -> None:
    heavy = ("clement.cli.mailbox", "django.urls", "cryptography", "numpy")
    program = (
        "import sys, clement.cli.app\n"
        "try:\n    clement.cli.app.main()\n"
        f"finally: print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "domain", "list", "--json"],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_verb_that_is_misspelt_is_guessed(empty: Shell) -> None:
    assert "Did you mean 'domain'?" in empty.refusal("domian", code=2)


def test_help_names_every_verb_and_every_exit_code(empty: Shell) -> None:
    shown = empty.out("--help")
    for verb in (
        *("serve", "init", "check", "log", "session", "explain", "simulate", "status", "sink"),
        *("group", "domain", "mailbox", "alias", "person", "directive", "network"),
    ):
        assert f"  {verb} " in shown
    assert "Exit codes: 0 done" in shown
    assert "…" not in shown


def test_examples_keep_their_lines(empty: Shell) -> None:
    shown = empty.out("network", "add", "--help")
    assert "  clement network add 198.51.100.0/24 banned --expires 7d\n" in shown


def test_the_version_is_told(empty: Shell) -> None:
    assert empty.out("--version").startswith("clement 3.")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_to_a_closed_pipe_is_no_error(shell: Shell, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for verb in ("mailbox list --json", "group show local", "--help"):
        # The reader is gone before anything is written: whoever only is quick might not notice.
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [CLEMENT, *verb.split()],
            cwd=shell.folder,
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")


def test_colours_are_for_terminals_only(shell: Shell) -> None:
    assert "\x1b" not in shell.out("directive", "list")
