"""The fuzz target of contents on its corpus, and for a moment beyond it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.fuzz.content import CORPUS, check, run_at_random


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_seed(path: Path) -> None:
    check(path.read_bytes())


def test_a_moment_of_fuzzing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # So many, not so long: on every machine the same.
    assert run_at_random(math.inf, seed=1, inputs=1000) == 1000


@pytest.mark.fuzz
@pytest.mark.timeout(0)
def test_an_hour_of_fuzzing() -> None:
    run_at_random(3600.0)
