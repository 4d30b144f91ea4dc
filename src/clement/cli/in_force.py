"""Whether a change of the directory that was stored is in force: told once those who receive mail go by it.

A process that sees SQL writes the directory into a file, receivers read that, and note beside their counters
which version they go by (docs/decisions/0004). So the service of this machine can be seen to have taken a
change up. Others that share its database cannot be seen from here, and nothing more is said of them than
how long it takes them.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clement.cli.options import load_settings
from clement.cli.terminal import as_fields, print_facts, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import msgspec

PATIENCE_S: Final = 10.0
LOOK_EVERY_S: Final = 0.05
USUALLY: Final = "within about two seconds"

WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait",
        help=f"Wait until it is in force in the service that runs here, {PATIENCE_S:.0f} s at most.",
    ),
]


class InForce(Enum):
    """How far a change has come that is in the database."""

    NOW = "now"
    SOON = "soon"
    AT_START = "at-start"
    LATE = "late"


class TakingUp:
    """What becomes of a change that has just been stored; to be asked while the store is connected."""

    def __init__(self, config: Path | None, *, wait: bool) -> None:
        self._settings = load_settings(config)
        self._wait = wait
        self._is_shared = self._settings.database.engine.value != "sqlite"

    def state(self) -> InForce:
        """How far it has come, once that is settled or took too long."""
        from django.db import Error

        from clement.store.snapshot import current_version

        try:
            # Later changes may have raised it further: whoever has those has ours.
            return self._of_version(current_version())
        except Error:
            return InForce.LATE
        except OSError:
            return InForce.SOON  # whoever may not look at the service's counters cannot know whether one runs

    def _of_version(self, stored: int) -> InForce:
        until_s = time.monotonic() + PATIENCE_S
        while True:
            processes = self._processes()
            if not processes:
                return InForce.AT_START
            served = [number for name, number in processes.items() if name.startswith("receiver")]
            if served and min(served) >= stored:
                return InForce.NOW
            if not self._wait:
                return InForce.SOON
            if time.monotonic() >= until_s:
                return InForce.LATE
            time.sleep(LOOK_EVERY_S)

    def _processes(self) -> dict[str, int]:
        """The processes that live here, each with the version it goes by; 0: with none."""
        from clement.cli.paths import Paths
        from clement.telemetry.collect import of_living
        from clement.telemetry.metrics import DIRECTORY_VERSION

        folder = Paths.of(self._settings).metrics
        return of_living(folder, DIRECTORY_VERSION) if folder.is_dir() else {}

    def tell(self) -> None:
        """Say it to a person."""
        say(self._sentence(self.state()))

    def _sentence(self, state: InForce) -> str:
        if state is InForce.NOW:
            return f"In force here; on other machines {USUALLY}." if self._is_shared else "In force."
        if state is InForce.SOON:
            return f"In force {USUALLY}, where the service runs."
        if state is InForce.LATE:
            return (
                "Stored, but the service that runs here was not seen to take it up; "
                "`clement status` shows whether it has since."
            )
        elsewhere = f", on other machines {USUALLY}" if self._is_shared else ""
        return f"No service runs here: in force when it starts{elsewhere}."


def show_row(
    row: msgspec.Struct, facts: Iterable[tuple[str, str]], *, json: bool, change: TakingUp | None = None
) -> None:
    """A row as a program reads it, or its facts for a person; after a change, also whether it is in force."""
    if not json:
        print_facts(facts)
        if change is not None:
            change.tell()
        return
    added = {} if change is None else {"in_force": change.state().value}
    print_json([{**as_fields(row), **added}])
