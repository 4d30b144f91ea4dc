"""The processes of `clement serve` and what each of them does from its fork to its end."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Sequence

from clement.cli import wiring
from clement.cli.authentication import load_public_suffixes
from clement.cli.checker_sockets import CheckerSockets
from clement.cli.database import store_settings
from clement.cli.listeners import Opened
from clement.cli.paths import Paths
from clement.cli.wiring import Outside
from clement.config.settings import Settings
from clement.journal.recorder import Recorder, RecorderLimits
from clement.server.census import Census
from clement.server.check_wire import MOST_BYTES
from clement.server.checker import LARGE, LIGHT, Allowance, Study, serve_checks
from clement.server.directory_file import DirectoryKeeper
from clement.server.failure_memory import BUCKETS
from clement.server.memory import return_large_buffers
from clement.server.receiver import OpenListener, receive
from clement.server.slot_table import SlotTable
from clement.server.supervisor import Role
from clement.telemetry.metrics import Metrics

KEEP_EVERY_S = 0.5
KEEP_MODEL_EVERY_S = 2.0

# Mail before its log: under a load that takes the whole machine the journal grows, and shrinks afterwards.
RECORDER_NICENESS = 10


LIGHT_NICENESS = 0
LARGE_NICENESS = 10
"""What is large may take longer; nobody who is small shall wait for it."""

LONGEST_STUDY_S = LARGE.wall_limit_s(MOST_BYTES)
FIRST_CHECKER_PAUSE_S = 0.05
LONGEST_CHECKER_PAUSE_S = 0.5
"""A checker dies of what strangers send; whoever sends such things shall not starve the others of it."""


def roles(
    settings: Settings, opened: Opened, checker_sockets: CheckerSockets, outside: Outside
) -> list[Role]:
    """Every process, with what it needs already in hand. Raises OSError."""
    receivers = wiring.receiver_count(settings)
    load_public_suffixes()
    census = Census(receivers)
    failures = SlotTable.in_memory(BUCKETS)
    patience_s = settings.limits.drain_timeout_s + 10
    found = [
        Role(
            f"receiver-{number}",
            _Receiver(settings, opened.listeners, outside, census, failures, number),
            0,
            patience_s,
        )
        for number in range(receivers)
    ]
    found += _checkers(settings, checker_sockets, outside)
    found.append(Role("steward", _Steward(settings), 1))
    if settings.held.enabled:
        found.append(Role("courier", _Courier(settings, outside), 1, patience_s))
    found.append(Role("recorder", _Recorder(settings), 2, 30.0))
    if opened.web is not None:
        found.append(Role("web", _Web(settings, opened.web), 1))
    return found


def _checkers(settings: Settings, checker_sockets: CheckerSockets, outside: Outside) -> list[Role]:
    """For small contents as many as are configured, and beside them one for what is large or heavy."""
    paths = Paths.of(settings)
    light, large = checker_sockets.at((paths.checkers, paths.large_checkers))
    lives = {
        f"checker-{number}": _Checker(light, LIGHT, outside.study, LIGHT_NICENESS)
        for number in range(wiring.checker_count(settings))
    }
    lives["checker-large"] = _Checker(large, LARGE, outside.study, LARGE_NICENESS)
    return [
        Role(name, life, 1, LONGEST_STUDY_S, FIRST_CHECKER_PAUSE_S, LONGEST_CHECKER_PAUSE_S)
        for name, life in lives.items()
    ]


class _Receiver:
    """A receiver's life."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[OpenListener],
        outside: Outside,
        census: Census,
        failures: SlotTable,
        number: int,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._outside = outside
        self._census = census
        self._failures = failures
        self._number = number

    def __call__(self) -> None:
        return_large_buffers()
        settings = self._settings
        wiring.run_loop(
            receive(
                self._listeners,
                lambda: wiring.start_receiver(settings, self._number, self._outside, self._failures),
                wiring.timeouts(settings),
                wiring.crowd(settings),
                self._census.region(self._number),
                lambda: None,
            )
        )


class _Checker:
    """A checker's life."""

    def __init__(self, listening: socket.socket, allowance: Allowance, study: Study, niceness: int) -> None:
        self._listening = listening
        self._allowance = allowance
        self._study = study
        self._niceness = niceness

    def __call__(self) -> None:
        serve_checks(self._listening, self._allowance, self._study, self._niceness)


class _Stop:
    """Set by a signal. An Event's lock may be held by the very frame the handler interrupts."""

    def __init__(self) -> None:
        self._told = False

    def set(self, _number: int, _frame: object) -> None:
        self._told = True

    def is_set(self) -> bool:
        return self._told


def _stop_on_signal() -> _Stop:
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.set)
    return stop


class _Recorder:
    """The recorder's life: records into SQL, and the directory out of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> None:
        from clement.store.database import connect

        os.nice(RECORDER_NICENESS)
        stop = _stop_on_signal()
        settings, paths = self._settings, Paths.of(self._settings)
        connect(store_settings(settings.database))
        keeper = threading.Thread(target=self._keep_directory, args=(stop,), name="directory", daemon=True)
        keeper.start()
        if settings.learning.enabled:
            model = threading.Thread(target=self._keep_model, args=(stop,), name="model", daemon=True)
            model.start()
        self._record(stop, Metrics.open(paths.metrics, "recorder"))
        keeper.join()

    def _record(self, stop: _Stop, metrics: Metrics) -> None:
        from clement.store.log_writer import SqlLogWriter

        settings = self._settings
        recorder = Recorder(
            settings.journal.folder,
            SqlLogWriter(settings.site.node_name),
            settings.site.node_name,
            RecorderLimits(journal_limit_bytes=settings.journal.limit_bytes),
            metrics_of_process=metrics,
        )

        recorder.run(stop.is_set)

    def _keep_directory(self, stop: _Stop) -> None:
        from clement.cli.directory import keeper_of

        keeper: DirectoryKeeper = keeper_of(self._settings)
        while not stop.is_set():
            keeper.step()
            time.sleep(KEEP_EVERY_S)

    def _keep_model(self, stop: _Stop) -> None:
        from clement.cli.learning_parts import keeper_of

        keeper = keeper_of(self._settings)
        while not stop.is_set():
            keeper.step()
            time.sleep(KEEP_MODEL_EVERY_S)


class _Steward:
    """The steward's life."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> None:
        from clement.cli.steward import tend

        tend(self._settings, _stop_on_signal().is_set)


class _Courier:
    """The courier's life."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self._settings = settings
        self._outside = outside

    def __call__(self) -> None:
        from clement.cli.courier import carry

        carry(self._settings, self._outside)


class _Web:
    """The web process's life."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self._settings = settings
        self._listening = listening

    def __call__(self) -> None:
        from clement.store.database import connect
        from clement.web.placeholder import serve

        settings = self._settings
        connect(store_settings(settings.database))
        from clement.cli.digest_parts import held_pages

        pages = held_pages(settings)
        serve(self._listening, settings.site.hostname, Paths.of(settings).metrics, held=pages)
