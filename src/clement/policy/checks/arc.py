"""What those who handed the message on say of it, and whether their chain holds.  RFC 8617.

Evidence only: a chain says who they are, not whether they are to be believed. Those whom this site trusts are
heard where SPF or DMARC would speak against the message.
"""

from __future__ import annotations

from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import ContentIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer

NAME = "arc"
MAX_DETAIL_CHARS = 280


def check(content: ContentFacts) -> Answer:
    """Nothing where there is no chain."""
    return None if content.identity is None else settled(_judge(content.identity))


async def _judge(identity: ContentIdentity) -> Finding | None:
    arc = await identity.arc
    if arc.result is Result.NONE:
        return None
    chain = " → ".join(arc.chain) or "no chain"
    detail = f"{chain}: {arc.reason}" if arc.reason else f"sealed by {chain}"
    return Finding(NAME, arc.result, detail=detail[:MAX_DETAIL_CHARS])
