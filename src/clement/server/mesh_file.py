"""The mesh's snapshot as a file: written by the steward, who sees SQL, and read by every receiver."""

from __future__ import annotations

import os
from pathlib import Path

from clement.policy.mesh.snapshot import (
    MeshSnapshot,
    SnapshotUnreadable,
    decode_snapshot,
    encode_snapshot,
)
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

_Seen = tuple[int, int, int]


class MeshFile:
    """Reads the snapshot anew whenever the file has been replaced; before there is one, the log is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _Seen | None = None
        self._current = MeshSnapshot()
        self._pace = Pace()

    @property
    def current(self) -> MeshSnapshot:
        """The latest snapshot read."""
        return self._current

    def refresh(self) -> bool:
        """Read it if there is a newer one; True when it was read. An unreadable one changes nothing.

        A log of ten thousand entries takes 8 ms, so this needs no thread.
        """
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return False
            self._current = decode_snapshot(self._path.read_bytes())
        except FileNotFoundError:
            return False
        except (OSError, SnapshotUnreadable) as fault:
            self._tell(fault)
            return False
        self._seen = seen
        return True

    def _tell(self, fault: Exception) -> None:
        if self._pace.due(log_events.MESH_UNREADABLE):
            log.error(log_events.MESH_UNREADABLE, path=str(self._path), fault=str(fault)[:300])


def write_mesh(path: Path, snapshot: MeshSnapshot) -> None:
    """Replace the snapshot as a whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encode_snapshot(snapshot))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
