"""What is said of the client's network: banned, trusted, nothing; by persons or by the steward."""

from __future__ import annotations

from collections.abc import Callable

from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.network import ClientNetwork, ListOrigin, Standing
from clement.policy.reason import Reason
from clement.smtp import Service

NAME = "client-network"
WHY_CHARS = 160


def check(session: SessionFacts) -> Finding | None:
    """Report the entry that stands for the client, without an address to write to."""
    return _check(session, "")


def check_with(postmaster: str) -> Callable[[SessionFacts], Finding | None]:
    """The check; a client that the steward has banned is told to whom it can write."""
    return lambda session: _check(session, postmaster)


def _check(session: SessionFacts, postmaster: str) -> Finding | None:
    """Where people post, only a final ban counts: our own people travel, and a login decides."""
    entry = session.reputation
    if entry is None:
        return None
    if entry.standing is Standing.TRUSTED:
        return Finding(NAME, Result.PASS, detail=str(entry.network))
    if entry.final:
        return Finding(NAME, Result.FAIL, Reason.NETWORK_BANNED, str(entry.network))
    if session.service is Service.SUBMISSION:
        return Finding(NAME, Result.NEUTRAL, detail=f"{entry.network} is banned, unless by a login")
    if entry.origin is ListOrigin.HAND:
        return Finding(NAME, Result.FAIL, Reason.NETWORK_UNWELCOME, str(entry.network))
    return Finding(NAME, Result.FAIL, Reason.SERVER_BANNED, _told(session, entry, postmaster))


def _told(session: SessionFacts, entry: ClientNetwork, postmaster: str) -> str:
    network = entry.network
    whose = session.client_text if network.prefixlen == network.max_prefixlen else f"The network {network}"
    why = f": {entry.why[:WHY_CHARS]}" if entry.why else ""
    return f"{whose} is banned from this server{why}" + (f"; write to {postmaster}" if postmaster else "")
