"""What the client, its HELO name and those who vouch for a message have earned here before: evidence only."""

from __future__ import annotations

from collections.abc import Sequence

from clement.policy.directory import Directory
from clement.policy.facts import ContentFacts, SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import ContentIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.proven_domains import authenticated_domains
from clement.policy.reputation import Reputation

NAME = "reputation"


def check_client(session: SessionFacts) -> Finding | None:
    """Report the history of the client's address, where enough is known of it and no list speaks of it."""
    if session.reputation is not None:
        return None
    return _finding(session.directory.reputation.client(session.client))


def check_hello(session: SessionFacts) -> Finding | None:
    """Report the history of the HELO name, which anybody may say: a bad one speaks louder than a good one."""
    known = session.directory.reputation.hello(session.hello) if session.hello else None
    return None if known is None or known.weight < 0 else _finding(known)


def check_domains(content: ContentFacts) -> Answer:
    """Report the history of the domains that SPF or DKIM has proven for the message."""
    directory = content.transaction.session.directory
    if content.identity is None or not len(directory.reputation):
        return None
    return settled(_judge_domains(directory, content.identity))


async def _judge_domains(directory: Directory, identity: ContentIdentity) -> Finding | None:
    await identity.envelope.spf
    await identity.dkim
    return of_domains(directory, authenticated_domains(identity))


def of_domains(directory: Directory, names: Sequence[str]) -> Finding | None:
    """The history of the domains that were authenticated for a message."""
    return _finding(directory.reputation.domains(names))


def _finding(known: Reputation | None) -> Finding | None:
    if known is None:
        return None
    detail = f"{known.subject}: {known.good} wanted, {known.unwanted} unwanted"
    return Finding(NAME, Result.NEUTRAL, detail=detail, weight=known.weight)
