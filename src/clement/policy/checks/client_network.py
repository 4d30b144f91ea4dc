"""What an administrator said of the client's network: banned, trusted, nothing."""

from __future__ import annotations

from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.network import Standing
from clement.policy.reason import Reason
from clement.smtp import Service

NAME = "client-network"


def check(session: SessionFacts) -> Finding | None:
    """Report the entry that stands for the client.

    Where people post, only a final ban counts: our own people travel, and a login decides.
    """
    entry = session.reputation
    if entry is None:
        return None
    if entry.standing is Standing.TRUSTED:
        return Finding(NAME, Result.PASS, detail=str(entry.network))
    if entry.final:
        return Finding(NAME, Result.FAIL, Reason.NETWORK_BANNED, str(entry.network))
    if session.service is Service.SUBMISSION:
        return Finding(NAME, Result.NEUTRAL, detail=f"{entry.network} is banned, unless by a login")
    return Finding(NAME, Result.FAIL, Reason.NETWORK_UNWELCOME, str(entry.network))
