"""The learned model put together: its files, what opens them, and its keeper."""

from __future__ import annotations

import time
from pathlib import Path

from clement.cli.paths import Paths
from clement.config.settings import Settings
from clement.server.learned_file import ModelKeeper, ModelPaths, Version


def keeper_of(settings: Settings) -> ModelKeeper:
    """Brings the newest version to this node; the store must be connected."""
    from django.db import Error

    from clement.store.database import disconnect

    return ModelKeeper(
        ModelPaths(Paths.of(settings).learned), _InSql(settings.site.node_name), Error, let_go=disconnect
    )


class _InSql:
    """Implements `ModelStore`."""

    def __init__(self, node: str) -> None:
        self._node = node

    def key(self) -> bytes:
        from clement.store.learning.site import site_key

        return site_key()

    def newest(self) -> Version | None:
        from clement.store.learning import snapshots

        found = snapshots.newest()
        return None if found is None else Version(found.version, found.sha256)

    def fetch(self, version: Version, path: Path) -> None:
        from clement.store.learning import snapshots

        snapshots.fetch(version.number, version.sha256, path)

    def hold(self, version: Version) -> None:
        from clement.store.learning import snapshots

        snapshots.hold(self._node, version.number, time.time())
