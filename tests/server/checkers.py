"""Real checker processes for tests, with a study that does what the content tells it to do."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clement.policy.study import ContentStudy
from clement.server.checker import LARGE, Allowance, Study, serve_checks
from clement.server.study import study

SLEEP, SEGFAULT, DEVOUR, SPIN = b"X-Test: sleep", b"X-Test: segfault", b"X-Test: devour", b"X-Test: spin"
TOUCH, UNTIL = (re.compile(rb"X-%s: (\S+)" % name) for name in (b"Touch", b"Until"))


def touching(path: Path) -> bytes:
    """A field by which whoever reads the content makes this file first: the reading has begun."""
    return b"X-Touch: " + os.fsencode(path)


def until(path: Path) -> bytes:
    """A field by which the content is read for as long as there is no such file; harmless."""
    return b"X-Until: " + os.fsencode(path)


def hostile_study(octets: bytes, key: bytes) -> ContentStudy:
    """The study, unless the content says what shall become of whoever reads it."""
    if found := TOUCH.search(octets):
        Path(os.fsdecode(found[1])).touch()
    if SLEEP in octets:
        time.sleep(3600)
    if found := UNTIL.search(octets):
        while not Path(os.fsdecode(found[1])).exists():
            time.sleep(0.01)
    if SEGFAULT in octets:
        os.kill(os.getpid(), signal.SIGSEGV)
    if DEVOUR in octets:
        hoard = []
        while True:
            hoard.append(bytearray(1 << 24))
    while SPIN in octets:
        sum(range(1000))
    return study(octets, key)


@dataclass
class Checkers:
    """Processes that accept from one socket; `revive` starts others for those that `ended` has waited for."""

    path: Path
    count: int = 1
    allowance: Allowance = LARGE
    study: Study = hostile_study
    pids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.path.unlink(missing_ok=True)
        self.listening.bind(str(self.path))
        self.listening.listen()
        self.revive()

    def revive(self) -> None:
        while len(self.pids) < self.count:
            self.pids.append(forked(self._live))

    def _live(self) -> None:
        serve_checks(self.listening, self.allowance, self.study)

    def stop(self) -> None:
        self.listening.close()
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.pids = []

    def ended(self) -> int:
        """Wait for the one checker to end; its exit code, negative for a signal.

        That its connection has closed does not say so: a dying process closes its files before it can be
        waited for.
        """
        _pid, status = os.waitpid(self.pids.pop(), 0)
        return os.waitstatus_to_exitcode(status)


def forked(life: Callable[[], None]) -> int:
    """A process of its own that never returns here."""
    process_id = os.fork()
    if process_id == 0:
        code = 1
        try:
            life()
            code = 0
        finally:
            os._exit(code)
    return process_id
