"""Who is calling and who wrote it: what SPF, DKIM, ARC, DMARC and the DNS name of the client say, as facts.

Each is found out once, when a check first asks, and shared by all who ask: DMARC builds on the outcomes of
SPF and DKIM, not on anybody's findings. All of them run side by side, inside one budget of questions and
time. What an outcome is worth, the checks report and `decide` alone says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from zlib import crc32

import msgspec

from clement.message.authentication.arc import ArcOutcome, ArcValidator
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim import DkimOutcome, DkimVerifier
from clement.message.authentication.dmarc import (
    MAX_AUTHOR_DOMAINS,
    DkimIdentifier,
    DmarcOutcome,
    SpfIdentifier,
    conclude,
    strictest,
    too_many_authors,
)
from clement.message.authentication.dmarc_discovery import Discovery, discover
from clement.message.authentication.result import Result
from clement.message.authentication.reverse_name import (
    ReverseNameOutcome,
    has_address,
    verify_reverse_name,
)
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.spf import SpfOutcome, check_host
from clement.message.dns import Dns, DnsTemporaryFailure
from clement.message.grammar import MessageFacts
from clement.policy.dns_budget import DnsBudget
from clement.policy.once import Once, Rest, begin
from clement.smtp import AddressError, Mailbox, ReversePath, parse_domain

_SIGNATURE_FIELDS = (b"dkim-signature", b"arc-")
_NO_CHAIN = ArcOutcome(result=Result.NONE)
MAX_KEYS_AT_ONCE = 10


class IdentityRules(msgspec.Struct, frozen=True, kw_only=True):
    """How identities are found out.

    hostname: ours, as SPF macros and Authentication-Results have it.
    questions: of one message to the DNS. time_s: that they may take together.
    tree_walk: DMARC records are sought as the successor of RFC 7489 has it.
    trusted_sealers: domains whose ARC seals are believed, those below them too.
    """

    hostname: str
    questions: int = 200
    time_s: float = 10.0
    tree_walk: bool = False
    trusted_sealers: frozenset[str] = frozenset()

    def share(
        self,
        dns: Dns,
        clock: Callable[[], float],
        *,
        percent: int,
        least: int = 1,
        has_begun: bool = False,
    ) -> DnsBudget:
        """A part of the questions, for one purpose alone.

        What a stranger publishes may use up what is asked of it, and nothing else: if it could keep the keys
        or the records of the domain that he pretends to be from being asked for, no forgery would be refused.
        """
        questions = max(least, self.questions * percent // 100)
        return DnsBudget(dns, questions, self.time_s, clock, has_begun=has_begun)


class Envelope(msgspec.Struct, frozen=True):
    """What the session knows when MAIL has been accepted."""

    address: IPv4Address | IPv6Address
    hello: str
    reverse_path: ReversePath
    now_s: float


BodyFeed = Callable[[BodyHashes], Awaitable[None] | None]
"""Feeds the body of the message to hashes: at once, or elsewhere where that would take long."""


class EnvelopeIdentity:
    """Of one transaction: SPF for the reverse-path and the HELO name, and the names of the client's address.

    spf: of the reverse-path's domain; of the HELO name when it is null (RFC 7208 §2.4).
    hello_resolves: whether the HELO name has the client's address; temperror, none when it is no name.

    Many transactions end at RCPT and ask for none of them: they are made ready when the first is asked for.
    """

    hello_spf: Once[SpfOutcome]
    spf: Once[SpfOutcome]
    reverse_name: Once[ReverseNameOutcome]
    hello_resolves: Once[Result]
    _spf_dns: Dns
    _hello_dns: Dns
    _name_dns: Dns

    __slots__ = (
        "_clock",
        "_dns",
        "_hello_dns",
        "_is_ready",
        "_name_dns",
        "_spf_dns",
        "envelope",
        "hello_resolves",
        "hello_spf",
        "reverse_name",
        "rules",
        "spf",
    )

    def __init__(
        self, dns: Dns, rules: IdentityRules, envelope: Envelope, clock: Callable[[], float]
    ) -> None:
        self.rules = rules
        self.envelope = envelope
        self._dns = dns
        self._clock = clock
        self._is_ready = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - one of several, each with its own type
        """Make ready what is asked for; Python calls this only for what is not there yet."""
        if self._is_ready or name not in self.__slots__:
            raise AttributeError(name)
        self._make_ready()
        return getattr(self, name)

    def _make_ready(self) -> None:
        self._is_ready = True
        rules, dns, clock = self.rules, self._dns, self._clock
        self._spf_dns = rules.share(dns, clock, percent=35)
        self._hello_dns = rules.share(dns, clock, percent=15)
        self._name_dns = rules.share(dns, clock, percent=10, least=12)
        self.hello_spf = Once(self._check_hello)
        self.spf = Once(self._check_reverse_path) if self.has_reverse_path else self.hello_spf
        self.reverse_name = Once(self._verify_reverse_name)
        self.hello_resolves = Once(self._resolve_hello)

    @property
    def has_reverse_path(self) -> bool:
        """Whether `spf` is of the reverse-path, and not of the HELO name."""
        return isinstance(self.envelope.reverse_path, Mailbox)

    def start(self) -> None:
        """Begin with all of them: the client will be busy sending content meanwhile."""
        for once in self._all():
            once.start()

    def give_up(self) -> None:
        """The transaction is over. Safe at any time and twice."""
        if self._is_ready:
            for once in self._all():
                once.give_up()

    def _all(self) -> tuple[Once[SpfOutcome], Once[SpfOutcome], Once[ReverseNameOutcome], Once[Result]]:
        return self.spf, self.hello_spf, self.reverse_name, self.hello_resolves

    async def _check_reverse_path(self) -> SpfOutcome:
        path = self.envelope.reverse_path
        if not isinstance(path, Mailbox):
            raise TypeError("the null reverse-path has no domain")
        return await self._check_host(self._spf_dns, path.domain, f"{path.local_part}@{path.domain}")

    async def _check_hello(self) -> SpfOutcome:
        hello = self.envelope.hello
        return await self._check_host(self._hello_dns, hello, f"postmaster@{hello}")

    async def _check_host(self, dns: Dns, domain: str, identity: str) -> SpfOutcome:
        envelope = self.envelope
        return await check_host(
            dns,
            address=envelope.address,
            domain=domain,
            identity=identity,
            hello=envelope.hello,
            receiver=self.rules.hostname,
            now_s=envelope.now_s,
        )

    async def _verify_reverse_name(self) -> ReverseNameOutcome:
        return await verify_reverse_name(self._name_dns, self.envelope.address)

    async def _resolve_hello(self) -> Result:
        name = self.envelope.hello
        if name.startswith("[") or "." not in name:
            return Result.NONE
        try:
            found = await has_address(self._name_dns, name.rstrip("."), self.envelope.address)
        except DnsTemporaryFailure:
            return Result.TEMPERROR
        return Result.PASS if found else Result.FAIL


class ContentIdentity:
    """Of one message: DKIM, ARC and DMARC.

    header: the block as the client sent it. feed: the body behind it.
    transaction_id: decides which messages pct= spares.
    """

    __slots__ = (
        "_arc_dns",
        "_discoveries",
        "_dmarc_dns",
        "_feed",
        "_header",
        "_key_dns",
        "_message",
        "_signatures",
        "_transaction_id",
        "arc",
        "dkim",
        "dmarc",
        "envelope",
    )

    def __init__(
        self,
        dns: Dns,
        envelope: EnvelopeIdentity,
        message: MessageFacts,
        header: bytes,
        feed: BodyFeed,
        transaction_id: str,
        clock: Callable[[], float],
    ) -> None:
        rules = envelope.rules
        self.envelope = envelope
        self._message = message
        self._header = header
        self._feed = feed
        self._transaction_id = transaction_id
        # The client waits from now on: whatever is asked for last has no more time than what came first.
        self._key_dns = rules.share(dns, clock, percent=10, least=10, has_begun=True)
        self._arc_dns = rules.share(dns, clock, percent=10, has_begun=True)
        self._dmarc_dns = rules.share(dns, clock, percent=20, least=40, has_begun=True)
        self._signatures: Once[_Signatures] = Once(self._read_signatures)
        self._discoveries: tuple[Once[Discovery], ...] = ()
        self.dkim: Once[tuple[DkimOutcome, ...]] = Once(self._verify_dkim)
        self.arc: Once[ArcOutcome] = Once(self._validate_arc)
        self.dmarc: Once[DmarcOutcome] = Once(self._evaluate_dmarc)

    async def end(self) -> None:
        """The message is judged: afterwards nobody reads its body any more. Safe at any time and twice."""
        tasks: list[asyncio.Task[Any] | None] = [
            self.dmarc.give_up(),
            self.arc.give_up(),
            self.dkim.give_up(),
            self._signatures.give_up(),
        ]
        tasks += [discovery.give_up() for discovery in self._discoveries]
        ending = [task for task in tasks if task is not None]
        if ending:
            await asyncio.wait(ending)

    @property
    def author_domains(self) -> tuple[str, ...]:
        """The domains of all authors that any reader may see, in normal form, without what is no domain."""
        return tuple(domain for domain in self._message.author_domains if _is_domain(domain))

    async def _read_signatures(self) -> _Signatures:
        lowered = self._header.lower()
        if not any(name in lowered for name in _SIGNATURE_FIELDS):
            return _Signatures(None, None)
        header, hashes = SignedHeader(self._header), BodyHashes()
        now_s = self.envelope.envelope.now_s
        verifier = DkimVerifier(header, now_s=now_s, hashes=hashes)
        validator = ArcValidator(header, now_s=now_s, hashes=hashes)
        asking = self._ask_for_keys(verifier.key_names)
        if hashes.wanted:
            waiting = self._feed(hashes)
            if waiting is not None:
                await waiting
        if asking:
            await asyncio.wait(asking)
        return _Signatures(verifier, validator)

    def _ask_for_keys(self, names: Collection[str]) -> list[asyncio.Task[None]]:
        """Ask for several keys at once: signatures are verified one by one, and find them remembered."""
        if len(names) < 2:
            return []
        begun = [begin(self._remember_key(name)) for name in sorted(names)[:MAX_KEYS_AT_ONCE]]
        return [asyncio.ensure_future(rest.run()) for rest in begun if isinstance(rest, Rest)]

    async def _remember_key(self, name: str) -> None:
        with suppress(DnsTemporaryFailure):
            await self._key_dns.txt(name)

    async def _verify_dkim(self) -> tuple[DkimOutcome, ...]:
        signatures = await self._signatures
        return () if signatures.dkim is None else await signatures.dkim.verify(self._key_dns)

    async def _validate_arc(self) -> ArcOutcome:
        signatures = await self._signatures
        return _NO_CHAIN if signatures.arc is None else await signatures.arc.validate(self._arc_dns)

    async def _evaluate_dmarc(self) -> DmarcOutcome:
        domains = self.author_domains
        if not domains:
            return DmarcOutcome(result=Result.NONE, reason="no author's domain")
        if len(domains) > MAX_AUTHOR_DOMAINS:
            return too_many_authors(len(domains))
        self._discoveries = tuple(Once(self._discovery_of(domain)) for domain in domains)
        for once in self._discoveries:
            once.start()
        spf, dkim = await self.envelope.spf, await self.dkim
        roll = crc32(self._transaction_id.encode()) % 100
        outcomes = [
            await conclude(
                self._dmarc_dns,
                await discovery,
                SpfIdentifier(spf.result, spf.domain),
                [dkim_identifier(outcome) for outcome in dkim],
                roll=roll,
            )
            for discovery in self._discoveries
        ]
        return outcomes[0] if len(outcomes) == 1 else strictest(outcomes)

    def _discovery_of(self, domain: str) -> Callable[[], Coroutine[Any, Any, Discovery]]:
        return lambda: discover(self._dmarc_dns, domain, tree_walk=self.envelope.rules.tree_walk)


class _Signatures(msgspec.Struct, frozen=True):
    """The evaluators of a message whose body has been hashed; None where there is nothing to evaluate."""

    dkim: DkimVerifier | None
    arc: ArcValidator | None


class Identification:
    """Finds out identities with one resolver by one set of rules. clock: monotonic seconds."""

    __slots__ = ("_clock", "_dns", "rules")

    def __init__(self, dns: Dns, rules: IdentityRules, clock: Callable[[], float]) -> None:
        self._dns = dns
        self._clock = clock
        self.rules = rules

    def of_envelope(self, envelope: Envelope) -> EnvelopeIdentity:
        """Of a transaction that begins; asks for nothing yet."""
        return EnvelopeIdentity(self._dns, self.rules, envelope, self._clock)

    def of_content(
        self,
        envelope: EnvelopeIdentity,
        message: MessageFacts,
        header: bytes,
        feed: BodyFeed,
        transaction_id: str,
    ) -> ContentIdentity:
        """Of the message that came in it; asks for nothing yet."""
        return ContentIdentity(self._dns, envelope, message, header, feed, transaction_id, self._clock)


def dkim_identifier(outcome: DkimOutcome) -> DkimIdentifier:
    """A signature as DMARC sees it; below another From or Subject it covers no more than a part."""
    return DkimIdentifier(outcome.result, outcome.domain, outcome.is_partial or bool(outcome.unsigned_copies))


@lru_cache(maxsize=4096)
def _is_domain(text: str) -> bool:
    try:
        return not parse_domain(text).startswith("[")
    except AddressError:
        return False
