"""Has this message been here before? RFC 5321 §6.3: count Received fields, and know our own marks."""

from __future__ import annotations

from clement.policy.directory import Local
from clement.policy.facts import ContentFacts, RecipientContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason

NAME = "loop"

# RFC 5321 §6.3 asks for a threshold of at least 100.
RECEIVED_LIMIT = 100


def check_hops(content: ContentFacts) -> Finding | None:
    """A message with this many Received fields is going in circles somewhere."""
    count = content.message.received_count
    if count < RECEIVED_LIMIT:
        return None
    return Finding(NAME, Result.FAIL, Reason.LOOP, f"{count} Received fields")


def check_delivered(facts: RecipientContentFacts) -> Finding | None:
    """A Delivered-To of the very mailbox it is on its way to says that it has been there already."""
    delivered_to, route = facts.content.message.delivered_to, facts.recipient.route
    if not delivered_to or not isinstance(route, Local):
        return None
    for mailbox in route.mailboxes:
        if mailbox.address in delivered_to:
            # Not which one: behind an alias that is nobody else's business.
            return Finding(NAME, Result.FAIL, Reason.LOOP, "it has been delivered to this recipient before")
    return None
