"""What a batch of the log tells of clients, HELO names and domains, gathered by subject."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

import msgspec

from clement.journal.records import Outcome
from clement.policy.deeds import deferral_cause, is_stranger, refusal_cause
from clement.policy.network import Network, client_address
from clement.policy.reputation import (
    SPREAD_BITS,
    UNWANTED,
    Cause,
    Kind,
    client_network,
)

Subject = tuple[Kind, str]

SAMPLES = 5
VOUCHING_DOMAINS = 5


class SessionSeen(msgspec.Struct, frozen=True):
    """A session as far as it is counted."""

    id: str
    client: Network | None
    outcome: str
    reason: str
    hello: str
    at_s: float
    transaction_count: int


class TransactionSeen(msgspec.Struct, frozen=True):
    """A transaction as far as it is counted. recipients: outcome, reason and address of each."""

    id: str
    at_s: float
    outcome: str
    domains: tuple[str, ...]
    recipients: tuple[tuple[str, str, str], ...]


class Deeds(msgspec.Struct):
    """What one subject did in a batch. events: cause, count, Unix seconds. sessions: examples of unwanted."""

    events: list[tuple[Cause, int, float]] = []
    spread: int = 0
    sessions: list[str] = []
    hello: str = ""
    vouching: str = ""

    def add(self, cause: Cause, count: int, at_s: float, session_id: str = "") -> None:
        """Note events; a session that shows something unwanted becomes an example."""
        self.events.append((cause, count, at_s))
        if session_id and cause in UNWANTED and session_id not in self.sessions[-SAMPLES:]:
            self.sessions.append(session_id)


class Seen:
    """Everything a batch tells. accepted: clients with the ids of their accepted transactions."""

    __slots__ = ("accepted", "deeds")

    def __init__(self) -> None:
        self.deeds: dict[Subject, Deeds] = {}
        self.accepted: list[tuple[Network, str]] = []

    def session(self, one: SessionSeen, transactions: Iterable[TransactionSeen]) -> None:
        """Count a session with all its transactions."""
        if one.client is None:
            return
        subjects = self._subjects(one)
        counted: set[Cause] = set()
        for each in transactions:
            counted |= self._transaction(one, each, subjects)
        cause = _session_cause(one)
        if cause is not None and cause not in counted:
            for deeds in subjects:
                deeds.add(cause, 1, one.at_s, one.id)

    def run(self, client_text: str, reason: str, count: int, at_s: float, session_id: str) -> None:
        """Count the sessions of a run, of which only the first and the last are told."""
        client = client_of(client_text)
        cause = refusal_cause(reason) if reason else None
        if client is not None and cause is not None:
            self._of(Kind.CLIENT, str(client)).add(cause, count, at_s, session_id)

    def correction(self, client: Network | None, message: TransactionSeen, cause: Cause, count: int) -> None:
        """Count what a person said of a message afterwards."""
        if client is not None:
            self._of(Kind.CLIENT, str(client)).add(cause, count, message.at_s)
        for name in message.domains[:VOUCHING_DOMAINS]:
            self._of(Kind.DOMAIN, name).add(cause, count, message.at_s)

    def _subjects(self, one: SessionSeen) -> list[Deeds]:
        client = self._of(Kind.CLIENT, str(one.client))
        if not is_name(one.hello):
            return [client]
        client.hello = one.hello.lower()
        return [client, self._of(Kind.HELLO, client.hello)]

    def _transaction(self, one: SessionSeen, each: TransactionSeen, subjects: list[Deeds]) -> set[Cause]:
        causes, bits = _causes(each)
        vouching = each.domains[:VOUCHING_DOMAINS]
        if vouching:
            subjects[0].vouching = vouching[0]
            if Cause.ACCEPTED in causes:
                causes[Cause.AUTHENTICATED] = 1
        for deeds in (*subjects, *(self._of(Kind.DOMAIN, name) for name in vouching)):
            deeds.spread |= bits
            for cause, count in causes.items():
                deeds.add(cause, count, each.at_s, one.id)
        if Cause.ACCEPTED in causes and one.client is not None:
            self.accepted.append((one.client, each.id))
        return set(causes)

    def _of(self, kind: Kind, subject: str) -> Deeds:
        return self.deeds.setdefault((kind, subject[:255]), Deeds())


def _causes(each: TransactionSeen) -> tuple[dict[Cause, int], int]:
    """What a transaction counts as, and a bit for each of its unknown recipients."""
    causes: dict[Cause, int] = {}
    bits = 0
    for outcome, reason, address in each.recipients:
        if outcome == Outcome.ACCEPTED:
            causes[Cause.ACCEPTED] = 1
            continue
        if outcome in {Outcome.NOTHING, Outcome.HELD}:
            # Held in doubt is no deed: neither for the client nor against it.
            continue
        cause = refusal_cause(reason) if outcome == Outcome.REFUSED else deferral_cause(reason)
        if cause is Cause.UNKNOWN_RECIPIENT:
            causes[cause] = causes.get(cause, 0) + 1
            bits |= 1 << zlib.crc32(address.lower().encode()) % SPREAD_BITS
        elif cause is not None:
            causes[cause] = 1
    return causes, bits


def _session_cause(one: SessionSeen) -> Cause | None:
    if not one.reason or one.outcome in {Outcome.ACCEPTED, Outcome.HELD}:
        return None
    return refusal_cause(one.reason) if one.outcome == Outcome.REFUSED else deferral_cause(one.reason)


def client_of(text: str) -> Network | None:
    """The network that stands for a client in the log; None for machines of ours and what is no address."""
    try:
        address = ip_network(text).network_address if "/" in text else client_address(text.partition("%")[0])
    except ValueError:
        return None
    return client_network(address) if is_stranger(address) else None


def is_name(hello: str) -> bool:
    """Whether a HELO argument is a name, which can have a reputation of its own."""
    if not hello or hello.startswith("[") or "." not in hello or not hello.isascii():
        return False
    try:
        ip_address(hello)
    except ValueError:
        return True
    return False
