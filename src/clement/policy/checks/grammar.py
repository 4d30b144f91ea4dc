"""Is the message one message, readable in one way? Line ends, NUL, and the one author RFC 5322 §3.6 asks for.

What two programs read differently is what the one that filters and the one
that shows disagree about; so it is refused while the client can still be told.
"""

from __future__ import annotations

from clement.message.defects import Defect
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason
from clement.smtp import ContentDefects

NAME = "grammar"


def check_lines(content: ContentFacts) -> Finding | None:
    """The gravest fault of the lines, wherever in the content they are."""
    defects = content.defects
    if not defects:
        return None
    if ContentDefects.TOO_LARGE in defects:
        return Finding(NAME, Result.FAIL, Reason.TOO_LARGE, "the one announced with SIZE")
    if ContentDefects.NUL in defects:
        return Finding(NAME, Result.FAIL, Reason.NUL_OCTET)
    if ContentDefects.BARE_CR in defects:
        return Finding(NAME, Result.FAIL, Reason.LINE_ENDINGS, "Bare CR")
    if ContentDefects.BARE_LF in defects:
        return Finding(NAME, Result.FAIL, Reason.LINE_ENDINGS, "Bare LF")
    noted = ", ".join(defect.name.lower() for defect in ContentDefects if defect in defects and defect.name)
    return Finding(NAME, Result.NEUTRAL, detail=noted)


def check_header(content: ContentFacts) -> Finding | None:
    """The gravest fault of the header. Faulty lines are no excuse: they may be forgiven, and this not."""
    message = content.message
    if message.from_count > 1:
        return Finding(NAME, Result.FAIL, Reason.SEVERAL_AUTHORS, f"{message.from_count} From fields")
    defects = message.defects
    if not defects:
        return None
    for defect in (Defect.NUL, Defect.TOO_MANY_FIELDS, Defect.HEADER_TOO_LONG):
        if defect in defects:
            return Finding(NAME, Result.FAIL, Reason.HEADER_MALFORMED, defect.value)
    if Defect.AUTHOR_SYNTAX in defects:
        return Finding(NAME, Result.FAIL, Reason.AUTHOR_MALFORMED, Defect.AUTHOR_SYNTAX.value)
    return Finding(NAME, Result.NEUTRAL, detail=", ".join(sorted(defect.value for defect in defects)))
