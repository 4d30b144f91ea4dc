"""The life of a checker process: it takes what is hostile apart, one content at a time.

All checkers of a lane accept from one listening socket, so whoever is idle takes the next question, and one
that is busy, hung or dead holds up nobody but the receiver that waits for it. A checker is never saved: what
takes too long or too much memory ends the process, the kernel tells the receiver by closing the connection,
and the supervisor starts another. Not here: what becomes of the message (`checking`).
"""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

import msgspec

from clement.message.grammar import examine
from clement.policy.study import ContentStudy
from clement.server import check_wire
from clement.server.check_wire import Kind, Outcome, Question
from clement.server.confinement import confine
from clement.server.study import study as study_content

MIB: Final = 1024 * 1024
TRANSFER_S: Final = 10.0
"""How long a question may take to arrive, and an answer to be taken."""

Study = Callable[[bytes, bytes], ContentStudy]
"""Octets and the key of the site's features: what stands in them."""


class Allowance(msgspec.Struct, frozen=True):
    """What a checker may spend on one content before its process is ended.

    cpu_s, wall_s: and for each MiB of it that much more. light_cpu_s: after that much CPU it is left to the
    lane for what is large; 0: never.
    """

    cpu_s: float = 5.0
    cpu_s_per_mib: float = 0.5
    wall_s: float = 20.0
    wall_s_per_mib: float = 2.0
    light_cpu_s: float = 0.0

    def wall_limit_s(self, size_bytes: int) -> float:
        """Seconds on the clock."""
        return self.wall_s + self.wall_s_per_mib * min(size_bytes, check_wire.MOST_BYTES) / MIB

    def cpu_limit_s(self, size_bytes: int) -> float:
        """Seconds of CPU."""
        return self.cpu_s + self.cpu_s_per_mib * min(size_bytes, check_wire.MOST_BYTES) / MIB


LIGHT: Final = Allowance(cpu_s=2.0, wall_s=10.0, light_cpu_s=0.25)
"""In the lane of small contents, where many wait behind one."""

LARGE: Final = Allowance()


class TooHeavy(BaseException):
    """More than a light content costs; raised by a signal, wherever the study is just then."""


def serve_checks(
    listening: socket.socket, allowance: Allowance = LARGE, study: Study = study_content, niceness: int = 0
) -> None:
    """Take questions until SIGTERM; the one under way is answered first."""
    with suppress(_ToldToEnd):
        _Checker(listening, allowance, study, niceness).run()


class _ToldToEnd(BaseException):
    """While no question was under way."""


class _Checker:
    def __init__(self, listening: socket.socket, allowance: Allowance, study: Study, niceness: int) -> None:
        self._listening = listening
        self._allowance = allowance
        self._study = study
        self._niceness = niceness
        self._busy = self._told = self._studying = False

    def run(self) -> None:
        confine(self._listening.fileno(), self._niceness)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGVTALRM, self._give_up)
        # These two end the process, whatever library it is in (setitimer(2), signal(7)).
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        while not self._told:
            connection, _peer = self._listening.accept()
            self._busy = True
            with connection:
                self._serve(connection)
            self._busy = False

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._told = True
        if not self._busy:
            raise _ToldToEnd

    def _give_up(self, _number: int, _frame: FrameType | None) -> None:
        if self._studying:
            self._studying = False
            raise TooHeavy

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(TRANSFER_S)
            question = check_wire.receive(connection)
            if _hung_up(connection):
                return
            connection.sendall(self._answer(question))
        except (OSError, EOFError, ValueError):
            return

    def _answer(self, question: Question) -> bytes:
        """Whatever is raised here, MemoryError too, ends the process: it is not to be trusted any more."""
        try:
            self._start_clocks(question.size_bytes)
            found = self._find(question)
            self._studying = False
        except TooHeavy:
            return check_wire.answer(Outcome.HEAVY)
        except (OSError, EOFError, ValueError) as fault:
            raise RuntimeError("a study that fails") from fault
        finally:
            stop_clocks()
        return check_wire.answer(Outcome.FOUND, msgspec.msgpack.encode(found))

    def _find(self, question: Question) -> msgspec.Struct:
        if question.kind is Kind.HEADER:
            return examine(question.octets)
        found = self._study(question.octets, question.key)
        if question.size_bytes > len(question.octets):
            return msgspec.structs.replace(found, over_budget=found.over_budget or "size")
        return found

    def _start_clocks(self, size_bytes: int) -> None:
        allowance = self._allowance
        self._studying = True
        if allowance.light_cpu_s:
            signal.setitimer(signal.ITIMER_VIRTUAL, allowance.light_cpu_s)
        signal.setitimer(signal.ITIMER_PROF, allowance.cpu_limit_s(size_bytes))
        signal.setitimer(signal.ITIMER_REAL, allowance.wall_limit_s(size_bytes))


def stop_clocks() -> None:
    """No content is being taken apart."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _hung_up(connection: socket.socket) -> bool:
    """Whether the receiver waits no more: its client has gone, or was told to come back."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))
