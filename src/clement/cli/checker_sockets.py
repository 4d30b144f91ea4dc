"""The sockets on which checkers wait, kept across reloads.

Old and new checkers accept from the same one, as receivers do: what waits there is taken by whoever is idle
first, and a reload whose checkers cannot be started leaves it to the old.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from clement.cli.listeners import bind_unix


class _Bound(msgspec.Struct, frozen=True):
    """inode: of the path that leads to it."""

    listening: socket.socket
    inode: int


class CheckerSockets:
    """What the supervisor holds open for checkers of every generation."""

    def __init__(self) -> None:
        self._bound: dict[Path, _Bound] = {}

    def at(self, paths: Sequence[Path]) -> list[socket.socket]:
        """A listening, blocking socket for each path; those of before are kept where the path leads to them.

        Raises OSError, and then those of before stand.
        """
        bound = {path: self._kept(path) or _bind(path) for path in paths}
        self._bound = bound
        return [each.listening for each in bound.values()]

    def _kept(self, path: Path) -> _Bound | None:
        before = self._bound.get(path)
        with suppress(FileNotFoundError):
            if before is not None and path.stat().st_ino == before.inode:
                return before
        return None


def _bind(path: Path) -> _Bound:
    listening = bind_unix(path)
    listening.setblocking(True)
    return _Bound(listening, path.stat().st_ino)
