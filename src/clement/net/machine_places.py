"""Places that all processes of a machine share: locks on files, which the kernel takes back from the dead.

For what lasts a second or more: who waits looks again and again, and nobody stands in line.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clement.net.clamd_slots import Overloaded

LOOK_EVERY_S: Final = 0.02


class MachinePlaces:
    """As many places as `files`, which are made when they are first needed; without any there is no bound."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    async def take(self, patience_s: float) -> int:
        """A place, to be given back. Raises Overloaded, and OSError when the files cannot be used."""
        if not self._files:
            return -1
        loop = asyncio.get_running_loop()
        until_s = loop.time() + patience_s
        while (place := self._free_one()) < 0:
            if loop.time() >= until_s:
                raise Overloaded("other long contents are being scanned")
            await asyncio.sleep(LOOK_EVERY_S)
        return place

    def _free_one(self) -> int:
        for path in self._files:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return descriptor
        return -1

    def give_back(self, place: int) -> None:
        """Let others have it."""
        if place >= 0:
            os.close(place)
