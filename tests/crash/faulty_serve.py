"""`python -m tests.crash.faulty_serve CONFIG PLAN`: the real `serve`, on a disk that fails when told to.

PLAN is a file that a test writes while the server runs: a JSON list of faults, each {"point", "kind",
"moment", "errno", "hit"}, and a number that no other plan has. It is read again at every named point, so one
server serves a whole matrix. What has struck is appended to PLAN.struck; a plan that kills is removed first,
so that the next receiver lives.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from clement.cli import serve as serving
from clement.cli.exit_codes import Failure
from clement.cli.wiring import Outside
from clement.config import load
from clement.journal.segments import SegmentFiles
from clement.server.supervisor import Role
from clement.spool.points import Point
from tests.fixtures.faults import Fault, FaultyFileSystem, Kind, Moment

RESTART_AFTER_S = 0.02


class ArmedFileSystem(FaultyFileSystem):
    """The real disk until the plan in a file says otherwise."""

    def __init__(self, plan_file: Path) -> None:
        super().__init__()
        self._plan_file = plan_file
        self._text = ""

    def _faults(self, point: Point) -> list[Fault]:
        self._read_plan()
        due = super()._faults(point)
        for fault in due:
            struck(self._plan_file, str(fault))
            if fault.kind is Kind.KILL:
                self._plan_file.unlink(missing_ok=True)
        return due

    def _read_plan(self) -> None:
        try:
            text = self._plan_file.read_text()
        except FileNotFoundError:
            self.plan = ()
            return
        with self._lock:
            if text != self._text:
                self._text = text
                self.hits.clear()
                self.plan = tuple(fault(each) for each in json.loads(text) if "point" in each)


class ArmedSegments(SegmentFiles):
    """The journal's files: {"journal": "write", "errno": N} fails every write; {"journal": "torn",
    "token": T} writes half of what holds T and dies.
    """

    def __init__(self, plan_file: Path) -> None:
        self._plan_file = plan_file

    def write(self, descriptor: int, content: bytearray) -> int:
        for each in read(self._plan_file):
            match each.get("journal"):
                case "write":
                    struck(self._plan_file, "journal-write")
                    raise OSError(each["errno"], os.strerror(each["errno"]))
                case "torn" if str(each["token"]).encode() in content:
                    struck(self._plan_file, "journal-torn")
                    self._plan_file.unlink()
                    os.write(descriptor, content[: len(content) // 2])
                    os.kill(os.getpid(), 9)
        return super().write(descriptor, content)


def read(plan_file: Path) -> list[dict[str, Any]]:
    """The plan as it is now; a file is always replaced as a whole."""
    try:
        found: list[dict[str, Any]] = json.loads(plan_file.read_text())
    except FileNotFoundError:
        return []
    return found


def fault(each: dict[str, Any]) -> Fault:
    return Fault(
        Point(each["point"]),
        Kind(each["kind"]),
        Moment(each["moment"]),
        int(each["errno"]),
        int(each["hit"]),
        0.05,
    )


def struck(plan_file: Path, what: str) -> None:
    with plan_file.with_suffix(".struck").open("a") as out:
        out.write(what + "\n")


def impatient(roles: Callable[..., list[Role]]) -> Callable[..., list[Role]]:
    """A supervisor is careful with what dies again and again; here everything does, on purpose."""

    def found(*arguments: Any) -> list[Role]:
        pauses = {"first_pause_s": RESTART_AFTER_S, "longest_pause_s": RESTART_AFTER_S}
        return [replace(role, **pauses) for role in roles(*arguments)]

    return found


def main() -> None:
    config, plan_file = Path(sys.argv[1]), Path(sys.argv[2])
    serving.roles = impatient(serving.roles)
    outside = Outside(filesystem=ArmedFileSystem(plan_file), journal_files=ArmedSegments(plan_file))
    try:
        serving.serve(load(config), config, outside)
    except Failure as failure:  # as the command line does it
        sys.exit(f"{failure.text}")


if __name__ == "__main__":
    main()
