"""The directory snapshot, made from SQL and put where receivers read it."""

from __future__ import annotations

from clement.cli.paths import Paths
from clement.config.settings import Settings
from clement.server.directory_file import DirectoryKeeper


def keeper_of(settings: Settings) -> DirectoryKeeper:
    """Keeps the snapshot up to date; the store must be connected."""
    from django.db import Error

    from clement.store.database import disconnect
    from clement.store.snapshot import current_version, load_directory

    return DirectoryKeeper(
        Paths.of(settings).directory, load_directory, current_version, Error, let_go=disconnect
    )
