"""The gate at the end: nobody is forgotten who is still being recorded."""

import asyncio

from clement.server.census import Census
from clement.server.gate import Crowd, Gate, Timeouts
from clement.server.peer import client


class Dawdler:
    """A guest whose work takes a moment to be cancelled."""

    def __init__(self, gate: Gate, takes_s: float) -> None:
        self._gate = gate
        self._takes_s = takes_s
        self.recorded = False

    def tick(self, now_s: float) -> None: ...

    def drain(self) -> None: ...

    def expel(self) -> None: ...

    def abort(self) -> None:
        self._gate.loop.call_later(self._takes_s, self._depart)

    def _depart(self) -> None:
        self._gate.leave(self)
        self.recorded = True


async def drained(takes_s: float) -> Dawdler:
    services = None
    loop = asyncio.get_running_loop()
    gate = Gate(loop, services, Timeouts(drain_s=0), Crowd(), Census(1).region(0))  # type: ignore[arg-type]
    guest = Dawdler(gate, takes_s)
    gate.enter(guest, client("192.0.2.1", 4711))
    await gate.drain()
    return guest


def test_drain_waits_for_the_records_of_those_it_has_ended() -> None:
    assert asyncio.run(drained(0.3)).recorded


def test_drain_waits_for_nobody_for_ever() -> None:
    assert not asyncio.run(asyncio.wait_for(drained(600), 30)).recorded
