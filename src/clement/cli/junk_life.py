"""The junk folders' thread in the steward: a look now and then, by what the directory's snapshot says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from django.db import Error

from clement.cli.junk_watch import JunkWatch
from clement.cli.paths import Paths
from clement.config.settings import Settings
from clement.delivery.junk_folders import JunkFolders
from clement.policy.study import ContentStudy
from clement.server import check_wire
from clement.server.check_wire import Kind, Outcome
from clement.server.checking import CheckerFailure, Lane
from clement.server.directory_file import DirectoryFile
from clement.server.learned_file import ModelPaths, read_key
from clement.spool.filesystem import OsFileSystem
from clement.store.actions.change import StoreUnavailable
from clement.store.database import disconnect
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("steward")

TIDY_EVERY_S: Final = 86_400.0


def live(settings: Settings, stop: Callable[[], bool]) -> None:
    """Watch the junk folders until told to stop. What fails is tried again."""
    pace = Pace()
    feed = DirectoryFile(Paths.of(settings).directory)
    watch = watch_of(settings)
    next_tidy_s = float("-inf")
    while not stop():
        try:
            if feed.read() and time.monotonic() >= next_tidy_s:
                next_tidy_s = time.monotonic() + TIDY_EVERY_S
                watch.tidy(feed.current)
            watch.look(feed.current, stop)
        except (Error, StoreUnavailable, OSError) as fault:
            if pace.due(log_events.LEARNING_FAILED):
                log.warning(log_events.LEARNING_FAILED, fault=f"junk folders: {fault}"[:300])
            disconnect()
        _wait(settings.learning.junk_look_s, stop)
    disconnect()


def watch_of(settings: Settings) -> JunkWatch:
    """The watch of this machine; the store must be connected."""
    learning, paths = settings.learning, Paths.of(settings)
    keys = ModelPaths(paths.learned)
    return JunkWatch(
        JunkFolders(OsFileSystem(), learning.junk_folders, time.time),
        str(settings.store.mail_root),
        paths.learned / "junk",
        lambda octets: study_by_checker(paths, octets, read_key(keys)),
        per_day=learning.acts_per_day,
        flag_field=settings.tagging.flag_field,
    )


def study_by_checker(paths: Paths, octets: bytes, key: bytes) -> ContentStudy | None:
    """What a checker finds: mailboxes may hold anything, and nothing of it may end the steward."""
    try:
        if not key:
            return None
        outcome, found = asyncio.run(
            Lane(paths.large_checkers).ask(Kind.CONTENT, len(octets), octets, key=key)
        )
        return check_wire.STUDY.decode(found) if outcome is Outcome.FOUND else None
    except (CheckerFailure, ValueError):
        return None


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until_s = time.monotonic() + seconds
    while not stop() and time.monotonic() < until_s:
        time.sleep(0.2)
