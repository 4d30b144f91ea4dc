"""The trace fields that a server adds at the top of a message: Received, Return-Path, Delivered-To.

What the client said of itself goes in as the standard asks, but only in octets that can neither end the
field nor pass for a part of it. Grammar: RFC 5321 §4.4; protocol names: RFC 3848, RFC 6531 §4.3.

    From-domain = "FROM" FWS Extended-Domain
    Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" ) / ( address-literal FWS "(" TCP-info ")" )
    TCP-info = address-literal / ( Domain FWS address-literal )
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

import msgspec

MAX_LINE_CHARS = 78
MAX_HELLO_CHARS = 255
MAX_PATH_CHARS = 512

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Domain and address-literal are made of these; nothing else of a greeting is worth the risk.
_NOT_IN_DOMAIN = re.compile(r"[^A-Za-z0-9.\-_:\[\]]")
_NOT_IN_ATOM = re.compile(r"[^A-Za-z0-9.\-_]")
_NOT_IN_COMMENT = re.compile(r"[^A-Za-z0-9.\-_ ]")
_NOT_IN_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Passage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a message came to us: what Received tells.

    hello: what the client called itself. address: its IP address, "" where there is none (a Unix socket).
    ptr: its verified name, "" when unknown. by: our name. protocol: see `protocol_name`. id: of the message.
    tls: version and cipher, "" without TLS. recipient: the forward-path, given only when there is but one,
    since the others must not learn of it (RFC 5321 §7.2). at_s: Unix time; zone_minutes: east of UTC.
    """

    hello: str
    address: str
    by: str
    protocol: str
    id: str
    at_s: float
    ptr: str = ""
    tls: str = ""
    recipient: str = ""
    zone_minutes: int = 0


def protocol_name(*, lmtp: bool, extended: bool, utf8: bool, tls: bool, authenticated: bool) -> str:
    """The registered name of the protocol by which a message came (RFC 3848, RFC 6531 §4.3)."""
    if not (lmtp or extended):
        return "SMTP"
    base = "LMTP" if lmtp else "SMTP"
    name = f"UTF8{base}" if utf8 else base if lmtp else f"E{base}"
    return name + ("S" if tls else "") + ("A" if authenticated else "")


def received_field(passage: Passage) -> bytes:
    """The Received field with its line ends, folded under MAX_LINE_CHARS where it can be."""
    clauses = [
        _from_clause(passage.hello, passage.address, passage.ptr),
        _by_clause(passage.by),
        _with_clause(passage.protocol, passage.tls),
        f"id {_atom(passage.id)}",
    ]
    if passage.recipient:
        clauses.append(f"for <{_path(passage.recipient)}>")
    clauses[-1] += ";"
    clauses.append(rfc5322_date(passage.at_s, passage.zone_minutes))
    return _folded("Received:", clauses).encode("utf-8")


def return_path_field(reverse_path: str) -> bytes:
    """The Return-Path field that final delivery adds (RFC 5321 §4.4); "" is the null reverse-path."""
    return f"Return-Path: <{_path(reverse_path)}>\r\n".encode()


def delivered_to_field(address: str) -> bytes:
    """The Delivered-To field by which the next delivery to the same mailbox knows a loop."""
    return f"Delivered-To: {_path(address)}\r\n".encode()


def released_field(by: str, id: str, at_s: float) -> bytes:  # noqa: A002 - as in Passage
    """The Received field of a message that was held here and then released (RFC 5322 §3.6.7).

    The field of its arrival follows below it, so the time between both is that for which it was held.
    """
    clauses = [_by_clause(by), "(released from held mail)", f"id {_atom(id)};", rfc5322_date(at_s)]
    return _folded("Received:", clauses).encode("utf-8")


def rfc5322_date(at_s: float, zone_minutes: int = 0) -> str:
    """The date-time of RFC 5322 §3.3, in English whatever the locale."""
    return _date_of_second(int(at_s), zone_minutes)


@lru_cache(maxsize=64)
def _date_of_second(at_s: int, zone_minutes: int) -> str:
    zone = timezone(timedelta(minutes=zone_minutes)) if zone_minutes else UTC
    at = datetime.fromtimestamp(at_s, zone)
    sign, minutes = ("-" if zone_minutes < 0 else "+"), abs(zone_minutes)
    return (
        f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} {sign}{minutes // 60:02d}{minutes % 60:02d}"
    )


# The same few clients send most of the mail, and send it all to us.
@lru_cache(maxsize=1024)
def _from_clause(hello: str, address: str, ptr: str) -> str:
    hello = _domain(hello)
    if not address:
        return f"from {hello}"
    literal = _domain(f"[IPv6:{address}]" if ":" in address else f"[{address}]")
    return f"from {hello} ({_domain(ptr)} {literal})" if ptr else f"from {hello} ({literal})"


@lru_cache(maxsize=16)
def _by_clause(name: str) -> str:
    return f"by {_domain(name)}"


@lru_cache(maxsize=64)
def _with_clause(protocol: str, tls: str) -> str:
    clause = f"with {_atom(protocol)}"
    return f"{clause} (tls {_comment(tls)})" if tls else clause


def _folded(name: str, clauses: list[str]) -> str:
    field = f"{name} {clauses[0]}"
    room = MAX_LINE_CHARS - len(field)
    for clause in clauses[1:]:
        room -= 1 + len(clause)
        if room >= 0:
            field += f" {clause}"
        else:
            field += f"\r\n\t{clause}"
            room = MAX_LINE_CHARS - 1 - len(clause)
    return field + "\r\n"


def _domain(text: str) -> str:
    return _NOT_IN_DOMAIN.sub("?", text[:MAX_HELLO_CHARS]) or "unknown"


def _atom(text: str) -> str:
    return _NOT_IN_ATOM.sub("?", text[:MAX_HELLO_CHARS]) or "unknown"


def _comment(text: str) -> str:
    return _NOT_IN_COMMENT.sub("?", text[:MAX_HELLO_CHARS])


def _path(text: str) -> str:
    return _NOT_IN_PATH.sub("?", text[:MAX_PATH_CHARS])
