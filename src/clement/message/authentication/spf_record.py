"""The SPF record: its text taken apart, or what is wrong with it.  RFC 7208 §4.6, §5, §6, §12.

    record     = version terms *SP
    version    = "v=spf1"
    terms      = *( 1*SP ( directive / modifier ) )
    directive  = [ qualifier ] mechanism
    qualifier  = "+" / "-" / "?" / "~"
    modifier   = redirect / explanation / unknown-modifier
    name       = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )

The whole record is parsed before any of it counts: a syntax error anywhere is a permanent error (§4.6).
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import msgspec

from clement.message.authentication.result import Result
from clement.message.authentication.spf_macros import (
    DomainSpec,
    SpfSyntaxError,
    check_macro_string,
    parse_domain_spec,
)
from clement.message.text import visible

MAX_TERM_CHARS = 120
"""Of a term as it is shown."""

# Records are kept by their text. Longer ones than RFC 7208 §3.4 recommends are parsed each time, so that
# nobody can fill the memory with them.
_MAX_KEPT_CHARS = 512
_MAX_KEPT = 1024

_VERSION = "v=spf1"
_QUALIFIERS = {
    "": Result.PASS,
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFTFAIL,
    "?": Result.NEUTRAL,
}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"([+\-~?]?)([A-Za-z0-9]+)((?:[:/].*)?)", re.DOTALL)

# ip4-cidr-length  = "/" ("0" / %x31-39 0*1DIGIT) ; value range 0-32
# ip6-cidr-length  = "/" ("0" / %x31-39 0*2DIGIT) ; value range 0-128
# dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]
_LENGTH = r"(0|[1-9][0-9]{0,2})"
_ADDRESSES = re.compile(rf"(?::(.*?))?(?:/{_LENGTH})?(?://{_LENGTH})?", re.DOTALL)
_IP4_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_NETWORK = re.compile(rf":([0-9A-Fa-f:.]+)(?:/{_LENGTH})?")


class Mechanism(Enum):
    """RFC 7208 §5."""

    ALL = auto()
    INCLUDE = auto()
    A = auto()
    MX = auto()
    PTR = auto()
    IP4 = auto()
    IP6 = auto()
    EXISTS = auto()


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """A mechanism and the result of its match.

    text: as published, fit to be shown. asks: whether it asks the DNS (§4.6.4). target: its domain-spec, None
    for the current domain.
    ip4_bits, ip6_bits: prefix lengths of `a` and `mx`. version, shift, prefix: of `ip4` and `ip6`, so that an
    address of that version matches when `address >> shift == prefix`.
    """

    mechanism: Mechanism
    result: Result
    text: str
    asks: bool = False
    target: DomainSpec | None = None
    ip4_bits: int = 32
    ip6_bits: int = 128
    version: int = 0
    shift: int = 0
    prefix: int = 0


class SpfRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed record. `problem` says what is wrong with it, "" when nothing is; then the rest is empty."""

    directives: tuple[Directive, ...] = ()
    redirect: DomainSpec | None = None
    explanation: DomainSpec | None = None
    problem: str = ""


def is_spf_record(text: str) -> bool:
    """Whether a TXT record is one of SPF, as §4.5 selects them."""
    return text[:6].lower() == _VERSION and text[6:7] in {"", " "}


def parse_record(text: str) -> SpfRecord:
    """The record in `text`, of which `is_spf_record` holds; any text gives one."""
    return _parse_kept(text) if len(text) <= _MAX_KEPT_CHARS else _parse(text)


def _parse(text: str) -> SpfRecord:
    if not text.isascii():
        return SpfRecord(problem="the SPF record has characters outside ASCII")
    term = ""
    directives = []
    # A term that is repeated is kept once, so that what a record takes in memory stays near its length.
    known: dict[str, Directive] = {}
    modifiers: dict[str, DomainSpec] = {}
    try:
        # Terms are parted by SP and nothing else; a final one or several are allowed.
        for term in filter(None, text[len(_VERSION) :].split(" ")):
            modifier = _MODIFIER.fullmatch(term)
            if modifier is None:
                if term not in known:
                    known[term] = _directive(term)
                directives.append(known[term])
            else:
                _modify(modifiers, modifier[1].lower(), modifier[2])
    except SpfSyntaxError as error:
        return SpfRecord(problem=f"{error}: {visible(term, MAX_TERM_CHARS)}")
    return SpfRecord(
        directives=tuple(directives), redirect=modifiers.get("redirect"), explanation=modifiers.get("exp")
    )


