"""DMARC: does the author's domain stand behind a message, and if not, what does its owner ask for?  RFC 7489.

Pure but for the questions to the DNS.  What SPF and DKIM found is passed in; only an identifier that passed
and belongs to the author's domain ties the message to it (§3.1).  A DKIM signature that covers only a part of
the body (`l=`) never does: whoever appended the rest would be speaking in the signer's name.

The record is sought at the author's domain and then at its organizational domain (`dmarc_discovery`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clement.message.authentication.dmarc_discovery import Discovery, discover, organization_of
from clement.message.authentication.dmarc_record import DmarcRecord, Policy
from clement.message.authentication.result import Result
from clement.message.dns import Dns, DnsTemporaryFailure

MAX_AUTHOR_DOMAINS = 4
MAX_SIGNATURES_TOLD = 3


class SpfIdentifier(msgspec.Struct, frozen=True, gc=False):
    """What SPF found of the reverse-path's domain; of the HELO name when the reverse-path is null (§4.1)."""

    result: Result
    domain: str


class DkimIdentifier(msgspec.Struct, frozen=True, gc=False):
    """What DKIM found of one signature. `is_partial`: it covers only a part of the body (`l=`)."""

    result: Result
    domain: str
    is_partial: bool = False


NO_SPF = SpfIdentifier(Result.NONE, "")


class DmarcOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, in the words of RFC 7489 §11.2: none, pass, fail, temperror or permerror.

    domain: the author's. policy: what its owner asks for, for this very domain (p=, sp= or np=).
    disposition: the same, after pct= or t= spared this message; Policy.NONE unless `result` is fail.
    aligned_by: "spf" or "dkim", and aligned_domain: the identifier that tied the message to its author.
    record_domain: where the record was found. reason: why not, in words for a postmaster; bounded, ASCII.
    """

    result: Result
    domain: str = ""
    policy: Policy = Policy.NONE
    disposition: Policy = Policy.NONE
    aligned_by: str = ""
    aligned_domain: str = ""
    record_domain: str = ""
    reason: str = ""


async def evaluate(
    dns: Dns,
    author_domain: str,
    spf: SpfIdentifier,
    dkim: Sequence[DkimIdentifier],
    *,
    roll: int,
    tree_walk: bool = False,
) -> DmarcOutcome:
    """Evaluate a message with one author domain (in normal form).

    roll: a number from 0 to 99, by which pct= spares messages. tree_walk: as the successor of RFC 7489 has
    it, instead of the public suffix list. Never raises for the DNS: that is a temperror.
    """
    discovery = await discover(dns, author_domain, tree_walk=tree_walk)
    return await conclude(dns, discovery, spf, dkim, roll=roll)


async def conclude(
    dns: Dns, discovery: Discovery, spf: SpfIdentifier, dkim: Sequence[DkimIdentifier], *, roll: int
) -> DmarcOutcome:
    """The second half of `evaluate`, when the record is there: alignment and disposition."""
    record = discovery.record
    if record is None:
        return DmarcOutcome(
            result=discovery.result,
            domain=discovery.author_domain,
            record_domain=discovery.record_domain,
            reason=discovery.problem,
        )
    undecided = ""
    try:
        aligned_by, aligned_domain = await _aligned(dns, discovery, record, spf, dkim, Result.PASS)
        if not aligned_by:
            # An identifier that could have tied it to its author may have been kept from it by the DNS.
            undecided, _ = await _aligned(dns, discovery, record, spf, dkim, Result.TEMPERROR)
    except DnsTemporaryFailure as failure:
        return _without_result(discovery, Result.TEMPERROR, f"DNS: {failure}")
    if aligned_by:
        return DmarcOutcome(
            result=Result.PASS,
            domain=discovery.author_domain,
            policy=discovery.policy,
            aligned_by=aligned_by,
            aligned_domain=aligned_domain,
            record_domain=discovery.record_domain,
        )
    if undecided:
        return _without_result(discovery, Result.TEMPERROR, f"{undecided.upper()} could not be evaluated now")
    return DmarcOutcome(
        result=Result.FAIL,
        domain=discovery.author_domain,
        policy=discovery.policy,
        disposition=_disposition(discovery, record, roll),
        record_domain=discovery.record_domain,
        reason=_why_not(discovery.author_domain, spf, dkim),
    )


def strictest(outcomes: Sequence[DmarcOutcome]) -> DmarcOutcome:
    """The one that counts when a message has several author domains, of which none may be forged (§6.6.1)."""
    return max(outcomes, key=lambda outcome: (outcome.disposition, _GRAVITY.index(outcome.result)))


_GRAVITY = (Result.PASS, Result.NONE, Result.PERMERROR, Result.TEMPERROR, Result.FAIL)


def too_many_authors(count: int) -> DmarcOutcome:
    """For a message with more than MAX_AUTHOR_DOMAINS, which no honest one has.  RFC 7489 §6.6.1."""
    return DmarcOutcome(
        result=Result.FAIL,
        policy=Policy.REJECT,
        disposition=Policy.REJECT,
        reason=f"it names authors of {count} domains",
    )


def _without_result(discovery: Discovery, result: Result, reason: str) -> DmarcOutcome:
    return DmarcOutcome(
        result=result,
        domain=discovery.author_domain,
        policy=discovery.policy,
        record_domain=discovery.record_domain,
        reason=reason[:200],
    )


async def _aligned(
    dns: Dns,
    discovery: Discovery,
    record: DmarcRecord,
    spf: SpfIdentifier,
    dkim: Sequence[DkimIdentifier],
    wanted: Result,
) -> tuple[str, str]:
    """The method and domain of the first aligned identifier with this result, or two empty texts.

    DKIM first: it is the stronger word, since it survives forwarding. Raises DnsTemporaryFailure.
    """
    for signature in dkim:
        if signature.result is not wanted or signature.is_partial:
            continue
        if await _is_aligned(dns, discovery, signature.domain, strict=record.strict_dkim):
            return "dkim", signature.domain
    if spf.result is wanted and await _is_aligned(dns, discovery, spf.domain, strict=record.strict_spf):
        return "spf", spf.domain
    return "", ""


async def _is_aligned(dns: Dns, discovery: Discovery, domain: str, *, strict: bool) -> bool:
    """RFC 7489 §3.1: the same domain; relaxed, one of the same organization."""
    author_domain = discovery.author_domain
    domain = domain.lower().rstrip(".")
    if domain == author_domain:
        return True
    # Whoever is of the organization stands below its domain. Strangers are not even asked about: their DNS
    # could be silent, and the message would pass for one of which nothing can be known.
    organization = discovery.organization
    if strict or not (domain == organization or domain.endswith(f".{organization}")):
        return False
    return organization == await organization_of(dns, domain, tree_walk=discovery.tree_walk)


def _disposition(discovery: Discovery, record: DmarcRecord, roll: int) -> Policy:
    """What to do: pct= spares its share (RFC 7489 §6.6.4), and t=y, which took its place, every message."""
    spared = record.testing if discovery.tree_walk else record.testing or roll >= record.percent
    return discovery.policy.milder if spared else discovery.policy


def _why_not(author_domain: str, spf: SpfIdentifier, dkim: Sequence[DkimIdentifier]) -> str:
    return f"{_spf_words(author_domain, spf)}; {_dkim_words(author_domain, dkim)}"


def _spf_words(author_domain: str, spf: SpfIdentifier) -> str:
    if not spf.domain:
        return "no domain for SPF"
    if spf.result is Result.PASS:
        return f"SPF passes for {_shown(spf.domain)}, which is not {author_domain}"
    return f"SPF of {_shown(spf.domain)}: {spf.result}"


def _dkim_words(author_domain: str, dkim: Sequence[DkimIdentifier]) -> str:
    if not dkim:
        return "no DKIM signature"
    told = []
    for signature in dkim[:MAX_SIGNATURES_TOLD]:
        name = _shown(signature.domain) or "?"
        if signature.result is not Result.PASS:
            told.append(f"DKIM of {name}: {signature.result}")
        elif signature.is_partial:
            told.append(f"DKIM of {name} covers a part (l=)")
        else:
            told.append(f"DKIM passes for {name}, which is not {author_domain}")
    return "; ".join(told)


def _shown(domain: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in domain[:100])
