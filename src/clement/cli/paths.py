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
