"""Whether the client's address has a name in the DNS, and the name this address (iprev, RFC 8601 §2.7.3)."""

from __future__ import annotations

from clement.policy.facts import ContentFacts, RecipientFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import EnvelopeIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.reason import Reason

NAME = "reverse-name"


def check(content: ContentFacts) -> Answer:
    """Judge the client's own name in the DNS."""
    return None if content.identity is None else settled(_judge(content.identity.envelope))


def check_early(recipient: RecipientFacts) -> Answer:
    """The same at RCPT, as evidence, where greylisting wants to know who is calling."""
    identity = recipient.transaction.identity
    if identity is None or not recipient.may_be_greylisted():
        return None
    return settled(_report(identity))


async def _report(identity: EnvelopeIdentity) -> Finding:
    found = await _judge(identity)
    return Finding(NAME, found.result, detail=found.detail, weight=found.weight)


async def _judge(identity: EnvelopeIdentity) -> Finding:
    outcome = await identity.reverse_name
    if outcome.result is Result.PASS:
        return Finding(NAME, Result.PASS, detail=outcome.name, weight=-0.1)
    if outcome.result is Result.TEMPERROR:
        return Finding(NAME, Result.TEMPERROR, detail=outcome.reason)
    return Finding(NAME, outcome.result, Reason.REVERSE_NAME_UNVERIFIED, outcome.reason, 0.8)
