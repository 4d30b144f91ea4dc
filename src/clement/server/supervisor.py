"""The supervisor: forks the processes of the house, starts again what dies, and ends all in order.

It holds the listening sockets, so that no connection is lost while a receiver is
replaced; a reload starts a new generation of processes beside the old one, which
drains. Nobody is told to end before another does his work: where the system has no
room for more processes, the old generation goes on, wholly or in part. It does no
mail and reads nothing hostile.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from clement.server import systemd
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("supervisor")

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
HEALTHY_AFTER_S: Final = 60.0
KILL_AFTER_S: Final = 10.0
NOT_RETIRING: Final = float("inf")
_PR_SET_PDEATHSIG: Final = 1
_WATCHED: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Role(msgspec.Struct, frozen=True):
    """A process to keep alive.

    run: its whole life, in the forked child; returns when it was told to stop.
    stop_order: those with lower numbers are ended first, and gone before the next are told.
    patience_s: how long it may take to end. first_pause_s, longest_pause_s: before it is started again; the
    more often it failed in a row, the longer.
    """

    name: str
    run: Callable[[], None]
    stop_order: int = 0
    patience_s: float = KILL_AFTER_S
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S


class _Child(msgspec.Struct):
    role: Role
    generation: int
    started_s: float
    failures: int = 0
    retires_by_s: float = NOT_RETIRING

    @property
    def retiring(self) -> bool:
        """Whether it was told to end, and another has taken its place."""
        return self.retires_by_s != NOT_RETIRING


class Supervisor:
    """Keeps one generation of roles running; `load` gives the next one on SIGHUP.

    load: the roles of the configuration as it is now; raises `broken` with a text that says what is wrong.
    tidy: called when a process has ended, to put away what it left behind; must not raise.
    """

    def __init__(
        self, load: Callable[[], Sequence[Role]], broken: type[Exception], tidy: Callable[[], object]
    ) -> None:
        self._load = load
        self._broken = broken
        self._tidy = tidy
        self._children: dict[int, _Child] = {}
        self._waiting: list[tuple[float, _Child]] = []
        self._generation = 0
        self._named: frozenset[str] = frozenset()
        """The roles of this generation, and below those of them that have never been started."""
        self._unstarted: set[str] = set()
        self._stopping = False

    def run(self, roles: Sequence[Role]) -> None:
        """Serve until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        gc.collect()
        gc.freeze()
        self._begin(roles)
        systemd.notify(f"READY=1\nMAINPID={os.getpid()}")
        watchdog_s = systemd.watchdog_interval_s()
        while not self._stopping:
            self._start_due()
            self._end_dawdlers()
            received = signal.sigtimedwait(_WATCHED, self._until_next(watchdog_s))
            if watchdog_s:
                systemd.notify("WATCHDOG=1")
            if received is not None:
                self._handle(received.si_signo)
        self._stop_all()

    def _handle(self, signal_number: int) -> None:
        if signal_number == signal.SIGCHLD:
            self._reap()
        elif signal_number == signal.SIGHUP:
            self._reload()
        else:
            self._stopping = True

    # --- Starting -------------------------------------------------------------------------------------------

    def _begin(self, roles: Sequence[Role]) -> None:
        """Start this generation; what cannot be forked is tried again."""
        self._named = frozenset(role.name for role in roles)
        self._unstarted = set(self._named)
        for role in roles:
            self._spawn(_Child(role, self._generation, 0.0))

    def _spawn(self, child: _Child) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        supervisor_id = os.getpid()
        try:
            process_id = os.fork()
        except OSError as fault:
            child.failures += 1
            self._start_later(child, str(fault))
            return
        if process_id == 0:
            _live(child.role, supervisor_id)
        child.started_s = time.monotonic()
        self._children[process_id] = child
        self._unstarted.discard(child.role.name)
        log.info(log_events.PROCESS_STARTED, process=child.role.name, pid=process_id)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        due = [child for at_s, child in self._waiting if at_s <= now_s]
        self._waiting = [(at_s, child) for at_s, child in self._waiting if at_s > now_s]
        unfinished = bool(self._unstarted)
        for child in due:
            self._spawn(child)
        if due and unfinished and self._generation:
            self._hand_over()

    def _until_next(self, watchdog_s: float) -> float:
        now_s = time.monotonic()
        times = [at_s for at_s, _child in self._waiting]
        times += [child.retires_by_s for child in self._children.values()]
        return min([*(max(0.0, at_s - now_s) for at_s in times), watchdog_s or 3600.0, 3600.0])

    def _end_dawdlers(self) -> None:
        """Kill what was told to end at a reload and has not, for as long as its role allows."""
        now_s = time.monotonic()
        for process_id, child in self._children.items():
            if child.retires_by_s <= now_s:
                child.retires_by_s = now_s + KILL_AFTER_S
                log.error(log_events.PROCESS_KILLED, process=child.role.name, pid=process_id)
                _signal(process_id, signal.SIGKILL)

    # --- Ending ---------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Take note of every process that has ended; those that should live are started again, in time."""
        while True:
            try:
                process_id, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process_id == 0:
                return
            child = self._children.pop(process_id, None)
            if child is not None:
                self._tidy()
                self._ended(process_id, child, os.waitstatus_to_exitcode(status))

    def _ended(self, process_id: int, child: _Child, code: int) -> None:
        log.info(log_events.PROCESS_ENDED, process=child.role.name, pid=process_id, code=code)
        # It leaves room for those who found none.
        self._waiting = [
            (0.0 if other.role.name in self._unstarted else at_s, other) for at_s, other in self._waiting
        ]
        if child.retiring or self._stopping or child.generation < self._generation:
            # One that outlived its generation: what comes next is in line already.
            return
        healthy = time.monotonic() - child.started_s >= HEALTHY_AFTER_S
        child.failures = 1 if healthy else child.failures + 1
        self._start_later(child, f"ended with {code}")

    def _start_later(self, child: _Child, why: str) -> None:
        """The more often it failed in a row, the later."""
        role = child.role
        pause_s = min(role.longest_pause_s, role.first_pause_s * 2.0 ** min(child.failures - 1, 30))
        log.warning(log_events.PROCESS_RESTARTS, process=child.role.name, why=why, pause_s=pause_s)
        self._waiting.append((time.monotonic() + pause_s, child))

    # --- Reloading ------------------------------------------------------------------------------------------

    def _reload(self) -> None:
        """A broken new configuration keeps the old one and says why."""
        systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            roles = self._load()
        except self._broken as fault:
            log.error(log_events.RELOAD_REFUSED, why=str(fault))  # noqa: TRY400 - says all
        else:
            self._generation += 1
            self._waiting.clear()
            self._begin(roles)
            if self._unstarted:
                log.error(log_events.RELOAD_UNFINISHED, missing=sorted(self._unstarted))
            self._hand_over()
        systemd.notify("READY=1")

    def _hand_over(self) -> None:
        """Tell those of older generations to end whose work others do by now, and say how far the reload is.

        One at a time, not all or none: where the system is full, each that ends makes room for the next.
        """
        for process_id, child in self._children.items():
            if child.generation < self._generation and not child.retiring and self._is_replaced(child.role):
                child.retires_by_s = time.monotonic() + child.role.patience_s
                _signal(process_id, signal.SIGTERM)
        if self._unstarted:
            missing = ", ".join(sorted(self._unstarted))
            systemd.notify(f"STATUS=Reload unfinished, those of before go on; cannot start: {missing}")
        else:
            log.info(log_events.RELOADED, generation=self._generation)
            systemd.notify("STATUS=")

    def _is_replaced(self, role: Role) -> bool:
        """One that the new configuration does without waits until all that it names have begun."""
        return not self._unstarted or (role.name in self._named and role.name not in self._unstarted)

    # --- Ending in order ------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """First those that make records, last the one that writes them down."""
        log.info(log_events.STOPPING, processes=len(self._children))
        systemd.notify("STOPPING=1")
        for order in sorted({child.role.stop_order for child in self._children.values()}):
            # Nobody may be left: who tells us to end often tells everybody.
            group = {pid: child for pid, child in self._children.items() if child.role.stop_order == order}
            for process_id in group:
                _signal(process_id, signal.SIGTERM)
            self._await_end(set(group), max((child.role.patience_s for child in group.values()), default=0))

    def _await_end(self, process_ids: set[int], patience_s: float) -> None:
        until_s = time.monotonic() + patience_s
        while process_ids & self._children.keys() and time.monotonic() < until_s:
            signal.sigtimedwait((signal.SIGCHLD,), 0.2)
            self._reap()
        for process_id in process_ids & self._children.keys():
            name = self._children[process_id].role.name
            log.error(log_events.PROCESS_KILLED, process=name, pid=process_id)
            _signal(process_id, signal.SIGKILL)
        while process_ids & self._children.keys():
            signal.sigtimedwait((signal.SIGCHLD,), 0.2)
            self._reap()


def _signal(process_id: int, number: int) -> None:
    try:
        os.kill(process_id, number)
    except ProcessLookupError:
        return


def _end_with_parent(parent_id: int) -> None:
    """Have the kernel tell us when the supervisor dies (prctl(2)): nobody would stop us any more.

    Of one that is dead already it does not tell.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_id:
        os._exit(1)


def _live(role: Role, supervisor_id: int) -> None:
    """A child's life, from fork to exit. Never returns, whatever happens."""
    code = 1
    try:
        _end_with_parent(supervisor_id)
        for number in _WATCHED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        role.run()
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - nothing may climb back into the supervisor's stack
        with suppress(OSError):
            traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)
