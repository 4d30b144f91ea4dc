"""Accepting connections ourselves, where something is due before there is a transport.

With a load balancer that is its PROXY header; with TLS from the first byte, counting the client.

An event loop loses bytes that were buffered before a TLS upgrade, and behind the
PROXY header of an implicit-TLS connection stands the ClientHello. So the header
is peeked at on the bare socket, exactly its length is taken, and only then the
socket is given to the loop.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from clement.policy.network import Network
from clement.server.peer import Client, client, own_address
from clement.server.proxy_protocol import LONGEST_V2, Announced, ProxyHeaderError, parse
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("server")

HEADER_TIMEOUT_S = 10.0
POLL_S = 0.02
BURST = 64
PAUSE_S = 1.0


class ProxiedListener:
    """Accepts on one listening socket; `balancers` announce their clients, and nobody else does."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        balancers: Sequence[Network],
        serve: Callable[[socket.socket, Client], Awaitable[None]],
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._balancers = tuple(balancers)
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._pace = Pace()
        loop.add_reader(listening.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more."""
        self._closed = True
        self._loop.remove_reader(self._listening.fileno())

    def _accept(self) -> None:
        for _burst in range(BURST):
            try:
                connection, peer = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as fault:
                self._pause(fault)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._admit(connection, peer[0], peer[1]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause(self, fault: OSError) -> None:
        """No descriptors or no memory (accept(2)): the socket stays readable, asking again would spin."""
        log.error(log_events.ACCEPT_FAILED, fault=str(fault)[:200])
        self._loop.remove_reader(self._listening.fileno())
        self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)

    async def _admit(self, connection: socket.socket, peer: str, port: int) -> None:
        who = client(peer, port, lambda: own_address(connection.getsockname()))
        if any(
            who.address in network for network in self._balancers if network.version == who.address.version
        ):
            try:
                async with asyncio.timeout(HEADER_TIMEOUT_S):
                    announced = await self._read_header(connection)
            except (ProxyHeaderError, OSError, TimeoutError) as fault:
                if self._pace.due(peer):
                    log.warning(log_events.PROXY_HEADER_BAD, peer=peer, fault=str(fault)[:200])
                connection.close()
                return
            if announced.address:
                who = client(announced.address, announced.port, announced.called)
        try:
            await self._serve(connection, who)
        except OSError as fault:
            # A TLS handshake that failed, or a client that left before it; ssl.SSLError is an OSError.
            if self._pace.due(who.key):
                log.info(log_events.TLS_FAILED, peer=who.text, fault=str(fault)[:200])

    async def _read_header(self, connection: socket.socket) -> Announced:
        """The header, taken off the socket to the byte. Raises ProxyHeaderError, OSError."""
        while True:
            seen = await self._peek(connection)
            announced = parse(seen)
            if announced is not None:
                await self._loop.sock_recv(connection, announced.header_length)
                return announced
            # Peeking does not consume, so readiness cannot be waited for; but headers come whole.
            await asyncio.sleep(POLL_S)

    async def _peek(self, connection: socket.socket) -> bytes:
        while True:
            try:
                seen = connection.recv(LONGEST_V2, socket.MSG_PEEK)
            except BlockingIOError:
                await asyncio.sleep(POLL_S)
                continue
            if not seen:
                raise ConnectionResetError("closed before its PROXY header")
            return seen
