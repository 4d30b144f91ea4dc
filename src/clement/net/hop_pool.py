"""Connections to one next hop, kept for the next message and bounded in number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from clement.net.hop_connection import (
    HopConnection,
    HopTimeouts,
    HopUnavailable,
    TlsBroken,
    TlsContexts,
    open_connection,
)
from clement.policy.directory import NextHop, TlsUse


class PoolLimits(msgspec.Struct, frozen=True):
    """Bounds on the connections to one next hop.

    connections: open at once. messages: on one connection, so that a next hop behind a balancer sees us
    anew. idle_s: how long one is kept without use. tls_again_after_s: after a broken handshake.
    """

    connections: int = 20
    messages: int = 100
    idle_s: float = 15.0
    tls_again_after_s: float = 300.0


class HopPool:
    """Connections to one next hop. `clock` gives monotonic seconds."""

    def __init__(
        self,
        hop: NextHop,
        hostname: str,
        timeouts: HopTimeouts,
        limits: PoolLimits,
        tls: TlsContexts,
        clock: Callable[[], float],
    ) -> None:
        self._hop = hop
        self._hostname = hostname
        self._timeouts = timeouts
        self._limits = limits
        self._tls = tls
        self._clock = clock
        self._room = asyncio.Semaphore(limits.connections)
        self._idle: deque[tuple[float, HopConnection]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._in_clear_until_s = float("-inf")
        self._leases = 0

    @property
    def is_busy(self) -> bool:
        """True while somebody has a connection, or waits for one."""
        return self._leases > 0

    async def lease(self, timeout_s: float, *, fresh: bool) -> HopConnection:
        """A connection that is ready for MAIL, for one transaction. Raises HopUnavailable.

        fresh: not one that was kept. Kept ones are closed then: they have most likely died together.
        """
        self._leases += 1
        try:
            return await self._lease(timeout_s, fresh=fresh)
        except BaseException:
            self._leases -= 1
            raise

    def give_back(self, connection: HopConnection) -> None:
        """The transaction is over. The connection is kept if it can carry another."""
        self._leases -= 1
        self._room.release()
        if not connection.is_usable:
            # In the middle of something: closing gracefully would send the rest of it.
            connection.drop()
            return
        if connection.messages >= self._limits.messages:
            connection.leave()
            return
        connection.is_kept = connection.is_idle = True
        self._idle.append((self._clock() + self._limits.idle_s, connection))
        if self._sweeper is None:
            self._sweep_later()

    def close(self) -> None:
        """Leave all kept connections."""
        while self._idle:
            self._idle.pop()[1].leave()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _lease(self, timeout_s: float, *, fresh: bool) -> HopConnection:
        if not fresh and self._idle and not self._room.locked():
            # The usual case, without a timer: acquiring does not wait.
            await self._room.acquire()
            kept = self._kept()
            if kept is not None:
                return kept
            self._room.release()
        try:
            async with asyncio.timeout(timeout_s):
                await self._room.acquire()
                try:
                    return (None if fresh else self._kept()) or await self._open()
                except BaseException:
                    self._room.release()
                    raise
        except TimeoutError:
            raise HopUnavailable("no connection free in time") from None
        finally:
            if fresh:
                self.close()

    def _kept(self) -> HopConnection | None:
        # The one used last is the one most likely to be alive.
        while self._idle:
            expires_at_s, connection = self._idle.pop()
            if connection.is_usable and expires_at_s > self._clock():
                connection.is_idle = False
                return connection
            connection.leave()
        return None

    async def _open(self) -> HopConnection:
        in_clear = self._clock() < self._in_clear_until_s
        try:
            return await self._open_once(in_clear=in_clear)
        except TlsBroken:
            if self._hop.tls is TlsUse.REQUIRED:
                raise
            self._in_clear_until_s = self._clock() + self._limits.tls_again_after_s
            return await self._open_once(in_clear=True)

    async def _open_once(self, *, in_clear: bool) -> HopConnection:
        return await open_connection(self._hop, self._hostname, self._timeouts, self._tls, in_clear=in_clear)

    def _sweep_later(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.idle_s, self._sweep)

    def _sweep(self) -> None:
        """Leave what has been idle for too long; the oldest stand to the left."""
        self._sweeper = None
        now_s = self._clock()
        while self._idle and self._idle[0][0] <= now_s:
            self._idle.popleft()[1].leave()
        if self._idle:
            self._sweep_later()
