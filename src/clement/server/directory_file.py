"""The directory snapshot as a file: written by whoever sees SQL, read by every receiver.

So receivers never ask SQL, and start and go on without it from the last state
that was known.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from clement.policy.directory import Directory
from clement.policy.directory_codec import DirectoryUnreadable, decode, encode
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("server")


class DirectoryFile:
    """Reads the snapshot anew whenever the file has been replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._current = Directory()

    @property
    def current(self) -> Directory:
        """The latest directory read."""
        return self._current

    def refresh(self) -> bool:
        """Look whether there is a newer one; True when it was read. An unreadable file leaves the old one."""
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return False
            directory = decode(self._path.read_bytes())
        except (OSError, DirectoryUnreadable) as fault:
            log.error(log_events.DIRECTORY_UNREADABLE, path=str(self._path), fault=str(fault)[:300])  # noqa: TRY400 - says all
            return False
        self._seen, self._current = seen, directory
        return True


class DirectoryKeeper:
    """Writes the snapshot whenever the directory in SQL has changed.

    load, version: from SQL; both raise `unavailable` when it is away. let_go: gives up what is left of a
    connection then, or the next question would go into the same dead one.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[[], Directory],
        version: Callable[[], int],
        unavailable: type[Exception],
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._load = load
        self._version = version
        self._unavailable = unavailable
        self._let_go = let_go
        self._written: int | None = None
        self._away = False

    def step(self) -> bool:
        """Write the snapshot if it is out of date; True when written. What fails is tried again."""
        try:
            version = self._version()
            if version == self._written:
                return False
            directory = self._load()
        except self._unavailable as fault:
            if not self._away:
                log.warning(log_events.DIRECTORY_UNAVAILABLE, fault=str(fault)[:300])
            self._away = True
            self._let_go()
            return False
        self._away = False
        try:
            write_directory(self._path, directory)
        except OSError as fault:
            log.warning(log_events.DIRECTORY_UNWRITABLE, path=str(self._path), fault=str(fault)[:300])
            return False
        self._written = directory.version
        return True


def write_directory(path: Path, directory: Directory) -> None:
    """Replace the snapshot as a whole; it holds password hashes, so nobody else may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encode(directory))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
