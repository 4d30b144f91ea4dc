"""Unix sockets that take the place of others, and those of the checkers, which stay across reloads."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from clement.cli.checker_sockets import CheckerSockets
from clement.cli.listeners import bind_unix
from tests.fixtures.programs import accepts_connections

LONGEST_ADDRESS = 107


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def test_somebody_listens_at_every_moment_of_the_change(short_folder: Path) -> None:
    path = short_folder / "checkers.sock"
    found: list[bool] = []

    def look(_frame: FrameType, event: str, _called: Any) -> None:
        if event == "c_return":
            sys.setprofile(None)
            found.append(accepts_connections(path))
            sys.setprofile(look)

    with bind_unix(path):
        sys.setprofile(look)
        try:
            fresh = bind_unix(path)
        finally:
            sys.setprofile(None)
        fresh.close()
    assert len(found) > 10
    assert all(found)


def test_each_keeps_the_connections_that_were_made_to_it(short_folder: Path) -> None:
    path = short_folder / "checkers.sock"
    with bind_unix(path) as old, connected(path), bind_unix(path) as new, connected(path):
        for listening in (old, new):
            listening.accept()[0].close()
            with pytest.raises(BlockingIOError):
                listening.accept()
    assert [entry.name for entry in short_folder.iterdir()] == ["checkers.sock"]


def test_an_address_may_be_as_long_as_the_system_allows(short_folder: Path) -> None:
    folder = short_folder / ("f" * (LONGEST_ADDRESS - len(str(short_folder)) - len("//x.socket")))
    path = folder / "x.socket"
    assert len(str(path)) == LONGEST_ADDRESS
    bind_unix(path).close()
    with pytest.raises(OSError, match="too long"):
        bind_unix(path.with_name("xx.socket"))


def test_nothing_is_left_of_a_socket_that_cannot_take_its_place(short_folder: Path) -> None:
    path = short_folder / "checkers.sock"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        bind_unix(path)
    assert list(short_folder.iterdir()) == [path]


def test_the_checkers_sockets_stay_across_reloads(short_folder: Path) -> None:
    light, large = short_folder / "checkers.sock", short_folder / "large.sock"
    sockets = CheckerSockets()
    first = sockets.at((light, large))
    assert all(each.getblocking() for each in first)
    with connected(light):
        assert sockets.at((light, large)) == first
        first[0].accept()[0].close()


def test_a_socket_whose_path_leads_elsewhere_is_bound_anew(short_folder: Path) -> None:
    light, large = short_folder / "checkers.sock", short_folder / "large.sock"
    sockets = CheckerSockets()
    before = sockets.at((light, large))
    light.unlink()
    after = sockets.at((light, large))
    assert after[0] is not before[0]
    assert after[1] is before[1]
    with bind_unix(large):
        assert sockets.at((light, large))[1] is not before[1]
    assert accepts_connections(large)


def test_sockets_that_cannot_be_opened_leave_those_of_before(short_folder: Path) -> None:
    light, large = short_folder / "checkers.sock", short_folder / "large.sock"
    sockets = CheckerSockets()
    before = sockets.at((light, large))
    obstacle = short_folder / "obstacle"
    obstacle.mkdir()
    with pytest.raises(OSError, match="directory"):
        sockets.at((light, obstacle))
    assert sockets.at((light, large)) == before
