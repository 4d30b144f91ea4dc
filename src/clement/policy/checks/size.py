"""Is the message within what the recipient's group takes? Declared first (RFC 1870 §6.1), then counted."""

from __future__ import annotations

from clement.policy.directory import Foreign
from clement.policy.facts import RecipientContentFacts, RecipientFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason

NAME = "size"


def check_declared(recipient: RecipientFacts) -> Finding | None:
    """Refuse at RCPT what the client itself says is too large."""
    return _check(recipient, recipient.transaction.size_bytes)


def check_counted(facts: RecipientContentFacts) -> Finding | None:
    """Refuse after content what turned out too large."""
    return _check(facts.recipient, facts.content.size_bytes)


def _check(recipient: RecipientFacts, size_bytes: int) -> Finding | None:
    route = recipient.route
    if isinstance(route, Foreign) or size_bytes <= route.group.policy.size_limit_bytes:
        return None
    return Finding(NAME, Result.FAIL, Reason.TOO_LARGE, f"{route.group.policy.size_limit_bytes} octets")
