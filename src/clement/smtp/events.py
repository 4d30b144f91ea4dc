"""What a session tells the server around it: one small class for each thing a client can do.

Two kinds.  An event with `awaits_answer` stands until the server has called `ServerSession.answer`; it is a
question of policy, and nothing the client sends is read before it is settled.  All others are told and done:
content as it arrives, and what the core has answered by itself.

Events are plain values for one reader, and nobody writes to them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

from .address import ForwardPath, ReversePath
from .content import ContentDefects
from .parameters import MailParameters, RecipientParameters
from .replies import Reply

_NONE: Final = ContentDefects.NONE


class Event(msgspec.Struct, frozen=True, gc=False):
    """Anything a session tells."""

    awaits_answer: ClassVar[bool] = False


class CommandEvent(Event, frozen=True):
    """A command that asks for the server's decision.

    `line` is what the client sent, without CRLF and with AUTH secrets redacted: hostile octets, to be
    escaped before they are shown.
    """

    awaits_answer: ClassVar[bool] = True
    line: bytes


class SecretCommandEvent(CommandEvent, frozen=True):
    """A command with a secret in it, which stands in nothing that is printed for people."""

    def __repr__(self) -> str:
        """The line, redacted as it is."""
        return f"{type(self).__name__}(line={self.line!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for tracebacks, which `rich` prints with their variables."""
        return [("line", self.line)]


# --- Questions ------------------------------------------------------------------------------------------


class Hello(CommandEvent, frozen=True):
    """EHLO, HELO or LHLO.  Any transaction under way is over when this is answered with success.

    `verb` is `EHLO`, `HELO` or `LHLO`.  `domain` is one word of printable ASCII, not yet known to be a domain
    or address literal.  A positive answer is replaced by the core's own, which lists the extensions.
    """

    verb: str
    domain: str


class MailRequested(CommandEvent, frozen=True):
    """MAIL FROM: asks for a transaction with this reverse-path."""

    reverse_path: ReversePath
    parameters: MailParameters


class RecipientRequested(CommandEvent, frozen=True):
    """RCPT TO: names a recipient of the message to come."""

    forward_path: ForwardPath
    parameters: RecipientParameters


class ContentRequested(CommandEvent, frozen=True):
    """DATA, or the first BDAT: asks to send the content.  `START_CONTENT` says yes to either.

    Nothing is sent for a yes to BDAT; the reply follows its chunk.  A no to BDAT ends the transaction.
    """

    verb: str
    chunk_octets: int = 0
    """BDAT: the length of the first chunk."""
    is_last: bool = False
    """BDAT: the first chunk is the only one."""


class ContentEnded(Event, frozen=True):
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
        # First, since nearly all content has none, and the operators of flags are slow.
        return self.defects is not _NONE and bool(self.defects & ContentDefects.TOO_LARGE)


class AuthRequested(SecretCommandEvent, frozen=True):
    """AUTH with a mechanism that is offered.

    `initial_response` is decoded, None when the client gave none.  Answers: a 334 made by
    `replies.challenge`, `AUTH_OK`, or a refusal.
    """

    mechanism: str
    initial_response: bytes | None


class AuthAnswered(SecretCommandEvent, frozen=True):
    """The client's response to a challenge, decoded; None when it cancelled with `*` (RFC 4954 §4)."""

    response: bytes | None


class TlsRequested(CommandEvent, frozen=True):
    """STARTTLS.  After `TLS_READY` the session waits for `tls_established`."""


class MeshRequested(CommandEvent, frozen=True):
    """XMESH, where it is offered: `argument` is printable ASCII, and for the mesh to read (docs/mesh.md)."""

    argument: bytes


# --- Content --------------------------------------------------------------------------------------------


class ContentChunk(Event, frozen=True):
    """The next piece of content, dots unstuffed; never empty, cut anywhere."""

    data: bytes


class ContentAborted(Event, frozen=True):
    """The content that had begun will not be completed: forget it.

    The connection broke, or the client gave up between two chunks, or went beyond the size limit there.
    """


# --- Answered by the core itself ------------------------------------------------------------------------


class Answered(Event, frozen=True):
    """The core answered this command by itself: an error of syntax or sequence, or one of the kinds below."""

    line: bytes
    reply: Reply


class Reset(Answered, frozen=True):
    """RSET: the transaction, if there was one, is over."""


class Noop(Answered, frozen=True):
    """NOOP."""


class Help(Answered, frozen=True):
    """HELP."""


class Verify(Answered, frozen=True):
    """VRFY or EXPN: nothing is disclosed."""


class Quit(Answered, frozen=True):
    """QUIT: the session is closing."""
