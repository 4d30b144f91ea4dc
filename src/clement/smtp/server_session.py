"""One SMTP or LMTP session from the server's side, without any I/O.

Octets go in by `receive_data`, events come out of `next_event`, the server settles each that awaits an answer
with `answer`, and `data_to_send` has what is to be written.  At most one event awaits an answer; octets that
arrive meanwhile wait behind it (watch `buffered_bytes` and stop reading).

What this file owns is the turn: whose it is, which line or chunk comes next, and what an answer changes.
What a command means is in `commands`, when it may be given in `state`, where content ends in `content`.

Any octets lead to events and replies, never to an exception; the same octets lead to the same events however
they are cut.  `LocalProtocolError` is raised for mistakes of the calling program only.

RFC 5321; RFC 2033 for LMTP; RFC 2920 for what pipelining asks of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from . import events, grammar, replies
from .answers import SUCCESS, LocalProtocolError, replies_to_content
from .auth import AuthError, decode_response
from .commands import COMMANDS, Command, check_auth, check_bdat
from .content import BareLineEndings, ChunkReader, ContentDefects, DataReader
from .events import Answered, ContentEnded, ContentRequested, Event
from .extensions import Extensions, Service
from .facts import ProtocolLimits, SessionFacts, Transaction
from .line_buffer import LineBuffer
from .replies import Reply
from .state import Cell, State

DEFAULT_LIMITS: Final = ProtocolLimits()

# Members of an Enum are slow to reach through its class.
_READY, _TRANSACTION, _RECIPIENTS, _CHUNKS = State.READY, State.TRANSACTION, State.RECIPIENTS, State.CHUNKS
_REFUSED, _CONTENT, _CHUNK, _DISCARDED_CHUNK = State.REFUSED, State.CONTENT, State.CHUNK, State.DISCARDED_CHUNK
_AUTHENTICATING, _AWAITING_TLS, _CLOSED = State.AUTHENTICATING, State.AWAITING_TLS, State.CLOSED

_REDACTED: Final = b"<redacted>"


class Chunk(NamedTuple):
    """What one BDAT command announced."""

    line: bytes
    octets: int
    last: bool


class ServerSession:
    """One session; see the module.

    Life: `greet`; then `receive_data`, `next_event` until None, `answer` where awaited, `data_to_send`;
    until `closing`.
    """

    __slots__ = (
        "_awaiting",
        "_chunk",
        "_commands",
        "_discarded",
        "_facts",
        "_idle_commands",
        "_input",
        "_input_ended",
        "_limits",
        "_output",
        "_queued",
        "_reader",
        "_resumed_state",
        "bare_line_endings",
        "errors",
        "refusals",
    )

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
        self.bare_line_endings = bare_line_endings
        self.errors = 0
        """Errors of syntax and sequence since the last accepted message."""
        self.refusals = 0
        """Commands the server refused for good since then."""
        self._idle_commands = 0
        self._facts = SessionFacts(service, hostname, offer, limits, tls_active)
        self._limits = limits
        self._commands = COMMANDS[service]
        self._input = LineBuffer()
        self._input_ended = False
        self._output: list[bytes] = []
        self._queued: list[Event] = []
        """Events that are certain already and come after the one just returned."""
        self._awaiting: Event | None = None
        self._reader: DataReader | ChunkReader | None = None
        self._chunk = Chunk(b"", 0, False)
        self._discarded = 0
        self._resumed_state = State.CONNECTED

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
        return len(self._input)

    # --- In and out -----------------------------------------------------------------------------------

    def greet(self, reply: Reply) -> None:
        """Send the greeting.  After a refusal (554) the client may only quit (RFC 5321 §3.1)."""
        if self._facts.state is not State.CONNECTED:
            raise LocalProtocolError("the greeting was sent already")
        self._facts.state = State.GREETED if reply.is_positive else _REFUSED
        self._send(reply)

    def receive_data(self, data: bytes) -> None:
        """Octets have arrived."""
        if self._facts.state is _AWAITING_TLS:
            # CVE-2011-0411 and its many successors: what was sent in plain text is not part of the TLS session.
            self._close()
        elif self._facts.state is not _CLOSED:
            self._input.receive(data)

    def receive_eof(self) -> None:
        """The client will send no more.  What it sent before is still read."""
        self._input_ended = True

    def data_to_send(self) -> bytes:
        """What is to be written now; given once."""
        output = self._output
        if not output:
            return b""
        self._output = []
        return output[0] if len(output) == 1 else b"".join(output)

    def tls_established(self) -> None:
        """The TLS handshake is done; the session starts anew, without a greeting (RFC 3207 §4.2)."""
        if self._facts.state is not _AWAITING_TLS:
            raise LocalProtocolError("no STARTTLS was accepted")
        self._facts.start_anew()

    def terminate(self, reply: Reply) -> None:
        """End the session now, whatever it is doing: shutting down, timed out, out of order."""
        if self._facts.state is _CLOSED:
            return
        self._awaiting = None
        self._end_transaction()
        self._send(reply)
        self._close()

    # --- Events ---------------------------------------------------------------------------------------

    def next_event(self) -> Event | None:
        """The next thing that happened; None when octets or an answer are needed first."""
        if self._awaiting is not None:
            return None
        state = self._facts.state
        if self._queued:
            event: Event | None = self._queued.pop(0)
        elif state <= _REFUSED:
            event = self._next_command()
        elif state is _CONTENT:
            event = self._next_data()
        elif state is _CHUNK:
            event = self._next_of_chunk()
        elif state is _DISCARDED_CHUNK:
            event = self._discard()
        elif state is _AUTHENTICATING:
            event = self._next_response()
        else:
            return None
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
        limits = self._limits
        line = self._input.read_line(limits.command_line_octets, limits.endless_line_octets)
        if line is None:
            return None
        if isinstance(line, Answered):
            return self._refuse(line.line, line.reply)
        line = line.rstrip(b" \t")
        verb, _, argument = line.partition(b" ")
        command = self._commands.get(verb) or self._commands.get(verb.upper())
        if command is None:
            return self._refuse(line, replies.COMMAND_UNKNOWN)
        cell = command.sequence[self._facts.state]
        if command.check is check_bdat:
            return self._begin_chunk(line, argument, cell)
        if command.check is check_auth:
            line = _redacted(line)
        if isinstance(cell, Reply):
            return self._refuse(line, cell)
        outcome = command.check(self._facts, line, argument)
        if isinstance(outcome, Reply):
            return self._refuse(line, outcome)
        return self._perform(outcome, cell) if isinstance(outcome, Answered) else outcome

    def _refuse(self, line: bytes, reply: Reply) -> Answered:
        """Answer an error of syntax or sequence, and count it."""
        self.errors += 1
        if self.errors > self._limits.errors and not reply.closes:
            reply = replies.TOO_MANY_ERRORS
        self._send(reply)
        return Answered(line, reply)

    def _perform(self, event: Answered, next_state: State) -> Event:
        """Carry out a command that needs nobody's leave."""
        self._idle_commands += 1
        if self._idle_commands > self._limits.idle_commands:
            return self._refuse(event.line, replies.TOO_MANY_IDLE_COMMANDS)
        if next_state is not self._facts.state:
            # RSET and QUIT; the others lead back to where they were given.
            self._facts.state = next_state
            self._end_transaction()
        self._send(event.reply)
        self._queued.append(event)
        return self._queued.pop(0)

    # --- Content --------------------------------------------------------------------------------------

    def _next_data(self) -> Event | None:
        reader = self._reader
        assert isinstance(reader, DataReader)
        octets = self._input.take_all()
        if not octets:
            return None
        content = reader.feed(octets)
        if reader.finished:
            self._input.receive(reader.rest)
            self._queued.append(ContentEnded(reader.size_bytes, reader.defects))
        if content:
            return events.ContentChunk(content)
        return self._queued.pop(0) if self._queued else None

    def _begin_chunk(self, line: bytes, argument: bytes, cell: Cell) -> Event | None:
        """BDAT: whatever is answered, the octets it announces are content and never commands."""
        outcome = check_bdat(self._facts, line, argument)
        size = grammar.CHUNK_ARGUMENT.fullmatch(argument)
        if isinstance(outcome, Reply) or size is None:
            return self._refuse(line, outcome if isinstance(outcome, Reply) else replies.CHUNK_SIZE_INVALID)
        self._chunk = Chunk(line, int(size[1]), size[2] is not None)
        if isinstance(cell, Reply):
            answered = self._refuse(line, cell)
            self._discard_chunk(self._facts.state)
            return answered
        if self._facts.state is _CHUNKS:
            self._take_chunk()
            return self._next_of_chunk()
        return outcome

    def _take_chunk(self) -> None:
        assert isinstance(self._reader, ChunkReader)
        self._reader.expect(self._chunk.octets, last=self._chunk.last)
        self._facts.state = _CHUNK

    def _next_of_chunk(self) -> Event | None:
        reader = self._reader
        assert isinstance(reader, ChunkReader)
        octets = self._input.take(reader.missing)
        if not octets and reader.missing:
            return None
        content = reader.feed(octets)
        if reader.missing == 0:
            self._end_chunk(reader)
        if content:
            return events.ContentChunk(content)
        return self._queued.pop(0) if self._queued else None

    def _end_chunk(self, reader: ChunkReader) -> None:
        if self._chunk.last:
            self._facts.state = _CONTENT
            self._queued.append(ContentEnded(reader.size_bytes, reader.defects))
        elif reader.is_too_large:
            # More chunks would be of no use; RFC 3030 §2 lets us refuse at any of them.
            self._facts.state = _READY
            self._end_transaction()
            self._queued.append(self._refuse(self._chunk.line, replies.MESSAGE_TOO_LARGE))
        else:
            self._facts.state = _CHUNKS
            self._send(replies.CHUNK_OK)
            self._queued.append(Answered(self._chunk.line, replies.CHUNK_OK))

    def _discard_chunk(self, resumed_state: State) -> None:
        """Read and drop the content of a refused BDAT, then go on in `resumed_state`."""
        if self._facts.state is not _CLOSED:
            self._discarded = self._chunk.octets
            self._resumed_state = resumed_state
            self._facts.state = _DISCARDED_CHUNK

    def _discard(self) -> Event | None:
        self._discarded -= len(self._input.take(self._discarded))
        if self._discarded:
            return None
        self._facts.state = self._resumed_state
        return self._next_command()

    def _end_transaction(self) -> None:
        """Nothing is left of the envelope; content that had begun will not be completed."""
        self._facts.transaction = None
        if self._reader is not None:
            self._reader = None
            self._queued.append(events.ContentAborted())

    # --- AUTH -----------------------------------------------------------------------------------------

    def _next_response(self) -> Event | None:
        limits = self._limits
        line = self._input.read_line(limits.auth_line_octets, limits.endless_line_octets)
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

    # --- Answers --------------------------------------------------------------------------------------

    def answer(self, answer: Reply | Sequence[Reply]) -> Reply:
        """Settle the event that awaits an answer; return the reply that was sent, the last if several.

        Raises LocalProtocolError when nothing awaits an answer, or when this one makes no sense there.
        """
        event = self._awaiting
        if event is None:
            raise LocalProtocolError("no event awaits an answer")
        if isinstance(event, ContentEnded):
            return self._answer_content(event, answer)
        if not isinstance(answer, Reply):
            raise LocalProtocolError("one reply is wanted here")
        if answer.code >= 400:
            self._awaiting = None
            return self._answer_failure(event, answer)
        kinds, settle = SUCCESS[event.__class__]
        if str(answer.code)[0] not in kinds:
            raise LocalProtocolError(f"{answer.code} does not answer {event.__class__.__name__}")
        self._awaiting = None
        reply = settle(self._facts, event, answer)
        if self._reader is not None and self._facts.transaction is None:
            self._end_transaction()
        if isinstance(event, ContentRequested):
            return self._begin_content(event, reply)
        if isinstance(event, events.TlsRequested) and self._input:
            reply = replies.TLS_INJECTION
        return self._send(reply)

    def _answer_failure(self, event: Event, reply: Reply) -> Reply:
        facts = self._facts
        if reply.is_permanent:
            self.refusals += 1
            if self.refusals > self._limits.refusals and not reply.closes:
                reply = replies.TOO_MANY_ERRORS
        if facts.state is _AUTHENTICATING:
            facts.state = _READY
        self._send(reply)
        if isinstance(event, ContentRequested) and event.verb == "BDAT":
            self._discard_chunk(_READY)
            self._end_transaction()
        return reply

    def _begin_content(self, event: ContentRequested, reply: Reply) -> Reply:
        transaction = self._facts.transaction
        assert transaction is not None
        parameters = transaction.parameters
        kind = DataReader if event.verb == "DATA" else ChunkReader
        self._reader = kind(
            size_limit_bytes=self._facts.offer.size_limit_bytes,
            eight_bit=parameters.eight_bit or parameters.smtputf8,
            bare_line_endings=self.bare_line_endings,
        )
        if event.verb == "BDAT":
            # RFC 3030 §2: BDAT is answered when its chunk has come.
            self._take_chunk()
            return reply
        self._facts.state = _CONTENT
        return self._send(reply)

    def _answer_content(self, event: ContentEnded, answer: Reply | Sequence[Reply]) -> Reply:
        facts = self._facts
        assert facts.transaction is not None
        chosen = replies_to_content(facts.transaction, event, answer, facts.service)
        self._awaiting = None
        self._reader = None
        facts.transaction = None
        facts.state = _READY
        for reply in chosen:
            if reply.is_positive:
                self.errors = self.refusals = self._idle_commands = 0
            self._send(reply)
        return chosen[-1]

    def _send(self, reply: Reply) -> Reply:
        self._output.append(reply.encode())
        if reply.closes:
            self._close()
        return reply

    def _close(self) -> None:
        self._facts.state = _CLOSED
        self._input.clear()
