"""The parameters of MAIL FROM and RCPT TO: one table for each, one small reader for each keyword.

A keyword that no offered extension brings is 555, a value that its extension does not allow is 501, and a
keyword given twice is 501 (RFC 5321 §4.1.1.11, §4.1.2).
"""
# ruff: noqa: ARG001, ARG005 - all functions of a table have one signature

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from . import grammar, replies
from .extensions import Extensions
from .peer_extensions import PeerExtensions
from .replies import Reply

MAX_ENVID_OCTETS = 100
MAX_ORCPT_OCTETS = 500


class MailParameters(NamedTuple):
    """What a client declared with MAIL FROM.  Absent parameters have the value of their default."""

    size_bytes: int | None = None
    """SIZE: octets of content announced.  RFC 1870 §3."""
    eight_bit: bool = False
    """BODY=8BITMIME.  RFC 6152 §2."""
    smtputf8: bool = False
    """SMTPUTF8.  RFC 6531 §3.4."""
    ret: str | None = None
    """RET: `FULL` or `HDRS`.  RFC 3461 §4.3."""
    envid: str | None = None
    """ENVID, xtext decoded.  RFC 3461 §4.4."""
    auth: str | None = None
    """AUTH: who submitted it first, `<>` for nobody known; xtext decoded.  RFC 4954 §5."""
    requiretls: bool = False
    """REQUIRETLS.  RFC 8689 §2."""
    prdr: bool = False
    """PRDR: replies per recipient after the content.  draft-hall-prdr-00 §4.2."""


class RecipientParameters(NamedTuple):
    """What a client declared with RCPT TO."""

    notify: frozenset[str] = frozenset()
    """NOTIFY: `NEVER` alone, or some of `SUCCESS`, `FAILURE`, `DELAY`; empty: not given.  RFC 3461 §4.1."""
    orcpt_type: str | None = None
    """ORCPT: the address type, as `rfc822`.  RFC 3461 §4.2."""
    orcpt: str | None = None
    """ORCPT: the address, xtext decoded."""


NO_MAIL_PARAMETERS: Final = MailParameters()
NO_RECIPIENT_PARAMETERS: Final = RecipientParameters()

Values = dict[str, object]


