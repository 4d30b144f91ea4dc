"""A `ServerSession` with a plain policy around it: what most tests of the core need of a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clement.smtp import (
    AuthAnswered,
    AuthRequested,
    BareLineEndings,
    ContentAborted,
    ContentChunk,
    ContentDefects,
    ContentEnded,
    ContentRequested,
    Credentials,
    Event,
    Extensions,
    ForwardPath,
    Hello,
    MailRequested,
    MeshRequested,
    ProtocolLimits,
    RecipientRequested,
    Reply,
    ReversePath,
    ServerSession,
    Service,
    State,
    TlsRequested,
    replies,
)
from clement.smtp.auth import MECHANISMS, AuthError

EVERYTHING = Extensions(
    size_limit_bytes=1_000_000,
    dsn=True,
    prdr=True,
    starttls=True,
    requiretls=True,
    auth_mechanisms=("PLAIN", "LOGIN"),
    rcpt_max=100,
)
LIMITS = ProtocolLimits(recipients=100)

Answer = Reply | Sequence[Reply]


@dataclass
class Message:
    """What the server around the core would keep."""

    reverse_path: ReversePath
    recipients: list[ForwardPath]
    content: bytes
    defects: ContentDefects
    answer: Answer


@dataclass
class Core:
    """A session and what came of it.

    Policy: everything is accepted, but `unknown@` anywhere, content with defects, and passwords other than
    `secret`.  `answers` overrides that by kind of event.
    """

    service: Service = Service.SMTP
    offer: Extensions = EVERYTHING
    limits: ProtocolLimits = LIMITS
    tls_active: bool = False
    bare_line_endings: BareLineEndings = BareLineEndings.REJECT
    greeting: Reply = replies.SERVICE_READY
    answers: dict[type[Event], Callable[[Core, Event], Answer]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent: bytes = b""
    messages: list[Message] = field(default_factory=list)
    aborted: int = 0

    def __post_init__(self) -> None:
        self.session = ServerSession(
            service=self.service,
            hostname="mx.test",
            offer=self.offer,
            limits=self.limits,
            tls_active=self.tls_active,
            bare_line_endings=self.bare_line_endings,
        )
        self.session.greet(self.greeting)
        self._content = b""
        self._mechanism = MECHANISMS["PLAIN"]()
        self._run()

    def feed(self, *segments: bytes) -> Core:
        """Give octets to the session, one segment after the other."""
        for segment in segments:
            self.session.receive_data(segment)
            self._run()
        return self

    def eof(self) -> Core:
        self.session.receive_eof()
        self._run()
        return self

    @property
    def codes(self) -> list[int]:
        """The codes of all replies so far, the greeting's first."""
        last_lines = re.findall(rb"^([0-9]{3})(?: .*)?\r$", self.sent, re.MULTILINE)
        return [int(code) for code in last_lines]

    @property
    def last(self) -> str:
        """The last reply line, without CRLF."""
        return self.sent.decode("ascii").split("\r\n")[-2]

    def said(self, command: str | bytes) -> str:
        """What is answered to this command line: the last line of it, "" if nothing."""
        before = len(self.sent)
        self.feed(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        lines = self.sent[before:].decode("ascii").split("\r\n")
        return lines[-2] if len(lines) > 1 else ""

    def _run(self) -> None:
        while True:
            event = self.session.next_event()
            if event is None:
                break
            self.events.append(event)
            self._note(event)
            if event.awaits_answer:
                self.session.answer(self._settled(event))
        self.sent += self.session.data_to_send()
        if self.session.state is State.AWAITING_TLS and self.tls_active:
            self.session.tls_established()

    def _note(self, event: Event) -> None:
        if isinstance(event, ContentChunk):
            assert event.data
            self._content += event.data
        elif isinstance(event, ContentAborted):
            self._content = b""
            self.aborted += 1

    def _settled(self, event: Event) -> Answer:
        chosen = self.answers.get(type(event))
        answer = chosen(self, event) if chosen else self._policy(event)
        if isinstance(event, ContentEnded):
            transaction = self.session.transaction
            assert transaction is not None
            assert event.size_bytes == len(self._content)
            if any(reply.is_positive for reply in ([answer] if isinstance(answer, Reply) else answer)):
                self.messages.append(
                    Message(
                        transaction.reverse_path,
                        list(transaction.recipients),
                        self._content,
                        event.defects,
                        answer,
                    )
                )
            self._content = b""
        return answer

    def _policy(self, event: Event) -> Answer:  # noqa: C901, PLR0911 - one answer for each kind
        match event:
            case Hello():
                return replies.HELLO
            case MailRequested():
                return replies.REVERSE_PATH_OK
            case RecipientRequested():
                unknown = event.forward_path.key.startswith("unknown@")
                return replies.MAILBOX_UNKNOWN if unknown else replies.RECIPIENT_OK
            case ContentRequested():
                return replies.START_CONTENT
            case ContentEnded():
                return self._judge(event)
            case TlsRequested():
                return replies.TLS_READY
            case MeshRequested():
                return replies.MESH_OK
            case AuthRequested():
                self._mechanism = MECHANISMS[event.mechanism]()
                return self._authenticate(event.initial_response)
            case AuthAnswered():
                if event.response is None:
                    return replies.AUTH_CANCELLED
                return self._authenticate(event.response)
        raise AssertionError(f"{event} awaits no answer")

    def _judge(self, event: ContentEnded) -> Answer:
        if event.is_truncated:
            return replies.MESSAGE_TOO_LARGE
        bare = ContentDefects.BARE_CR | ContentDefects.BARE_LF
        if event.defects & bare and self.bare_line_endings is BareLineEndings.REJECT:
            return replies.BARE_LINE_ENDING
        return replies.CONTENT_HAS_NUL if event.defects & ContentDefects.NUL else replies.MESSAGE_OK

    def _authenticate(self, response: bytes | None) -> Reply:
        try:
            outcome = self._mechanism.step(response)
        except AuthError:
            return replies.AUTH_UNDECODABLE
        if isinstance(outcome, Credentials):
            return (
                replies.AUTH_OK if outcome.password in ("secret", "secretpassword") else replies.AUTH_FAILED
            )
        return replies.challenge(outcome)


class CorePeer:
    """A `Core` as the server of a golden dialogue."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._read = 0

    def send(self, octets: bytes) -> None:
        self.core.feed(octets)

    def read_line(self) -> str | None:
        rest = self.core.sent[self._read :]
        line, crlf, _ = rest.partition(b"\r\n")
        if not crlf:
            assert self.core.session.closing, "no reply"
            return None
        self._read += len(line) + 2
        return line.decode("ascii")


def open_transaction(core: Core, recipients: int = 1) -> Core:
    """EHLO, MAIL and as many RCPT."""
    hello = b"LHLO" if core.service is Service.LMTP else b"EHLO"
    core.feed(hello + b" client.test\r\n", b"MAIL FROM:<alice@a.test>\r\n")
    for number in range(recipients):
        core.feed(b"RCPT TO:<bob%d@b.test>\r\n" % number)
    return core


def segmentations(octets: bytes) -> list[list[bytes]]:
    """The same octets at once, byte by byte, and cut at each place of two."""
    return [
        [octets],
        [octets[at : at + 1] for at in range(len(octets))],
        *([octets[:at], octets[at:]] for at in range(1, len(octets))),
    ]


def merged(events: Sequence[Event]) -> list[Event]:
    """Events with adjoining chunks made one: how content was cut is all that may differ."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, ContentChunk) and result and isinstance(result[-1], ContentChunk):
            result[-1] = ContentChunk(result[-1].data + event.data)
        else:
            result.append(event)
    return result
