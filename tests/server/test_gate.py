"""The gate: it knows who calls and whom, and at the end nobody is forgotten who is still being recorded."""

import asyncio
import socket
from collections.abc import Callable, Coroutine

import pytest
import uvloop

from clement.policy.network import Address, client_address
from clement.server.census import Census
from clement.server.gate import Crowd, Gate, Timeouts
from clement.server.peer import client, own_address


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


def gate_without_limits() -> Gate:
    services, region = None, Census(1).region(0)
    return Gate(asyncio.get_running_loop(), services, Timeouts(drain_s=0), Crowd(), region)  # type: ignore[arg-type]


async def drained(takes_s: float) -> Dawdler:
    gate = gate_without_limits()
    guest = Dawdler(gate, takes_s)
    gate.enter(guest, client("192.0.2.1", 4711))
    await gate.drain()
    return guest


def test_drain_waits_for_the_records_of_those_it_has_ended() -> None:
    assert asyncio.run(drained(0.3)).recorded


def test_drain_waits_for_nobody_for_ever() -> None:
    assert not asyncio.run(asyncio.wait_for(drained(600), 30)).recorded


async def address_called(family: socket.AddressFamily, everywhere: str, address: str) -> Address | None:
    """What is known of a connection to `address` that a listener for all addresses accepts."""
    gate = gate_without_limits()
    called: asyncio.Future[Address | None] = gate.loop.create_future()

    class Doorman(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            who = gate.client_of(transport)  # type: ignore[arg-type]
            called.set_result(who and who.called())
            transport.close()

    server = await gate.loop.create_server(Doorman, everywhere, 0, family=family)
    port = server.sockets[0].getsockname()[1]
    _reader, writer = await asyncio.open_connection(address, port)
    found = await called
    writer.close()
    server.close()
    return found


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("family", "everywhere", "address"),
    [(socket.AF_INET, "0.0.0.0", "127.0.0.5"), (socket.AF_INET6, "::", "::1")],
)
def test_the_address_that_a_client_has_called_is_known_on_listeners_for_all(
    run: Callable[[Coroutine[None, None, Address | None]], Address | None],
    family: socket.AddressFamily,
    everywhere: str,
    address: str,
) -> None:
    with socket.socket(family) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
    assert run(address_called(family, everywhere, address)) == client_address(address)


@pytest.mark.parametrize(
    ("sockname", "address"),
    [
        (("::ffff:192.0.2.7", 25, 0, 0), client_address("192.0.2.7")),
        (("fe80::1%eth0", 25, 0, 2), client_address("fe80::1")),
        ("/run/clement/lmtp", None),
        (None, None),
    ],
)
def test_an_own_address_is_compared_as_an_address(sockname: object, address: Address | None) -> None:
    assert own_address(sockname) == address
