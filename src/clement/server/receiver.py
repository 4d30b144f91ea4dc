"""The life of a receiver process: an event loop that owns SMTP sessions until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence

import msgspec

from clement.policy.network import Network
from clement.server.census import Region
from clement.server.connection import Connection
from clement.server.enum_access import hasten as hasten_enums
from clement.server.gate import Crowd, Gate, Listening, Timeouts
from clement.server.peer import Client
from clement.server.proxied import ProxiedListener
from clement.server.services import Services

BACKLOG = 1024


class OpenListener(msgspec.Struct):
    """A bound socket and what is offered behind it. `balancers` may announce clients (PROXY protocol)."""

    socket: socket.socket
    listening: Listening
    balancers: tuple[Network, ...] = ()


class Running(msgspec.Struct):
    """What a receiver was given once its loop ran.

    every_second: called by the clock; none of them may block.
    background: runs beside the sessions until the end.
    at_end: awaited when the last session is over, in order.
    """

    services: Services
    every_second: Sequence[Callable[[], object]] = ()
    background: Sequence[Callable[[], Coroutine[None, None, None]]] = ()
    at_end: Sequence[Callable[[], Awaitable[None]]] = ()


async def receive(
    listeners: Sequence[OpenListener],
    start: Callable[[], Awaitable[Running]],
    timeouts: Timeouts,
    crowd: Crowd,
    census: Region,
    ready: Callable[[], None],
) -> None:
    """Serve until SIGTERM, then drain. `start` builds the services inside the running loop, once it can."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    running = await _started(start, stop)
    if running is None:
        return
    gate = Gate(loop, running.services, timeouts, crowd, census)
    doors = [await _open(loop, gate, listener) for listener in listeners]
    hasten_enums()
    gc.collect()
    gc.freeze()
    ready()
    beside = [loop.create_task(life()) for life in running.background]
    beside.append(loop.create_task(_tick(gate, running.every_second)))
    await stop.wait()
    for close in doors:
        close()
    await gate.drain()
    for task in beside:
        task.cancel()
    for finish in running.at_end:
        await finish()


async def _started(start: Callable[[], Awaitable[Running]], stop: asyncio.Event) -> Running | None:
    """What `start` gives; None when we are told to stop while it still waits for what it needs."""
    starting, stopping = asyncio.ensure_future(start()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        stopping.cancel()
        return starting.result()
    starting.cancel()
    return None


async def _tick(gate: Gate, every_second: Sequence[Callable[[], object]]) -> None:
    while True:
        await asyncio.sleep(1.0)
        gate.tick()
        for call in every_second:
            call()


async def _open(loop: asyncio.AbstractEventLoop, gate: Gate, listener: OpenListener) -> Callable[[], None]:
    """Begin to accept; returns what ends it."""
    listening = listener.listening
    implicit = listening.tls if listening.implicit_tls else None
    handshake_s = gate.timeouts.tls_s if implicit is not None else None
    if listener.socket.family != socket.AF_UNIX and (listener.balancers or implicit is not None):

        async def serve(connection: socket.socket, who: Client) -> None:
            if implicit is None:
                await loop.connect_accepted_socket(lambda: Connection(gate, listening, who), connection)
                return
            with gate.handshake(who) as admitted:
                if not admitted:
                    connection.close()
                    return
                await loop.connect_accepted_socket(
                    lambda: Connection(gate, listening, who),
                    connection,
                    ssl=implicit,
                    ssl_handshake_timeout=handshake_s,
                )

        return ProxiedListener(loop, listener.socket, listener.balancers, serve).close
    create = loop.create_unix_server if listener.socket.family == socket.AF_UNIX else loop.create_server
    server = await create(
        lambda: Connection(gate, listening),
        sock=listener.socket,
        backlog=BACKLOG,
        ssl=implicit,
        ssl_handshake_timeout=handshake_s,
    )
    return server.close
