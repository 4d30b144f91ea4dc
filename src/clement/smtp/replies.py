"""Replies an SMTP or LMTP server gives: a value type and every constant this server uses.

A reply is a code, an enhanced status code and text.  Its wire form is made once, when the reply is made, so
that a constant costs nothing to send.  No reply code is written anywhere else in the code base: what is not
named here is not said.  Reading the replies of *other* servers is the business of `reply_parser`.

RFC 5321 §4.2 (replies), RFC 2034 and RFC 3463 (enhanced status codes), the IANA registry of the latter.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

import msgspec
from msgspec.structs import force_setattr

MAX_LINE_OCTETS = 512
"""RFC 5321 §4.5.3.1.5: a reply line, code and CRLF included."""

MAX_TEXT_LINES = 40
"""Our own bound on lines in one reply; EHLO needs about a dozen."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One reply, of one or more lines.

    `enhanced` is empty where RFC 2034 §4 wants none: greetings, 354, 334 and the answer to EHLO.
    `text` may hold anything, a peer's bytes included: what is not printable ASCII becomes `?`, and each line
    is cut to fit `MAX_LINE_OCTETS`.  `closes` says that the session ends when the reply has been sent.
    `wire` and `shown` are made from these, whatever is given for them.
    """

    code: int
    enhanced: str
    text: tuple[str, ...]
    closes: bool = False
    wire: bytes = b""
    """The reply as it goes over the wire, each line at most `MAX_LINE_OCTETS`."""
    shown: str = ""
    """One line for logs and terminals; free of control characters."""

    def __post_init__(self) -> None:
        prefix = f"{self.code} {self.enhanced} " if self.enhanced else f"{self.code} "
        room = MAX_LINE_OCTETS - len("\r\n") - len(prefix)
        if len(self.text) == 1:
            lines: tuple[str, ...] = (printable(self.text[0], room),)
            shown = prefix + lines[0]
            wire = shown + "\r\n"
        else:
            lines = tuple([printable(line, room) for line in self.text[:MAX_TEXT_LINES]]) or ("",)
            shown = prefix + " / ".join(lines)
            continued = f"{self.code}-{prefix[4:]}"
            wire = "".join([f"{continued}{line}\r\n" for line in lines[:-1]]) + f"{prefix}{lines[-1]}\r\n"
        force_setattr(self, "text", lines)
        force_setattr(self, "wire", wire.encode("ascii"))
        force_setattr(self, "shown", shown)

    @property
    def is_positive(self) -> bool:
        """2yz: done."""
        return self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        """4yz: not now, ask again."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: no, and do not ask again."""
        return self.code >= 500

    def encode(self) -> bytes:
        """The same as `wire`."""
        return self.wire

    def with_text(self, *text: str) -> Reply:
        """The same codes with other words, one argument a line."""
        return Reply(self.code, self.enhanced, text, self.closes)

    def and_close(self) -> Reply:
        """The same reply, as the last one of the session."""
        return Reply(self.code, self.enhanced, self.text, closes=True)

    def __str__(self) -> str:
        """The same as `shown`."""
        return self.shown


def printable(text: str, limit: int) -> str:
    """`text` with all but printable ASCII turned into `?`, at most `limit` characters.

    A client's own words come back to it in replies: CR LF would start a reply of the client's making, ESC
    would reach an operator's terminal.
    """
    text = text[:limit]
    if text.isascii() and text.isprintable():
        return text
    return "".join([char if " " <= char <= "~" else "?" for char in text])


def challenge(octets: bytes) -> Reply:
    """334 with a SASL challenge.  RFC 4954 §4."""
    return Reply(334, "", (b64encode(octets).decode("ascii"),))


def listing(lines: Iterable[str]) -> Reply:
    """The many-lined 250 of EHLO and LHLO, which bears no enhanced status code.  RFC 5321 §4.1.1.1."""
    return Reply(250, "", tuple(lines))


