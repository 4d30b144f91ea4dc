"""DNS lists: the names to ask for, what the codes of an answer mean, and what listings are worth together.

Pure: nothing here asks the DNS. RFC 5782 (how such lists are published, and their test entries).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Final, NamedTuple, Protocol

import msgspec

from clement.policy.network import Address

MAX_NAME_OCTETS = 253
MAX_WEIGHT = 100.0
CODES_SHOWN = 4

# "You may not ask" (127.255.255.0/24; 127.0.0.1 where a list says it so): no listing, whatever was asked.
_REFUSALS: Final = 0x7FFFFF00
_REFUSED: Final = 0x7F000001

# A host name with at least one dot; the last label is no number, or it would be an address.
_NAME: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+(?![0-9]+\Z)[a-z0-9-]{1,63}")
_UNPRINTABLE: Final = re.compile(r"[^ -~]+")


class ListKind(StrEnum):
    """What a listing says: a block list speaks against the mail, an allow list for it."""

    BLOCK = "block"
    ALLOW = "allow"


class Asked(StrEnum):
    """What a list is asked about: the client's address, its HELO name, the domain of the reverse-path.

    And of the content: the hosts that its links lead to, the domains of its authors and of Reply-To.
    """

    CLIENT = "client"
    HELLO = "hello"
    SENDER = "sender"
    LINK = "link"
    AUTHOR = "author"


class LinkName(StrEnum):
    """Which name of a link's host a list knows: the registrable domain, or the host itself as well."""

    REGISTRABLE = "registrable"
    HOST = "host"


class CodeWeight(NamedTuple):
    """What some codes of a list are worth: those of which the bits in `mask` are those in `bits`."""

    bits: int
    mask: int
    weight: float

    @property
    def can_match(self) -> bool:
        """False where only addresses outside 127.0.0.0/8 would match."""
        return not (self.bits ^ 0x7F000000) & self.mask & 0xFF000000

    def __str__(self) -> str:
        bits, mask = IPv4Address(self.bits), IPv4Address(self.mask)
        codes = f"&{bits}" if self.bits == self.mask else str(IPv4Network(f"{bits}/{mask}"))
        return f"{codes.removesuffix('/32')}={self.weight:g}"


def parse_code_weight(text: str) -> CodeWeight:
    """`127.0.0.2=4`, `127.0.0.4/30=3` (a range), `&0.0.0.8=2` (codes with that bit). Raises ValueError."""
    codes, mark, worth = text.replace(" ", "").partition("=")
    try:
        weight = float(worth)
        if not mark or not 0 <= weight <= MAX_WEIGHT:
            raise ValueError
        if codes.startswith("&"):
            bits = int(IPv4Address(codes[1:]))
            if bits & 0xFF000000 or not bits:
                raise ValueError
            return CodeWeight(bits, bits, weight)
        network = IPv4Network(codes)
    except ValueError:
        raise ValueError(f"expected {EXPECTED_CODES}, the weight at most {MAX_WEIGHT:g}") from None
    return CodeWeight(int(network.network_address), int(network.netmask), weight)


EXPECTED_CODES: Final = 'codes and their weight such as "127.0.0.2=4", "127.0.0.4/30=3" or "&0.0.0.8=2"'


class DnsList(msgspec.Struct, frozen=True, kw_only=True):
    """One list. Weights are log-odds and never negative; `kind` says which way they count.

    codes: what codes are worth, the first that matches; none: every code is worth `weight`.
    reason_from_txt: the list's TXT record tells the client why. lookup_url: where it can read it, with
    `{listed}` for what is listed.
    refusals: codes by which this list says that we may not ask, besides those that mean it everywhere.
    has_test_entries: it bears the entries of RFC 5782 §5 by which it is tried before it is believed.
    link_name: the name of a link's host that is asked for. link_addresses: hosts that are addresses, too,
    reversed. test_name: the entry by which names are tried.
    """

    zone: str
    kind: ListKind = ListKind.BLOCK
    asks: tuple[Asked, ...] = (Asked.CLIENT,)
    codes: tuple[CodeWeight, ...] = ()
    weight: float = 3.0
    reason_from_txt: bool = False
    lookup_url: str = ""
    timeout_s: float = 3.0
    refusals: tuple[str, ...] = ()
    has_test_entries: bool = True
    link_name: LinkName = LinkName.REGISTRABLE
    link_addresses: bool = False
    test_name: str = "test"

    def heaviest(self) -> float:
        """The most that a listing here can be worth, without sign."""
        return max((each.weight for each in self.codes), default=self.weight)


class Reading(NamedTuple):
    """What an answer says. `refusal`: the code that means "you may not ask". `odd`: what is no code."""

    codes: tuple[str, ...] = ()
    weight: float = 0.0
    refusal: str = ""
    odd: str = ""


NOT_LISTED: Final = Reading()


def read_answer(dns_list: DnsList, records: Sequence[str]) -> Reading:
    """Read the A records of an answer (RFC 5782 §2.3): codes lie in 127.0.0.0/8, all else is no listing.

    Of several codes the weightiest counts: what one list says of one thing is one piece of evidence.
    """
    if not records:
        return NOT_LISTED
    codes: list[str] = []
    weight, odd = 0.0, ""
    for record in records:
        number = int(IPv4Address(record))
        if number >> 24 != 127:
            odd = record
        elif number & 0xFFFFFF00 == _REFUSALS or number == _REFUSED or record in dns_list.refusals:
            return Reading(refusal=record, odd=odd)
        else:
            codes.append(record)
            weight = max(weight, _weight_of(dns_list, number))
    signed = -weight if dns_list.kind is ListKind.ALLOW else weight
    return Reading(tuple(codes), signed, odd=odd)


