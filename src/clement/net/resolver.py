"""The DNS as the Resolver port, on c-ares: a stub that asks the configured resolvers and remembers.

Not here: recursion, DNSSEC, and what an answer means for a message. Temporary failures are exceptions and
remembered for a moment only; nothing here ever turns one into "does not exist".
RFC 5321 §5.1 (where mail goes), RFC 7505 (null MX), RFC 2308 (negative answers).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address

import aiodns
import msgspec
import pycares

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.net.resolver_cache import TtlCache
from clement.net.resolver_records import Records, query_name, read_records
from clement.policy.ports import MailDomain

# c-ares keeps answers for itself, without a bound on their number: about 1.2 kB each.
# A channel that has asked so often is replaced, and its answers with it.
QUERIES_A_CHANNEL = 20_000

_NO_SUCH_NAME = frozenset((aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_EBADNAME))
_NO_SUCH_RECORD = aiodns.error.ARES_ENODATA
_NO_NAME = DnsAnswer(exists=False)

_Question = tuple[str, str]


class ResolverSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the DNS is asked.

    servers: `address` or `address:port` (IPv6 in brackets); none means those of resolv.conf.
    timeout_s: for one question altogether. try_s: for one server, before the next try.
    min_ttl_s, max_ttl_s: bounds on the TTL of an answer. negative_ttl_s: for "does not exist";
    failure_ttl_s: for temporary failures, so that one dead zone is not asked for by every session.
    max_asking: questions under way at once; more fail at once.
    """

    servers: tuple[str, ...] = ()
    timeout_s: float = 5.0
    try_s: float = 2.0
    min_ttl_s: float = 60.0
    max_ttl_s: float = 86_400.0
    negative_ttl_s: float = 60.0
    failure_ttl_s: float = 5.0
    max_entries: int = 20_000
    max_asking: int = 1000


class _Known(msgspec.Struct, frozen=True, gc=False):
    """An answer, or (`answer` is None) that none can be had now; either counts until `until_s`."""

    answer: DnsAnswer | None
    until_s: float


