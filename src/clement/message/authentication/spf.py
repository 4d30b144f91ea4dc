"""SPF: whether a domain lets an address send in its name.  RFC 7208, RFC 8616 §4.

`check_host` is that of RFC 7208 §4. It ends by itself: what a record makes it look up is limited by
`SpfLimits`, so are the depth and the length of everything. Time-outs are for whoever passes in the DNS.
It decides nothing; what a result is worth is for policy to say.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from clement.message.authentication.result import Result
from clement.message.authentication.spf_macros import (
    DomainSpec,
    SpfSyntaxError,
    host_domain,
    parse_explanation,
)
from clement.message.authentication.spf_record import (
    Directive,
    Mechanism,
    SpfRecord,
    is_spf_record,
    parse_record,
)
from clement.message.dns import Dns, DnsAnswer, DnsTemporaryFailure
from clement.message.text import visible

_NOT_PRINTABLE = re.compile(r"[^ -~]")


class SpfLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far a record may send us. The first four are those of RFC 7208 §4.6.4.

    lookups: terms that ask the DNS. void_lookups: terms to which the DNS has no answer. mx_hosts: exchangers
    of one `mx`. ptr_names: names of the client that are looked at. record_chars: the longest record that is
    read. explanation_chars: the longest explanation that is kept; with 0 none is asked for.
    """

    lookups: int = 10
    void_lookups: int = 2
    mx_hosts: int = 10
    ptr_names: int = 10
    record_chars: int = 8192
    explanation_chars: int = 500


RFC_LIMITS = SpfLimits()


class SpfOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a check. Texts are bounded and fit to be shown.

    domain: the one that was checked, in lower case. explanation: what the domain has to say of a fail (exp=),
    printable ASCII. mechanism: the term that matched, "" when none did. problem: why permerror, temperror or
    none, in words for a postmaster. lookups: terms that asked the DNS.
    """

    result: Result
    domain: str
    explanation: str = ""
    mechanism: str = ""
    problem: str = ""
    lookups: int = 0


async def check_host(  # noqa: PLR0913 - the arguments of RFC 7208 §4.1, and what macros tell
    dns: Dns,
    *,
    address: IPv4Address | IPv6Address,
    domain: str,
    identity: str,
    hello: str,
    receiver: str,
    now_s: float,
    limits: SpfLimits = RFC_LIMITS,
) -> SpfOutcome:
    """Whether `domain` lets `address` send as `identity`. Never raises.

    address: of the client. identity: the reverse-path as `local-part@domain`, or `postmaster@` and what the
    client called itself (RFC 7208 §2.3, §2.4). hello, receiver: the client's name for itself and ours.
    now_s: Unix time.
    """
    name = host_domain(domain)
    if not name:
        return SpfOutcome(
            result=Result.NONE, domain=visible(domain, 255), problem="not a fully qualified domain name"
        )
    check = _Check(dns, _client(address), _Envelope(identity, hello, receiver, now_s), limits)
    try:
        verdict = await check.evaluate(name, ())
    except _PermanentError as error:
        return SpfOutcome(result=Result.PERMERROR, domain=name, problem=str(error), lookups=check.lookups)
    except DnsTemporaryFailure as failure:
        problem = visible(f"the DNS does not answer: {failure}", 400)
        return SpfOutcome(result=Result.TEMPERROR, domain=name, problem=problem, lookups=check.lookups)
    return SpfOutcome(
        result=verdict.result,
        domain=name,
        explanation=await check.explanation(verdict),
        mechanism=verdict.mechanism,
        problem="no SPF record" if verdict.result is Result.NONE else "",
        lookups=check.lookups,
    )


def _client(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that counts: IPv4 when it is mapped (§5), without a zone."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


class _PermanentError(Exception):
    """The published records are wrong; the message says how."""


class _Verdict(msgspec.Struct, frozen=True):
    """The result of one check_host(): in which domain, and by which term and record."""

    result: Result
    domain: str
    mechanism: str = ""
    record: SpfRecord = SpfRecord()


class _Envelope(msgspec.Struct, frozen=True):
    """What macros tell of the session."""

    identity: str
    hello: str
    receiver: str
    now_s: float

    def macro_values(self, address: IPv4Address | IPv6Address) -> dict[str, str]:
        """By letter, in the forms of RFC 7208 §7.3; `d` and `p` depend on the domain that is asked."""
        local_part, _, domain = self.identity.rpartition("@")
        local_part = local_part or "postmaster"  # §4.3
        nibbles = f"{int(address):032X}"
        return {
            "s": f"{local_part}@{domain}",
            "l": local_part,
            "o": domain,
            "i": str(address) if address.version == 4 else ".".join(nibbles),
            "c": str(address),
            "v": "in-addr" if address.version == 4 else "ip6",
            "h": self.hello,
            "r": self.receiver or "unknown",
            "t": str(int(self.now_s)),
        }


class _Check:
    """One check, with the includes and redirects that it leads to."""

    __slots__ = (
        "_address",
        "_bits",
        "_dns",
        "_envelope",
        "_limits",
        "_names",
        "_term_is_void",
        "_unlimited",
        "_values",
        "_verified",
        "_voids",
        "lookups",
    )

    def __init__(
        self, dns: Dns, address: IPv4Address | IPv6Address, envelope: _Envelope, limits: SpfLimits
    ) -> None:
        self._dns = dns
        self._address = address
        self._bits = int(address)
        self._envelope = envelope
        self._limits = limits
        self._names: tuple[str, ...] | None = None
        self._verified: dict[str, bool] = {}
        self._values: dict[str, str] | None = None
        self._voids = 0
        self._term_is_void = False
        self._unlimited = False
        self.lookups = 0

    async def evaluate(self, domain: str, above: tuple[str, ...]) -> _Verdict:
        """check_host() of RFC 7208 §4. `above`: the domains whose records led here.

        Raises _PermanentError and DnsTemporaryFailure.
        """
        redirected_by = ""
        while True:
            record = await self._record(domain)
            if record is None and redirected_by:
                raise _PermanentError(f"{redirected_by} redirects to {domain}, which has no SPF record")
            if record is None:
                return _Verdict(Result.NONE, domain)
            within = (*above, domain)
            for directive in record.directives:
                if (
                    await self._matches(directive, domain, within)
                    if directive.asks
                    else self._covers(directive)
                ):
                    return _Verdict(directive.result, domain, directive.text, record)
            if record.redirect is None:
                return _Verdict(Result.NEUTRAL, domain, "", record)  # §4.7
            redirected_by, above = domain, within
            domain = await self._next_domain(record.redirect, domain, within, "redirect")

    async def _record(self, domain: str) -> SpfRecord | None:
        """The record of a domain, None when it publishes none.  §4.4, §4.5."""
        found = [text for text in (await self._dns.txt(domain)).records if is_spf_record(text)]
        if not found:
            return None
        if len(found) > 1:
            raise _PermanentError(f"{len(found)} SPF records at {domain}")
        if len(found[0]) > self._limits.record_chars:
            raise _PermanentError(f"an SPF record of {len(found[0])} characters at {domain}")
        record = parse_record(found[0])
        if record.problem:
            raise _PermanentError(f"{record.problem} (SPF record of {domain})")
        return record

    async def _next_domain(
        self, spec: DomainSpec | None, domain: str, within: tuple[str, ...], term: str
    ) -> str:
        """The domain that an include or redirect leads to; both end in permerror when there is none."""
        self._count()
        target = host_domain(await self._target(spec, domain))
        if not target:
            raise _PermanentError(f"{term} of no domain name (SPF record of {domain})")
        if target in within:
            # The same record, asked the same again, cannot match this time: it would end at the limit.
            raise _PermanentError(f"{term} loop: {domain} leads back to {target}")
        return target

    # mechanisms, RFC 7208 §5

    def _covers(self, directive: Directive) -> bool:
        """Whether one of the mechanisms that ask nothing matches: all, ip4, ip6."""
        if directive.mechanism is Mechanism.ALL:
            return True
        return (
            self._address.version == directive.version and self._bits >> directive.shift == directive.prefix
        )

    async def _matches(self, directive: Directive, domain: str, within: tuple[str, ...]) -> bool:
        if directive.mechanism is Mechanism.INCLUDE:
            return await self._include(directive, domain, within)
        self._count()
        target = await self._target(directive.target, domain)
        if not target:
            return False
        match directive.mechanism:
            case Mechanism.A:
                return await self._has_address(target, directive)
            case Mechanism.MX:
                return await self._exchanger_has_address(target, directive)
            case Mechanism.EXISTS:
                return bool(self._noted(await self._dns.a(target)).records)
            case _:  # ptr
                return await self._is_named_under(target)

    async def _include(self, directive: Directive, domain: str, within: tuple[str, ...]) -> bool:
        """The table of §5.2: only a pass matches; an included domain without a record is an error."""
        target = await self._next_domain(directive.target, domain, within, "include")
        verdict = await self.evaluate(target, within)
        if verdict.result is Result.NONE:
            raise _PermanentError(f"{domain} includes {target}, which has no SPF record")
        return verdict.result is Result.PASS

    async def _has_address(self, name: str, directive: Directive) -> bool:
        shift = 32 - directive.ip4_bits if self._address.version == 4 else 128 - directive.ip6_bits
        prefix = self._bits >> shift
        addresses = self._noted(await self._addresses(name)).records
        return any(_bits_of(address) >> shift == prefix for address in addresses)

    async def _exchanger_has_address(self, domain: str, directive: Directive) -> bool:
        exchangers = self._noted(await self._dns.mx(domain)).records
        if len(exchangers) > self._limits.mx_hosts:
            raise _PermanentError(f"more than {self._limits.mx_hosts} MX records at {domain}")
        for exchanger in exchangers:
            host = exchanger.partition(" ")[2]
            if host not in {"", "."} and await self._has_address(host, directive):  # RFC 7505: null MX
                return True
        return False

    # names of the client: the mechanism ptr (§5.5) and the macro p (§7.3)

    async def _is_named_under(self, target: str) -> bool:
        return await self._first_verified(_within(target, await self._client_names())) is not None

    async def _validated_name(self, domain: str) -> str:
        """What `%{p}` stands for: the domain itself, or a name below it, or any, or `unknown`."""
        if self._names is None:
            self._count()
        names = await self._client_names()
        preferred = [*[name for name in names if name == domain], *_within(domain, names), *names]
        return await self._first_verified(preferred) or "unknown"

    async def _client_names(self) -> tuple[str, ...]:
        """The first of the client's names, asked for once; none when the DNS fails."""
        if self._names is None:
            try:
                names = self._noted(await self._dns.ptr(str(self._address))).records
            except DnsTemporaryFailure:
                names = ()
            self._names = names[: self._limits.ptr_names]
        return self._names

    async def _first_verified(self, names: list[str]) -> str | None:
        """The first name that has the client's address. One at which the DNS fails is passed over."""
        for name in names:
            if name not in self._verified:
                try:
                    addresses = self._noted(await self._addresses(name)).records
                except DnsTemporaryFailure:
                    addresses = ()
                self._verified[name] = self._bits in map(_bits_of, addresses)
            if self._verified[name]:
                return name
        return None

    # exp=, RFC 7208 §6.2

    async def explanation(self, verdict: _Verdict) -> str:
        """What the domain says of a fail; "" when it says nothing that can be used. Counts as no look-up."""
        spec, most = verdict.record.explanation, self._limits.explanation_chars
        if verdict.result is not Result.FAIL or spec is None or not most:
            return ""
        self._unlimited = True
        try:
            name = await self._target(spec, verdict.domain)
            texts = (await self._dns.txt(name)).records if name else ()
            if len(texts) != 1 or len(texts[0]) > self._limits.record_chars:
                return ""
            text = parse_explanation(texts[0])
            values = await self._macro_values(text.letters, verdict.domain)
        except (DnsTemporaryFailure, SpfSyntaxError):
            return ""
        return _NOT_PRINTABLE.sub("?", text.expand(values, most))

    # macros, RFC 7208 §7

    async def _target(self, spec: DomainSpec | None, domain: str) -> str:
        """The target-name of a term, "" when it is no name of the DNS."""
        if spec is None:
            return domain
        return spec.literal or spec.target_name(await self._macro_values(spec.letters, domain))

    async def _macro_values(self, letters: frozenset[str], domain: str) -> dict[str, str]:
        if self._values is None:
            self._values = self._envelope.macro_values(self._address)
        self._values["d"] = domain
        if "p" in letters:
            self._values["p"] = await self._validated_name(domain)
        return self._values

    # the DNS, RFC 7208 §4.6.4

    async def _addresses(self, name: str) -> DnsAnswer:
        """Those of the client's kind."""
        return await (self._dns.a(name) if self._address.version == 4 else self._dns.aaaa(name))

    def _count(self) -> None:
        """A term is about to ask the DNS."""
        self._term_is_void = False
        if self._unlimited:
            return
        if self.lookups >= self._limits.lookups:
            raise _PermanentError(f"more than {self._limits.lookups} look-ups")
        self.lookups += 1

    def _noted(self, answer: DnsAnswer) -> DnsAnswer:
        """The same answer. Terms are counted that got none, not the questions of one term (§11.1)."""
        if not answer.records and not self._term_is_void and not self._unlimited:
            self._term_is_void = True
            self._voids += 1
            if self._voids > self._limits.void_lookups:
                raise _PermanentError(f"more than {self._limits.void_lookups} look-ups without an answer")
        return answer


def _within(domain: str, names: tuple[str, ...]) -> list[str]:
    """Those of `names` that are `domain` or below it."""
    return [name for name in names if name == domain or name.endswith("." + domain)]


# The same few addresses answer for most domains.
@lru_cache(maxsize=4096)
def _bits_of(address: str) -> int:
    return int(ip_address(address))
