"""Reverse-paths and forward-paths: what MAIL FROM and RCPT TO name.

The null reverse-path and the bare `<Postmaster>` are types of their own, so that no empty string can pass
for either.  A `Mailbox` is kept in one normal form: domain in lower case, U-labels as A-labels, local-part
without the quotes it may have travelled in.  Display names and header fields are not addresses in this
sense; see `clement.message`.

RFC 5321 §4.1.2-4.1.3, RFC 6531 §3.3.  Lengths: RFC 5321 §4.5.3.1.1-3.  The 64 octets of a local-part are
the least a server must take, and real VERP and SRS addresses are longer; we hold to the 256 of the path.

U-labels are mapped with IDNA 2003, which is what Python brings.  Where IDNA 2008 would name another domain
(ß, ς, and the zero-width joiners) the address is refused: whoever means it can write the A-label.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from unicodedata import normalize

import msgspec

from . import grammar

MAX_PATH_OCTETS = 256
MAX_DOMAIN_OCTETS = 255

# Characters whose meaning changed between IDNA 2003 and 2008 (RFC 5894 §7.2).
_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")


class Mailbox(msgspec.Struct, frozen=True, gc=False):
    """A local-part at a domain; compared and hashed in normal form.

    `local_part` is as the client meant it, case and normal form kept and quotes taken off.  `domain` is
    lower-case ASCII, or an address literal in its brackets.
    """

    local_part: str
    domain: str

    @property
    def key(self) -> str:
        """What look-ups use: local-parts of one domain that `fold_local_part` makes equal are one mailbox."""
        said = self.local_part
        return f"{said.lower() if said.isascii() else fold_local_part(said)}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """False when the address can only travel with SMTPUTF8."""
        return self.local_part.isascii()

    @property
    def is_literal(self) -> bool:
        """True when the domain is an address literal."""
        return self.domain.startswith("[")

    def __str__(self) -> str:
        """The wire form, without angle brackets."""
        local_part = self.local_part
        if grammar.DOT_LOCAL_PART.fullmatch(local_part) is None:
            escaped = local_part.replace("\\", "\\\\").replace('"', '\\"')
            local_part = f'"{escaped}"'
        return f"{local_part}@{self.domain}"


def fold_local_part(text: str) -> str:
    """The one form in which local-parts (or addresses of a normal domain) are compared here.

    Lower case, and NFC beyond ASCII: what looks the same must be the same mailbox, and a client may compose
    characters or not (RFC 6530 §10.1, RFC 5198 §3). Some small letters have a composed form where the capital
    has none, so composing comes last as well as first.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).lower())


class NullReversePath:
    """`<>`: mail that must never be answered with mail.  RFC 5321 §4.5.5."""

    __slots__ = ()
    key: Final = ""
    is_ascii: Final = True

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "NULL_REVERSE_PATH"


class BarePostmaster:
    """`<Postmaster>` without a domain, which every server must take.  RFC 5321 §4.5.1."""

    __slots__ = ()
    key: Final = "postmaster"
    is_ascii: Final = True

    def __str__(self) -> str:
        return "Postmaster"

    def __repr__(self) -> str:
        return "POSTMASTER"


NULL_REVERSE_PATH: Final = NullReversePath()
POSTMASTER: Final = BarePostmaster()

ReversePath = Mailbox | NullReversePath
ForwardPath = Mailbox | BarePostmaster


class AddressFault(Enum):
    """What is wrong with an address; the command decides which reply that earns."""

    SYNTAX = "syntax"
    DOMAIN = "domain"
    TOO_LONG = "too long"
    NOT_ASCII = "not ASCII"


