"""The states of a server session, and the table of what may be said in each.

Rules for this file: every state and every command has its place in `SEQUENCE`; whatever decides about the
order of commands stands there and nowhere else.  The session only looks cells up.  The diagram in
`docs/smtp-states.md` is drawn from these tables.

RFC 5321 §4.1.4 (order of commands); RFC 3207 §4 (STARTTLS), RFC 4954 §4 (AUTH), RFC 3030 §2 (BDAT).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from . import replies
from .replies import Reply


class State(IntEnum):
    """Where a session is.  The states up to `REFUSED` read commands; their numbers index the table."""

    GREETED = 0
    """220 was sent; the client has not said hello, or TLS has made it start anew."""
    READY = 1
    """EHLO, HELO or LHLO was accepted; no transaction."""
    TRANSACTION = 2
    """MAIL was accepted; no recipient yet."""
    RECIPIENTS = 3
    """At least one recipient was accepted."""
    CHUNKS = 4
    """Between two BDAT chunks of one message."""
    REFUSED = 5
    """The greeting was a refusal; the client may only quit.  RFC 5321 §3.1."""

    CONNECTED = 6
    """Nothing was sent yet."""
    CONTENT = 7
    """Octets are content, up to CRLF.CRLF."""
    CHUNK = 8
    """Octets are content, as many as BDAT said."""
    DISCARDED_CHUNK = 9
    """Octets are the content of a BDAT that was refused."""
    AUTHENTICATING = 10
    """A challenge was sent; the next line is the client's response."""
    AWAITING_TLS = 11
    """STARTTLS was accepted; nothing in plain text may follow."""
    CLOSED = 12
    """The last reply is given; nothing more is read."""


Cell = State | Reply
"""A state: the command may be given, and success leads there.  A reply: it may not, and this is said."""

GREETED: Final = State.GREETED
READY: Final = State.READY
TRANSACTION: Final = State.TRANSACTION
RECIPIENTS: Final = State.RECIPIENTS
CHUNKS: Final = State.CHUNKS
REFUSED: Final = State.REFUSED

_hello, _mail, _none = replies.HELLO_FIRST, replies.MAIL_FIRST, replies.NO_VALID_RECIPIENTS
_nested, _bdat, _only_quit = replies.MAIL_NESTED, replies.CHUNKS_UNDER_WAY, replies.NO_SERVICE
_no_auth = replies.AUTH_IN_TRANSACTION

# A failure leaves the state as it was, with one exception: a refused or broken BDAT ends the transaction,
# since chunks that are under way already must not begin a message of their own.
SEQUENCE: Final[dict[str, tuple[Cell, Cell, Cell, Cell, Cell, Cell]]] = {
    # in state   GREETED        READY          TRANSACTION    RECIPIENTS     CHUNKS         REFUSED
    "EHLO":     (READY,         READY,         READY,         READY,         READY,         _only_quit),
    "HELO":     (READY,         READY,         READY,         READY,         READY,         _only_quit),
    "LHLO":     (READY,         READY,         READY,         READY,         READY,         _only_quit),
    "MAIL":     (_hello,        TRANSACTION,   _nested,       _nested,       _nested,       _only_quit),
    "RCPT":     (_hello,        _mail,         RECIPIENTS,    RECIPIENTS,    _bdat,         _only_quit),
    "DATA":     (_hello,        _mail,         _none,         State.CONTENT, _bdat,         _only_quit),
    "BDAT":     (_hello,        _mail,         _none,         State.CHUNK,   State.CHUNK,   _only_quit),
    "RSET":     (GREETED,       READY,         READY,         READY,         READY,         _only_quit),
    "STARTTLS": (_hello,        State.AWAITING_TLS, State.AWAITING_TLS, State.AWAITING_TLS, _bdat, _only_quit),
    "AUTH":     (_hello,        READY,         _no_auth,      _no_auth,      _no_auth,      _only_quit),
    "VRFY":     (GREETED,       READY,         TRANSACTION,   RECIPIENTS,    CHUNKS,        _only_quit),
    "EXPN":     (GREETED,       READY,         TRANSACTION,   RECIPIENTS,    CHUNKS,        _only_quit),
    "HELP":     (GREETED,       READY,         TRANSACTION,   RECIPIENTS,    CHUNKS,        _only_quit),
    "NOOP":     (GREETED,       READY,         TRANSACTION,   RECIPIENTS,    CHUNKS,        _only_quit),
    "QUIT":     (State.CLOSED,  State.CLOSED,  State.CLOSED,  State.CLOSED,  State.CLOSED,  State.CLOSED),
}  # fmt: skip
