"""Could the content be read, and to its end? What nobody can look into is for the group to decide about."""

from __future__ import annotations

from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason

NAME = "structure"


def check(content: ContentFacts) -> Finding | None:
    """A content that could not be read, or not to its end, hides what it likes behind that."""
    if content.unstudied is not None:
        return Finding(NAME, Result.PERMERROR, Reason.UNREADABLE, content.unstudied.why)
    study = content.study
    if study is None:
        return None
    return Finding(NAME, Result.NEUTRAL, detail=", ".join(study.defects)) if study.defects else None
