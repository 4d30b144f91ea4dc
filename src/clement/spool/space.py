"""Whether there is room for another message, asked before its content is taken."""

from __future__ import annotations

import os
from collections.abc import Callable

from clement.spool.filesystem import FileSystem, FreeRoom

MIN_FREE_FILES = 1000


class Room:
    """Watches the free room of one file system.

    floor_bytes: what must stay free beyond a message: twice the size limit, so that those under way fit too.
    clock: monotonic seconds. The system is asked at most once a second, as asking may block on a bad disk.
    """

    __slots__ = ("_asked_at_s", "_clock", "_filesystem", "_floor_bytes", "_folder", "_free")

    def __init__(
        self,
        filesystem: FileSystem,
        folder: str | os.PathLike[str],
        floor_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._filesystem = filesystem
        self._folder = os.fspath(folder)
        self._floor_bytes = floor_bytes
        self._clock = clock
        self._asked_at_s = float("-inf")
        self._free: FreeRoom | None = None

    def room_for(self, size_bytes: int) -> bool:
        """Whether a message of this size may come; False also when the file system cannot even be asked."""
        now_s = self._clock()
        if now_s - self._asked_at_s >= 1.0:
            self._asked_at_s = now_s
            try:
                self._free = self._filesystem.free_room(self._folder)
            except OSError:
                self._free = None
        free = self._free
        if free is None or free.size_bytes < self._floor_bytes + size_bytes:
            return False
        return free.files is None or free.files >= MIN_FREE_FILES
