"""The directory snapshot as a file: written by whoever sees SQL, read by every receiver.

So receivers never ask SQL, and start and go on without it from the last state
that was known.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from clement.policy.directory import Directory
from clement.policy.directory_codec import DirectoryUnreadable, decode, encode
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

LOOK_EVERY_S: Final = 0.25
LONG_LOAD_S: Final = 0.2
PAUSE_S: Final = 2.0
"""Between two snapshots of a directory that takes longer than `LONG_LOAD_S` to load."""

_Seen = tuple[int, int, int]


class DirectoryFile:
    """Reads the snapshot anew whenever the file has been replaced.

    taken_up: told of each directory once it is `current`, in the thread that has read it.
    """

    def __init__(self, path: Path, taken_up: Callable[[Directory], object] = lambda _directory: None) -> None:
        self._path = path
        self._taken_up = taken_up
        self._seen: _Seen | None = None
        self._current = Directory()
        self._reader: threading.Thread | None = None
        self._pace = Pace()

    @property
    def current(self) -> Directory:
        """The latest directory read."""
        return self._current

    @property
    def is_known(self) -> bool:
        """Whether one was ever read. Until then `current` is empty, which says nothing of who is hosted."""
        return self._seen is not None

    async def until_known(self) -> None:
        """Wait for the first one."""
        while True:
            if self.is_known or self.read():
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def read(self) -> bool:
        """Read it now if there is a newer one; True when it was read. An unreadable one changes nothing."""
        seen = self._newer()
        return seen is not None and self._read(seen)

    def refresh(self) -> bool:
        """Have a newer one read beside the event loop; True when that has begun. `current` follows."""
        if self._reader is not None and self._reader.is_alive():
            return False
        seen = self._newer()
        if seen is None:
            return False
        self._reader = threading.Thread(target=self._read, args=(seen,), name="directory", daemon=True)
        self._reader.start()
        return True

    async def watch(self) -> None:
        """Look for a newer one again and again; a look is one stat(2)."""
        while True:
            self.refresh()
            await asyncio.sleep(LOOK_EVERY_S)

    def _newer(self) -> _Seen | None:
        """What tells the file from the one that was read last, if it is another."""
        try:
            status = self._path.stat()
        except OSError as fault:
            self._tell(fault)
            return None
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        return None if seen == self._seen else seen

    def _read(self, seen: _Seen) -> bool:
        try:
            directory = decode(self._path.read_bytes())
        except (OSError, DirectoryUnreadable) as fault:
            self._tell(fault)
            return False
        self._seen, self._current = seen, directory
        self._taken_up(directory)
        self._pace.over(log_events.DIRECTORY_UNREADABLE)
        return True

    def _tell(self, fault: Exception) -> None:
        if self._pace.due(log_events.DIRECTORY_UNREADABLE):
            log.error(log_events.DIRECTORY_UNREADABLE, path=str(self._path), fault=str(fault)[:300])


class DirectoryKeeper:
    """Writes the snapshot whenever the directory in SQL has changed.

    load, version: from SQL; both raise `unavailable` when it is away. let_go: gives up what is left of a
    connection then, or the next question would go into the same dead one. A directory that takes long to load
    is written less often, so that a hundred changes in a row make few snapshots.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[[], Directory],
        version: Callable[[], int],
        unavailable: type[Exception],
        let_go: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._load = load
        self._version = version
        self._unavailable = unavailable
        self._let_go = let_go
        self._monotonic = monotonic
        self._written: int | None = None
        self._away = False
        self._not_before_s = float("-inf")

    def step(self) -> bool:
        """Write the snapshot if it is out of date; True when written. What fails is tried again."""
        began_s = self._monotonic()
        if began_s < self._not_before_s:
            return False
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
        loaded_s = self._monotonic()
        if loaded_s - began_s > LONG_LOAD_S:
            self._not_before_s = loaded_s + PAUSE_S
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
