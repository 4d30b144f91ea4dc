"""An assertion: what one server says of a network of clients, signed; its octets and their meaning.

assertion  = statement SP signature
statement  = version SP key-id SP sequence SP ( ban / unban )
version    = "1"
sequence   = number                             ; microseconds since 1970, growing with each of an origin's
ban        = "ban" SP network SP expiry SP first-seen SP last-seen SP causes
unban      = "unban" SP network SP expiry
causes     = cause "=" count *5( "," cause "=" count )        ; in order of their names, each once
cause      = 1*20( %x61-7A / "-" )
count      = number
expiry     = number                             ; seconds since 1970, as are first-seen and last-seen
network    = IPv4-network / IPv6-network        ; RFC 4632, RFC 5952, no bits behind it
number     = %x31-39 *17DIGIT

There is one way to write a statement: what is read is written again and must be the same, octet by octet.
So the signature, which covers the octets, covers the meaning as well.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

import msgspec

from clement.policy.mesh.key import KEY_ID, SIGNATURE, KeyId, PrivateKey, PublicKey
from clement.policy.network import Network

MAX_ASSERTION_OCTETS: Final = 440
"""So that a reply line and a command line of 512 octets hold one, with all that stands before it."""

MAX_CAUSES: Final = 6
LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: no time is later."""

SIGNED_AS: Final = b"CLEMENT-MESH-1 assertion\n"
"""Goes before the statement when it is signed, so that no signature serves another purpose."""

_NUMBER = r"[1-9][0-9]{0,17}"
_CAUSE = rf"[a-z\-]{{1,20}}={_NUMBER}"
_NETWORK = r"[0-9a-f.:]{2,39}/[0-9]{1,3}"
_ASSERTION: Final = re.compile(
    rf"(1 ({KEY_ID}) ({_NUMBER}) (?:"
    rf"ban ({_NETWORK}) ({_NUMBER}) ({_NUMBER}) ({_NUMBER}) ({_CAUSE}(?:,{_CAUSE}){{0,5}})"
    rf"|unban ({_NETWORK}) ({_NUMBER})"
    rf")) ({SIGNATURE})"
)


class Kind(StrEnum):
    """What is asserted."""

    BAN = "ban"
    UNBAN = "unban"


class AssertionMalformed(ValueError):
    """These octets are no assertion of this version; the text says what is wrong."""


class Evidence(msgspec.Struct, frozen=True):
    """Why its accuser bans a network: counts by cause, and when it was seen first and last (Unix s)."""

    counts: tuple[tuple[str, int], ...]
    first_seen_at_s: int
    last_seen_at_s: int

    @property
    def total(self) -> int:
        """All causes together."""
        return sum(count for _cause, count in self.counts)


class Statement(msgspec.Struct, frozen=True):
    """What an origin says. evidence: of a ban, None of an unban. Times in Unix seconds."""

    origin: KeyId
    sequence: int
    kind: Kind
    network: Network
    expires_at_s: int
    evidence: Evidence | None = None

    @property
    def issued_at_s(self) -> int:
        """When the origin said so: a sequence number is a time in microseconds."""
        return self.sequence // 1_000_000

    def encode(self) -> str:
        """The canonical octets, which are ASCII."""
        head = f"1 {self.origin} {self.sequence} {self.kind} {self.network} {self.expires_at_s}"
        if self.evidence is None:
            return head
        causes = ",".join(f"{cause}={count}" for cause, count in self.evidence.counts)
        return f"{head} {self.evidence.first_seen_at_s} {self.evidence.last_seen_at_s} {causes}"


class Assertion(msgspec.Struct, frozen=True):
    """A statement and its origin's signature, which nobody else can make and everybody can check."""

    statement: Statement
    signature: str

    def encode(self) -> str:
        """As it is sent and stored."""
        return f"{self.statement.encode()} {self.signature}"

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this is the origin's key, and the signature its own."""
        statement = self.statement
        return statement.origin == key.id and key.verifies(self.signature, signed_octets(statement))


def sign(statement: Statement, key: PrivateKey) -> Assertion:
    """Make the assertion. Raises AssertionMalformed when the statement is none of `key`'s or has no form."""
    if statement.origin != key.public.id:
        raise AssertionMalformed("the origin is another key")
    assertion = Assertion(statement, key.sign(signed_octets(statement)))
    if parse_assertion(assertion.encode()) != assertion:
        raise AssertionMalformed("the statement has no canonical form")
    return assertion


def signed_octets(statement: Statement) -> bytes:
    """What the signature covers."""
    return SIGNED_AS + statement.encode().encode("ascii")


def parse_assertion(text: str) -> Assertion:
    """Read an assertion; whether its signature is right is another question. Raises AssertionMalformed."""
    if len(text) > MAX_ASSERTION_OCTETS:
        raise AssertionMalformed("too long")
    match = _ASSERTION.fullmatch(text)
    if match is None:
        raise AssertionMalformed("not an assertion of version 1")
    written, origin, sequence, banned, ban_end, first, last, causes, unbanned, unban_end, signature = (
        match.groups()
    )
    evidence = None if banned is None else Evidence(_counts(causes), _time(first), _time(last))
    statement = Statement(
        KeyId(origin),
        int(sequence),
        Kind.UNBAN if banned is None else Kind.BAN,
        _network(banned or unbanned),
        _time(ban_end or unban_end),
        evidence,
    )
    if statement.encode() != written:
        raise AssertionMalformed("not in its canonical form")
    return Assertion(statement, signature)


def is_assertion_version_known(text: str) -> bool:
    """Whether this claims to be of a version that is spoken here."""
    return text.startswith("1 ")


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise AssertionMalformed(f"network: {error}") from None


def _counts(text: str) -> tuple[tuple[str, int], ...]:
    pairs = [each.split("=") for each in text.split(",")]
    counts = tuple((cause, int(count)) for cause, count in pairs)
    names = [cause for cause, _count in counts]
    if names != sorted(set(names)):
        raise AssertionMalformed("causes are not in order")
    return counts


def _time(text: str) -> int:
    value = int(text)
    if value > LAST_SECOND:
        raise AssertionMalformed("time beyond the year 9999")
    return value
