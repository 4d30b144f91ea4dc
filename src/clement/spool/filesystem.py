"""The one port through which mail reaches a disk.

Each step that a promise depends on passes a `Point`, so that tests can fail it, delay it, kill the process
at it, or forget what was never synced. Steps that are not file operations (a next hop's answer, our reply)
report themselves through `reached`. All methods block; they are called from worker threads.

It is not a general file-system layer: what mail does not need is not here.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Protocol

import msgspec

from clement.spool.points import Point

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Octets = bytes | bytearray | memoryview


class FreeRoom(msgspec.Struct, frozen=True):
    """What a file system has left for an ordinary user; `files` is None where their number is not fixed."""

    size_bytes: int
    files: int | None


class Entry(msgspec.Struct, frozen=True):
    """One file or folder as it lies on the disk; links are not followed."""

    name: str
    is_folder: bool
    size_bytes: int
    modified_at_ns: int


class FileSystem(Protocol):
    """What mail needs of a disk. Every method raises OSError as the system reports it."""

    def reached(self, point: Point) -> None:
        """A step that is no file operation has been reached."""

    def open_new(self, path: str, at: Point, *, mode: int = 0o600, readable: bool = False) -> int:
        """Create a file that did not exist and open it for writing; the descriptor."""

    def open_existing(self, path: str, at: Point) -> int:
        """Open a file that is there for reading; the descriptor. Links are not followed."""

    def write(self, descriptor: int, octets: Octets, at: Point) -> None:
        """Append all of `octets`."""

    def read(self, descriptor: int, size_bytes: int, offset: int, at: Point) -> bytes:
        """Up to `size_bytes` from `offset`, fewer only at the end of the file."""

    def sync(self, descriptor: int, at: Point) -> None:
        """Return when the file's content is on the disk. After an error the file is worthless."""

    def own(self, descriptor: int, uid: int, gid: int) -> None:
        """Give an open file to another user (needs privileges)."""

    def close(self, descriptor: int) -> None:
        """Close; what has not been synced may still be lost."""

    def rename(self, source: str, target: str, at: Point) -> None:
        """Give a file its final name, at once or not at all."""

    def unlink(self, path: str, at: Point) -> None:
        """Remove a file; no error when it is gone already."""

    def make_folder(self, path: str, at: Point, *, mode: int = 0o700) -> bool:
        """Make a folder whose parent exists; False when it was there already."""

    def own_folder(self, path: str, uid: int, gid: int) -> None:
        """Give a folder to another user (needs privileges)."""

    def sync_folder(self, path: str, at: Point) -> None:
        """Return when the names in a folder are on the disk."""

    def names(self, path: str) -> list[str]:
        """The names in a folder, in no order."""

    def entry(self, path: str) -> Entry:
        """One file or folder."""

    def free_room(self, path: str) -> FreeRoom:
        """What is left on the file system that holds `path`."""


class OsFileSystem:
    """The disk of this machine."""

    __slots__ = ()

    def reached(self, point: Point) -> None:
        """Nothing happens here outside tests."""

    def open_new(self, path: str, at: Point, *, mode: int = 0o600, readable: bool = False) -> int:
        flags = _NEW_FILE & ~os.O_WRONLY | os.O_RDWR if readable else _NEW_FILE
        return os.open(path, flags, mode)

    def open_existing(self, path: str, at: Point) -> int:
        return os.open(path, _OLD_FILE)

    def write(self, descriptor: int, octets: Octets, at: Point) -> None:
        written, size = os.write(descriptor, octets), memoryview(octets).nbytes
        # A signal, or a disk that has just become full, makes a write short; the next one tells which.
        while written < size:
            written += os.write(descriptor, memoryview(octets)[written:])

    def read(self, descriptor: int, size_bytes: int, offset: int, at: Point) -> bytes:
        return os.pread(descriptor, size_bytes, offset)

    def sync(self, descriptor: int, at: Point) -> None:
        os.fsync(descriptor)

    def own(self, descriptor: int, uid: int, gid: int) -> None:
        os.fchown(descriptor, uid, gid)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def rename(self, source: str, target: str, at: Point) -> None:
        os.rename(source, target)  # noqa: PTH104 - paths are strings on this hot path

    def unlink(self, path: str, at: Point) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108

    def make_folder(self, path: str, at: Point, *, mode: int = 0o700) -> bool:
        try:
            os.mkdir(path, mode)  # noqa: PTH102
        except FileExistsError:
            return False
        return True

    def own_folder(self, path: str, uid: int, gid: int) -> None:
        os.chown(path, uid, gid, follow_symlinks=False)

    def sync_folder(self, path: str, at: Point) -> None:
        descriptor = os.open(path, _FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def names(self, path: str) -> list[str]:
        return os.listdir(path)  # noqa: PTH208

    def entry(self, path: str) -> Entry:
        found = os.lstat(path)
        return Entry(path.rpartition("/")[2], stat.S_ISDIR(found.st_mode), found.st_size, found.st_mtime_ns)

    def free_room(self, path: str) -> FreeRoom:
        found = os.statvfs(path)
        # btrfs and some network file systems make inodes as they need them and report none.
        return FreeRoom(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)
