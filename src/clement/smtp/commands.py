"""The commands of SMTP and LMTP: one small pure function for each, and the table that names them.

A function here reads what stands behind the verb and says what the command asks: an event for the server to
answer, an event the core has answered already, or a reply that refuses it.  It changes nothing; what an
answer changes stands in `server_session`, and in which states a command may be given in `state`.

RFC 5321 §4.1.1; RFC 2033 (LHLO), RFC 3030 (BDAT), RFC 3207 (STARTTLS), RFC 4954 (AUTH).
"""
# ruff: noqa: ARG001, ARG005 - all functions of a table have one signature

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import events, grammar, replies
from .address import (
    NULL_REVERSE_PATH,
    AddressError,
    AddressFault,
    Mailbox,
    parse_forward_path,
    parse_reverse_path,
)
from .auth import AuthError, decode_response
from .events import Event
from .extensions import Service
from .facts import SessionFacts
from .parameters import (
    NO_MAIL_PARAMETERS,
    NO_RECIPIENT_PARAMETERS,
    MailParameters,
    ParameterError,
    RecipientParameters,
    read_mail_parameters,
    read_recipient_parameters,
)
from .replies import Reply
from .state import SEQUENCE, Cell

Check = Callable[[SessionFacts, bytes, bytes], Event | Reply]
"""Facts, command line, what stands behind the verb."""

# An argument of at most so many octets is within every limit on addresses.
_SURELY_SHORT = 200


# --- Greeting -------------------------------------------------------------------------------------------


