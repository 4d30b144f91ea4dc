"""`clement mesh`: a key of our own, and what is shown before anybody has spoken."""

from __future__ import annotations

import re

from tests.cli.conftest import Shell


def enable(shell: Shell) -> None:
    """Take part in the mesh, with a peer that nobody has met."""
    config = shell.folder / "clement.toml"
    text = config.read_text().replace("#enabled = false", "enabled = true")
    peer = f'[[mesh.peer]]\nname = "anna"\npublic_key = "ed25519:{"A" * 43}"\nhost = "127.0.0.1"\n'
    config.write_text(f"{text}\n{peer}")


def test_a_key_is_made_once_and_for_nobody_else(shell: Shell) -> None:
    first = shell.out("mesh", "init")
    assert re.fullmatch(r"ed25519:[A-Za-z0-9_-]{43}\n", first)
    key = shell.folder / "mesh.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert shell.out("mesh", "init") == first
    (shown,) = shell.json("mesh", "key")
    assert shown["public_key"] == first.strip()
    assert re.fullmatch(r"[a-z2-7]{26}", shown["key_id"])
    assert key.read_text().splitlines()[1] not in first


def test_a_key_that_others_can_read_or_none_is_told_by_check(shell: Shell) -> None:
    enable(shell)
    assert "`clement mesh init` makes a key" in shell.refusal("check", "--no-ports", code=1)
    shell.out("mesh", "init")
    shell.out("check", "--no-ports")
    (shell.folder / "mesh.key").chmod(0o640)
    assert "chmod 600" in shell.refusal("check", "--no-ports", code=1)


def test_before_anybody_has_spoken(shell: Shell) -> None:
    shell.out("mesh", "init")
    enable(shell)
    (status,) = shell.json("mesh", "status")
    assert (status["enabled"], status["peers"], status["foreign_assertions"]) == (True, 1, 0)
    (peer,) = shell.json("mesh", "peers")
    assert (peer["name"], peer["standing"], peer["heard"]) == ("anna", 100.0, True)
    assert "127.0.0.1:25" in shell.out("mesh", "peers")
    assert shell.json("mesh", "list") == []
    assert shell.json("mesh", "log") == []
    assert "no peer carla" in shell.refusal("mesh", "restore", "carla", code=3)
    assert "ever heard of" in shell.refusal("mesh", "restore", "anna", code=3)