class AddressError(ValueError):
    """The text is no address."""

    def __init__(self, fault: AddressFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def parse_reverse_path(octets: bytes, *, smtputf8: bool = False) -> ReversePath:
    """What stands between the angle brackets of MAIL FROM.

    Raises AddressError.
    """
    if not octets:
        return NULL_REVERSE_PATH
    return parse_mailbox(octets, smtputf8=smtputf8)


def parse_forward_path(octets: bytes, *, smtputf8: bool = False) -> ForwardPath:
    """What stands between the angle brackets of RCPT TO.

    Raises AddressError.
    """
    if octets.lower() == b"postmaster":
        return POSTMASTER
    return parse_mailbox(octets, smtputf8=smtputf8)


def parse_mailbox(octets: bytes, *, smtputf8: bool = False) -> Mailbox:
    """A mailbox, with a source route before it read and ignored.

    Raises AddressError.
    """
    text = _decode(octets, smtputf8=smtputf8)
    if text.startswith("@"):
        # RFC 5321 §4.1.1.3, appendix C: the mailbox behind the route is the only recipient.
        route = grammar.SOURCE_ROUTE.match(text)
        if route is None:
            raise AddressError(AddressFault.SYNTAX)
        text = text[route.end() :]
    local_part, at, domain = text.rpartition("@")
    if not at:
        raise AddressError(AddressFault.SYNTAX)
    mailbox = Mailbox(_parse_local_part(local_part), parse_domain(domain))
    if len(str(mailbox).encode("utf-8")) + 2 > MAX_PATH_OCTETS:
        raise AddressError(AddressFault.TOO_LONG)
    return mailbox


def parse_domain(text: str) -> str:
    """A domain or address literal in normal form: lower-case ASCII.

    Raises AddressError.
    """
    if text.startswith("["):
        return _parse_literal(text)
    if not text.isascii():
        text = _to_a_labels(text)
    if len(text) > MAX_DOMAIN_OCTETS:
        raise AddressError(AddressFault.TOO_LONG)
    if grammar.ASCII_DOMAIN.fullmatch(text) is None:
        raise AddressError(AddressFault.DOMAIN)
    domain = text.lower()
    if "xn--" in domain:
        for label in domain.split("."):
            if label.startswith("xn--"):
                _check_a_label(label)
    return domain


def _decode(octets: bytes, *, smtputf8: bool) -> str:
    if octets.isascii():
        return octets.decode("ascii")
    if not smtputf8:
        raise AddressError(AddressFault.NOT_ASCII)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise AddressError(AddressFault.SYNTAX) from None
    # Separators, controls and invisible format characters (NEL, U+2028, bidi overrides) have no place in a
    # name that people read and logs show.
    if not text.isprintable():
        raise AddressError(AddressFault.SYNTAX)
    return text


def _parse_local_part(text: str) -> str:
    if grammar.DOT_LOCAL_PART.fullmatch(text) is not None:
        return text
    quoted = grammar.QUOTED_LOCAL_PART.fullmatch(text)
    if quoted is None:
        raise AddressError(AddressFault.SYNTAX)
    return grammar.QUOTED_PAIR.sub(r"\1", quoted[1])


def _parse_literal(text: str) -> str:
    """`[192.0.2.1]` or `[IPv6:2001:db8::1]`, the address in its canonical spelling."""
    if not text.endswith("]"):
        raise AddressError(AddressFault.DOMAIN)
    inner = text[1:-1]
    tag = grammar.IPV6_TAG
    try:
        if inner[: len(tag)].lower() != tag.lower():
            return f"[{IPv4Address(inner)}]"
        # A zone index (RFC 4007) names an interface of the client's, not an address.
        if "%" in inner:
            raise AddressError(AddressFault.DOMAIN)
        return f"[{tag}{IPv6Address(inner[len(tag) :])}]"
    except AddressValueError:
        raise AddressError(AddressFault.DOMAIN) from None


def _to_a_labels(text: str) -> str:
    if grammar.U_LABEL_DOMAIN.fullmatch(text) is None or not _DEVIATIONS.isdisjoint(text):
        raise AddressError(AddressFault.DOMAIN)
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise AddressError(AddressFault.DOMAIN) from None


def _check_a_label(label: str) -> None:
    """An A-label must be the encoding of some U-label: `xn---` names nothing."""
    try:
        u_label = label.encode("ascii").decode("idna")
    except UnicodeError:
        u_label = ""
    if u_label.isascii():
        raise AddressError(AddressFault.DOMAIN)
