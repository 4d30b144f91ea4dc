"""Group commit of names: one fsync of a folder serves everybody who asked for it before it began.

With twenty deliveries into one mailbox at once, the disk sees a few folder syncs instead of twenty, and each
delivery still waits for one that began after its own rename.
"""

from __future__ import annotations

import errno
from threading import Event, Lock

from clement.spool.filesystem import FileSystem
from clement.spool.points import Point


class _Group:
    """Those who wait for the next sync of a folder."""

    __slots__ = ("error", "over")

    def __init__(self) -> None:
        self.over = Event()
        # Until the sync has returned, whatever cuts it short is a failure for all who wait.
        self.error: OSError | None = OSError(errno.EIO, "folder sync did not end")


class _Folder:
    """The sync under way in a folder, and the group that gathers behind it."""

    __slots__ = ("gathering", "users", "working")

    def __init__(self) -> None:
        self.working = Lock()
        self.gathering: _Group | None = None
        self.users = 0


class FolderSync:
    """Shares syncs of folders between the threads of one process."""

    __slots__ = ("_filesystem", "_folders", "_lock")

    def __init__(self, filesystem: FileSystem) -> None:
        self._filesystem = filesystem
        self._lock = Lock()
        self._folders: dict[str, _Folder] = {}

    def sync(self, path: str, at: Point) -> None:
        """Return when every name that stands in the folder now is on the disk.

        Raises OSError, to all who shared the sync that failed.
        """
        with self._lock:
            folder = self._folders.get(path)
            if folder is None:
                folder = self._folders[path] = _Folder()
            folder.users += 1
            group = folder.gathering
            leads = group is None
            if group is None:
                group = folder.gathering = _Group()
        try:
            if leads:
                self._lead(path, at, folder, group)
            else:
                group.over.wait()
        finally:
            self._leave(path, folder)
        if group.error is not None:
            raise OSError(*group.error.args) from group.error

    def _lead(self, path: str, at: Point, folder: _Folder, group: _Group) -> None:
        """Wait for the sync before ours; whoever comes meanwhile joins our group. Then close it and sync."""
        with folder.working:
            with self._lock:
                folder.gathering = None
            try:
                self._filesystem.sync_folder(path, at)
                group.error = None
            except OSError as error:
                group.error = error
            finally:
                group.over.set()

    def _leave(self, path: str, folder: _Folder) -> None:
        with self._lock:
            folder.users -= 1
            if not folder.users:
                del self._folders[path]
