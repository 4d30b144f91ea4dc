"""A copy of a message that was refused, so that a mistake costs nothing: its recipient can still have it.

The refusal stands whatever becomes of the copy. What is kept, for how long and how much of it, is the
holder's affair and the group's (`keep_refused_days`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from clement.delivery.holding import Held, Hold, Holder
from clement.policy.finding import Finding
from clement.policy.reason import RULES, Reason
from clement.policy.verdict import Drop, Reject, Verdict
from clement.spool.content import Content
from clement.spool.failure import StorageFailure
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("server")

PATIENCE_S: Final = 10.0
"""The client waits meanwhile for a refusal that is certain."""

_SCANNING: Final = "unscannable"


def is_worth_keeping(verdict: Verdict, of_content: Iterable[Finding]) -> bool:
    """Whether a refusal may be a mistake of ours about what a message says.

    of_content: what was found in the content. What a recipient could not have lifted is no matter of opinion;
    of what could not be scanned nobody knows whether it is a virus, and a virus is never kept.
    """
    if not isinstance(verdict, Reject | Drop):
        return False
    reason = verdict.reason
    if reason is Reason.UNWANTED:
        return True
    rule = RULES.get(reason)
    if rule is None or not rule.liftable or rule.setting == _SCANNING:
        return False
    return any(finding.reason is reason for finding in of_content)


async def keep_copy(holder: Holder, held: Held, holds: Sequence[Hold], content: Content) -> bool:
    """Keep it if that can be done at all; whether it is kept. Raises nothing but cancellation."""
    holding = holder.start(held, holds)
    kept = False
    try:
        async with asyncio.timeout(PATIENCE_S):
            await holding.prepare(content)
            await holding.commit()
        kept = True
    except (StorageFailure, OSError, TimeoutError) as fault:
        log.warning(
            log_events.REFUSED_COPY_LOST, transaction=held.envelope.transaction_id, fault=repr(fault)[:300]
        )
    finally:
        if not kept:
            await holding.abort()
    return kept
