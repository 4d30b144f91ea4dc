"""What a session tells the server around it: one small class for each thing a client can do.

Two kinds.  An event with `awaits_answer` stands until the server has called `ServerSession.answer`; it is a
question of policy, and nothing the client sends is read before it is settled.  All others are told and done:
content as it arrives, and what the core has answered by itself.

Events are plain values for one reader.  They are not frozen, since one is made for every command of every
session and freezing costs more than making them; nobody writes to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .address import ForwardPath, ReversePath
from .content import ContentDefects
from .parameters import MailParameters, RecipientParameters
from .replies import Reply


@dataclass(slots=True)
class Event:
    """Anything a session tells."""

    awaits_answer: ClassVar[bool] = False


@dataclass(slots=True)
class CommandEvent(Event):
    """A command that asks for the server's decision.

    `line` is what the client sent, without CRLF and with AUTH secrets redacted: hostile octets, to be
    escaped before they are shown.
    """

    awaits_answer: ClassVar[bool] = True
    line: bytes


# --- Questions ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Hello(CommandEvent):
    """EHLO, HELO or LHLO.  Any transaction under way is over when this is answered with success.

    `verb` is `EHLO`, `HELO` or `LHLO`.  `domain` is one word of printable ASCII, not yet known to be a domain
    or address literal.  A positive answer is replaced by the core's own, which lists the extensions.
    """

    verb: str
    domain: str


@dataclass(slots=True)
class MailRequested(CommandEvent):
    """MAIL FROM: asks for a transaction with this reverse-path."""

    reverse_path: ReversePath
    parameters: MailParameters


@dataclass(slots=True)
class RecipientRequested(CommandEvent):
    """RCPT TO: names a recipient of the message to come."""

    forward_path: ForwardPath
    parameters: RecipientParameters


@dataclass(slots=True)
class ContentRequested(CommandEvent):
    """DATA, or the first BDAT: asks to send the content.  `START_CONTENT` says yes to either.

    Nothing is sent for a yes to BDAT; the reply follows its chunk.  A no to BDAT ends the transaction.
    """

    verb: str
    chunk_octets: int = 0
    """BDAT: the length of the first chunk."""
    is_last: bool = False
    """BDAT: the first chunk is the only one."""


@dataclass(slots=True)
class ContentEnded(Event):
    """All content is here, and asks to be accepted or refused.

    `size_bytes` counts what `ContentChunk` events brought.  With `ContentDefects.TOO_LARGE` the chunks ended
    at the limit, and no positive answer is possible.  The answer is one reply, or under LMTP and PRDR
    (`Transaction.per_recipient`) it may be one reply for each accepted recipient, in order.
    """

    awaits_answer: ClassVar[bool] = True
    size_bytes: int
    defects: ContentDefects

    @property
    def is_truncated(self) -> bool:
        """Whether content was dropped, so that nobody can accept it."""
        return bool(self.defects & ContentDefects.TOO_LARGE)


@dataclass(slots=True)
class AuthRequested(CommandEvent):
    """AUTH with a mechanism that is offered.

    `initial_response` is decoded, None when the client gave none.  Answers: a 334 made by
    `replies.challenge`, `AUTH_OK`, or a refusal.
    """

    mechanism: str
    initial_response: bytes | None = field(repr=False)


@dataclass(slots=True)
class AuthAnswered(CommandEvent):
    """The client's response to a challenge, decoded; None when it cancelled with `*` (RFC 4954 §4)."""

    response: bytes | None = field(repr=False)


@dataclass(slots=True)
class TlsRequested(CommandEvent):
    """STARTTLS.  After `TLS_READY` the session waits for `tls_established`."""


@dataclass(slots=True)
class MeshRequested(CommandEvent):
    """XMESH, where it is offered: `argument` is printable ASCII, and for the mesh to read (docs/mesh.md)."""

    argument: bytes


# --- Content --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ContentChunk(Event):
    """The next piece of content, dots unstuffed; never empty, cut anywhere."""

    data: bytes


@dataclass(slots=True)
class ContentAborted(Event):
    """The content that had begun will not be completed: forget it.

    The connection broke, or the client gave up between two chunks, or went beyond the size limit there.
    """


# --- Answered by the core itself ------------------------------------------------------------------------


@dataclass(slots=True)
class Answered(Event):
    """The core answered this command by itself: an error of syntax or sequence, or one of the kinds below."""

    line: bytes
    reply: Reply


@dataclass(slots=True)
class Reset(Answered):
    """RSET: the transaction, if there was one, is over."""


@dataclass(slots=True)
class Noop(Answered):
    """NOOP."""


@dataclass(slots=True)
class Help(Answered):
    """HELP."""


@dataclass(slots=True)
class Verify(Answered):
    """VRFY or EXPN: nothing is disclosed."""


@dataclass(slots=True)
class Quit(Answered):
    """QUIT: the session is closing."""