# --- Session --------------------------------------------------------------------------------------------
SERVICE_READY = Reply(220, "", ("ESMTP",))
HELLO = Reply(250, "", ("Hello",))
OK = Reply(250, "2.0.0", ("OK",))
GOODBYE = Reply(221, "2.0.0", ("Bye",), closes=True)
HELP = Reply(214, "2.0.0", ("See RFC 5321",))
NO_SERVICE = Reply(503, "5.7.1", ("Connection was refused; only QUIT is left",))
NETWORK_BANNED = Reply(554, "5.7.1", ("Your network is banned here",))
PROTOCOL_VIOLATED = Reply(554, "5.5.1", ("A client waits for our greeting",))
PIPELINING_REFUSED = Reply(550, "5.5.1", ("A client waits for our reply",))
HELO_REFUSED = Reply(550, "5.7.1", ("HELO name refused",))
SHUTTING_DOWN = Reply(421, "4.3.2", ("Shutting down, come back soon",), closes=True)
SERVICE_UNAVAILABLE = Reply(421, "4.3.0", ("Service not available, closing",), closes=True)
OVERLOADED = Reply(421, "4.3.2", ("Too busy, come back later",), closes=True)
IDLE_TOO_LONG = Reply(421, "4.4.2", ("Timed out waiting for you",), closes=True)
SESSION_TOO_LONG = Reply(421, "4.4.2", ("Session took too long",), closes=True)
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", ("Too many connections from you",), closes=True)
TOO_MANY_ERRORS = Reply(421, "4.7.0", ("Too many errors",), closes=True)
TOO_MANY_IDLE_COMMANDS = Reply(421, "4.7.0", ("Too many commands and no mail",), closes=True)
TOO_MANY_TRANSACTIONS = Reply(421, "4.7.0", ("Too many messages in one session",), closes=True)
TOO_FAST = Reply(421, "4.7.0", ("Rate limit reached, slow down",), closes=True)
NOT_SMTP = Reply(421, "4.7.0", ("This is an SMTP server",), closes=True)

# --- Syntax and sequence --------------------------------------------------------------------------------
COMMAND_UNKNOWN = Reply(500, "5.5.1", ("Command not recognised",))
COMMAND_NOT_IMPLEMENTED = Reply(502, "5.5.1", ("Command not implemented",))
COMMAND_FORBIDDEN = Reply(550, "5.7.0", ("You may not use this command",))
FORGED_PROXY_HEADER = Reply(550, "5.7.0", ("You are no proxy of ours",), closes=True)
LINE_TOO_LONG = Reply(500, "5.5.2", ("Line too long",))
ENDLESS_LINE = Reply(421, "4.7.0", ("Line without end",), closes=True)
BARE_CR_IN_COMMAND = Reply(500, "5.5.2", ("Bare CR in command; lines end in CRLF",))
# Closes: what follows a bare LF may be a line to one of us and not to the other.
BARE_LF_IN_COMMAND = Reply(500, "5.5.2", ("Bare LF in command; lines end in CRLF",), closes=True)
CONTROL_IN_COMMAND = Reply(500, "5.5.2", ("Control or non-ASCII character in command",))
ARGUMENT_REQUIRED = Reply(501, "5.5.4", ("Argument missing",))
ARGUMENT_UNEXPECTED = Reply(501, "5.5.4", ("Command takes no argument",))
ARGUMENT_INVALID = Reply(501, "5.5.4", ("Syntax error in argument",))
HELLO_INVALID = Reply(501, "5.5.4", ("Need one host name or address literal",))
PARAMETER_INVALID = Reply(501, "5.5.4", ("Syntax error in parameter",))
PARAMETER_UNKNOWN = Reply(555, "5.5.4", ("Parameter not recognised or not offered",))
HELLO_FIRST = Reply(503, "5.5.1", ("Say hello first",))
MAIL_FIRST = Reply(503, "5.5.1", ("Need MAIL first",))
MAIL_NESTED = Reply(503, "5.5.1", ("MAIL was given already",))
CHUNKS_UNDER_WAY = Reply(503, "5.5.1", ("Only BDAT can go on with this message",))
NO_VALID_RECIPIENTS = Reply(554, "5.5.1", ("No valid recipients",))
LHLO_ONLY = Reply(500, "5.5.1", ("This is LMTP: say LHLO",))
CHUNK_SIZE_INVALID = Reply(521, "5.5.4", ("Need BDAT size [LAST]",), closes=True)

# --- Reverse-path ---------------------------------------------------------------------------------------
MAIL_SYNTAX = Reply(501, "5.5.4", ("Need MAIL FROM:<address>",))
REVERSE_PATH_OK = Reply(250, "2.1.0", ("Reverse-path OK",))
REVERSE_PATH_INVALID = Reply(501, "5.1.7", ("Bad address in reverse-path",))
REVERSE_DOMAIN_INVALID = Reply(501, "5.1.8", ("Bad domain in reverse-path",))
REVERSE_DOMAIN_UNRESOLVED = Reply(450, "4.1.8", ("Domain of reverse-path does not resolve for now",))
REVERSE_DOMAIN_UNKNOWN = Reply(550, "5.1.8", ("Domain of reverse-path accepts no mail",))
REVERSE_PATH_NULL_MX = Reply(550, "5.7.27", ("Domain of reverse-path has a null MX",))
REVERSE_PATH_NOT_OWNED = Reply(553, "5.7.1", ("Reverse-path does not belong to your login",))

