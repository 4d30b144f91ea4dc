"""What `make run` does before it serves."""

from pathlib import Path

import pytest

from scripts import run


def test_passwords_that_are_shown_once_are_kept_for_trying_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "STATE", tmp_path)
    monkeypatch.setattr(run, "CONFIG", tmp_path / "clement.toml")
    monkeypatch.setattr(run, "LOGINS", tmp_path / "logins.txt")
    run.init()
    shown = [line for line in capfd.readouterr().out.splitlines() if "(shown this once)" in line]
    assert len(shown) == 3
    assert (tmp_path / "logins.txt").read_text().splitlines() == shown
    assert (tmp_path / "logins.txt").stat().st_mode & 0o777 == 0o600
    run.init()
    assert (tmp_path / "logins.txt").read_text().splitlines() == shown