def _weight_of(dns_list: DnsList, number: int) -> float:
    if not dns_list.codes:
        return dns_list.weight
    return next((each.weight for each in dns_list.codes if number & each.mask == each.bits), 0.0)


# --- names ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def reversed_address(address: Address) -> str:
    """`1.2.0.192` or the nibbles of an IPv6 address, backwards (RFC 5782 §2.1, §2.4)."""
    return address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def name_to_ask(text: str) -> str:
    """A host name or domain as lists are asked for it, in lower case; "" when it is none."""
    name = text.lower().removesuffix(".")
    return name if len(name) <= MAX_NAME_OCTETS and _NAME.fullmatch(name) else ""


class LinkSubject(NamedTuple):
    """A host named in a content, in normal form, and its registrable domain.

    reversed_address: for a host that is an address; there is no other name then.
    """

    host: str
    registrable: str
    reversed_address: str = ""

    def name_for(self, dns_list: DnsList) -> str:
        """What this list is asked for; "" for nothing."""
        if self.reversed_address:
            return self.reversed_address if dns_list.link_addresses else ""
        return self.host if dns_list.link_name is LinkName.HOST else self.registrable


class Subjects(msgspec.Struct, frozen=True, gc=False):
    """What lists are asked about in one transaction; "" where there is nothing to ask.

    client: the reversed address; client_text: the address as people write it.
    links: hosts of links. authors: the domains of authors and of Reply-To.
    """

    client: str = ""
    client_text: str = ""
    is_ipv6: bool = False
    hello: str = ""
    sender: str = ""
    links: tuple[LinkSubject, ...] = ()
    authors: tuple[LinkSubject, ...] = ()


class ListAnswer(msgspec.Struct, frozen=True, gc=False):
    """That a list lists something, or (`failed`) could not be asked.

    subject: as people write it. name: what the DNS was asked for.
    """

    dns_list: DnsList
    asked: Asked
    subject: str
    name: str = ""
    reading: Reading = NOT_LISTED
    failed: str = ""
    duration_us: int = 0


class Weighed(NamedTuple):
    """What answers are worth together. `gravest`: the listing to name, when they reach the threshold.

    unheard: the allow list that gave no answer and could have turned the scale.
    """

    total: float
    gravest: ListAnswer | None = None
    unheard: ListAnswer | None = None


def weigh(answers: Iterable[ListAnswer], threshold: float) -> Weighed:
    """Add the weights. An allow list that could not be asked may have spoken for the client."""
    total, missed = 0.0, 0.0
    gravest: ListAnswer | None = None
    unheard: ListAnswer | None = None
    for answer in answers:
        weight = answer.reading.weight
        total += weight
        if weight > 0 and (gravest is None or weight > gravest.reading.weight):
            gravest = answer
        if answer.failed and answer.dns_list.kind is ListKind.ALLOW:
            missed += answer.dns_list.heaviest()
            unheard = answer
    if gravest is None or total < threshold:
        return Weighed(total)
    return Weighed(total, gravest, unheard if total - missed < threshold else None)


def told_reason(answer: ListAnswer, text: str) -> str:
    """Why it is listed, for the client: the list's own words, where to read them, or else the bare codes."""
    words = " ".join(_UNPRINTABLE.sub("?", text[:1000]).split())[:LONGEST_REASON]
    if words:
        return f": {words}"
    if answer.dns_list.lookup_url:
        return f", see {answer.dns_list.lookup_url.replace('{listed}', answer.subject)}"
    return f" ({shown_codes(answer.reading)})"


LONGEST_REASON: Final = 150
"""Characters of a list's own words; with the longest names the id at the end still fits in the reply."""


def shown_codes(reading: Reading) -> str:
    """The codes of a listing, not more than a few."""
    more = ", ..." if len(reading.codes) > CODES_SHOWN else ""
    return ", ".join(reading.codes[:CODES_SHOWN]) + more


def said_by(answer: ListAnswer) -> str:
    """What a list says, or that it says nothing, for the log."""
    zone, reading = answer.dns_list.zone, answer.reading
    if answer.failed:
        return f"{zone} on {answer.asked} {answer.subject}: {answer.failed}"
    return f"{zone} lists {answer.asked} {answer.subject}: {shown_codes(reading)}, weight {reading.weight:+g}"


class DnsLists(Protocol):
    """The lists of this site that can be believed just now. Nothing here raises for what the DNS does."""

    @property
    def threshold(self) -> float:
        """The weight from which on a client counts as listed."""

    @property
    def in_use(self) -> bool:
        """Whether there is a list to ask about clients and senders."""

    @property
    def reads_content(self) -> bool:
        """Whether there is a list to ask about what a content names."""

    def begin(self, subjects: Subjects) -> None:
        """Start asking, so that the answers are there when they are wanted. Waits for nothing."""

    def known(self, subjects: Subjects) -> tuple[ListAnswer, ...] | None:
        """What lists said, when all of them have said it already; None when the network has to be asked."""

    async def ask(self, subjects: Subjects) -> tuple[ListAnswer, ...]:
        """What lists say: listings and failures; a list that does not list it has no answer here."""

    async def reason(self, answer: ListAnswer) -> str:
        """The TXT record of a listing where the list is to give it, or ""; foreign text."""
