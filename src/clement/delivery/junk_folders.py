"""What people move into and out of the junk folders of a Maildir++: their word on a message.

A message keeps the first part of its name wherever it is moved, so names tell what came and what went. A
folder is listed only when its modification time has changed. What went and is in no other folder was deleted,
which says nothing. Whoever looks for the first time only remembers what is there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from clement.spool.filesystem import FileSystem

MOST_NAMES: Final = 10_000
"""Remembered of one mailbox; of more, the newest, which is what people still move."""

# A folder changed again within one tick of the clock keeps its modification time.
_SETTLED_AFTER_NS: Final = 2_000_000_000
UNSETTLED: Final = -1
"""Stands for a stamp that may have changed without showing it."""
_MISSING: Final = 0
_PARTS: Final = ("new", "cur")
"""In this order: a reader moves messages from the first to the second while we look."""
_NEITHER: Final = frozenset({"trash", "deleted items", "deleted messages", "deleted", "drafts"})
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


Stamps = tuple[int, ...]


class JunkMemory(msgspec.Struct, frozen=True):
    """What is remembered of one mailbox: modification times of its junk folders, and the names in them."""

    stamps: Stamps = ()
    names: frozenset[str] = frozenset()


class Moved(msgspec.Struct, frozen=True):
    """A message that somebody moved. path: where it lies now. into: whether into junk, or out of it."""

    path: str
    into: bool


class Look(msgspec.Struct, frozen=True):
    """What was seen. memory: for the next look, once what was moved has been dealt with."""

    memory: JunkMemory
    moved: tuple[Moved, ...] = ()


class JunkFolders:
    """Looks into Maildirs. folders: names of junk folders, without the dot. clock: epoch seconds."""

    def __init__(self, filesystem: FileSystem, folders: Sequence[str], clock: Callable[[], float]) -> None:
        self._filesystem = filesystem
        self._folders = folders
        self._clock = clock

    def stamps(self, maildir: str) -> Stamps:
        """What changes when a message comes or goes. Raises OSError."""
        return tuple([self._stamp(path) for path in self._inside(maildir)])

    def look(self, maildir: str, memory: JunkMemory | None, at_most: int) -> Look:
        """What was moved since `memory`; None: it is the first look.

        at_most: messages, in each direction; the next look goes on with the others. Raises OSError.
        """
        stamps = self.stamps(maildir)
        here = dict(self._messages(self._inside(maildir)))
        if memory is None:
            return Look(JunkMemory(stamps, _newest(here)))
        came = sorted(here.keys() - memory.names)
        went = memory.names - here.keys()
        found = list(self._found_elsewhere(maildir, went)) if went else []
        moved = [Moved(here[name], into=True) for name in came[:at_most]]
        moved += [Moved(path, into=False) for _name, path in found[:at_most]]
        names = _newest(here) - frozenset(came[at_most:]) | {name for name, _path in found[at_most:]}
        if len(came) > at_most or len(found) > at_most:
            stamps = (UNSETTLED,) * len(stamps)
        return Look(JunkMemory(stamps, frozenset(names)), tuple(moved))

    def _inside(self, maildir: str) -> list[str]:
        return [f"{maildir}/.{name}/{part}" for name in self._folders for part in _PARTS]

    def _found_elsewhere(self, maildir: str, names: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Those that lie in another folder now, other than one for what is to be deleted."""
        passed_over = _NEITHER.union(name.lower() for name in self._folders)
        others = [
            f"{maildir}/{name}"
            for name in self._filesystem.names(maildir)
            if name.startswith(".") and name[1:].rpartition(".")[2].lower() not in passed_over
        ]
        inside = [f"{folder}/{part}" for folder in (maildir, *others) for part in _PARTS]
        return ((name, path) for name, path in self._messages(inside) if name in names)

    def _stamp(self, folder: str) -> int:
        try:
            entry = self._filesystem.entry(folder)
        except (FileNotFoundError, NotADirectoryError):
            return _MISSING
        if not entry.is_folder:
            return _MISSING
        settled = self._clock() * 1e9 - entry.modified_at_ns > _SETTLED_AFTER_NS
        return entry.modified_at_ns if settled else UNSETTLED

    def _messages(self, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The first part of the name, and the path, of each message in these folders."""
        for folder in folders:
            if self._stamp(folder) == _MISSING:
                continue
            for name in self._filesystem.names(folder):
                first_part = name.partition(":")[0].partition(",")[0]
                if not name.startswith(".") and _is_text(first_part):
                    yield first_part, f"{folder}/{name}"


def _is_text(name: str) -> bool:
    """Octets of a name that are no UTF-8 are lone surrogates here, which cannot be written down."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _newest(names: dict[str, str]) -> frozenset[str]:
    """Names begin with the time."""
    return frozenset(names if len(names) <= MOST_NAMES else sorted(names)[-MOST_NAMES:])


def read_message(path: str, at_most_bytes: int) -> bytes | None:
    """The message, None when it is gone, too large, or no plain file: the mailbox is its owner's to fill."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > at_most_bytes:
            return None
        # Only now: a folder makes no file object, and the descriptor would stay open.
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(at_most_bytes)
    finally:
        os.close(descriptor)
