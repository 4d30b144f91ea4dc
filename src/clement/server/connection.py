"""One TCP connection: bytes in and out of the protocol core, time-outs, back-pressure, TLS; no policy.

Traps this file is shaped around: bytes may reach the protocol before the TLS
upgrade has returned; a connection closed while input is unread resets, and the
client never sees our last reply; a client may leave while its message is being
placed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Final, cast

from clement.policy.reason import Reason
from clement.server.conversation import Conversation
from clement.server.gate import Gate, Listening
from clement.server.peer import Client
from clement.smtp import Reply, ServerSession, State, replies
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("server")

MOST_BUFFERED_BYTES: Final = 128 * 1024
"""Bytes taken while an answer is awaited, or replies are not read; beyond it the client's buffers wait."""

LINGER_S: Final = 5.0
"""How long a client that was sent away may take to read why."""

NEVER: Final = float("inf")


class Connection(asyncio.Protocol):
    """The shell around one `Conversation`."""

    __slots__ = (
        "_announced",
        "_bytes_before_content",
        "_client_ended",
        "_conversation",
        "_core",
        "_draining",
        "_ending",
        "_gate",
        "_heard",
        "_lingering",
        "_listening",
        "_over",
        "_reading_paused",
        "_session_until_s",
        "_task",
        "_transport",
        "_upgrading",
        "_write_paused",
        "content_began_s",
        "deadline_s",
    )

    def __init__(self, gate: Gate, listening: Listening, client: Client | None = None) -> None:
        self._gate = gate
        self._listening = listening
        self._core = ServerSession(
            service=listening.door.service,
            hostname=gate.services.hostname,
            offer=listening.offer,
            limits=listening.protocol_limits,
            tls_active=listening.implicit_tls,
        )
        self._conversation: Conversation | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._announced: Client | None = client
        self._upgrading = self._lingering = self._over = self._draining = False
        self._reading_paused = self._write_paused = self._client_ended = False
        self._heard = True
        self._ending = "lost"
        self.deadline_s = NEVER
        self.content_began_s = NEVER
        self._bytes_before_content = 0
        self._session_until_s = NEVER

    # --- asyncio.Protocol -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; the gate says whether it may come in."""
        self._transport = cast(asyncio.Transport, transport)
        client = self._announced or self._gate.client_of(self._transport)
        if client is None:
            self.abort()
            return
        now_s = self._gate.loop.time()
        self._session_until_s = now_s + self._gate.timeouts.session_s
        refusal = self._gate.enter(self, client, after_handshake=self._listening.implicit_tls)
        if refusal is not None:
            self._send_away(refusal)
            return
        conversation = Conversation(self._gate.services, self._listening.door, self._core, client, self._gate)
        self._conversation = conversation
        if self._listening.implicit_tls:
            self._note_tls()
        waiting = conversation.open()
        if waiting is not None:
            self._wait_for(conversation, waiting)
        else:
            self._speak(conversation, heard=True)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        conversation = self._conversation
        if conversation is None or self._lingering:
            return
        conversation.bytes_received += len(data)
        self._core.receive_data(data)
        if self._task is None and not self._write_paused:
            self._pump(conversation, in_time=True)
        else:
            conversation.spoke_meanwhile()
            if self._core.buffered_bytes > MOST_BUFFERED_BYTES:
                self._pause_reading()

    def eof_received(self) -> bool:
        """The client says no more; it may still want to hear our answer."""
        conversation = self._conversation
        if conversation is None or self._lingering:
            return False
        self._client_ended = True
        conversation.fell_silent()
        self._core.receive_eof()
        if self._task is None:
            self._pump(conversation)
        if self._over or self._core.closing or self._transport is None:
            return False
        # TLS has no half-closed connections (RFC 8446 §6.1 notwithstanding, asyncio has none).
        return self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """The client does not read; it may keep us waiting for so long."""
        self._write_paused = True
        self.deadline_s = self._gate.loop.time() + self._gate.timeouts.write_s

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused = False
        self._heard = True
        if self._task is None:
            self._read_on()
            if self._conversation is not None:
                self._pump(self._conversation)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone. What is being made final is finished first, everything else is dropped."""
        if self._over:
            return
        self._over = True
        task, conversation = self._task, self._conversation
        if task is not None and conversation is not None:
            if not conversation.committing:
                task.cancel()
            task.add_done_callback(lambda _: self._depart())
        else:
            self._depart()

    def _depart(self) -> None:
        self._gate.leave(self)
        if self._conversation is not None:
            self._conversation.end(self._ending)

    # --- The turn -----------------------------------------------------------------------------------------

    def _pump(self, conversation: Conversation, *, in_time: bool = False) -> None:
        """Let the conversation deal with events until it must wait or has had them all; then write.

        Called while no task is under way. in_time: the deadline stands until there is an event, or a client
        could drip one command for hours.
        """
        core = self._core
        event = None if self._write_paused else core.next_event()
        while event is not None:
            in_time = False
            waiting = conversation.take(event)
            if waiting is not None:
                self._wait_for(conversation, waiting)
                break
            event = core.next_event()
        if not conversation.held:
            self._speak(conversation, heard=not in_time)

    def _speak(self, conversation: Conversation, *, heard: bool) -> None:
        """Write what is to be said, and do what follows. heard: the client has its full time again."""
        core, transport = self._core, self._transport
        octets = core.data_to_send()
        if octets and transport is not None:
            transport.write(octets)
            conversation.bytes_sent += len(octets)
            if conversation.owes_reply:
                conversation.reply_is_out()
        state = core.state
        if state is _CLOSED:
            if conversation.quit:
                self._ending = "quit"
            self._close()
        elif state is _AWAITING_TLS:
            self._task = self._gate.loop.create_task(self._upgrade())
        else:
            if self._draining and self._task is None:
                self.drain()
            if heard or state in _CONTENT_STATES:
                self._heard = True

    def _wait_for(self, conversation: Conversation, waiting: Awaitable[None]) -> None:
        self._task = self._gate.loop.create_task(self._finish(conversation, waiting))

    async def _finish(self, conversation: Conversation, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        finally:
            self._task = None
        if self._over:
            return
        if not self._write_paused:
            self._read_on()
        self._pump(conversation)

    def _pause_reading(self) -> None:
        if not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    # --- Time -------------------------------------------------------------------------------------------

    def _set_deadline(self, now_s: float) -> None:
        """RFC 5321 §4.5.3.2: what the client may take until its next word."""
        if self._write_paused or self._lingering:
            return
        timeouts = self._gate.timeouts
        if self._task is not None:
            self.deadline_s = now_s + timeouts.answer_s
        elif self._core.state in _CONTENT_STATES:
            wait_s = timeouts.content_s
            if self.content_began_s == NEVER:
                self.content_began_s = now_s
                wait_s = timeouts.content_init_s
            self.deadline_s = now_s + wait_s
        else:
            self.content_began_s = NEVER
            self._bytes_before_content = self._conversation.bytes_received if self._conversation else 0
            self.deadline_s = min(now_s + timeouts.before_command_s(self._core.state), self._session_until_s)

    def tick(self, now_s: float) -> None:
        """Called about once a second, to end those whose time has run out.

        A deadline is counted from the first tick after the client was heard: a look at the clock for every
        command would cost more than the second it makes the time-outs longer.
        """
        if self._heard:
            self._heard = False
            self._set_deadline(now_s)
        if now_s < self.deadline_s:
            if self._content_is_too_slow(now_s):
                self._ending = "timeout"
                self._dismiss(replies.SESSION_TOO_LONG, Reason.TIMEOUT)
        elif self._task is not None and not self._upgrading:
            self._hurry()
        else:
            self._ending = "timeout"
            if self._lingering or self._write_paused or self._upgrading or self._conversation is None:
                self.abort()
            else:
                self._dismiss(replies.IDLE_TOO_LONG, Reason.TIMEOUT)

    def _hurry(self) -> None:
        """Our own answer takes too long, and the client will not wait: it is told to come back.

        What is being made final is left alone; its transport bounds its own time.
        """
        task, conversation = self._task, self._conversation
        if task is not None and conversation is not None and not conversation.committing:
            self.deadline_s = NEVER
            conversation.overdue = True
            task.cancel()

    def _content_is_too_slow(self, now_s: float) -> bool:
        """A client that drips its content holds our memory; after the first minute it must keep a pace.

        While we are at work, or have said goodbye already, nobody waits for the client.
        """
        took_s = now_s - self.content_began_s
        slowest = self._gate.timeouts.content_bytes_per_s
        if took_s < 60 or not slowest or self._conversation is None:
            return False
        if self._task is not None or self._lingering:
            return False
        return self._conversation.bytes_received - self._bytes_before_content < took_s * slowest

    # --- Ending -------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """We are shutting down: end the session at the next moment at which nothing is under way."""
        self._draining = True
        busy = self._task is not None or self._core.state in _BUSY_STATES or self._upgrading
        if not busy:
            self.expel()

    def expel(self) -> None:
        """Send the client away for our own sake, whatever it is doing; an answer under way is left alone."""
        if self._task is None and not self._lingering and not self._over:
            self._ending = "shutdown"
            self._dismiss(replies.SHUTTING_DOWN, Reason.SHUTTING_DOWN)

    def abort(self) -> None:
        """End it now, without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _dismiss(self, reply: Reply, reason: Reason) -> None:
        """Say a last word of our own accord and close."""
        conversation = self._conversation
        if conversation is None:
            self.abort()
            return
        conversation.say(reply, reason)
        self._core.terminate(reply)
        self._speak(conversation, heard=False)

    def _send_away(self, reply: Reply) -> None:
        """Refused before there was a session: not a moment longer, or those turned away fill the house."""
        self._ending = "refused"
        if self._transport is not None:
            self._transport.write(reply.encode())
            self._transport.close()

    def _close(self) -> None:
        """Close so that the client reads our last reply: at once, or when it stops talking."""
        transport = self._transport
        if transport is None or self._lingering:
            return
        if self._ending == "quit" or self._client_ended or not transport.can_write_eof():
            transport.close()
            return
        if self._ending == "lost":
            self._ending = "dropped"
        self._lingering = True
        self.deadline_s = self._gate.loop.time() + LINGER_S
        transport.write_eof()
        self._read_on()

    # --- TLS ----------------------------------------------------------------------------------------------

    async def _upgrade(self) -> None:
        """STARTTLS was answered with 220: the handshake (RFC 3207 §4)."""
        transport, context = self._transport, self._listening.tls
        if transport is None or context is None:
            raise RuntimeError("STARTTLS where it is not offered")
        self._upgrading = True
        self.deadline_s = self._gate.loop.time() + self._gate.timeouts.tls_s + 5
        try:
            self._transport = await self._gate.loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=self._gate.timeouts.tls_s
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError) as fault:
            self._tell_tls_failed(fault)
            self._ending = "tls-failed"
            transport.abort()
            return
        finally:
            self._upgrading = False
            self._task = None
        # A client that said more in plain text behind STARTTLS has ended its session by that.
        if self._transport is None or self._over or self._core.closing:
            transport.abort()
            return
        self._core.tls_established()
        self._note_tls()
        if self._conversation is not None:
            self._pump(self._conversation)

    def _tell_tls_failed(self, fault: BaseException) -> None:
        conversation = self._conversation
        if conversation is not None and self._gate.pace.due(conversation.client.key):
            log.info(log_events.TLS_FAILED, session=conversation.id, fault=repr(fault)[:300])

    def _note_tls(self) -> None:
        if self._transport is None or self._conversation is None:
            return
        channel = self._transport.get_extra_info("ssl_object")
        cipher = channel.cipher() if channel is not None else None
        self._conversation.tls_established(cipher[1] if cipher else "TLS", cipher[0] if cipher else "")


_CLOSED: Final = State.CLOSED
_AWAITING_TLS: Final = State.AWAITING_TLS
_CONTENT_STATES: Final = frozenset({State.CONTENT, State.CHUNK, State.SKIPPED_CHUNK, State.CHUNKS})
_BUSY_STATES: Final = _CONTENT_STATES | {State.TRANSACTION, State.RECIPIENTS}
