"""Whether there is room for another message, asked before its content is taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from clement.spool.filesystem import FileSystem

MIN_FREE_FILES: Final = 1000
_NOTHING: Final = -1


class Room:
    """Watches the free room of the file systems of some folders.

    floor_bytes: what must stay free beyond a message: twice the size limit, so that those under way fit too.
    clock: monotonic seconds. The system is asked at most once a second, as asking may block on a bad disk.
    """

    __slots__ = ("_asked_at_s", "_clock", "_filesystem", "_floor_bytes", "_folders", "_spare_bytes")

    def __init__(
        self,
        filesystem: FileSystem,
        folders: Iterable[str | os.PathLike[str]],
        floor_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._filesystem = filesystem
        self._folders = [os.fspath(folder) for folder in folders]
        self._floor_bytes = floor_bytes
        self._clock = clock
        self._asked_at_s = float("-inf")
        self._spare_bytes = _NOTHING

    def room_for(self, size_bytes: int) -> bool:
        """Whether a message of this size may come; False also where a file system cannot even be asked."""
        now_s = self._clock()
        if now_s - self._asked_at_s >= 1.0:
            self._asked_at_s = now_s
            self._spare_bytes = min(map(self._spare_of, self._folders))
        return size_bytes <= self._spare_bytes

    def _spare_of(self, folder: str) -> int:
        try:
            free = self._filesystem.free_room(folder)
        except OSError:
            return _NOTHING
        if free.files is not None and free.files < MIN_FREE_FILES:
            return _NOTHING
        return free.size_bytes - self._floor_bytes
