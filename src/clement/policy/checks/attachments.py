"""What is attached, by category; names that a recipient's group refuses; and content that is ambiguous.

One finding a category, which names the first such file: each has its reason, and the group's policy decides
what follows from it. What a group accepts still weighs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import re2  # type: ignore[import-untyped]

from clement.message.attachment import Attachment, Category
from clement.message.mime.defects import AMBIGUOUS, MimeDefect
from clement.message.text import visible
from clement.policy.directory import Local, Relayed
from clement.policy.facts import ContentFacts, RecipientContentFacts
from clement.policy.finding import Finding, Observation, Result
from clement.policy.pipeline import Answer
from clement.policy.reason import Reason

NAME = "attachments"

_PATH_CHARS: Final = 120
_DETAIL_CHARS: Final = 240
_WHY: Final = 2


class _Worth(NamedTuple):
    """What a category leads to. weight: log-odds for unwanted mail."""

    categories: frozenset[Category]
    reason: Reason
    weight: float


# The weights are small where people send each other such files, and larger where hardly anybody does.
_WORTH: Final = (
    _Worth(frozenset({Category.DISGUISED}), Reason.DISGUISED_ATTACHMENT, 4.0),
    _Worth(frozenset({Category.EXECUTABLE}), Reason.EXECUTABLE_ATTACHMENT, 3.0),
    _Worth(frozenset({Category.SCRIPT, Category.SHORTCUT}), Reason.SCRIPT_ATTACHMENT, 3.0),
    _Worth(frozenset({Category.DISK_IMAGE}), Reason.DISK_IMAGE, 2.5),
    _Worth(frozenset({Category.UNREADABLE}), Reason.UNREADABLE_ARCHIVE, 1.5),
    _Worth(frozenset({Category.MACRO}), Reason.MACRO_DOCUMENT, 1.5),
    _Worth(frozenset({Category.ENCRYPTED}), Reason.ENCRYPTED_ARCHIVE, 1.0),
    _Worth(frozenset({Category.ACTIVE_PAGE}), Reason.ACTIVE_PAGE, 1.0),
)
_COUNTED: Final = frozenset(category for worth in _WORTH for category in worth.categories)
_AMBIGUOUS_WEIGHT: Final = 2.0
_SLOPPY_WEIGHT: Final = 0.5

_SLOPPY: Final = frozenset(
    {
        MimeDefect.NOT_A_FIELD,
        MimeDefect.BOUNDARY_NOT_FOUND,
        MimeDefect.AFTER_END,
        MimeDefect.CONTENT_IN_PREAMBLE,
        MimeDefect.CONTENT_IN_EPILOGUE,
    }
)
"""Ambiguous too, but honest programs make them: one in twenty bounces, whose returned message is cut off.
Everything in them is looked at in each reading, so they are evidence and no more.
"""
_OVER_BUDGET_WEIGHT: Final = 3.0


def check(content: ContentFacts) -> Answer:
    """What the attachments are, for all recipients."""
    study = content.study
    if study is None:
        return None
    found = [] if not study.attachments else _found(study.attachments)
    ambiguous = [each for each in study.defects if each in AMBIGUOUS] if study.defects else []
    if study.over_budget:
        detail = f"more than can be read ({study.over_budget})"
        found.append(Finding(NAME, Result.PERMERROR, Reason.CONTENT_UNREADABLE, detail, _OVER_BUDGET_WEIGHT))
    elif ambiguous:
        found.append(_ambiguity(ambiguous))
    return tuple([Observation(finding, 0) for finding in found]) if found else None


def _ambiguity(defects: Sequence[str]) -> Finding:
    grave = [each for each in defects if each not in _SLOPPY]
    if grave:
        return Finding(NAME, Result.FAIL, Reason.CONTENT_UNREADABLE, ", ".join(grave[:3]), _AMBIGUOUS_WEIGHT)
    return Finding(NAME, Result.NEUTRAL, None, ", ".join(defects[:3]), _SLOPPY_WEIGHT)


def _found(attachments: Sequence[Attachment]) -> list[Finding]:
    if not any(_COUNTED.intersection(each.categories) for each in attachments):
        return []
    found = []
    for worth in _WORTH:
        of_kind = [each for each in attachments if worth.categories.intersection(each.categories)]
        if of_kind:
            detail = _told(of_kind)
            found.append(Finding(NAME, Result.FAIL, worth.reason, detail, worth.weight))
    return found


def _told(attachments: Sequence[Attachment]) -> str:
    """The first of them and what led to it, then how many more there are."""
    first = attachments[0]
    why = f" ({'; '.join(first.why[:_WHY])})" if first.why else ""
    more = f" and {len(attachments) - 1} more" if len(attachments) > 1 else ""
    return visible(visible(first.path, _PATH_CHARS) + why, _DETAIL_CHARS) + more


def check_names(facts: RecipientContentFacts) -> Answer:
    """Whether the recipient's group refuses a file by its name, those in archives included."""
    study, route = facts.content.study, facts.recipient.route
    if study is None or not study.attachments or not isinstance(route, Local | Relayed):
        return None
    patterns = route.group.policy.refused_attachment_names
    if not patterns:
        return None
    expression = _expression(patterns)
    for each in study.attachments:
        if expression.search(each.path):
            return Finding(
                NAME, Result.POLICY, Reason.REFUSED_ATTACHMENT_NAME, visible(each.path, _PATH_CHARS)
            )
    return None


@lru_cache(maxsize=1024)
def _expression(patterns: str) -> Any:  # noqa: ANN401 - re2 has no name for its type
    """Shell patterns (`*`, `?`) with blanks between them, as one expression that takes linear time.

    Each must match the whole of a name, and those with a slash may match several of a path.
    """
    one_of = "|".join(
        "".join(
            {"*": ".*" if "/" in each else "[^/]*", "?": "."}.get(char, re2.escape(char)) for char in each
        )
        for each in patterns.split()
    )
    return re2.compile(f"(?is)(?:^|/)(?:{one_of})$")
