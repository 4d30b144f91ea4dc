"""Could the content be read at all? What nobody can look into is for the group to decide about."""

from __future__ import annotations

from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason

NAME = "reading"


def check(content: ContentFacts) -> Finding | None:
    """A content that was to be read and cannot be may hide anything."""
    if content.unstudied is None:
        return None
    return Finding(NAME, Result.PERMERROR, Reason.UNREADABLE, content.unstudied.why)
