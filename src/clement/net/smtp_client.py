"""Our side as a client of next hops: which of them is spoken to, and through which connection.

Next hops are tried in order of priority, those of equal priority in turn. One that failed is left alone for a
while, so that a dead machine costs its time-out once and not once a message.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count, islice
from typing import TypeVar

from clement.net.hop_connection import HopConnection, HopTimeouts, HopUnavailable, TlsContexts
from clement.net.hop_pool import HopPool, PoolLimits
from clement.policy.directory import NextHop

T = TypeVar("T")

AVOID_S = 10.0
_REMEMBERED_HOPS = 1000


class SmtpClient:
    """Connections to all next hops of one process. Belongs to one event loop.

    hostname: what we say hello with. clock: monotonic seconds. avoid_s: how long a failed hop is left alone.
    """

    def __init__(
        self,
        hostname: str,
        clock: Callable[[], float],
        tls: TlsContexts,
        timeouts: HopTimeouts | None = None,
        limits: PoolLimits | None = None,
        avoid_s: float = AVOID_S,
    ) -> None:
        self._hostname = hostname
        self._clock = clock
        self._tls = tls
        self.timeouts = timeouts or HopTimeouts()
        self._limits = limits or PoolLimits()
        self._avoid_s = avoid_s
        self._pools: OrderedDict[NextHop, HopPool] = OrderedDict()
        self._avoided_until_s: dict[NextHop, float] = {}
        self._turns = count()

    async def lease(self, hops: Sequence[NextHop], timeout_s: float, *, fresh: bool = False) -> HopConnection:
        """A connection to the first next hop that answers. Give it back with `give_back`.

        fresh: a new connection, because a kept one turned out to be dead. Raises HopUnavailable.
        """
        deadline_s = self._clock() + timeout_s
        failure = HopUnavailable("no next hop that has not just failed")
        for hop in self._in_order(hops):
            left_s = deadline_s - self._clock()
            if left_s <= 0:
                break
            try:
                return await self._pool(hop).lease(left_s, fresh=fresh)
            except HopUnavailable as error:
                failure = error
                self.avoid(hop)
        raise failure

    async def begin(
        self, hops: Sequence[NextHop], timeout_s: float, opening: Callable[[HopConnection], Awaitable[T]]
    ) -> tuple[HopConnection, T]:
        """Lease a connection and open a transaction on it; the connection, and what `opening` returned.

        `opening` says nothing that may not be said twice: when a kept connection turns out to be dead it is
        called again on a new one, and when a next hop fails, on one to the next. Raises HopUnavailable.
        """
        fresh = False
        failure = HopUnavailable("no next hop")
        deadline_s = self._clock() + timeout_s
        for _ in range(2 * len(hops)):
            connection = await self.lease(hops, deadline_s - self._clock(), fresh=fresh)
            try:
                return connection, await opening(connection)
            except HopUnavailable as error:
                failure, fresh = error, connection.is_kept
                self.discard(connection)
                if not fresh:
                    self.avoid(connection.hop)
            except BaseException:
                self.discard(connection)
                raise
        raise failure

    def discard(self, connection: HopConnection) -> None:
        """The transaction was broken off; the connection is dropped with it."""
        connection.drop()
        self.give_back(connection)

    def give_back(self, connection: HopConnection) -> None:
        """The transaction is over, well or badly."""
        self._pool(connection.hop).give_back(connection)

    def avoid(self, hop: NextHop) -> None:
        """This next hop has just failed: leave it alone for a while."""
        self._avoided_until_s[hop] = self._clock() + self._avoid_s

    def close(self) -> None:
        """Leave all kept connections."""
        for pool in self._pools.values():
            pool.close()

    def _in_order(self, hops: Iterable[NextHop]) -> list[NextHop]:
        """The hops to try: by priority, equal ones rotated, without those that have just failed."""
        now_s, turn = self._clock(), next(self._turns)
        rotated = list(hops)
        if len(rotated) > 1:
            start = turn % len(rotated)
            rotated = sorted(rotated[start:] + rotated[:start], key=lambda hop: hop.priority)
        ready = []
        for hop in rotated:
            if self._avoided_until_s.get(hop, now_s) <= now_s:
                self._avoided_until_s.pop(hop, None)
                ready.append(hop)
        return ready

    def _pool(self, hop: NextHop) -> HopPool:
        pool = self._pools.get(hop)
        if pool is None:
            self._forget(len(self._pools) + 1 - _REMEMBERED_HOPS)
            pool = HopPool(hop, self._hostname, self.timeouts, self._limits, self._tls, self._clock)
            self._pools[hop] = pool
        else:
            self._pools.move_to_end(hop)
        return pool

    def _forget(self, surplus: int) -> None:
        """Forget the hops that were used longest ago, but none in use: its connections are counted there."""
        if surplus > 0:
            unused = (hop for hop, pool in self._pools.items() if not pool.is_busy)
            for hop in list(islice(unused, surplus)):
                self._pools.pop(hop).close()
                self._avoided_until_s.pop(hop, None)