_parse_kept = lru_cache(maxsize=_MAX_KEPT)(_parse)


def _modify(modifiers: dict[str, DomainSpec], name: str, value: str) -> None:
    if name not in {"redirect", "exp"}:
        check_macro_string(value)
    elif name in modifiers:
        raise SpfSyntaxError(f"{name} appears twice")
    else:
        modifiers[name] = parse_domain_spec(value)


def _directive(term: str) -> Directive:
    parts = _DIRECTIVE.fullmatch(term)
    if parts is None:
        raise SpfSyntaxError("not a term of SPF")
    qualifier, name, rest = parts.groups()
    try:
        mechanism = Mechanism[name.upper()]
    except KeyError:
        raise SpfSyntaxError("unknown mechanism") from None
    result, text = _QUALIFIERS[qualifier], visible(term, MAX_TERM_CHARS)
    match mechanism:
        case Mechanism.ALL:
            if rest:
                raise SpfSyntaxError("all takes no argument")
            return Directive(mechanism=mechanism, result=result, text=text)
        case Mechanism.IP4 | Mechanism.IP6:
            return _network(mechanism, rest, result, text)
        case Mechanism.A | Mechanism.MX:
            return _addresses(mechanism, rest, result, text)
        case Mechanism.INCLUDE | Mechanism.EXISTS | Mechanism.PTR:
            return _named(mechanism, rest, result, text)


def _named(mechanism: Mechanism, rest: str, result: Result, text: str) -> Directive:
    # include = "include" ":" domain-spec;  exists likewise;  ptr = "ptr" [ ":" domain-spec ]
    if not rest and mechanism is Mechanism.PTR:
        return Directive(mechanism=mechanism, result=result, text=text, asks=True)
    if not rest.startswith(":"):
        raise SpfSyntaxError("no prefix length is allowed here" if rest else "a domain name is missing")
    target = parse_domain_spec(rest[1:])
    return Directive(mechanism=mechanism, result=result, text=text, asks=True, target=target)


def _addresses(mechanism: Mechanism, rest: str, result: Result, text: str) -> Directive:
    # a = "a" [ ":" domain-spec ] [ dual-cidr-length ];  mx likewise
    parts = _ADDRESSES.fullmatch(rest)
    if parts is None:
        raise SpfSyntaxError("neither a domain name nor a prefix length")
    domain = parts[1]
    if domain is not None and _IP4_ADDRESS.fullmatch(domain) is not None:
        raise SpfSyntaxError("an address stands behind ip4:, not here")
    return Directive(
        mechanism=mechanism,
        result=result,
        text=text,
        asks=True,
        target=None if domain is None else parse_domain_spec(domain),
        ip4_bits=_bits(parts[2], 32),
        ip6_bits=_bits(parts[3], 128),
    )


def _network(mechanism: Mechanism, rest: str, result: Result, text: str) -> Directive:
    # ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ];  ip6 likewise
    address_class = IPv4Address if mechanism is Mechanism.IP4 else IPv6Address
    version, width = (4, 32) if mechanism is Mechanism.IP4 else (6, 128)
    parts = _NETWORK.fullmatch(rest)
    try:
        number = None if parts is None else int(address_class(parts[1]))
    except AddressValueError:
        number = None
    if parts is None or number is None:
        raise SpfSyntaxError(f"no IPv{version} network")
    shift = width - _bits(parts[2], width)
    return Directive(
        mechanism=mechanism, result=result, text=text, version=version, shift=shift, prefix=number >> shift
    )


def _bits(digits: str | None, most: int) -> int:
    if digits is None:
        return most
    if int(digits) > most:
        raise SpfSyntaxError(f"a prefix length above {most}")
    return int(digits)