class DnsResolver:
    """Implements Resolver. One for each process, made after forking; belongs to the running loop."""

    def __init__(
        self, settings: ResolverSettings | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings or ResolverSettings()
        self._clock = clock
        self._answers: TtlCache[_Question, _Known] = TtlCache(self.settings.max_entries)
        self._mail_domains: TtlCache[str, MailDomain] = TtlCache(self.settings.max_entries)
        self._asking: dict[_Question, asyncio.Task[_Known]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._channel = self._new_channel()
        self._channel_queries = 0

    async def close(self) -> None:
        """End every question and give the sockets back; nothing can be asked afterwards."""
        tasks = [*self._asking.values(), *self._retiring]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._channel.close()

    # the port

    def known_mail_domain(self, domain: str) -> MailDomain | None:
        return self._mail_domains.get(domain.removesuffix(".").lower(), self._clock())

    async def mail_domain(self, domain: str) -> MailDomain:
        key = domain.removesuffix(".").lower()
        known = self._mail_domains.get(key, self._clock())
        if known is not None:
            return known
        exchangers = await self._lookup(domain, "MX")
        found = [exchangers]
        if _records(exchangers):
            null = all(_host_of(record) == "." for record in _records(exchangers))
            answer = MailDomain.REFUSES if null else MailDomain.REACHABLE
        else:
            if _answer(exchangers).exists:
                found += await self._both_addresses(domain)
            answer = MailDomain.REACHABLE if any(map(_records, found)) else MailDomain.NOWHERE
        self._mail_domains.put(key, answer, min(known.until_s for known in found))
        return answer

    async def mx(self, domain: str) -> DnsAnswer:
        answer = _answer(await self._lookup(domain, "MX"))
        return DnsAnswer(tuple(sorted(answer.records, key=_preference_first)), answer.exists)

    def known_a(self, name: str) -> DnsAnswer | None:
        """The remembered answer of `a`; None when it has to be asked for, or failed.

        name: in lower case, without the final dot; anything else is not known.
        """
        known = self._answers.get((name, "A"), self._clock())
        return known.answer if known is not None else None

    def begin_a(self, name: str, told: Callable[[str, DnsAnswer | None], None]) -> None:
        """Ask what `a` will want to know, without waiting; name: as for `known_a`.

        told: called with the name and the answer when it comes, or None when it fails; not when it is
        remembered or asked for already.
        """
        question = (name, "A")
        if question in self._asking or query_name(name) != name:
            return
        if self._answers.get(question, self._clock()) is None:
            with suppress(DnsTemporaryFailure):
                self._ask_once(question).add_done_callback(
                    lambda task: None if task.cancelled() else told(name, task.result().answer)
                )

    def forget_below(self, zone: str) -> None:
        """Forget every answer about names in a zone, here and in c-ares."""
        within = f".{zone}"
        self._answers.drop(lambda question: question[0].endswith(within))
        self._channel_queries = QUERIES_A_CHANNEL

    async def a(self, name: str) -> DnsAnswer:
        return _answer(await self._lookup(name, "A"))

    async def aaaa(self, name: str) -> DnsAnswer:
        return _answer(await self._lookup(name, "AAAA"))

    async def addresses(self, name: str) -> DnsAnswer:
        found = [_answer(known) for known in await self._both_addresses(name)]
        records = tuple(record for answer in found for record in answer.records)
        return DnsAnswer(records, any(answer.exists for answer in found))

    async def txt(self, name: str) -> DnsAnswer:
        return _answer(await self._lookup(name, "TXT"))

    async def ptr(self, address: str) -> DnsAnswer:
        try:
            name = ip_address(address).reverse_pointer
        except ValueError:
            return _NO_NAME
        return _answer(await self._lookup(name, "PTR"))

    # asking

    async def _both_addresses(self, name: str) -> list[_Known]:
        """A and AAAA. One that fails is passed over when the other one has records."""
        found = await asyncio.gather(
            self._lookup(name, "A"), self._lookup(name, "AAAA"), return_exceptions=True
        )
        known = [one for one in found if isinstance(one, _Known)]
        for one in found:
            if isinstance(one, BaseException) and not any(map(_records, known)):
                raise one
        return known

    async def _lookup(self, text: str, kind: str) -> _Known:
        """What is known of a name, asked for if need be. Raises DnsTemporaryFailure."""
        name = query_name(text)
        if name is None:
            return _Known(_NO_NAME, self._clock() + self.settings.max_ttl_s)
        question = (name, kind)
        known = self._answers.get(question, self._clock())
        if known is None:
            # Shielded: others may wait for the same answer when this session goes away.
            known = await asyncio.shield(self._ask_once(question))
        if known.answer is None:
            raise DnsTemporaryFailure(f"{kind} of {name}")
        return known

    def _ask_once(self, question: _Question) -> asyncio.Task[_Known]:
        task = self._asking.get(question)
        if task is None:
            if len(self._asking) >= self.settings.max_asking:
                raise DnsTemporaryFailure("too many questions at once")
            task = asyncio.get_running_loop().create_task(self._ask(question))
            self._asking[question] = task
        return task

    async def _ask(self, question: _Question) -> _Known:
        name, kind = question
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                result = await self._channel_to_ask().query_dns(name, kind)
            known = self._positive(read_records(result, name, kind))
        except aiodns.error.DNSError as error:
            known = self._negative(error.args[0])
        except (TimeoutError, pycares.AresError):  # the latter: no descriptors for a new channel
            known = self._until(None, self.settings.failure_ttl_s)
        finally:
            del self._asking[question]
        self._answers.put(question, known, known.until_s)
        return known

    def _positive(self, records: Records) -> _Known:
        if not records.texts:  # a chain of CNAMEs that leads nowhere
            return self._until(DnsAnswer(), self.settings.negative_ttl_s)
        ttl_s = min(max(records.ttl_s, self.settings.min_ttl_s), self.settings.max_ttl_s)
        return self._until(DnsAnswer(records.texts), ttl_s)

    def _negative(self, error_number: int) -> _Known:
        if error_number == _NO_SUCH_RECORD:
            return self._until(DnsAnswer(), self.settings.negative_ttl_s)
        if error_number in _NO_SUCH_NAME:
            return self._until(_NO_NAME, self.settings.negative_ttl_s)
        return self._until(None, self.settings.failure_ttl_s)

    def _until(self, answer: DnsAnswer | None, ttl_s: float) -> _Known:
        return _Known(answer, self._clock() + ttl_s)

    # the channel

    def _new_channel(self) -> aiodns.DNSResolver:
        return aiodns.DNSResolver(
            nameservers=self.settings.servers or None,
            loop=asyncio.get_running_loop(),
            timeout=self.settings.try_s,
            tries=2,
            lookups="b",  # the DNS alone: /etc/hosts says nothing about mail
        )

    def _channel_to_ask(self) -> aiodns.DNSResolver:
        self._channel_queries += 1
        if self._channel_queries > QUERIES_A_CHANNEL:
            retiring = asyncio.get_running_loop().create_task(self._retire(self._channel))
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
            self._channel, self._channel_queries = self._new_channel(), 1
        return self._channel

    async def _retire(self, channel: aiodns.DNSResolver) -> None:
        try:
            await asyncio.sleep(self.settings.timeout_s)  # the questions it has still to answer
        finally:
            await channel.close()


def _answer(known: _Known) -> DnsAnswer:
    return known.answer or _NO_NAME


def _records(known: _Known) -> Iterable[str]:
    return _answer(known).records


def _host_of(record: str) -> str:
    return record.partition(" ")[2]


def _preference_first(record: str) -> tuple[int, str]:
    preference, _, host = record.partition(" ")
    return int(preference), host
