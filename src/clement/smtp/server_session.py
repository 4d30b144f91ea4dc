"""One SMTP or LMTP session from the server's side, without any I/O.

Octets go in by `receive_data`, events come out of `next_event`, the server settles each that awaits an answer
with `answer`, and `data_to_send` has what is to be written.  At most one event awaits an answer; octets that
arrive meanwhile wait behind it (watch `buffered_bytes` and stop reading).

What this file owns is the turn: whose it is, which line or chunk comes next, and what an answer changes.
What a command means is in `commands`, when it may be given in `state`, where content ends in `content`.
Long because the turn is one thing: each half of it would have to know the other.

Any octets lead to events and replies, never to an exception; the same octets lead to the same events however
they are cut.  `LocalProtocolError` is raised for mistakes of the calling program only.

RFC 5321; RFC 2033 for LMTP; RFC 2920 for what pipelining asks of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from . import events, replies
from .answers import SUCCESS, replies_to_content
from .auth import AuthError, decode_response, redacted
from .commands import commands_of
from .content import BareLineEndings, ChunkReader, DataReader
from .events import Answered, ContentEnded, ContentRequested, Event
from .extensions import Extensions, Service
from .facts import LocalProtocolError, Patience, ProtocolLimits, SessionFacts, Transaction
from .line_buffer import LineBuffer
from .replies import Reply
from .state import COMMAND_STATES, Cell, State

DEFAULT_LIMITS: Final = ProtocolLimits()
_REDACTED: Final = b"<redacted>"

# Members of an Enum are slow to reach through its class.
_READY, _CHUNKS, _CONTENT, _CHUNK = State.READY, State.CHUNKS, State.CONTENT, State.CHUNK
_AWAITING_TLS, _CLOSED, _ENDING_A_GROUP = State.AWAITING_TLS, State.CLOSED, (events.Hello, ContentRequested)
_MAY_BE_EMPTY: Final = frozenset({State.CHUNK, State.SKIPPED_CHUNK})
"""Where no octets are something to read: a chunk may have none (BDAT 0 LAST)."""


class ServerSession:
    """One session; see the module.

    Life: `greet`; then `receive_data`, `next_event` until None, `answer` where awaited, `data_to_send`;
    until `closing`.
    """

    # Set when content begins; the states CONTENT, CHUNK and SKIPPED_CHUNK say which of them is in use.
    _data: DataReader
    _chunks: ChunkReader
    _chunk: ContentRequested
    _skipped_octets: int
    _resumed_state: State

    def __init__(
        self,
        *,
        service: Service,
        hostname: str,
        offer: Extensions,
        limits: ProtocolLimits = DEFAULT_LIMITS,
        tls_active: bool = False,
        bare_line_endings: BareLineEndings = BareLineEndings.REJECT,
    ) -> None:
        self.patience = Patience(limits)
        self._facts = SessionFacts(service, hostname, offer, limits, tls_active=tls_active)
        self._limits = limits
        self._bare_line_endings = bare_line_endings
        self._commands = commands_of(self._facts)
        self._input = LineBuffer(limits.endless_line_octets)
        self._input_ended = False
        self._output = b""
        self._queued: list[Event] = []
        """Events that are certain already and come after the one just returned."""
        self._awaiting: Event | None = None
        self._content_open = False
        self.out_of_turn = ""
        """The command behind which the client last went on although it had to wait for the answer."""

    # --- What can be asked ----------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._facts.state

    @property
    def facts(self) -> SessionFacts:
        """Service, TLS, login, greeting and transaction; to be read, not written."""
        return self._facts

    @property
    def transaction(self) -> Transaction | None:
        """The transaction under way, with the recipients accepted so far."""
        return self._facts.transaction

    @property
    def awaiting_answer(self) -> Event | None:
        """The event that `answer` has to settle next."""
        return self._awaiting

    @property
    def closing(self) -> bool:
        """True when nothing more is read; hang up once `data_to_send` is written."""
        return self._facts.state is _CLOSED

    @property
    def buffered_bytes(self) -> int:
        """Octets received and not yet read."""
        return len(self._input.pending)

    # --- In and out -----------------------------------------------------------------------------------

    def greet(self, reply: Reply) -> None:
        """Send the greeting.  After a refusal (554) the client may only quit (RFC 5321 §3.1)."""
        if self._facts.state is not State.CONNECTED:
            raise LocalProtocolError("the greeting was sent already")
        self._facts.state = State.GREETED if reply.is_positive else State.REFUSED
        self._send(reply)

    def receive_data(self, data: bytes) -> None:
        """Octets have arrived."""
        state = self._facts.state
        if state is _AWAITING_TLS:
            # CVE-2011-0411 and its successors: what came in plain text is no part of the TLS session.
            self._close()
        elif state is not _CLOSED:
            # Copies nothing when all before it was read.
            self._input.pending += data

    def receive_eof(self) -> None:
        """The client will send no more.  What it sent before is still read."""
        self._input_ended = True

    def data_to_send(self) -> bytes:
        """What is to be written now; given once."""
        output, self._output = self._output, b""
        return output

    def tls_established(self) -> None:
        """The TLS handshake is done; the session starts anew, without a greeting (RFC 3207 §4.2)."""
        if self._facts.state is not _AWAITING_TLS:
            raise LocalProtocolError("no STARTTLS was accepted")
        self._facts.start_anew()
        self._commands = commands_of(self._facts)

    def offer_mesh(self) -> None:
        """By its address this client is a peer of the mesh: XMESH is offered to it, under TLS."""
        self._facts.meshed = True
        self._commands = commands_of(self._facts)

    def terminate(self, reply: Reply) -> None:
        """End the session now with this reply, whatever it is doing: shutting down, timed out."""
        if self._facts.state is not _CLOSED:
            self._awaiting = None
            self._queued.clear()
            self._end_transaction()
            self._send(reply)
            self._close()

    # --- Events ---------------------------------------------------------------------------------------

    def next_event(self) -> Event | None:
        """The next thing that happened; None when octets or an answer are needed first."""
        if self._awaiting is not None:
            return None
        event: Event | None = None
        if self._queued:
            event = self._queued.pop(0)
        elif self._input.pending or self._facts.state in _MAY_BE_EMPTY:
            event = self._READERS[self._facts.state](self)
        if event is None:
            return self._end_of_input() if self._input_ended else None
        if event.awaits_answer:
            self._awaiting = event
        return event

    def _end_of_input(self) -> Event | None:
        self._end_transaction()
        self._close()
        return self._queued.pop(0) if self._queued else None

    def _next_command(self) -> Event | None:
        line = self._input.read_line(self._limits.command_line_octets)
        if not isinstance(line, bytes):
            return None if line is None else self._refuse(redacted(line.line), line.reply)
        line = line.rstrip(b" \t")
        verb, _, argument = line.partition(b" ")
        command = self._commands.get(verb) or self._commands.get(verb.upper())
        if command is None:
            return self._refuse(redacted(line), replies.COMMAND_UNKNOWN)
        facts = self._facts
        if self._input.pending and (command.ends_group or not facts.extended):
            self.out_of_turn = command.verb
        if command.is_secret:
            line = redacted(line)
        outcome = command.check(facts, line, argument)
        cell = command.sequence[facts.state]
        if isinstance(outcome, Reply):
            return self._refuse(line, outcome if outcome.closes or not isinstance(cell, Reply) else cell)
        if isinstance(outcome, ContentRequested) and outcome.verb == "BDAT":
            return self._begin_chunk(outcome, cell)
        if isinstance(cell, Reply):
            return self._refuse(line, cell)
        return self._perform(outcome, cell) if isinstance(outcome, Answered) else outcome

    def _refuse(self, line: bytes, reply: Reply) -> Answered:
        """Answer an error of syntax or sequence, and count it."""
        return Answered(line, self._send(self.patience.after_error(reply)))

    def _perform(self, event: Answered, next_state: State) -> Event:
        """Carry out a command that needs nobody's leave."""
        if self.patience.is_lost_idling():
            return self._refuse(event.line, replies.TOO_MANY_IDLE_COMMANDS)
        if next_state is not self._facts.state:
            # RSET and QUIT; all others lead back to where they were given.
            self._facts.state = next_state
            self._end_transaction()
        self._send(event.reply)
        # Content that is aborted by it is told first.
        self._queued.append(event)
        return self._queued.pop(0)

    def _next_response(self) -> Event | None:
        """The client's answer to a challenge.  RFC 4954 §4."""
        line = self._input.read_line(self._limits.auth_line_octets)
        if line is None:
            return None
        if isinstance(line, Answered):
            self._facts.state = _READY
            too_long = line.reply is replies.LINE_TOO_LONG
            return self._refuse(_REDACTED, replies.AUTH_TOO_LONG if too_long else line.reply)
        if line == b"*":
            return events.AuthAnswered(line, None)
        try:
            return events.AuthAnswered(_REDACTED, decode_response(line))
        except AuthError:
            self._facts.state = _READY
            return self._refuse(_REDACTED, replies.AUTH_UNDECODABLE)

    # --- Content --------------------------------------------------------------------------------------

    def _next_of_data(self) -> Event | None:
        octets = self._input.take_all()
        if not octets:
            return None
        content = self._data.feed(octets)
        if self._data.finished:
            self._input.pending = self._data.rest
            self._queued.append(ContentEnded(self._data.size_bytes, self._data.defects))
        return self._tell_content(content)

    def _tell_content(self, content: bytes) -> Event | None:
        if content:
            return events.ContentChunk(content)
        return self._queued.pop(0) if self._queued else None

    def _begin_chunk(self, chunk: ContentRequested, cell: Cell) -> Event | None:
        """BDAT: whatever is answered, the octets it announces are content and never commands."""
        self._chunk = chunk
        if isinstance(cell, Reply):
            answered = self._refuse(chunk.line, cell)
            self._begin_skipping(self._facts.state)
            return answered
        if self._facts.state is not _CHUNKS:
            return chunk
        self._expect_chunk()
        return self._next_of_chunk()

    def _expect_chunk(self) -> None:
        self._chunks.expect(self._chunk.chunk_octets, last=self._chunk.is_last)
        self._facts.state = _CHUNK

    def _next_of_chunk(self) -> Event | None:
        octets = self._input.take(self._chunks.missing)
        if not octets and self._chunks.missing:
            return None
        content = self._chunks.feed(octets)
        if self._chunks.missing == 0:
            self._end_chunk()
        return self._tell_content(content)

    def _end_chunk(self) -> None:
        if self._chunk.is_last:
            self._queued.append(ContentEnded(self._chunks.size_bytes, self._chunks.defects))
        elif self._chunks.is_too_large:
            # More chunks would be of no use; RFC 3030 §2 lets us refuse at any of them.
            self._facts.state = _READY
            self._end_transaction()
            self._queued.append(self._refuse(self._chunk.line, replies.MESSAGE_TOO_LARGE))
        else:
            self._facts.state = _CHUNKS
            self._send(replies.CHUNK_OK)
            self._queued.append(Answered(self._chunk.line, replies.CHUNK_OK))

    def _begin_skipping(self, resumed_state: State) -> None:
        """Read and drop the content of a refused BDAT, then go on in `resumed_state`."""
        if resumed_state is not _CLOSED:
            self._skipped_octets = self._chunk.chunk_octets
            self._resumed_state = resumed_state
            self._facts.state = State.SKIPPED_CHUNK

    def _skip_chunk(self) -> Event | None:
        self._skipped_octets -= len(self._input.take(self._skipped_octets))
        if self._skipped_octets:
            return None
        self._facts.state = self._resumed_state
        return self._next_command()

    def _end_transaction(self) -> None:
        """Nothing is left of the envelope; content that had begun will not be completed."""
        self._facts.transaction = None
        if self._content_open:
            self._content_open = False
            self._queued.append(events.ContentAborted())

    # --- Answers --------------------------------------------------------------------------------------

    def answer(self, answer: Reply | Sequence[Reply]) -> Reply:
        """Settle the event that awaits an answer; return the reply that was sent, the last if several.

        Raises LocalProtocolError when nothing awaits an answer, or when this one makes no sense there.
        """
        event = self._awaiting
        if event is None:
            raise LocalProtocolError("no event awaits an answer")
        if self._input.pending and isinstance(event, _ENDING_A_GROUP) and event.verb != "BDAT":
            self.out_of_turn = event.verb
        if isinstance(event, ContentEnded):
            return self._answer_content(event, answer)
        if not isinstance(answer, Reply):
            raise LocalProtocolError("one reply is wanted here")
        if answer.code >= 400:
            self._awaiting = None
            return self._answer_failure(event, answer)
        first_digits, settle = SUCCESS[event.__class__]
        if answer.code // 100 not in first_digits:
            raise LocalProtocolError(f"{answer.code} does not answer {event.__class__.__name__}")
        self._awaiting = None
        reply = settle(self._facts, event, answer)
        if isinstance(event, ContentRequested):
            return self._begin_content(event, reply)
        if self._input.pending and isinstance(event, events.TlsRequested):
            reply = replies.TLS_INJECTION
        if self._content_open:  # EHLO between two chunks
            self._end_transaction()
        return self._send(reply)

    def _answer_failure(self, event: Event, reply: Reply) -> Reply:
        reply = self.patience.after_refusal(reply)
        if self._facts.state is State.AUTHENTICATING:
            self._facts.state = _READY
        self._send(reply)
        if isinstance(event, ContentRequested) and event.verb == "BDAT":
            # Chunks may be under way already; they must not begin a message of their own.
            self._end_transaction()
            self._begin_skipping(_CLOSED if self.closing else _READY)
        return reply

    def _begin_content(self, event: ContentRequested, reply: Reply) -> Reply:
        parameters = self._facts.current_transaction().parameters
        limit = self._facts.offer.size_limit_bytes
        eight_bit = parameters.eight_bit or parameters.smtputf8
        self._content_open = True
        if event.verb == "BDAT":
            # RFC 3030 §2: the reply to BDAT follows its chunk.
            self._chunks = ChunkReader(limit, self._bare_line_endings, eight_bit=eight_bit)
            self._expect_chunk()
            return reply
        self._data = DataReader(limit, self._bare_line_endings, eight_bit=eight_bit)
        self._facts.state = _CONTENT
        return self._send(reply)

    def _answer_content(self, event: ContentEnded, answer: Reply | Sequence[Reply]) -> Reply:
        facts = self._facts
        chosen = replies_to_content(facts, event, answer)
        self._awaiting = None
        self._content_open = False
        facts.transaction = None
        facts.state = _READY
        for reply in chosen:
            if reply.is_positive:
                self.patience.restore()
            self._send(reply)
        return chosen[-1]

    def _send(self, reply: Reply) -> Reply:
        self._output += reply.wire
        if reply.closes:
            self._close()
        return reply

    def _close(self) -> None:
        self._facts.state = _CLOSED
        self._input.clear()

    def _read_nothing(self) -> None:
        """Before the greeting, on the way to TLS, and when all is said."""

    # What is read next.
    _READERS: ClassVar[dict[State, Callable[[ServerSession], Event | None]]] = {
        **dict.fromkeys(State, _read_nothing),
        **dict.fromkeys(COMMAND_STATES, _next_command),
        State.CONTENT: _next_of_data,
        State.CHUNK: _next_of_chunk,
        State.SKIPPED_CHUNK: _skip_chunk,
        State.AUTHENTICATING: _next_response,
    }
