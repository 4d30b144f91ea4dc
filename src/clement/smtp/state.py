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
    SKIPPED_CHUNK = 9
    """Octets are the content of a BDAT that was refused."""
    AUTHENTICATING = 10
    """A challenge was sent; the next line is the client's response."""
    AWAITING_TLS = 11
    """STARTTLS was accepted; nothing in plain text may follow."""
    CLOSED = 12
    """The last reply is given; nothing more is read."""


COMMAND_STATES: Final = tuple(state for state in State if state <= State.REFUSED)

Cell = State | Reply
"""A state: the command may be given, and success leads there.  A reply: it may not, and this is said."""


# Short names, so that the table is a table.
_GREET, _READY, _TRANS, _RECPS, _CHNKS = (
    State.GREETED,
    State.READY,
    State.TRANSACTION,
    State.RECIPIENTS,
    State.CHUNKS,
)
_CONTENT, _CHUNK, _TLS, _CLOSED = State.CONTENT, State.CHUNK, State.AWAITING_TLS, State.CLOSED
_hello, _mail, _rcpt = replies.HELLO_FIRST, replies.MAIL_FIRST, replies.NO_VALID_RECIPIENTS
_again, _bdat, _auth = replies.MAIL_NESTED, replies.CHUNKS_UNDER_WAY, replies.AUTH_IN_TRANSACTION
_quit, _mesh = replies.NO_SERVICE, replies.MESH_IN_TRANSACTION

# A failure leaves the state as it was, with one exception: a refused or broken BDAT ends the transaction,
# since chunks that are under way already must not begin a message of their own.
SEQUENCE: Final[dict[str, tuple[Cell, Cell, Cell, Cell, Cell, Cell]]] = {
    # in state   GREETED   READY     TRANSACTION  RECIPIENTS  CHUNKS   REFUSED
    "EHLO":     (_READY,   _READY,   _READY,      _READY,     _READY,  _quit),
    "HELO":     (_READY,   _READY,   _READY,      _READY,     _READY,  _quit),
    "LHLO":     (_READY,   _READY,   _READY,      _READY,     _READY,  _quit),
    "MAIL":     (_hello,   _TRANS,   _again,      _again,     _again,  _quit),
    "RCPT":     (_hello,   _mail,    _RECPS,      _RECPS,     _bdat,   _quit),
    "DATA":     (_hello,   _mail,    _rcpt,       _CONTENT,   _bdat,   _quit),
    "BDAT":     (_hello,   _mail,    _rcpt,       _CHUNK,     _CHUNK,  _quit),
    "RSET":     (_GREET,   _READY,   _READY,      _READY,     _READY,  _quit),
    "STARTTLS": (_hello,   _TLS,     _TLS,        _TLS,       _bdat,   _quit),
    "AUTH":     (_hello,   _READY,   _auth,       _auth,      _auth,   _quit),
    "VRFY":     (_GREET,   _READY,   _TRANS,      _RECPS,     _CHNKS,  _quit),
    "EXPN":     (_GREET,   _READY,   _TRANS,      _RECPS,     _CHNKS,  _quit),
    "HELP":     (_GREET,   _READY,   _TRANS,      _RECPS,     _CHNKS,  _quit),
    "NOOP":     (_GREET,   _READY,   _TRANS,      _RECPS,     _CHNKS,  _quit),
    "XMESH":    (_hello,   _READY,   _mesh,       _mesh,      _mesh,   _quit),
    "QUIT":     (_CLOSED,  _CLOSED,  _CLOSED,     _CLOSED,    _CLOSED, _CLOSED),
}  # fmt: skip
