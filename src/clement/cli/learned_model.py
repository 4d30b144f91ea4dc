"""The learned model as receivers have it: files, what opens them, and the key that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clement.learn.features import of_findings
from clement.learn.model import Model
from clement.server.learned_file import LearnedFile, ModelPaths


def learned_file(folder: Path, *, enabled: bool) -> LearnedFile | None:
    """The model as the recorder keeps it in this folder; None where nothing is to be learned."""
    if not enabled:
        return None
    learned = LearnedFile(ModelPaths(folder), Model.open, of_findings)
    learned.refresh()
    return learned


def key_of(learned: LearnedFile | None) -> Callable[[], bytes]:
    """What features are hashed with, as it is known by now; b"" where nothing is learned."""
    return lambda: learned.key if learned is not None else b""
