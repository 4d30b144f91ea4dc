"""What an ARC chain is worth: the word of sealers that an administrator trusts, and of nobody else.

A chain that holds says only who handed the message on. Who trusts the newest sealer may believe what it found
(RFC 8617 §7.2.1); and who trusts the one before as well, what that one found before the newest touched it. A
link by anybody else ends it: whatever lies beyond may have been changed by a stranger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from clement.message.authentication.arc import ArcOutcome
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.authentication.reported_results import ReportedResult, read_results
from clement.message.authentication.result import Result


def voucher_for_author(arc: ArcOutcome, trusted: Collection[str], author_domain: str) -> str:
    """The trusted sealer that found the author's domain to stand behind the message, or ""."""
    for sealer, results in _trusted_reports(arc, trusted):
        if _vouches_for_author(results, author_domain):
            return sealer
    return ""


def voucher_for_reverse_path(arc: ArcOutcome, trusted: Collection[str], domain: str) -> str:
    """The trusted sealer that saw SPF pass for the domain of the reverse-path, or ""."""
    for sealer, results in _trusted_reports(arc, trusted):
        if any(_saw_spf_pass(reported, domain) for reported in results):
            return sealer
    return ""


def _saw_spf_pass(reported: ReportedResult, domain: str) -> bool:
    passed = reported.method == "spf" and reported.result is Result.PASS
    return passed and reported.domain("smtp.mailfrom") == domain


def _trusted_reports(
    arc: ArcOutcome, trusted: Collection[str]
) -> Iterator[tuple[str, tuple[ReportedResult, ...]]]:
    """The reports that count, the newest first."""
    if arc.result is not Result.PASS or arc.is_partial or not trusted:
        return
    for instance in reversed(arc.instances):
        if not _is_trusted(instance.domain, trusted):
            return
        yield instance.domain, read_results(instance.authentication_results)


def _is_trusted(sealer: str, trusted: Collection[str]) -> bool:
    return sealer in trusted or any(sealer.endswith(f".{domain}") for domain in trusted)


def _vouches_for_author(results: tuple[ReportedResult, ...], author_domain: str) -> bool:
    """DMARC as it was reported; where it was not, an aligned pass of DKIM or SPF."""
    dmarc = [reported for reported in results if reported.method == "dmarc"]
    if dmarc:
        return any(
            reported.result is Result.PASS and reported.domain("header.from") == author_domain
            for reported in dmarc
        )
    organization = organizational_domain(author_domain)
    return any(
        reported.result is Result.PASS and domain and organizational_domain(domain) == organization
        for reported in results
        for domain in _identifiers(reported)
    )


def _identifiers(reported: ReportedResult) -> tuple[str, ...]:
    if reported.method == "dkim":
        return (reported.domain("header.d") or reported.domain("header.i"),)
    return (reported.domain("smtp.mailfrom"),) if reported.method == "spf" else ()
