"""Who has signed the message, and whether the signatures hold.  RFC 6376.

Evidence only: a signature that fails is to be taken as if it were not there (§6.1), since whoever hands mail
on may break it. What the lack of one is worth, DMARC says for those who ask for it.
"""

from __future__ import annotations

from clement.message.authentication.dkim import DkimOutcome
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import ContentIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.proven_domains import speaks_for_whole

NAME = "dkim"
MAX_DETAIL_CHARS = 280
_ORDER = (Result.PASS, Result.TEMPERROR, Result.FAIL, Result.POLICY, Result.PERMERROR, Result.NEUTRAL)


def check(content: ContentFacts) -> Answer:
    """One finding for all signatures: the best of their results, and what became of each."""
    return None if content.identity is None else settled(_judge(content.identity))


async def _judge(identity: ContentIdentity) -> Finding:
    outcomes = await identity.dkim
    if not outcomes:
        return Finding(NAME, Result.NONE, detail="no signature", weight=0.2)
    whole = any(map(speaks_for_whole, outcomes))
    results = {outcome.result for outcome in outcomes}
    best = next((result for result in _ORDER if result in results), Result.NEUTRAL)
    if best is Result.PASS and not whole:
        best = Result.POLICY
    detail = "; ".join(map(_words, outcomes))[:MAX_DETAIL_CHARS]
    return Finding(NAME, best, detail=detail, weight=-0.3 if whole else 0.3)


def _words(outcome: DkimOutcome) -> str:
    signer = outcome.domain or "?"
    if outcome.result is not Result.PASS:
        return outcome.reason or f"the signature of {signer}: {outcome.result}"
    if outcome.is_partial:
        return f"{signer} has signed a part of it (l=)"
    if outcome.unsigned_copies:
        return f"{signer} has signed it, and then another {outcome.unsigned_copies[0]} was put above"
    return f"{signer} has signed it ({outcome.algorithm}, s={outcome.selector})"
