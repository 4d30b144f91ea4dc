"""Whoever guesses passwords has one budget for the whole service, whichever receivers he meets."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from clement.server.login import FAILURES_PER_WINDOW
from tests.fixtures.programs import wait_until
from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Builder, House

GUESSER, SOMEBODY = "127.0.40.1", "127.0.40.2"


@contextmanager
def only(
    house: House, receiver: str, *, of: tuple[str, ...] = ("receiver-0", "receiver-1")
) -> Iterator[None]:
    """While the others stand still, this receiver takes every connection."""
    others = [house.process(name) for name in of if name != receiver]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def guess(house: House, sessions: int) -> list[str]:
    """What sessions are told at last that try three wrong passwords, side by side: each takes a second."""

    def session(_number: int) -> str:
        with house.client("submissions", source=GUESSER) as client:
            return [client.log_in(LOGIN, "wrong").codes for _ in range(3)][-1]

    with ThreadPoolExecutor(sessions) as at_once:
        return list(at_once.map(session, range(sessions)))


def log_in(house: House, source: str) -> str:
    with house.client("submissions", source=source) as client:
        return client.log_in(LOGIN, PASSWORD).codes


def test_failed_logins_of_a_client_count_at_all_receivers_together(build: Builder) -> None:
    house = build(tables={"processes": {"receivers": 2, "checkers": 1}})
    at_the_first, at_the_second = 4, 3
    assert 3 * at_the_first < FAILURES_PER_WINDOW <= 3 * (at_the_first + at_the_second)
    with only(house, "receiver-0"):
        assert guess(house, at_the_first) == ["421 4.7.0"] * at_the_first
        assert log_in(house, GUESSER) == "235 2.7.0", "his budget is not spent yet"
    with only(house, "receiver-1"):
        assert guess(house, at_the_second) == ["421 4.7.0"] * at_the_second
    for receiver in ("receiver-0", "receiver-1"):
        with only(house, receiver):
            assert log_in(house, GUESSER) == "421 4.7.0"
            assert log_in(house, SOMEBODY) == "235 2.7.0", "nobody is locked out from elsewhere"
    killed = house.process("receiver-0")
    os.kill(killed, signal.SIGKILL)
    wait_until(partial(_replaced, house, killed), "started again")
    with only(house, "receiver-0"):
        assert log_in(house, GUESSER) == "421 4.7.0"


def _replaced(house: House, killed: int) -> bool:
    return house.process("receiver-0") != killed
