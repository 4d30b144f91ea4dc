"""One SMTP or LMTP session from the client's side, without any I/O.

Methods queue commands; `data_to_send` gives as many of them as may be sent now: whole groups where the server
offers PIPELINING, one at a time where it does not.  `next_event` pairs each reply with its command.

The server is as little to be trusted as any client: replies are bounded and made printable, and one that
answers nothing ends the session.  What is sent never depends on a reply's text.

RFC 5321, RFC 2033 (LMTP), RFC 2920 (pipelining), RFC 3030 (BDAT), RFC 3207, RFC 4954 (AUTH PLAIN), PRDR.
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from .address import ForwardPath, ReversePath
from .auth import Credentials, plain_response
from .content import ContentWriter
from .extensions import Service
from .facts import LocalProtocolError
from .parameters import (
    NO_MAIL_PARAMETERS,
    NO_RECIPIENT_PARAMETERS,
    MailParameters,
    RecipientParameters,
    mail_words,
    recipient_words,
)
from .peer_extensions import NO_EXTENSIONS, PeerExtensions
from .replies import Reply
from .reply_parser import PeerReply, ReplyError, ReplyParser

MAX_COMMAND_OCTETS = 512
"""RFC 5321 §4.5.3.1.4: a longer AUTH line asks for a challenge first (RFC 4954 §4)."""


@dataclass(frozen=True, slots=True)
class SentCommand:
    """Something a reply is expected to.

    `verb` is the SMTP verb; `GREETING` for the server's first reply, `.` for the end of content whether by
    DATA or BDAT, `UNASKED` for a 421 out of the blue or a refusal of content that has not ended.
    `line` is what was sent, without CRLF and secrets.  `forward_path` tells whose reply it is: of RCPT, and
    under LMTP and PRDR of the content.
    """

    verb: str
    line: bytes = b""
    forward_path: ForwardPath | None = None


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """A reply and what it answers."""

    command: SentCommand
    reply: Reply


@dataclass(frozen=True, slots=True)
class ProtocolViolation:
    """The server broke the protocol; close the connection and treat what was unanswered as unanswered."""

    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The server has gone; `unanswered` lists what it owed us a reply to, the content among it or not."""

    unanswered: tuple[SentCommand, ...]


ClientEvent = ReplyReceived | ProtocolViolation | ConnectionClosed

GREETING: Final = SentCommand("GREETING")
PRDR_START: Final = SentCommand("PRDR")
UNASKED: Final = SentCommand("UNASKED")

