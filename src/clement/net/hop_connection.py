"""One connection to a next hop: octets between an asyncio transport and a `ClientSession`, with time-outs.

It knows how a session is opened (greeting, hello, TLS) and how replies are waited for; what is said in
between belongs to `delivery`. RFC 5321 §4.5.3.2 (time-outs), RFC 3207 (STARTTLS), RFC 2033 (LMTP).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast

import msgspec

from clement.policy.directory import NextHop, TlsUse, Wire
from clement.smtp import (
    ClientEvent,
    ClientSession,
    ConnectionClosed,
    ProtocolViolation,
    ReplyReceived,
    Service,
)


class HopTimeouts(msgspec.Struct, frozen=True):
    """How long a next hop may take, in seconds: RFC 5321 §4.5.3.2, connect and TLS our own."""

    connect_s: float = 30.0
    tls_s: float = 30.0
    greeting_s: float = 300.0
    command_s: float = 300.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0


class HopUnavailable(Exception):
    """The next hop cannot be spoken with, or stopped speaking SMTP. The text is for the log only."""


class TlsContexts(msgspec.Struct, frozen=True):
    """TLS towards next hops: `verified` where it is required, `unverified` where it is merely offered.

    Unverified encryption keeps listeners away, not impostors; it is better than clear text and no worse.
    """

    verified: ssl.SSLContext
    unverified: ssl.SSLContext

    @classmethod
    def standard(cls, ca_file: str | None = None) -> TlsContexts:
        """Contexts that trust the system's authorities, or those of `ca_file`. Raises OSError."""
        verified = ssl.create_default_context(cafile=ca_file)
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        return cls(verified, unverified)


class HopConnection(asyncio.Protocol):
    """An open connection. Not shared: one transaction has it at a time.

    messages: how many it has carried. is_kept: it served an earlier transaction, and may have died since.
    is_idle: it is in nobody's hands, so nothing should arrive. is_ahead: what came last came while octets of
    ours were still on their way. in_doubt: content was refused, perhaps before it was read to its end; what
    the next hop makes of the rest is only known once it has answered RSET.
    """

    def __init__(self, hop: NextHop, hostname: str) -> None:
        service = Service.LMTP if hop.wire is Wire.LMTP else Service.SMTP
        self.hop: Final = hop
        self.session = ClientSession(service=service, hostname=hostname)
        self.messages = 0
        self.is_kept = False
        self.is_idle = False
        self.is_ahead = False
        self.in_doubt = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost = False
        self._expired = False

    @property
    def name(self) -> str:
        """The next hop as it stands in the log."""
        return hop_name(self.hop)

    @property
    def is_local(self) -> bool:
        """True for a Unix socket, which nobody can listen in on."""
        return self.hop.host.startswith("/")

    @property
    def peer_certificate(self) -> bytes:
        """The certificate that the next hop has shown, DER; empty without TLS."""
        channel = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return (channel.getpeercert(binary_form=True) or b"") if channel is not None else b""

    @property
    def is_usable(self) -> bool:
        """True while a new transaction may begin here: nothing is awaited, and nobody has hung up."""
        session = self.session
        idle = not session.awaits_reply and not session.awaits_content
        return idle and not self._lost and not session.closed

    @property
    def has_unsent(self) -> bool:
        """True while octets of ours wait to be taken by the network."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    # --- asyncio.Protocol -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.is_ahead = self.has_unsent
        self.session.receive_data(data)
        self.flush()
        if self._writable is not None and self.session.has_event:
            # It may read no further now that it has answered.
            self.resume_writing()
        if self.is_idle:
            # A 421 before it hangs up, or nonsense. Either way it is over.
            self.drop()
        self._wake()

    def eof_received(self) -> bool:
        self.session.receive_eof()
        self._lost = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.session.receive_eof()
        self._lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # --- For the transaction --------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what the session has ready."""
        if self._transport is not None and not self._lost and (octets := self.session.data_to_send()):
            self._transport.write(octets)

    async def drain(self, timeout_s: float) -> None:
        """Wait while the next hop is behind with reading and says nothing. Raises HopUnavailable."""
        if self._writable is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                raise HopUnavailable(f"{self.name}: reads too slowly") from None
        if self._lost and not self.session.has_event:
            raise HopUnavailable(f"{self.name}: connection was closed")

    async def reply(self, timeout_s: float) -> ReplyReceived:
        """The next reply. Raises HopUnavailable when it does not come; the connection is of no use then."""
        event = self.session.next_event()
        if event is None:
            self.flush()
            event = await self._wait(timeout_s)
        if isinstance(event, ReplyReceived):
            return event
        self.drop()
        raise HopUnavailable(f"{self.name}: {_why(event)}")

    async def start_tls(self, context: ssl.SSLContext, timeout_s: float) -> None:
        """Do the handshake. Raises HopUnavailable; the connection is of no use then."""
        if self._transport is None:
            raise HopUnavailable(f"{self.name}: not connected")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                context,
                server_hostname=self.hop.host,
                ssl_handshake_timeout=timeout_s,
            )
        except (OSError, ssl.SSLError, ValueError) as error:
            self.drop()
            raise HopUnavailable(f"{self.name}: TLS failed: {error}") from error
        if secured is None:
            raise HopUnavailable(f"{self.name}: connection was closed during the handshake")
        self._transport = secured
        self.session.tls_established()

    def leave(self) -> None:
        """Say QUIT and close, without waiting for the answer."""
        if self.is_usable:
            self.session.quit()
            self.flush()
        self._lost = True
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Close at once and send nothing more; content that was not ended is never delivered."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self, timeout_s: float) -> ClientEvent | None:
        loop = asyncio.get_running_loop()
        self._expired = False
        timer = loop.call_later(timeout_s, self._expire)
        try:
            while True:
                self._waiter = loop.create_future()
                # Octets may be half a reply; the time allowed is for all of it.
                await self._waiter
                event = self.session.next_event()
                if event is not None or self._expired or self._lost:
                    return event
        finally:
            timer.cancel()
            self._waiter = None

    def _expire(self) -> None:
        self._expired = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _why(event: ClientEvent | None) -> str:
    match event:
        case ProtocolViolation(reason):
            return reason
        case ConnectionClosed():
            return "connection was closed"
        case _:
            return "no reply in time"


