"""What an administrator said of the client's network: banned, trusted, nothing."""

from __future__ import annotations

from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.network import Standing
from clement.policy.reason import Reason

NAME = "client-network"


def check(session: SessionFacts) -> Finding | None:
    """Report the entry that stands for the client. Whoever has logged in is judged by that instead."""
    entry = session.reputation
    if entry is None or session.person is not None:
        return None
    if entry.standing is Standing.TRUSTED:
        return Finding(NAME, Result.PASS, detail=str(entry.network))
    reason = Reason.NETWORK_BANNED if entry.final else Reason.NETWORK_UNWELCOME
    return Finding(NAME, Result.FAIL, reason, str(entry.network))
