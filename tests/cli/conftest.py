"""`clement`, run as a person would run it, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.verbs import run_in_fork

CLEMENT = Path(sys.executable).with_name("clement")


class Shell:
    """Runs `clement` in `folder`, where clement.toml lies; HOME and the environment are empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"}
        done = run_in_fork(words, cwd=self.folder, env=environment, stdin=stdin)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def out(self, *words: str) -> str:
        """What a verb that succeeds prints."""
        return self.run(*words).stdout

    def json(self, *words: str) -> list[Any]:
        """What a verb prints for programs: an object a line."""
        return [json.loads(line) for line in self.out(*words, "--json").splitlines()]

    def refusal(self, *words: str, code: int) -> str:
        """What a verb that fails says on standard error."""
        return self.run(*words, code=code).stderr.strip()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state that `clement init --local` makes; not to be changed."""
    folder = tmp_path_factory.mktemp("furnished")
    Shell(folder).run("init", "--local", "--config", "clement.toml")
    return folder


@pytest.fixture
def shell(furnished: Path, tmp_path: Path) -> Shell:
    """A shell in a copy of the furnished site."""
    folder = tmp_path / "site"
    shutil.copytree(furnished, folder)
    return Shell(folder)


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A shell in an empty folder."""
    return Shell(tmp_path)
