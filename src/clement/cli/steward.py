"""The steward's life: what has to be done now and then, away from the mail."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from clement.cli import wiring
from clement.cli.database import store_settings
from clement.cli.held_tending import HeldTending
from clement.cli.server_lists import ServerLists, rules_of
from clement.config.settings import Settings
from clement.spool.filesystem import OsFileSystem
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("steward")

ROUND_EVERY_S = 3600.0
LOOK_EVERY_S = 1.0
NICENESS = 10
LAST_CALL_S = 5.0


def tend(settings: Settings, stop: Callable[[], bool]) -> None:
    """Every hour sweep what crashes left behind, and delete what the log need not keep.

    Every minute count what the log brought; every ten conclude from it who is banned and who trusted.
    Held mail is looked after as `held_tending` says.
    """
    from clement.store.database import connect

    os.nice(NICENESS)
    connect(store_settings(settings.database))
    mesh = begin_mesh(settings, stop)
    learning = begin_learning(settings, stop)
    junk = begin_junk(settings, stop)
    next_round_s = 0.0
    tending = HeldTending(settings)
    lists = ServerLists(rules_of(settings.reputation), log, enabled=settings.reputation.enabled)
    while not stop():
        if time.monotonic() >= next_round_s:
            next_round_s = time.monotonic() + ROUND_EVERY_S
            swept = wiring.sweep(settings, OsFileSystem(), time.time())
            if swept:
                log.info(log_events.SWEPT, files=swept)
            retire(settings, stop)
        lists.look(time.time(), stop)
        tending.look(stop)
        time.sleep(LOOK_EVERY_S)
    for thread in (mesh, learning, junk):
        if thread is not None:
            thread.join(LAST_CALL_S)


def begin_mesh(settings: Settings, stop: Callable[[], bool]) -> threading.Thread | None:
    """The mesh has a thread of its own: a peer that answers slowly keeps nothing else waiting."""
    if not settings.mesh.enabled:
        return None
    from clement.cli.mesh_life import live

    thread = threading.Thread(target=live, args=(settings, stop), name="mesh", daemon=True)
    thread.start()
    return thread


def begin_learning(settings: Settings, stop: Callable[[], bool]) -> threading.Thread | None:
    """Learning has a thread of its own: to make the model anew takes a minute."""
    if not settings.learning.enabled:
        return None
    from clement.cli.learning_life import live

    thread = threading.Thread(target=live, args=(settings, stop), name="learning", daemon=True)
    thread.start()
    return thread


def begin_junk(settings: Settings, stop: Callable[[], bool]) -> threading.Thread | None:
    """Mailboxes are looked into by a thread of their own: there may be many, on a slow disk."""
    if not settings.learning.enabled or not settings.learning.junk_folders:
        return None
    from clement.cli.junk_life import live

    thread = threading.Thread(target=live, args=(settings, stop), name="junk", daemon=True)
    thread.start()
    return thread


def retire(settings: Settings, stop: Callable[[], bool]) -> None:
    """Delete what the log has kept long enough; what fails is tried again in the next round."""
    from django.db import Error

    from clement.store.retention import Retention, delete_expired

    days = settings.database.keep_log_days
    try:
        deleted = delete_expired(
            Retention(sessions_days=days, refusal_runs_days=days), now_s=time.time(), stop=stop
        )
    except Error as fault:
        log.warning(log_events.RETENTION_FAILED, fault=str(fault)[:300])
        return
    if deleted:
        log.info(log_events.RETIRED, rows=deleted)
