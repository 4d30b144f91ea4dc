"""Whether there is such a recipient, and whether this client may send to it."""

from __future__ import annotations

from clement.policy.directory import Foreign, Local, Relayed, Unknown, Unplaceable
from clement.policy.facts import RecipientFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason

NAME = "recipient"


def check(recipient: RecipientFacts) -> Finding | None:
    """Judge the route: ours and known, ours and unknown, or foreign. Open relays are made here, or not."""
    route = recipient.route
    match route:
        case Local():
            return Finding(NAME, Result.PASS, detail="local")
        case Relayed():
            return Finding(NAME, Result.PASS, detail="relayed")
        case Unknown():
            return Finding(NAME, Result.FAIL, Reason.RECIPIENT_UNKNOWN, recipient.address)
        case Unplaceable():
            return Finding(NAME, Result.TEMPERROR, Reason.RECIPIENT_UNPLACEABLE, recipient.address)
        case Foreign():
            privileged = recipient.transaction.session.privileged()
            reason = Reason.OUTGOING_UNAVAILABLE if privileged else Reason.RELAY_DENIED
            return Finding(NAME, Result.FAIL, reason, recipient.address)