class ParameterError(ValueError):
    """A parameter earns a refusal, which is `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


def read_mail_parameters(octets: bytes, offer: Extensions, *, tls_active: bool) -> MailParameters:
    """The parameters after MAIL FROM:<...>.

    Raises ParameterError.
    """
    values = _read(octets, MAIL_KEYWORDS, offer, tls_active=tls_active)
    return MailParameters(**values)  # type: ignore[arg-type]  # the table pairs fields with their readers


def read_recipient_parameters(octets: bytes, offer: Extensions, *, tls_active: bool) -> RecipientParameters:
    """The parameters after RCPT TO:<...>.

    Raises ParameterError.
    """
    values = _read(octets, RCPT_KEYWORDS, offer, tls_active=tls_active)
    return RecipientParameters(**values)  # type: ignore[arg-type]  # as above


def decode_xtext(octets: bytes) -> str:
    """The text that xtext stands for; what it hides (CR, NUL, UTF-8) is for its reader to escape.

    Raises ParameterError.  RFC 3461 §4.
    """
    if grammar.XTEXT.fullmatch(octets) is None:
        raise ParameterError(replies.PARAMETER_INVALID)
    plain = grammar.HEXCHAR.sub(lambda hexchar: bytes([int(hexchar[1], 16)]), octets)
    return plain.decode("utf-8", "replace")


def encode_xtext(text: str) -> bytes:
    """`text` as xtext.  RFC 3461 §4."""
    return b"".join(
        bytes([octet]) if 33 <= octet <= 126 and octet not in b"+=" else b"+%02X" % octet
        for octet in text.encode("utf-8")
    )


# --- The client's side: what of the parameters a server will understand --------------------------------


def mail_words(parameters: MailParameters, peer: PeerExtensions) -> list[bytes]:
    """The words behind MAIL FROM:<...>, without those the server has not offered."""
    if parameters is NO_MAIL_PARAMETERS:
        return []
    words: list[bytes] = []
    if parameters.size_bytes is not None and "SIZE" in peer:
        words.append(b"SIZE=%d" % parameters.size_bytes)
    if parameters.eight_bit and peer.eight_bit_mime:
        words.append(b"BODY=8BITMIME")
    if parameters.smtputf8 and peer.smtputf8:
        words.append(b"SMTPUTF8")
    if parameters.ret is not None and peer.dsn:
        words.append(b"RET=" + parameters.ret.encode("ascii"))
    if parameters.envid is not None and peer.dsn:
        words.append(b"ENVID=" + encode_xtext(parameters.envid))
    if parameters.auth is not None and "AUTH" in peer:
        words.append(b"AUTH=" + encode_xtext(parameters.auth))
    if parameters.requiretls and peer.requiretls:
        words.append(b"REQUIRETLS")
    if parameters.prdr and peer.prdr:
        words.append(b"PRDR")
    return words


def recipient_words(parameters: RecipientParameters, peer: PeerExtensions) -> list[bytes]:
    """The words behind RCPT TO:<...>, without those the server has not offered."""
    if parameters is NO_RECIPIENT_PARAMETERS or not peer.dsn:
        return []
    words: list[bytes] = []
    if parameters.notify:
        words.append(b"NOTIFY=" + ",".join(sorted(parameters.notify)).encode("ascii"))
    if parameters.orcpt_type is not None and parameters.orcpt is not None:
        words.append(f"ORCPT={parameters.orcpt_type};".encode("ascii") + encode_xtext(parameters.orcpt))
    return words


# --- One reader a keyword: value (None without "=") to fields ------------------------------------------


def _flag(field_name: str) -> Callable[[bytes | None, Extensions], Values]:
    def read(value: bytes | None, offer: Extensions) -> Values:
        if value is not None:
            raise ParameterError(replies.PARAMETER_INVALID)
        return {field_name: True}

    return read


def _read_size(value: bytes | None, offer: Extensions) -> Values:
    if value is None or grammar.SIZE_VALUE.fullmatch(value) is None:
        raise ParameterError(replies.PARAMETER_INVALID)
    size_bytes = int(value)
    # RFC 1870 §6.1: say so now, before the content has travelled.
    if offer.size_limit_bytes and size_bytes > offer.size_limit_bytes:
        raise ParameterError(replies.MESSAGE_TOO_LARGE)
    return {"size_bytes": size_bytes}


def _read_body(value: bytes | None, offer: Extensions) -> Values:
    body = (value or b"").upper()
    if body == b"BINARYMIME":
        raise ParameterError(replies.PARAMETER_UNKNOWN)
    if body not in (b"7BIT", b"8BITMIME"):
        raise ParameterError(replies.PARAMETER_INVALID)
    return {"eight_bit": body == b"8BITMIME"}


def _read_ret(value: bytes | None, offer: Extensions) -> Values:
    ret = (value or b"").upper()
    if ret not in (b"FULL", b"HDRS"):
        raise ParameterError(replies.PARAMETER_INVALID)
    return {"ret": ret.decode("ascii")}


def _read_envid(value: bytes | None, offer: Extensions) -> Values:
    if value is None or len(value) > MAX_ENVID_OCTETS:
        raise ParameterError(replies.PARAMETER_INVALID)
    return {"envid": decode_xtext(value)}


def _read_auth(value: bytes | None, offer: Extensions) -> Values:
    if value is None or len(value) > MAX_ORCPT_OCTETS:
        raise ParameterError(replies.PARAMETER_INVALID)
    return {"auth": decode_xtext(value)}


def _read_notify(value: bytes | None, offer: Extensions) -> Values:
    # notify-esmtp-value = "NEVER" / (notify-list-element *( "," notify-list-element ))     RFC 3461 §4.1
    elements = (value or b"").upper().split(b",")
    if elements == [b"NEVER"]:
        return {"notify": frozenset({"NEVER"})}
    chosen = {element.decode("ascii", "replace") for element in elements}
    if len(chosen) != len(elements) or not chosen <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise ParameterError(replies.PARAMETER_INVALID)
    return {"notify": frozenset(chosen)}


def _read_orcpt(value: bytes | None, offer: Extensions) -> Values:
    # original-recipient-address = addr-type ";" xtext                                      RFC 3461 §4.2
    addr_type, semicolon, address = (value or b"").partition(b";")
    if not semicolon or len(address) > MAX_ORCPT_OCTETS or grammar.PARAMETER.fullmatch(addr_type) is None:
        raise ParameterError(replies.PARAMETER_INVALID)
    if addr_type.lower() == b"utf-8":
        # RFC 6533 §3 has encodings of its own for this type; kept as it came, for it is only passed on.
        return {"orcpt_type": "utf-8", "orcpt": address.decode("utf-8", "replace")}
    return {"orcpt_type": addr_type.decode("ascii").lower(), "orcpt": decode_xtext(address)}


# --- The tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keyword:
    """One ESMTP keyword: whether it is offered on this line, and how its value is read."""

    offered: Callable[[Extensions, bool], bool]
    read: Callable[[bytes | None, Extensions], Values]


MAIL_KEYWORDS: Final[dict[bytes, Keyword]] = {
    b"SIZE": Keyword(lambda offer, tls: True, _read_size),
    b"BODY": Keyword(lambda offer, tls: offer.eight_bit_mime, _read_body),
    b"SMTPUTF8": Keyword(lambda offer, tls: offer.smtputf8, _flag("smtputf8")),
    b"RET": Keyword(lambda offer, tls: offer.dsn, _read_ret),
    b"ENVID": Keyword(lambda offer, tls: offer.dsn, _read_envid),
    b"AUTH": Keyword(lambda offer, tls: offer.offers_auth(tls_active=tls), _read_auth),
    b"REQUIRETLS": Keyword(lambda offer, tls: offer.requiretls and tls, _flag("requiretls")),
    b"PRDR": Keyword(lambda offer, tls: offer.prdr, _flag("prdr")),
}

RCPT_KEYWORDS: Final[dict[bytes, Keyword]] = {
    b"NOTIFY": Keyword(lambda offer, tls: offer.dsn, _read_notify),
    b"ORCPT": Keyword(lambda offer, tls: offer.dsn, _read_orcpt),
}


def _read(octets: bytes, table: dict[bytes, Keyword], offer: Extensions, *, tls_active: bool) -> Values:
    values: Values = {}
    seen: list[bytes] = []
    for word in octets.split(b" "):
        if not word:
            continue
        match = grammar.PARAMETER.fullmatch(word)
        if match is None:
            raise ParameterError(replies.PARAMETER_INVALID)
        name = match[1].upper()
        keyword = table.get(name)
        if keyword is None or not keyword.offered(offer, tls_active):
            raise ParameterError(replies.PARAMETER_UNKNOWN)
        if name in seen:
            raise ParameterError(replies.PARAMETER_INVALID)
        seen.append(name)
        values |= keyword.read(match[2], offer)
    return values
