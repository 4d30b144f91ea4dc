"""Server lists as other programs write them: what can be read, and every fault with its line. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import msgspec

from clement.policy.list_text import TEST_POINTS, ListLine
from clement.policy.network import Network

MOST_LINES: Final = 1_000_000
MOST_FAULTS: Final = 100
WIDEST_BITS: Final = {4: 8, 6: 19}
"""The widest networks that are ever handed to one organisation; what is wider is everybody."""
NOTE_CHARS: Final = 500
LATEST_S: Final = 1 << 40

_ELEMENTS = re.compile(r"\s*add element \S+ \S+ \S+ \{(?P<elements>.*)\}\s*")
_ELEMENT = re.compile(
    r'\s*(?P<server>[0-9A-Fa-f:./]+)(?P<rest>(?:\s+(?:timeout|expires)\s+[0-9a-z]+|\s+comment\s+"[^"]*")*)\s*'
)
_TIMEOUT = re.compile(r"\btimeout\s+(?P<span>[0-9a-z]+)")
_COMMENT = re.compile(r'\bcomment\s+"(?P<comment>[^"]*)"')
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class ListFormat(StrEnum):
    """How a list is written."""

    NFTABLES = "nftables"
    RBLDNSD = "rbldnsd"
    CSV = "csv"
    JSON = "json"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in one line. Lines count from 1."""

    line: int
    text: str


class Parsed(msgspec.Struct, frozen=True):
    """What was read, and what could not be."""

    entries: list[ListLine]
    faults: list[Fault]


class _JsonLine(msgspec.Struct):
    network: str
    expires_at_s: int = 0
    note: str = ""
    final: bool = False
    state: str = "effective"


_JSON = msgspec.json.Decoder(_JsonLine)


def parse(text_lines: Sequence[str], written_as: ListFormat, now_s: int) -> Parsed:
    """Read a list. Of a network that is named twice the last line counts; at most `MOST_FAULTS` are told."""
    if len(text_lines) > MOST_LINES:
        return Parsed([], [Fault(MOST_LINES + 1, f"more than {MOST_LINES} lines")])
    found: dict[Network, ListLine] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text_lines, 1):
        try:
            for entry in _READERS[written_as](line, number, now_s):
                found[entry.network] = entry
        except ValueError as fault:
            faults.append(Fault(number, str(fault)[:200]))
            if len(faults) == MOST_FAULTS:
                break
    return Parsed(list(found.values()), faults)


def listable(text: str) -> Network:
    """A network that may stand on a list. Raises ValueError, for all addresses and the like too."""
    try:
        network = ip_network(text.strip())
    except ValueError as fault:
        raise ValueError(f"{text.strip()[:60]!r} is no address and no network ({_cause(fault)})") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        carried = network.network_address.ipv4_mapped
        if carried is not None:
            network = IPv4Network((int(carried), network.prefixlen - 96))
    if network.prefixlen < WIDEST_BITS[network.version]:
        raise ValueError(
            f"{network} is wider than /{WIDEST_BITS[network.version]}: that would be half the Internet"
        )
    return network


def _cause(fault: ValueError) -> str:
    return "it has bits beyond its length" if "host bits" in str(fault) else "not understood"


def _of_nftables(line: str, number: int, now_s: int) -> Iterator[ListLine]:
    """Only commands that add elements say anything; `nft list set` writes another form, which is refused."""
    if not line.strip() or line.lstrip().startswith(("#", "add table", "add set", "flush set")):
        return
    command = _ELEMENTS.fullmatch(line)
    if command is None:
        raise ValueError("expected `add element FAMILY TABLE SET { ... }`")
    for part in _split(command["elements"]):
        element = _ELEMENT.fullmatch(part)
        if element is None:
            raise ValueError(f"no element of a set of addresses: {part.strip()[:80]!r}")
        timeout, comment = _TIMEOUT.search(element["rest"]), _COMMENT.search(element["rest"])
        yield ListLine(
            network=listable(element["server"]),
            expires_at_s=_bounded_s(now_s + _span_s(timeout["span"])) if timeout else 0,
            note=comment["comment"][:NOTE_CHARS] if comment else "",
            line=number,
        )


def _split(elements: str) -> Iterator[str]:
    """The parts between commas that stand in no comment."""
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', elements):
        if part.strip():
            yield part


def _span_s(text: str) -> int:
    """A time of nftables: `1d2h3m4s`, or plain seconds."""
    if text.isdecimal():
        return int(text)
    found = _SPAN.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"no time that nft would write: {text[:40]!r}")
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _of_rbldnsd(line: str, number: int, now_s: int) -> Iterator[ListLine]:
    """ip4set, ip4trie, ip6trie, combined: an address or network, then a value, which we choose ourselves."""
    _ = now_s
    if not line.strip() or line.lstrip()[0] in "#;$:":
        return
    server, _, rest = line.strip().partition(" ")
    if server.startswith("!"):
        raise ValueError("an exclusion (!) has no counterpart here; add the server to the trusted ones")
    if server in TEST_POINTS or server == TEST_POINTS[0] + "/32":
        return
    note = rest.strip().rpartition(":")[2] if rest.strip().startswith(":") else ""
    yield ListLine(network=listable(server), note=note.strip()[:NOTE_CHARS], line=number)


def _of_csv(line: str, number: int, now_s: int) -> Iterator[ListLine]:
    """`network,standing,origin,state,expires,final,note,evidence`, or the network alone."""
    _ = now_s
    if not line.strip() or line.startswith(("network,", "#")) or line.strip() == "network":
        return
    try:
        row = next(csv.reader([line], strict=True))
    except csv.Error as fault:
        raise ValueError(f"no line of CSV: {fault}") from None
    row += [""] * (8 - len(row))
    if row[3] not in ("", "effective"):
        return
    yield ListLine(
        network=listable(row[0]),
        expires_at_s=_instant_s(row[4]),
        final=row[5] == "final",
        note=(row[6] or row[7])[:NOTE_CHARS],
        line=number,
    )


def _instant_s(text: str) -> int:
    if not text.strip():
        return 0
    try:
        return int(datetime.fromisoformat(text.strip()).astimezone().timestamp())
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"no moment such as 2027-01-31T12:00:00Z: {text.strip()[:40]!r}") from None


def _of_json(line: str, number: int, now_s: int) -> Iterator[ListLine]:
    _ = now_s
    if not line.strip():
        return
    try:
        read = _JSON.decode(line)
    except msgspec.MsgspecError as fault:
        raise ValueError(f"no entry in JSON: {fault}") from None
    if read.state == "effective":
        yield ListLine(
            network=listable(read.network),
            expires_at_s=_bounded_s(read.expires_at_s),
            note=read.note[:NOTE_CHARS],
            final=read.final,
            line=number,
        )


def _bounded_s(at_s: int) -> int:
    if not 0 <= at_s < LATEST_S:
        raise ValueError(f"no moment in Unix seconds: {at_s}")
    return at_s


_READERS: Final[dict[ListFormat, Callable[[str, int, int], Iterator[ListLine]]]] = {
    ListFormat.NFTABLES: _of_nftables,
    ListFormat.RBLDNSD: _of_rbldnsd,
    ListFormat.CSV: _of_csv,
    ListFormat.JSON: _of_json,
}
