"""The files and folders in which the processes of one machine meet.

Apart from the wiring, which imports the whole house: a verb that only looks into a folder shall not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from clement.config.settings import Settings


class Paths(msgspec.Struct, frozen=True):
    """Where the processes of one machine meet."""

    directory: Path
    checkers: Path
    large_checkers: Path
    long_scans: Path
    metrics: Path
    splits: Path
    staging: Path
    greylist: Path
    mesh: Path
    learned: Path

    @classmethod
    def of(cls, settings: Settings) -> Paths:
        """From the settings."""
        run, spool = settings.processes.run_folder, settings.spool.folder
        return cls(
            directory=spool / "directory.snapshot",
            checkers=run / "checkers.sock",
            large_checkers=run / "large.sock",
            long_scans=run / "long-scans",
            metrics=run / "metrics",
            splits=spool / "splits",
            staging=spool / "staging",
            greylist=spool / "greylist",
            mesh=spool / "mesh.snapshot",
            learned=spool / "learned",
        )

    def make(self) -> None:
        """Make the folders. Raises OSError."""
        beneath = (self.metrics, self.splits, self.staging, self.long_scans)
        for folder in (self.directory.parent, self.checkers.parent, *beneath):
            folder.mkdir(parents=True, exist_ok=True)


def state_folders(settings: Settings) -> tuple[Path, ...]:
    """The folders that settings name and a server makes where they are missing.

    Not the mail root: where that is missing, a disk is not mounted (docs/decisions/0003).
    """
    return (
        settings.spool.folder,
        settings.journal.folder,
        settings.held.folder,
        settings.processes.run_folder,
    )


def make_folders(settings: Settings) -> None:
    """Make all that the processes expect to find: mail is nobody else's business. Raises OSError."""
    for folder in state_folders(settings):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    Paths.of(settings).make()
