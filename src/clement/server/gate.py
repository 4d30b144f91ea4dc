"""Who may come in: what all connections of one receiver share, and the limits on how many there are."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec

from clement.journal.proportion import RefusedConnection
from clement.policy.network import Standing
from clement.policy.reason import Reason
from clement.server.census import Region
from clement.server.identity import session_id
from clement.server.login import FailureBudget
from clement.server.peer import Client, Door, client, own_address
from clement.server.rates import NO_LIMITS, RateLimits, Rates
from clement.server.services import Services
from clement.server.tarpit import Tarpit, TarpitLimits
from clement.smtp import Extensions, ProtocolLimits, Reply, State, replies
from clement.telemetry.pace import Pace

LAST_WORDS_S = 0.5
"""How long those whom we send away may take to read why."""

LAST_RECORDS_S = 2.0
"""How long sessions that were ended without a word may take to be recorded."""


class Timeouts(msgspec.Struct, frozen=True):
    """RFC 5321 §4.5.3.2, from the server's side, and what it leaves to us. answer_s: our own turn."""

    greeting_s: float = 300.0
    command_s: float = 300.0
    answer_s: float = 570.0
    content_init_s: float = 120.0
    content_s: float = 180.0
    refused_s: float = 10.0
    session_s: float = 7200.0
    write_s: float = 60.0
    tls_s: float = 30.0
    drain_s: float = 30.0
    content_bytes_per_s: float = 500

    def before_command_s(self, state: State) -> float:
        """How long the next command may take."""
        if state is State.REFUSED:
            return self.refused_s
        return self.greeting_s if state is State.GREETED else self.command_s


class Crowd(msgspec.Struct, frozen=True):
    """How many sessions there may be, how much by the minute, and what is held, in all receivers together."""

    sessions: int = 2000
    sessions_per_client: int = 50
    rates: RateLimits = NO_LIMITS
    tarpit: TarpitLimits = TarpitLimits()


class Listening(msgspec.Struct, frozen=True):
    """One listener: what is offered behind it. `implicit_tls`: TLS from the first byte (RFC 8314 §3.3)."""

    door: Door
    offer: Extensions
    protocol_limits: ProtocolLimits
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False


class Guest(Protocol):
    """A connection as the gate sees it."""

    def tick(self, now_s: float) -> None: ...

    def drain(self) -> None: ...

    def expel(self) -> None: ...

    def abort(self) -> None: ...


class Gate:
    """Shared by the connections of one receiver."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        services: Services,
        timeouts: Timeouts,
        crowd: Crowd,
        census: Region,
    ) -> None:
        self.loop = loop
        self.services = services
        self.timeouts = timeouts
        self.login_budget = FailureBudget(census.failed_logins)
        self.fault_pace = Pace()
        self.pace = Pace()
        """Of what clients can make us say in the process log."""
        self._crowd = crowd
        self._census = census
        self.rates = Rates(crowd.rates, census)
        self.rates.turn(loop.time())
        self.tarpit = Tarpit(crowd.tarpit, census)
        self._guests: dict[Guest, Client] = {}
        self._draining = False

    def __len__(self) -> int:
        return len(self._guests)

    def client_of(self, transport: asyncio.Transport) -> Client | None:
        """Who is at the other end of a connection; a Unix socket's peer counts as this machine.

        None: the client has gone already, and the system no longer knows who it was.
        """
        peer: Any = transport.get_extra_info("peername")
        if peer is None:
            return None
        if not isinstance(peer, tuple):
            return client("127.0.0.1", 0)
        return client(peer[0], peer[1], lambda: own_address(transport.get_extra_info("sockname")))

    def enter(self, guest: Guest, who: Client, *, after_handshake: bool = False) -> Reply | None:
        """Let a connection in (None), or say why not. after_handshake: `handshake` counts it as well."""
        self._guests[guest] = who
        census = self._census
        census.enter(who.slot)
        if self._draining:
            return replies.SHUTTING_DOWN
        full = self._full(who, besides=int(after_handshake))
        if full is not None:
            return self._turn_away(who, full)
        if self.rates.watches_connections and not self._is_known_good(who):
            excess = self.rates.connection(who)
            if excess is not None:
                return self._turn_away(who, excess.reply(), Reason.TOO_FAST)
        return None

    def _is_known_good(self, who: Client) -> bool:
        """Whether an administrator has said of this network that it relays for us, or is trusted."""
        services = self.services
        networks, now_s = services.feed.current.networks, services.clocks.now_s()
        standings = (networks.relaying(who.address, now_s), networks.reputation(who.address, now_s))
        return any(entry is not None and entry.standing in _GOOD for entry in standings)

    @contextmanager
    def handshake(self, who: Client) -> Iterator[bool]:
        """Count a client whose session begins with a TLS handshake; False when there is no room for it.

        The event loop tells of such a connection only when its handshake is done: without this, those that
        never send a word would be without number.
        """
        self._census.enter(who.slot)
        try:
            full = self._full(who)
            if full is not None:
                self._turn_away(who, full)
            yield full is None
        finally:
            self._census.leave(who.slot)

    def _full(self, who: Client, besides: int = 0) -> Reply | None:
        if self._census.sessions() > self._crowd.sessions + besides:
            return replies.OVERLOADED
        if self._census.sessions_of(who.slot) > self._crowd.sessions_per_client + besides:
            return replies.TOO_MANY_CONNECTIONS
        return None

    def leave(self, guest: Guest) -> None:
        """A connection has ended."""
        who = self._guests.pop(guest, None)
        if who is not None:
            self._census.leave(who.slot)

    def _turn_away(self, who: Client, reply: Reply, reason: Reason = Reason.TOO_MANY_SESSIONS) -> Reply:
        services = self.services
        now_s = services.clocks.now_s()
        refused = RefusedConnection(
            session_id=session_id(now_s, services.random_bits),
            node=services.node,
            service="",
            at_s=now_s,
            client_address=who.text,
            client_port=who.port,
            reason=reason.value,
            reply=str(reply),
        )
        services.proportion.refused(who.key, refused.reason, now_s, refused.told)
        return reply

    def tick(self) -> None:
        """About once a second: look at every connection's clock."""
        now_s = self.loop.time()
        self.rates.turn(now_s)
        for guest in list(self._guests):
            guest.tick(now_s)

    async def drain(self) -> None:
        """End all sessions: idle ones now, busy ones when they come to rest or their time is up."""
        self._draining = True
        self.tarpit.release_all()
        for guest in list(self._guests):
            guest.drain()
        await self._emptied(self.timeouts.drain_s)
        for guest in list(self._guests):
            guest.expel()
        await asyncio.sleep(LAST_WORDS_S if self._guests else 0)
        for guest in list(self._guests):
            guest.abort()
        # They leave when what they were at has been cancelled, and only then are they recorded.
        await self._emptied(LAST_RECORDS_S)

    async def _emptied(self, within_s: float) -> None:
        until_s = self.loop.time() + within_s
        while self._guests and self.loop.time() < until_s:  # noqa: ASYNC110 - ends, and has a deadline
            await asyncio.sleep(0.05)


_GOOD = frozenset({Standing.RELAYABLE, Standing.TRUSTED})
