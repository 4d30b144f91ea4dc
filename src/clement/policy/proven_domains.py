"""Which domains are proven for a message, and for whom such a domain may speak."""

from __future__ import annotations

from clement.message.authentication.dkim import DkimOutcome
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.authentication.result import Result
from clement.policy.identity import ContentIdentity

MAX_PROVEN_DOMAINS = 10
MAX_PROVEN_CHARS = 500


def speaks_for_whole(outcome: DkimOutcome) -> bool:
    """Whether a signature passed, for all that readers see."""
    return outcome.result is Result.PASS and not outcome.is_partial and not outcome.unsigned_copies


def authenticated_domains(identity: ContentIdentity) -> tuple[str, ...]:
    """The domains that SPF or DKIM has proven, as far as that is found out; each once, at most a few.

    Together they stay under MAX_PROVEN_CHARS, and none of them is cut: half a name is somebody else's.
    """
    spf, signed = identity.envelope.spf.found, identity.dkim.found or ()
    domains = [outcome.domain for outcome in signed if speaks_for_whole(outcome)]
    if spf is not None and spf.result is Result.PASS and identity.envelope.has_reverse_path:
        domains.append(spf.domain)
    kept: list[str] = []
    room_chars = MAX_PROVEN_CHARS
    for domain in dict.fromkeys(domains):
        room_chars -= len(domain) + 1
        if room_chars < 0 or len(kept) == MAX_PROVEN_DOMAINS:
            break
        kept.append(domain)
    return tuple(kept)


def proves(domain: str, name: str) -> bool:
    """Whether who is `domain` may speak for `name`: the same, or above it in one organization."""
    return name == domain or (name.endswith(f".{domain}") and is_related(domain, name))


def is_related(domain: str, other: str) -> bool:
    """Whether two domains belong to one organization."""
    return bool(domain and other) and organizational_domain(domain) == organizational_domain(other)