# --- Forward-path ---------------------------------------------------------------------------------------
RCPT_SYNTAX = Reply(501, "5.5.4", ("Need RCPT TO:<address>",))
RECIPIENT_OK = Reply(250, "2.1.5", ("Recipient OK",))
FORWARD_PATH_INVALID = Reply(501, "5.1.3", ("Bad address in forward-path",))
FORWARD_DOMAIN_INVALID = Reply(501, "5.1.2", ("Bad domain in forward-path",))
ADDRESS_NOT_ASCII = Reply(553, "5.6.7", ("Non-ASCII address without SMTPUTF8",))
MAILBOX_UNKNOWN = Reply(550, "5.1.1", ("No such mailbox here",))
MAILBOX_BUSY = Reply(450, "4.2.1", ("Mailbox is not available now",))
RECIPIENT_TOO_FAST = Reply(450, "4.2.1", ("Too many messages for this mailbox now",))
PERSON_TOO_FAST = Reply(450, "4.7.0", ("Too many recipients from your login now",))
MAILBOX_UNVERIFIED = Reply(450, "4.1.1", ("Mailbox cannot be verified now",))
RELAY_DENIED = Reply(550, "5.7.1", ("We do not relay to that domain for you",))
RECIPIENT_REFUSES = Reply(550, "5.7.1", ("Recipient does not accept mail from you",))
LISTED = Reply(550, "5.7.1", ("You are listed",))
LISTED_FOR_NOW = Reply(450, "4.7.1", ("You are listed for now",))
RECIPIENT_REFUSED_DOWNSTREAM = Reply(550, "5.1.1", ("Next hop does not know this mailbox",))
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", ("Too many recipients in one transaction",))
SPLIT_LATER = Reply(452, "4.5.3", ("Send to this recipient in a transaction of its own",))
QUOTA_FULL = Reply(452, "4.2.2", ("Mailbox is full",))
QUOTA_EXCEEDED = Reply(552, "5.2.2", ("Mailbox is full",))
CANNOT_VERIFY = Reply(252, "2.1.5", ("Cannot VRFY; try RCPT",))

# --- Content --------------------------------------------------------------------------------------------
START_CONTENT = Reply(354, "", ("End with CRLF.CRLF",))
CHUNK_OK = Reply(250, "2.0.0", ("Chunk OK",))
MESSAGE_OK = Reply(250, "2.0.0", ("Message accepted",))
RECIPIENT_REPLIES_FOLLOW = Reply(353, "", ("One reply for each recipient follows",))
MESSAGE_TOO_LARGE = Reply(552, "5.3.4", ("Message is too large",))
MESSAGE_MALFORMED = Reply(554, "5.6.0", ("Message is not well-formed",))
CONTENT_REFUSED = Reply(554, "5.7.1", ("Content refused",))
RULE_REFUSES = Reply(550, "5.7.1", ("This content is not accepted",))
AUTHOR_REFUSED = Reply(550, "5.7.1", ("This author is not accepted",))
CONTENT_UNSCANNABLE = Reply(554, "5.7.1", ("Content cannot be scanned for viruses",))
CONTENT_UNREADABLE = Reply(554, "5.6.0", ("Content cannot be examined",))
REPORT_EMPTY = Reply(554, "5.6.0", ("No message is attached to this report",))
CONTENT_HAS_NUL = Reply(550, "5.6.0", ("NUL in content",))
VIRUS_FOUND = Reply(554, "5.7.1", ("Virus found",))
# RFC 7372 §3: the codes of failed authentication.
SPF_REFUSED = Reply(550, "5.7.23", ("SPF validation failed",))
SPF_DEFERRED = Reply(451, "4.7.23", ("SPF validation failed",))
SPF_BROKEN = Reply(550, "5.7.24", ("SPF record cannot be evaluated",))
SPF_BROKEN_FOR_NOW = Reply(451, "4.7.24", ("SPF record cannot be evaluated",))
REVERSE_NAME_REFUSED = Reply(550, "5.7.25", ("Reverse DNS validation failed",))
REVERSE_NAME_DEFERRED = Reply(451, "4.7.25", ("Reverse DNS validation failed",))
DMARC_REFUSED = Reply(550, "5.7.26", ("Neither SPF nor DKIM speaks for the author",))
DMARC_DEFERRED = Reply(451, "4.7.26", ("Neither SPF nor DKIM speaks for the author",))
BARE_LINE_ENDING = Reply(550, "5.5.2", ("Bare CR or LF in content; lines end in CRLF",))
LOOP_DETECTED = Reply(554, "5.4.6", ("Mail loop",))
SPLIT_RETRY = Reply(451, "4.5.3", ("Recipients disagree; send again and some will be split off",))