def check_hello(verb: str) -> Check:
    """EHLO, HELO, LHLO domain.  RFC 5321 §4.1.1.1, RFC 2033 §4.1."""

    def check(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
        if grammar.HELLO_WORD.fullmatch(argument) is None:
            return replies.HELLO_INVALID
        return events.Hello(line, verb, argument.decode("ascii"))

    return check


# --- Envelope -------------------------------------------------------------------------------------------


def check_mail(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """MAIL FROM:<reverse-path> [parameters].  RFC 5321 §4.1.1.2."""
    limit = facts.limits.transactions
    if limit and facts.transactions_begun >= limit:
        return replies.TOO_MANY_TRANSACTIONS
    plain = grammar.PLAIN_MAIL.fullmatch(argument)
    if plain is None or len(argument) > _SURELY_SHORT or b"--" in argument:
        return _check_any_mail(facts, line, argument)
    local_part, domain, words = plain.groups()
    path = Mailbox(local_part.decode(), domain.lower().decode()) if domain else NULL_REVERSE_PATH
    try:
        parameters = _mail_parameters(facts, words)
    except ParameterError as error:
        return error.reply
    return events.MailRequested(line, path, parameters)


def _check_any_mail(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    match = grammar.ANY_MAIL.fullmatch(argument)
    if match is None:
        return replies.MAIL_SYNTAX
    path, words = match.groups()
    try:
        parameters = _mail_parameters(facts, words)
        reverse_path = parse_reverse_path(path, smtputf8=parameters.smtputf8)
    except ParameterError as error:
        return error.reply
    except AddressError as error:
        return REVERSE_PATH_FAULTS[error.fault]
    return events.MailRequested(line, reverse_path, parameters)


def _mail_parameters(facts: SessionFacts, words: bytes | None) -> MailParameters:
    if not words:
        return NO_MAIL_PARAMETERS
    if not facts.extended:
        raise ParameterError(replies.PARAMETER_UNKNOWN)
    return read_mail_parameters(words, facts.offer, tls_active=facts.tls_active)


def check_rcpt(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """RCPT TO:<forward-path> [parameters].  RFC 5321 §4.1.1.3."""
    transaction = facts.transaction
    if transaction is not None and len(transaction.recipients) >= facts.limits.recipients:
        # RFC 5321 §4.5.3.1.10: those accepted before stay accepted.
        return replies.TOO_MANY_RECIPIENTS
    plain = grammar.PLAIN_RCPT.fullmatch(argument)
    if plain is None or plain[2] is None or len(argument) > _SURELY_SHORT or b"--" in argument:
        return _check_any_rcpt(facts, line, argument)
    local_part, domain, words = plain.groups()
    try:
        parameters = _recipient_parameters(facts, words)
    except ParameterError as error:
        return error.reply
    return events.RecipientRequested(line, Mailbox(local_part.decode(), domain.lower().decode()), parameters)


def _check_any_rcpt(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    match = grammar.ANY_RCPT.fullmatch(argument)
    if match is None:
        return replies.RCPT_SYNTAX
    path, words = match.groups()
    smtputf8 = facts.transaction is not None and facts.transaction.parameters.smtputf8
    try:
        parameters = _recipient_parameters(facts, words)
        forward_path = parse_forward_path(path, smtputf8=smtputf8)
    except ParameterError as error:
        return error.reply
    except AddressError as error:
        return FORWARD_PATH_FAULTS[error.fault]
    return events.RecipientRequested(line, forward_path, parameters)


def _recipient_parameters(facts: SessionFacts, words: bytes | None) -> RecipientParameters:
    if not words:
        return NO_RECIPIENT_PARAMETERS
    if not facts.extended:
        raise ParameterError(replies.PARAMETER_UNKNOWN)
    return read_recipient_parameters(words, facts.offer, tls_active=facts.tls_active)


REVERSE_PATH_FAULTS: Final[dict[AddressFault, Reply]] = {
    AddressFault.SYNTAX: replies.REVERSE_PATH_INVALID,
    AddressFault.TOO_LONG: replies.REVERSE_PATH_INVALID,
    AddressFault.DOMAIN: replies.REVERSE_DOMAIN_INVALID,
    AddressFault.NOT_ASCII: replies.ADDRESS_NOT_ASCII,
}

FORWARD_PATH_FAULTS: Final[dict[AddressFault, Reply]] = {
    AddressFault.SYNTAX: replies.FORWARD_PATH_INVALID,
    AddressFault.TOO_LONG: replies.FORWARD_PATH_INVALID,
    AddressFault.DOMAIN: replies.FORWARD_DOMAIN_INVALID,
    AddressFault.NOT_ASCII: replies.ADDRESS_NOT_ASCII,
}


# --- Content --------------------------------------------------------------------------------------------


def check_data(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """DATA.  RFC 5321 §4.1.1.4."""
    return replies.ARGUMENT_UNEXPECTED if argument else events.ContentRequested(line, "DATA")


def check_bdat(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """BDAT size [LAST].  RFC 3030 §2.

    A size that cannot be read ends the session: where the next command begins is then unknown, and a guess
    would execute content.
    """
    if not facts.offer.chunking:
        return replies.COMMAND_NOT_IMPLEMENTED.and_close()
    match = grammar.CHUNK_ARGUMENT.fullmatch(argument)
    if match is None:
        return replies.CHUNK_SIZE_INVALID
    return events.ContentRequested(line, "BDAT", int(match[1]), match[2] is not None)


# --- Security -------------------------------------------------------------------------------------------


def check_starttls(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """STARTTLS.  RFC 3207 §4."""
    if argument:
        return replies.ARGUMENT_UNEXPECTED
    if facts.tls_active:
        return replies.TLS_ACTIVE
    return events.TlsRequested(line) if facts.offer.starttls else replies.TLS_NOT_OFFERED


def check_auth(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """AUTH mechanism [initial-response].  RFC 4954 §4."""
    if facts.authenticated:
        return replies.AUTH_DONE
    if not facts.offer.auth_mechanisms:
        return replies.AUTH_NOT_OFFERED
    if not facts.offer.offers_auth(tls_active=facts.tls_active):
        return replies.AUTH_NEEDS_TLS
    if len(argument) > facts.limits.auth_line_octets:
        return replies.AUTH_TOO_LONG
    match = grammar.AUTH_ARGUMENT.fullmatch(argument)
    if match is None:
        return replies.ARGUMENT_INVALID
    mechanism = match[1].decode("ascii").upper()
    if mechanism not in facts.offer.auth_mechanisms:
        return replies.AUTH_MECHANISM_UNKNOWN
    try:
        initial = None if match[2] is None else decode_response(match[2])
    except AuthError:
        return replies.AUTH_UNDECODABLE
    return events.AuthRequested(line, mechanism, initial)


# --- Answered by the core -------------------------------------------------------------------------------


def check_mesh(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """XMESH, to peers only.  docs/mesh.md."""
    if not argument:
        return replies.ARGUMENT_REQUIRED
    return events.MeshRequested(line, argument) if _is_text(argument) else replies.CONTROL_IN_COMMAND


def check_rset(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """RSET.  RFC 5321 §4.1.1.5."""
    return replies.ARGUMENT_UNEXPECTED if argument else events.Reset(line, replies.OK)


def check_quit(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """QUIT.  RFC 5321 §4.1.1.10."""
    return replies.ARGUMENT_UNEXPECTED if argument else events.Quit(line, replies.GOODBYE)


def check_noop(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """NOOP [string].  RFC 5321 §4.1.1.9."""
    return events.Noop(line, replies.OK) if _is_text(argument) else replies.CONTROL_IN_COMMAND


def check_help(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """HELP [string].  RFC 5321 §4.1.1.8."""
    return events.Help(line, replies.HELP) if _is_text(argument) else replies.CONTROL_IN_COMMAND


def check_vrfy(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """VRFY string: the same answer for every mailbox.  RFC 5321 §3.5.3, §7.3."""
    if not argument:
        return replies.ARGUMENT_REQUIRED
    return events.Verify(line, replies.CANNOT_VERIFY) if _is_text(argument) else replies.CONTROL_IN_COMMAND


def check_expn(facts: SessionFacts, line: bytes, argument: bytes) -> Event | Reply:
    """EXPN string: lists are nobody's business.  RFC 5321 §7.3."""
    return events.Verify(line, replies.COMMAND_NOT_IMPLEMENTED)


def refuse_with(reply: Reply) -> Check:
    """A verb that earns the same reply whatever follows it."""
    return lambda facts, line, argument: reply


def _is_text(argument: bytes) -> bool:
    return grammar.TEXT.fullmatch(argument) is not None


# --- The tables -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A verb, how its argument is read, and in which states it may be given."""

    verb: str
    check: Check
    sequence: tuple[Cell, ...]
    is_secret: bool = False
    """The argument may hold a password: events and logs get the line without it."""
    ends_group: bool = False
    """The client has to wait for the answer before it goes on.  RFC 2920 §3.1."""


_COMMON: Final[dict[str, Check]] = {
    "MAIL": check_mail,
    "RCPT": check_rcpt,
    "DATA": check_data,
    "BDAT": check_bdat,
    "RSET": check_rset,
    "NOOP": check_noop,
    "QUIT": check_quit,
    "VRFY": check_vrfy,
    "EXPN": check_expn,
    "HELP": check_help,
    "STARTTLS": check_starttls,
    "AUTH": check_auth,
}

_SMTP: Final = _COMMON | {"EHLO": check_hello("EHLO"), "HELO": check_hello("HELO")}

# RFC 2033 §4.1: LHLO, and HELO and EHLO must not succeed.
_LMTP: Final = _COMMON | {"LHLO": check_hello("LHLO")}

# Verbs that are no commands here: what they earn, in every state.
FOREIGN_VERBS: Final[dict[str, Reply]] = {
    # Somebody uses a web browser, or a web site uses somebody's browser, to talk to us.
    **dict.fromkeys(("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PRI"), replies.NOT_SMTP),
    # Who may tell us another client address is settled by configuration, before the session begins.
    "PROXY": replies.FORGED_PROXY_HEADER,
    "XCLIENT": replies.COMMAND_FORBIDDEN,
    "XFORWARD": replies.COMMAND_FORBIDDEN,
}


# What RFC 2920 §3.1 lets stand only last in a group.  QUIT ends the session, and STARTTLS sees to itself.
_ENDS_GROUP: Final = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "NOOP"})


def _table(checks: dict[str, Check], foreign: dict[str, Reply]) -> dict[bytes, Command]:
    known = {
        verb: Command(verb, check, SEQUENCE[verb], verb == "AUTH", verb in _ENDS_GROUP)
        for verb, check in checks.items()
    }
    refused = {verb: Command(verb, refuse_with(reply), SEQUENCE["NOOP"]) for verb, reply in foreign.items()}
    return {verb.encode("ascii"): command for verb, command in (known | refused).items()}


_SMTP_COMMANDS: Final = _table(_SMTP, FOREIGN_VERBS)
_LMTP_COMMANDS: Final = _table(_LMTP, FOREIGN_VERBS | {"EHLO": replies.LHLO_ONLY, "HELO": replies.LHLO_ONLY})

# Whoever is no peer must not learn that there is such a verb: it stands in a table of its own.
MESH_COMMANDS: Final = _SMTP_COMMANDS | _table({"XMESH": check_mesh}, {})

COMMANDS: Final[dict[Service, dict[bytes, Command]]] = {
    Service.SMTP: _SMTP_COMMANDS,
    Service.SUBMISSION: _SMTP_COMMANDS,
    Service.LMTP: _LMTP_COMMANDS,
}


def commands_of(facts: SessionFacts) -> dict[bytes, Command]:
    """The commands that this client may know of at this point of its session."""
    meshed = facts.meshed and facts.tls_active and facts.service is Service.SMTP
    return MESH_COMMANDS if meshed else COMMANDS[facts.service]