# Nothing is sent behind these before their reply has come: RFC 2920 §3.1, RFC 3207 §4, RFC 4954 §4.
_LAST_OF_GROUP: Final = frozenset(
    {"GREETING", "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "DATA", ".", "NOOP", "QUIT"}
)


class ClientSession:
    """One session; see the module.  `peer` is what the server offers, empty before `hello` is answered."""

    __slots__ = (
        "_awaited",
        "_chunk_writer",
        "_closed",
        "_data_writer",
        "_events",
        "_hostname",
        "_is_lmtp",
        "_octets",
        "_parser",
        "_prdr_asked",
        "_secret",
        "_smtputf8",
        "_unsent",
        "accepted",
        "peer",
        "tls_active",
    )

    def __init__(self, *, service: Service = Service.SMTP, hostname: str, tls_active: bool = False) -> None:
        self.peer = NO_EXTENSIONS
        self.accepted: list[ForwardPath] = []
        """Recipients of this transaction that the server has accepted, in order."""
        self.tls_active = tls_active
        self._hostname = hostname
        self._is_lmtp = service is Service.LMTP
        self._parser = ReplyParser()
        self._events: deque[ClientEvent] = deque()
        self._unsent: deque[tuple[SentCommand, bytes]] = deque()
        self._awaited: deque[SentCommand] = deque([GREETING])
        self._octets: list[bytes] = []
        self._data_writer: ContentWriter | None = None
        """Set between 354 and the end of content."""
        self._chunk_writer: ContentWriter | None = None
        self._smtputf8 = False
        self._prdr_asked = False
        self._secret: bytes | None = None
        self._closed = False

    # --- Commands -------------------------------------------------------------------------------------

    def hello(self) -> None:
        """EHLO, and HELO if the server does not know it; LHLO under LMTP.

        The reply is that of the verb that was understood, or of the last.
        """
        self._queue("LHLO" if self._is_lmtp else "EHLO", self._hostname.encode("ascii"))

    def starttls(self) -> None:
        """STARTTLS.  After 220 do the handshake and call `tls_established`."""
        self._queue("STARTTLS")

    def tls_established(self) -> None:
        """Forget what was said in plain text (RFC 3207 §4.2); `hello` comes next."""
        self.tls_active = True
        self.peer = NO_EXTENSIONS

    def auth_plain(self, credentials: Credentials) -> None:
        """AUTH PLAIN.  Under TLS only.

        Raises LocalProtocolError.
        """
        if not self.tls_active:
            raise LocalProtocolError("a password is never sent in plain text")
        secret = b64encode(plain_response(credentials))
        line = b"AUTH PLAIN " + secret
        command = SentCommand("AUTH", b"AUTH PLAIN <redacted>")
        if len(line) + 2 > MAX_COMMAND_OCTETS:
            self._secret = secret
            line = b"AUTH PLAIN"
        self._unsent.append((command, line + b"\r\n"))

    def mail(self, reverse_path: ReversePath, parameters: MailParameters = NO_MAIL_PARAMETERS) -> None:
        """MAIL FROM, with those parameters that the server offers.

        SMTPUTF8 and REQUIRETLS cannot be left out: without them the message must not be sent here.
        Raises LocalProtocolError.
        """
        words = mail_words(parameters, self.peer)
        if not reverse_path.is_ascii and not parameters.smtputf8:
            raise LocalProtocolError("the address needs SMTPUTF8")
        if (parameters.smtputf8 and not self.peer.smtputf8) or (
            parameters.requiretls and not self.peer.requiretls
        ):
            raise LocalProtocolError("the server does not offer what the message needs")
        self._smtputf8 = parameters.smtputf8
        self._prdr_asked = parameters.prdr and self.peer.prdr
        self.accepted = []
        self._queue("MAIL", b" ".join([f"FROM:<{reverse_path}>".encode(), *words]))

    def recipient(
        self, forward_path: ForwardPath, parameters: RecipientParameters = NO_RECIPIENT_PARAMETERS
    ) -> None:
        """RCPT TO, with those parameters that the server offers.

        Raises LocalProtocolError when the address needs SMTPUTF8 and `mail` did not declare it.
        """
        if not forward_path.is_ascii and not self._smtputf8:
            raise LocalProtocolError("the address needs SMTPUTF8")
        words = recipient_words(parameters, self.peer)
        self._queue("RCPT", b" ".join([f"TO:<{forward_path}>".encode(), *words]), forward_path)

    def data(self) -> None:
        """DATA.  After 354 come `content` and `end_content`, even if no recipient was accepted."""
        self._queue("DATA")

    def content(self, chunk: bytes) -> None:
        """Content as it is stored; line ends are made CRLF and dots are stuffed."""
        self._octets.append(self._expect_writer().write(chunk))

    def end_content(self) -> None:
        """The end of content; the reply, or one for each accepted recipient, has the verb `.`."""
        self._octets.append(self._expect_writer().finish())
        self._data_writer = None
        self._awaited.append(SentCommand("."))

    def chunk(self, chunk: bytes, *, last: bool = False) -> None:
        """BDAT, where the server offers CHUNKING; line ends are made CRLF.  Each has a reply of its own."""
        if self._chunk_writer is None:
            self._chunk_writer = ContentWriter(stuff_dots=False)
        octets = self._chunk_writer.write(chunk)
        line = b"BDAT %d"
        if last:
            octets += self._chunk_writer.finish()
            self._chunk_writer = None
            line = b"BDAT %d LAST"
        line %= len(octets)
        self._unsent.append((SentCommand("." if last else "BDAT", line), line + b"\r\n" + octets))

    def reset(self) -> None:
        """RSET."""
        self._queue("RSET")

    def noop(self) -> None:
        """NOOP."""
        self._queue("NOOP")

    def mesh(self, argument: bytes) -> None:
        """XMESH, where the server offers it (docs/mesh.md)."""
        self._queue("XMESH", argument)

    def quit(self) -> None:
        """QUIT."""
        self._queue("QUIT")

    def _queue(self, verb: str, argument: bytes = b"", forward_path: ForwardPath | None = None) -> None:
        line = b" ".join(filter(None, (verb.encode("ascii"), argument)))
        if b"\r" in line or b"\n" in line:
            raise LocalProtocolError("a command is one line")
        self._unsent.append((SentCommand(verb, line, forward_path), line + b"\r\n"))

    def _expect_writer(self) -> ContentWriter:
        if self._data_writer is None:
            raise LocalProtocolError("content was not asked for with 354")
        return self._data_writer

    # --- In and out -----------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Octets have arrived."""
        self._parser.receive_data(data)
        try:
            while not self._closed and (reply := self._parser.next_reply()) is not None:
                self._take_reply(reply)
        except ReplyError as error:
            self._violate(str(error))

    def receive_eof(self) -> None:
        """The server has closed the connection."""
        if not self._closed:
            self._closed = True
            self._events.append(ConnectionClosed(tuple(self._awaited)))

    def next_event(self) -> ClientEvent | None:
        """The next reply, or the end; None when octets are needed first."""
        return self._events.popleft() if self._events else None

    @property
    def has_event(self) -> bool:
        """True when `next_event` has something to give."""
        return bool(self._events)

    def data_to_send(self) -> bytes:
        """What is to be written now; given once."""
        while self._unsent and not self._closed and self._may_send():
            command, octets = self._unsent.popleft()
            self._octets.append(octets)
            self._awaited.append(command)
        octets, self._octets = b"".join(self._octets), []
        return octets

    @property
    def closed(self) -> bool:
        """True when nothing more will be sent or read."""
        return self._closed

    @property
    def awaits_reply(self) -> bool:
        """True while the server owes a reply."""
        return bool(self._awaited)

    @property
    def awaits_content(self) -> bool:
        """True between 354 and the end of content, where no command can be sent."""
        return self._data_writer is not None

    def _may_send(self) -> bool:
        if not self._awaited:
            return self._data_writer is None
        return self.peer.pipelining and self._awaited[-1].verb not in _LAST_OF_GROUP

    # --- Replies --------------------------------------------------------------------------------------

    def _take_reply(self, peer_reply: PeerReply) -> None:
        reply = peer_reply.to_reply()
        if not self._awaited:
            # RFC 5321 §3.8: a server that must close says so at any time. And a server that has seen too much
            # may refuse the rest of the content; ending it all the same would only ask for confusion.
            refuses_content = self._data_writer is not None and reply.code >= 400
            if reply.code != 421 and not refuses_content:
                self._violate("reply to nothing")
                return
            self._awaited.append(UNASKED)
        self._share_content_reply(reply)
        command = self._awaited.popleft()
        if reply.is_intermediate and reply.code != _INTERMEDIATE.get(command.verb):
            self._violate(f"{reply.code} does not answer {command.verb}")
            return
        effect = self._EFFECTS.get(command.verb)
        if effect is None or effect(self, command, peer_reply):
            self._events.append(ReplyReceived(command, reply))

    def _share_content_reply(self, reply: Reply) -> None:
        """Where each recipient has a reply to the content of its own, await as many."""
        command = self._awaited[0]
        if command.verb != "." or command.forward_path is not None:
            return
        each = [replace(command, forward_path=path) for path in self.accepted]
        if self._is_lmtp and each:
            # RFC 2033 §4.2: one reply a recipient, and none for the whole.
            self._awaited.popleft()
            self._awaited.extendleft(reversed(each))
        elif self._prdr_asked and reply.code == 353:
            # draft-hall-prdr-00 §4.5: 353, one reply a recipient, one for the whole.
            self._prdr_asked = False
            self._awaited.extendleft(reversed([PRDR_START, *each]))

    # Each of these notes what a reply changes, and returns whether it is the last word on its command.

    def _on_hello(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        if peer_reply.code < 300:
            self.peer = PeerExtensions(peer_reply.lines[1:])
        elif peer_reply.code >= 500 and command.verb == "EHLO":
            # RFC 5321 §3.2: a server that knows no EHLO may still know HELO.
            self._queue("HELO", self._hostname.encode("ascii"))
            self._unsent.rotate(1)
            return False
        return True

    def _on_starttls(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        if peer_reply.code < 300 and not self._parser.is_idle:
            # The twin of CVE-2011-0411: replies sent in plain text would be read as if under TLS.
            self._violate("octets behind the reply to STARTTLS")
        return not self._closed

    def _on_auth(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        secret, self._secret = self._secret, None
        if peer_reply.code != 334:
            return True
        if secret is None:
            self._violate("challenge after the initial response")
        else:
            self._octets.append(secret + b"\r\n")
            self._awaited.appendleft(command)
        return False

    def _on_recipient(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        if peer_reply.code < 300 and command.forward_path is not None:
            self.accepted.append(command.forward_path)
        return True

    def _on_data(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        if peer_reply.code == 354:
            self._data_writer = ContentWriter()
        elif peer_reply.code < 300:
            self._violate("DATA was answered as if it had content")
        return not self._closed

    def _violate(self, reason: str) -> None:
        self._closed = True
        self._events.append(ProtocolViolation(reason))

    def _on_prdr_start(self, command: SentCommand, peer_reply: PeerReply) -> bool:
        return False

    _EFFECTS: ClassVar[dict[str, Callable[[ClientSession, SentCommand, PeerReply], bool]]] = {
        "EHLO": _on_hello,
        "LHLO": _on_hello,
        "STARTTLS": _on_starttls,
        "AUTH": _on_auth,
        "RCPT": _on_recipient,
        "DATA": _on_data,
        "PRDR": _on_prdr_start,
    }


# The one intermediate reply that each of these may have.
_INTERMEDIATE: Final = {"AUTH": 334, "DATA": 354, "PRDR": 353}
