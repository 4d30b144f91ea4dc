"""Names and records as the DNS carries them, made what the Resolver port promises: bounded and plain.

Text of foreign zones is data: host names keep the escapes of presentation format (RFC 1035 §5.1), so that no
control character comes through; who shows them escapes them once more for his medium.
"""

from __future__ import annotations

import re

import msgspec
import pycares

MAX_RECORDS = 100
MAX_ANSWER_CHARS = 16 * 1024
MAX_CHAIN = 16
"""Aliases that may lead to one another in one answer."""

# A query name: at most 253 octets, labels of 1-63 (RFC 1035 §2.3.4), of printable ASCII without the escape
# character; SPF macros and service labels need more than letters and digits.
_QUERY_NAME = re.compile(r"(?=.{1,253}\Z)[!-\-/-\[\]-~]{1,63}(?:\.[!-\-/-\[\]-~]{1,63})*")

_UNPRINTABLE = re.compile(r"[^!-~]")


class Records(msgspec.Struct, frozen=True, gc=False):
    """The records of one type. `ttl_s` is the smallest of the answer, CNAMEs included."""

    texts: tuple[str, ...]
    ttl_s: int


def query_name(text: str) -> str | None:
    """A name that can be asked for, in lower case without the final dot; None when it is none."""
    name = text.removesuffix(".").lower()
    return name if _QUERY_NAME.fullmatch(name) else None


def read_records(result: pycares.DNSResult, name: str, kind: str) -> Records:
    """The records of one type in an answer, within MAX_RECORDS and MAX_ANSWER_CHARS; more are left out.

    Only those of the name that was asked for, in lower case, and of what its aliases lead to: whatever else
    an answer says of other names is nothing that was asked.
    """
    texts: list[str] = []
    room_chars = MAX_ANSWER_CHARS
    owners = _owners(result, name)
    answer = [record for record in result.answer if _owner(record.name) in owners]
    ttl_s = min((record.ttl for record in answer), default=0)
    for record in answer:
        text = _text(record.data, kind)
        if text is None or len(text) > room_chars or len(texts) == MAX_RECORDS:
            continue
        room_chars -= len(text)
        texts.append(text)
    return Records(tuple(texts), ttl_s)


def _owners(result: pycares.DNSResult, name: str) -> set[str]:
    """The name and its aliases (RFC 1034 §3.6.2), in whichever order they stand."""
    aliases = {
        _owner(record.name): _owner(record.data.cname)
        for record in result.answer
        if isinstance(record.data, pycares.CNAMERecordData)
    }
    owners = {name}
    for _ in range(MAX_CHAIN):
        if name not in aliases or aliases[name] in owners:
            break
        name = aliases[name]
        owners.add(name)
    return owners


def _owner(name: str) -> str:
    """A name of an answer as names are asked for: c-ares escapes what some presentation formats reserve."""
    return name.replace("\\", "").removesuffix(".").lower()


def _text(data: object, kind: str) -> str | None:
    match data:
        case pycares.ARecordData() if kind == "A":
            return data.addr
        case pycares.AAAARecordData() if kind == "AAAA":
            return data.addr
        case pycares.MXRecordData() if kind == "MX":
            return f"{data.priority} {_host(data.exchange)}"
        case pycares.TXTRecordData() if kind == "TXT":
            return data.data.decode("utf-8", "replace")
        case pycares.PTRRecordData() if kind == "PTR":
            return _host(data.dname)
    return None


def _host(name: str) -> str:
    """A host name of an answer in lower case; the root is `.`."""
    return _UNPRINTABLE.sub("?", name[:1024]).removesuffix(".").lower() or "."
