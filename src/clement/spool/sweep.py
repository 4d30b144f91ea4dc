"""Removing what a crash left behind: staged files that nobody will finish (hostile case 127)."""

from __future__ import annotations

from contextlib import suppress

from clement.spool.filesystem import FileSystem
from clement.spool.points import Point

STALE_AFTER_S = 36 * 3600
"""The age that every Maildir reader and writer agrees on for files in tmp/."""

_STAGING = "tmp"
_FOLDER_DEPTH = 8


def sweep_folder(filesystem: FileSystem, folder: str, now_s: float, point: Point) -> int:
    """Remove files in `folder` that nobody has written to for 36 hours before `now_s` (epoch); how many.

    A clock that jumps ahead can make this take a file from under a running delivery: that delivery then fails
    before its reply, and the client sends again. A file that has been placed is never in such a folder.
    """
    removed = 0
    for name in filesystem.names(folder):
        path = f"{folder}/{name}"
        with suppress(OSError):
            entry = filesystem.entry(path)
            if not entry.is_folder and now_s - entry.modified_at_ns / 1e9 > STALE_AFTER_S:
                filesystem.unlink(path, point)
                removed += 1
    return removed


def sweep_maildirs(filesystem: FileSystem, mail_root: str, now_s: float) -> int:
    """Sweep the tmp/ of every Maildir below `mail_root`; how many files went. Slow: for idle times."""
    removed, waiting = 0, [(mail_root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        with suppress(OSError):
            names = filesystem.names(folder)
            if {_STAGING, "new", "cur"} <= set(names):
                staging = f"{folder}/{_STAGING}"
                removed += sweep_folder(filesystem, staging, now_s, Point.MAILDIR_TAKEN_BACK)
            elif depth < _FOLDER_DEPTH:
                waiting.extend((path, depth + 1) for path in _folders(filesystem, folder, names))
    return removed


def _folders(filesystem: FileSystem, folder: str, names: list[str]) -> list[str]:
    found = []
    for name in names:
        path = f"{folder}/{name}"
        with suppress(OSError):
            if filesystem.entry(path).is_folder:
                found.append(path)
    return found
