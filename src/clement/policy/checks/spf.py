"""Whether the domains of the reverse-path and of the HELO name let this client send for them.  RFC 7208.

A fail alone is no proof of forgery: whoever forwards mail as it is sends it from where SPF does not look. So
it gives no reason to refuse while somebody else answers for the message: a signature of the author's or the
reverse-path's organization, or a sealer that this site trusts.
"""

from __future__ import annotations

from clement.message.authentication.arc_trust import voucher_for_author, voucher_for_reverse_path
from clement.message.authentication.spf import SpfOutcome
from clement.policy.facts import ContentFacts, RecipientFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import ContentIdentity, EnvelopeIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.proven_domains import is_related, speaks_for_whole
from clement.policy.reason import Reason

NAME = "spf"
MAX_EXPLANATION_CHARS = 120

_WEIGHTS = {
    Result.PASS: -0.2,
    Result.FAIL: 1.5,
    Result.SOFTFAIL: 0.7,
    Result.NONE: 0.2,
    Result.PERMERROR: 0.4,
}


def check(content: ContentFacts) -> Answer:
    """SPF of the reverse-path; of the HELO name when that is null."""
    return None if content.identity is None else settled(_judge(content.identity))


def check_early(recipient: RecipientFacts) -> Answer:
    """SPF of the reverse-path at RCPT, as evidence, where greylisting wants to know who is calling."""
    identity = recipient.transaction.identity
    if identity is None or not identity.has_reverse_path or not recipient.may_be_greylisted():
        return None
    return settled(_report(identity))


def check_hello(content: ContentFacts) -> Answer:
    """SPF of the HELO name, as evidence (RFC 7208 §2.3); nothing where the reverse-path's SPF is the same."""
    identity = content.identity
    if identity is None or not identity.envelope.has_reverse_path:
        return None
    return settled(_judge_hello(identity))


async def _judge(identity: ContentIdentity) -> Finding:
    spf = await identity.envelope.spf
    reason, rescue = None, ""
    if spf.result in (Result.FAIL, Result.PERMERROR):
        rescue = await _rescue(identity, spf.domain)
        if not rescue:
            reason = Reason.SPF_FAIL if spf.result is Result.FAIL else Reason.SPF_PERMERROR
    detail = _words(spf, str(identity.envelope.envelope.address)) + rescue
    return Finding(NAME, spf.result, reason, detail, 0.0 if rescue else _WEIGHTS.get(spf.result, 0.0))


async def _report(identity: EnvelopeIdentity) -> Finding:
    spf = await identity.spf
    words = _words(spf, str(identity.envelope.address))
    return Finding(NAME, spf.result, detail=words, weight=_WEIGHTS.get(spf.result, 0.0))


async def _judge_hello(identity: ContentIdentity) -> Finding | None:
    spf = await identity.envelope.hello_spf
    if spf.result is Result.NONE:
        return None
    detail = "HELO: " + _words(spf, str(identity.envelope.envelope.address))
    return Finding(NAME, spf.result, detail=detail, weight=_WEIGHTS.get(spf.result, 0.0) / 2)


async def _rescue(identity: ContentIdentity, domain: str) -> str:
    """Who answers for the message in spite of SPF, in words; "" when nobody does."""
    authors = identity.author_domains
    for outcome in await identity.dkim:
        signer = outcome.domain
        if speaks_for_whole(outcome) and any(is_related(signer, each) for each in (domain, *authors)):
            return f"; but {signer} has signed it"
    arc, trusted = await identity.arc, identity.envelope.rules.trusted_sealers
    sealer = voucher_for_reverse_path(arc, trusted, domain)
    if not sealer and len(authors) == 1:
        sealer = voucher_for_author(arc, trusted, authors[0])
    return f"; but {sealer} vouches for it (ARC)" if sealer else ""


def _words(spf: SpfOutcome, address: str) -> str:
    match spf.result:
        case Result.PASS:
            return f"{spf.domain} allows {address} ({spf.mechanism})"
        case Result.FAIL:
            said = spf.explanation[:MAX_EXPLANATION_CHARS]
            words = f"SPF of {spf.domain} does not allow {address}"
            return f"{words}; {spf.domain} says: {said}" if said else words
        case Result.SOFTFAIL | Result.NEUTRAL:
            return f"SPF of {spf.domain} does not vouch for {address} ({spf.mechanism or 'no term matches'})"
        case _:
            return f"SPF of {spf.domain}: {spf.problem}"