def hop_name(hop: NextHop) -> str:
    """A next hop in words: its socket, or host and port."""
    return hop.host if hop.host.startswith("/") else f"{hop.host}:{hop.port}"


async def open_connection(
    hop: NextHop, hostname: str, timeouts: HopTimeouts, tls: TlsContexts, *, in_clear: bool = False
) -> HopConnection:
    """Connect and go through greeting, hello and TLS.

    in_clear: do without TLS where it is only offered, because the handshake has failed before.
    Raises HopUnavailable.
    """
    connection = HopConnection(hop, hostname)
    try:
        await _connect(connection, timeouts.connect_s)
        await _greet(connection, timeouts)
        if _wants_tls(connection, in_clear=in_clear):
            await _secure(connection, timeouts, tls)
    except BaseException:
        connection.drop()
        raise
    return connection


async def _connect(connection: HopConnection, timeout_s: float) -> None:
    hop, loop = connection.hop, asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if connection.is_local:
                await loop.create_unix_connection(lambda: connection, hop.host)
            else:
                await loop.create_connection(lambda: connection, hop.host, hop.port)
    except (OSError, UnicodeError) as error:
        raise HopUnavailable(f"{connection.name}: {str(error) or 'no connection in time'}") from error


async def _greet(connection: HopConnection, timeouts: HopTimeouts) -> None:
    greeting = await connection.reply(timeouts.greeting_s)
    if not greeting.reply.is_positive:
        raise HopUnavailable(f"{connection.name}: greeted with {greeting.reply}")
    await _hello(connection, timeouts)


async def _hello(connection: HopConnection, timeouts: HopTimeouts) -> None:
    connection.session.hello()
    answer = await connection.reply(timeouts.command_s)
    if not answer.reply.is_positive:
        raise HopUnavailable(f"{connection.name}: refused our hello: {answer.reply}")


def _wants_tls(connection: HopConnection, *, in_clear: bool) -> bool:
    """Whether to say STARTTLS. Raises HopUnavailable when it is required and not offered."""
    match connection.hop.tls:
        case TlsUse.NEVER:
            return False
        case TlsUse.OFFERED:
            return connection.session.peer.starttls and not in_clear and not connection.is_local
        case TlsUse.REQUIRED:
            if not connection.session.peer.starttls:
                raise HopUnavailable(f"{connection.name}: TLS is required and not offered")
            return True


async def _secure(connection: HopConnection, timeouts: HopTimeouts, tls: TlsContexts) -> None:
    connection.session.starttls()
    answer = await connection.reply(timeouts.command_s)
    required = connection.hop.tls is TlsUse.REQUIRED
    if not answer.reply.is_positive:
        if required:
            raise HopUnavailable(f"{connection.name}: refused STARTTLS: {answer.reply}")
        return
    try:
        await connection.start_tls(tls.verified if required else tls.unverified, timeouts.tls_s)
    except HopUnavailable as failure:
        raise TlsBroken(str(failure)) from failure
    await _hello(connection, timeouts)


class TlsBroken(HopUnavailable):
    """The handshake failed. Where TLS is only offered, another connection may go on without it."""
