"""SMTP and LMTP without I/O: a server's session, a client's session, and the words both are made of.

Nothing here opens a socket, reads a clock or decides about mail.  Octets go in, events come out, answers go
in and octets come out; the same octets give the same events however they are cut, and no octets give anything
but events and replies.  Read in this order: `state`, `commands`, `events`, `server_session`; then `grammar`,
`address`, `parameters`, `content`, `replies`; `client_session` is the other side of the table.
"""

from . import replies
from .address import (
    NULL_REVERSE_PATH,
    POSTMASTER,
    AddressError,
    AddressFault,
    BarePostmaster,
    ForwardPath,
    Mailbox,
    NullReversePath,
    ReversePath,
    parse_domain,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
)
from .auth import MECHANISMS, AuthError, Credentials, LoginMechanism, Mechanism, PlainMechanism
from .client_session import (
    UNASKED,
    ClientEvent,
    ClientSession,
    ConnectionClosed,
    ProtocolViolation,
    ReplyReceived,
    SentCommand,
)
from .content import BareLineEndings, ContentDefects, ContentWriter
from .events import (
    Answered,
    AuthAnswered,
    AuthRequested,
    CommandEvent,
    ContentAborted,
    ContentChunk,
    ContentEnded,
    ContentRequested,
    Event,
    Hello,
    Help,
    MailRequested,
    MeshRequested,
    Noop,
    Quit,
    RecipientRequested,
    Reset,
    TlsRequested,
    Verify,
)
from .extensions import Extensions, Service
from .facts import LocalProtocolError, ProtocolLimits, SessionFacts, Transaction
from .parameters import (
    NO_MAIL_PARAMETERS,
    NO_RECIPIENT_PARAMETERS,
    MailParameters,
    RecipientParameters,
)
from .peer_extensions import PeerExtensions
from .replies import Reply
from .server_session import ServerSession
from .state import State

__all__ = [
    "MECHANISMS",
    "NO_MAIL_PARAMETERS",
    "NO_RECIPIENT_PARAMETERS",
    "NULL_REVERSE_PATH",
    "POSTMASTER",
    "UNASKED",
    "AddressError",
    "AddressFault",
    "Answered",
    "AuthAnswered",
    "AuthError",
    "AuthRequested",
    "BareLineEndings",
    "BarePostmaster",
    "ClientEvent",
    "ClientSession",
    "CommandEvent",
    "ConnectionClosed",
    "ContentAborted",
    "ContentChunk",
    "ContentDefects",
    "ContentEnded",
    "ContentRequested",
    "ContentWriter",
    "Credentials",
    "Event",
    "Extensions",
    "ForwardPath",
    "Hello",
    "Help",
    "LocalProtocolError",
    "LoginMechanism",
    "MailParameters",
    "MailRequested",
    "Mailbox",
    "Mechanism",
    "MeshRequested",
    "Noop",
    "NullReversePath",
    "PeerExtensions",
    "PlainMechanism",
    "ProtocolLimits",
    "ProtocolViolation",
    "Quit",
    "RecipientParameters",
    "RecipientRequested",
    "Reply",
    "ReplyReceived",
    "Reset",
    "ReversePath",
    "SentCommand",
    "ServerSession",
    "Service",
    "SessionFacts",
    "State",
    "TlsRequested",
    "Transaction",
    "Verify",
    "parse_domain",
    "parse_forward_path",
    "parse_mailbox",
    "parse_reverse_path",
    "replies",
]
