"""What `check` warns of: a configuration that can be used, and a thing to know about it."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.conftest import Shell


def warnings_of(shell: Shell) -> list[str]:
    """Standard error of a `check` that finds nothing wrong."""
    return shell.run("check", "--no-ports").stderr.splitlines()


def test_a_postmaster_that_nobody_is_is_warned_of(shell: Shell) -> None:
    assert not any("site.postmaster" in line for line in warnings_of(shell))
    path = shell.folder / "clement.toml"
    lines = path.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(("postmaster", "#postmaster")))
    lines[at] = 'postmaster = "postmaster@nowhere.example"'
    path.write_text("\n".join(lines))
    (said,) = (line for line in warnings_of(shell) if "site.postmaster" in line)
    assert said.startswith(f"clement.toml:{at + 1}: warning: site.postmaster: no mailbox takes mail for")
    told = [json.loads(line) for line in shell.run("check", "--no-ports", "--json").stdout.splitlines()]
    assert any(each["key"] == "site.postmaster" and each["is_warning"] for each in told)


def test_without_a_database_that_answers_the_file_alone_is_checked(shell: Shell) -> None:
    (shell.folder / "clement.sqlite3").unlink()
    assert not any("site.postmaster" in line for line in warnings_of(shell))
    assert not (shell.folder / "clement.sqlite3").exists()


def test_a_mail_root_that_is_missing_is_warned_of(shell: Shell) -> None:
    (shell.folder / "mail").rename(shell.folder / "away")
    (said,) = (line for line in warnings_of(shell) if "store.mail_root" in line)
    assert said.endswith("does not exist; until it does, mail is deferred, and `clement init` makes it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stay root")
def test_root_that_would_stay_root_is_warned(shell: Shell) -> None:
    assert any("warning: processes.user: " in line for line in warnings_of(shell))
    path = shell.folder / "clement.toml"
    path.write_text(path.read_text().replace('#user = ""', 'user = "nobody"'))
    assert not any("processes.user" in line for line in warnings_of(shell))
