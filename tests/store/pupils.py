"""Lessons for tests, and a trainer that shows what it was taught, in which order."""

import json
from collections.abc import Sequence
from pathlib import Path

from clement.policy.lesson import Lesson, Way
from clement.policy.study import Features


def lesson(number: int, *, unwanted: bool = True, **fields: object) -> Lesson:
    """A lesson about message `number`."""
    told = {
        "way": Way.CLI,
        "features": number.to_bytes(4, "little"),
        "body_hash": number.to_bytes(16, "big"),
        "message_id": f"<{number}@far.example>",
        **fields,
    }
    return Lesson(unwanted=unwanted, **told)  # type: ignore[arg-type]


class Pupil:
    """Remembers all lessons."""

    def __init__(self, key: bytes, lessons: list[list[object]] | None = None) -> None:
        self.key = key
        self.lessons = lessons or []

    def learn(
        self,
        features: Features,
        extra: Sequence[str],
        scopes: Sequence[str],
        *,
        unwanted: bool,
        weight: float = 1.0,
    ) -> None:
        number = int.from_bytes(features.hashes, "little")
        self.lessons.append([number, list(extra), list(scopes), unwanted, weight])

    def save(self, path: Path) -> None:
        path.write_text(json.dumps([self.key.hex(), self.lessons]))


class School:
    """Where such trainers come from."""

    def begin(self, key: bytes) -> Pupil:
        return Pupil(key)

    def load(self, path: Path) -> Pupil | None:
        if path.read_text() == "of another format":
            return None
        key, lessons = json.loads(path.read_text())
        return Pupil(bytes.fromhex(key), lessons)
