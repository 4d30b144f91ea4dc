"""A reload that is asked for while the server starts is not the end of it."""

from __future__ import annotations

from tests.fixtures.programs import wait_until
from tests.server.house import Builder


def test_a_reload_before_it_serves_is_done_when_it_does(build: Builder) -> None:
    house = build(module="tests.server.reloaded_serve")
    wait_until(lambda: bool(house.events("reloaded")), "the reload")
    with house.talk() as client:
        assert client.answer().code == 220