# --- Trouble that is not the client's fault -------------------------------------------------------------
LOCAL_ERROR = Reply(451, "4.3.0", ("Local error, try again later",))
STORAGE_FULL = Reply(452, "4.3.1", ("No room to store mail now",))
SCANNER_UNAVAILABLE = Reply(451, "4.7.1", ("Content scanner is not available now",))
GREYLISTED = Reply(451, "4.7.1", ("Greylisted, try again later",))
CHECK_UNAVAILABLE = Reply(451, "4.7.1", ("A check cannot be made now",))
NEXT_HOP_UNAVAILABLE = Reply(451, "4.4.1", ("Next hop is not answering us now",))
NEXT_HOP_LOST = Reply(451, "4.4.2", ("Next hop gave no answer to the message",))
NEXT_HOP_REFUSED = Reply(554, "5.0.0", ("Next hop refused the message",))
NEXT_HOP_DEFERRED = Reply(451, "4.0.0", ("Next hop deferred the message",))

# --- TLS, RFC 3207 --------------------------------------------------------------------------------------
TLS_READY = Reply(220, "2.0.0", ("Begin TLS now",))
TLS_ACTIVE = Reply(554, "5.5.1", ("TLS is active already",))
TLS_NOT_OFFERED = Reply(502, "5.5.1", ("STARTTLS is not offered",))
TLS_INJECTION = Reply(554, "5.5.0", ("Data sent behind STARTTLS",), closes=True)

# --- XMESH, docs/mesh.md --------------------------------------------------------------------------------
MESH_OK = Reply(250, "2.0.0", ("OK",))
MESH_PROVEN = Reply(250, "2.7.0", ("OK",))
MESH_UNPROVEN = Reply(530, "5.7.0", ("XMESH PROVE comes first",))
MESH_PROOF_WRONG = Reply(535, "5.7.8", ("Proof is not valid",), closes=True)
MESH_VERSION_UNKNOWN = Reply(504, "5.5.4", ("Version is not spoken here",))
MESH_IN_TRANSACTION = Reply(503, "5.5.1", ("No XMESH inside a transaction",))
MESH_SEQUENCE = Reply(503, "5.5.1", ("Not at this point of the exchange",))
MESH_ASSERTION_MALFORMED = Reply(554, "5.6.0", ("Assertion is not well-formed",))
MESH_SIGNATURE_WRONG = Reply(554, "5.7.7", ("Signature does not fit",))
MESH_ASSERTION_REFUSED = Reply(554, "5.7.1", ("Assertion is not taken",))
MESH_NOT_YET = Reply(451, "4.7.0", ("Assertion is from the future; look at the clocks",))
MESH_QUOTA = Reply(452, "4.3.1", ("Quota is spent, come back later",))
MESH_FLOOD = Reply(421, "4.7.0", ("Too much at once, come back later",), closes=True)

# --- AUTH, RFC 4954 -------------------------------------------------------------------------------------
AUTH_OK = Reply(235, "2.7.0", ("Authenticated",))
AUTH_REQUIRED = Reply(530, "5.7.0", ("Authentication required",))
AUTH_FAILED = Reply(535, "5.7.8", ("Credentials are not valid",))
AUTH_DONE = Reply(503, "5.5.1", ("You are authenticated already",))
AUTH_IN_TRANSACTION = Reply(503, "5.5.1", ("No AUTH inside a transaction",))
AUTH_NOT_OFFERED = Reply(502, "5.5.1", ("AUTH is not offered",))
AUTH_MECHANISM_UNKNOWN = Reply(504, "5.5.4", ("Mechanism is not offered",))
AUTH_NEEDS_TLS = Reply(538, "5.7.11", ("AUTH needs TLS: say STARTTLS first",))
AUTH_CANCELLED = Reply(501, "5.7.0", ("AUTH cancelled",))
AUTH_UNDECODABLE = Reply(501, "5.5.2", ("Not valid base64",))
AUTH_TOO_LONG = Reply(500, "5.5.6", ("AUTH exchange line is too long",))
AUTH_TOO_OFTEN = Reply(421, "4.7.0", ("Too many failed logins",), closes=True)
# RFC 4954 §4 has AUTH once in a session: to log in again takes another one.
AUTH_ENDED = Reply(421, "4.7.0", ("Your login has ended, connect and log in again",), closes=True)
