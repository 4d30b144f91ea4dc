"""Where a domain's DMARC record is, and which organization the domain belongs to.

RFC 7489 §6.6.3: at the domain, then at its organizational domain by the public suffix list. Its successor
walks up the tree instead, and reads the organization from the records that it meets (psd=).
"""

from __future__ import annotations

import msgspec

from clement.message.authentication.dmarc_record import (
    DmarcRecord,
    Policy,
    PublicSuffixDomain,
    RecordError,
    claims_to_be_dmarc,
    parse_record,
)
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.authentication.result import Result
from clement.message.dns import Dns, DnsTemporaryFailure

WALK_QUERIES = 8


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for an author's domain.

    organization: its organizational domain. record, policy, record_domain: what holds for the author's
    domain, and where it stood. result, problem: when there is no record to act on, and why: none, temperror,
    or permerror.
    """

    author_domain: str
    organization: str
    tree_walk: bool = False
    record: DmarcRecord | None = None
    policy: Policy = Policy.NONE
    record_domain: str = ""
    result: Result = Result.NONE
    problem: str = ""


class _Unusable(Exception):
    """A domain's records that cannot be acted on; the text says why."""


async def discover(dns: Dns, author_domain: str, *, tree_walk: bool) -> Discovery:
    """The record that holds for this domain. Never raises for the DNS: that is a temperror."""
    try:
        if tree_walk:
            return await _discover_by_walk(dns, author_domain)
        return await _discover_by_suffix(dns, author_domain)
    except DnsTemporaryFailure as failure:
        return _nothing(author_domain, Result.TEMPERROR, f"DNS: {failure}", tree_walk=tree_walk)
    except _Unusable as fault:
        return _nothing(author_domain, Result.PERMERROR, str(fault), tree_walk=tree_walk)


async def organization_of(dns: Dns, domain: str, *, tree_walk: bool) -> str:
    """The organizational domain of an identifier. Raises DnsTemporaryFailure, when walking."""
    if not tree_walk:
        return organizational_domain(domain)
    return _organization(domain, await _walk(dns, domain))


def _nothing(author_domain: str, result: Result, problem: str, *, tree_walk: bool) -> Discovery:
    return Discovery(
        author_domain=author_domain,
        organization=organizational_domain(author_domain),
        tree_walk=tree_walk,
        result=result,
        problem=problem[:200],
    )


# --- RFC 7489


async def _discover_by_suffix(dns: Dns, author_domain: str) -> Discovery:
    organization = organizational_domain(author_domain)
    record = await _record_at(dns, author_domain)
    record_domain = author_domain
    if record is None and organization != author_domain:
        record, record_domain = await _record_at(dns, organization), organization
    if record is None:
        return Discovery(author_domain=author_domain, organization=organization)
    policy = record.policy
    if record_domain != author_domain and record.subdomain_policy is not None:
        policy = record.subdomain_policy
    return Discovery(
        author_domain=author_domain,
        organization=organization,
        record=record,
        policy=policy,
        record_domain=record_domain,
    )


async def _record_at(dns: Dns, domain: str) -> DmarcRecord | None:
    """The one record at a domain. Raises _Unusable when there are several, or it is none to act on."""
    texts = [text for text in (await dns.txt(f"_dmarc.{domain}")).records if claims_to_be_dmarc(text)]
    if not texts:
        return None
    if len(texts) > 1:
        raise _Unusable(f"{len(texts)} DMARC records at {domain} (RFC 7489 6.6.3 allows one)")
    try:
        return parse_record(texts[0])
    except RecordError as fault:
        raise _Unusable(f"DMARC record of {domain}: {fault}") from None


# --- its successor


_Found = list[tuple[str, DmarcRecord]]


async def _walk(dns: Dns, domain: str) -> _Found:
    """The records from a domain upwards, the domain's own first.

    Names of more than eight labels are cut to seven after the first question, so that nobody can make us ask
    without end. What is no single sound record is passed over.
    """
    labels = domain.split(".")
    found: _Found = []
    queries = 0
    while labels and queries < WALK_QUERIES:
        name = ".".join(labels)
        queries += 1
        try:
            record = await _record_at(dns, name)
        except _Unusable:
            record = None
        if record is not None:
            found.append((name, record))
            if record.psd is not PublicSuffixDomain.UNKNOWN:
                break
        labels = labels[-(WALK_QUERIES - 1) :] if len(labels) > WALK_QUERIES else labels[1:]
    return found


def _organization(domain: str, found: _Found) -> str:
    """Which domain of a walk is the organizational one."""
    for name, record in found:
        if record.psd is PublicSuffixDomain.NO:
            return name
        if record.psd is PublicSuffixDomain.YES and name != domain:
            below = domain.removesuffix(f".{name}").rpartition(".")[2]
            return f"{below}.{name}"
    return found[-1][0] if found else domain


async def _discover_by_walk(dns: Dns, author_domain: str) -> Discovery:
    found = await _walk(dns, author_domain)
    organization = _organization(author_domain, found)
    by_name = dict(found)
    # The author's domain, else the organizational one, else the public suffix above both.
    for record_domain in (author_domain, organization, found[-1][0] if found else ""):
        record = by_name.get(record_domain)
        if record is None:
            continue
        return Discovery(
            author_domain=author_domain,
            organization=organization,
            tree_walk=True,
            record=record,
            policy=await _policy_of(dns, record, record_domain, author_domain),
            record_domain=record_domain,
        )
    return Discovery(author_domain=author_domain, organization=organization, tree_walk=True)


async def _policy_of(dns: Dns, record: DmarcRecord, record_domain: str, author_domain: str) -> Policy:
    if record_domain == author_domain:
        return record.policy
    if record.nonexistent_policy is not None and not await _exists(dns, author_domain):
        return record.nonexistent_policy
    return record.policy if record.subdomain_policy is None else record.subdomain_policy


async def _exists(dns: Dns, domain: str) -> bool:
    """Whether there is anything at a name: MX, A or AAAA."""
    for ask in (dns.mx, dns.a, dns.aaaa):
        if (await ask(domain)).records:
            return True
    return False
