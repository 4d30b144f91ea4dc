"""Rules that administrators write about content: a pattern, where it is sought, and what follows.

Patterns are those of RE2, whose time is linear in the text whatever the pattern; so the patterns of one
tenant cannot stop the mail of another.  None of them can accept anything: what a message says of itself
proves nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec
import re2  # type: ignore[import-untyped]

from clement.policy.directive import Scope

MAX_PATTERN_CHARS: Final = 1000
MAX_PROGRAM: Final = 4000
"""Instructions of one pattern as RE2 compiles it: its time is at most this times the octets."""

MAX_PROGRAM_OF_SCOPE: Final = 20_000
MAX_RULES_OF_SCOPE: Final = 200
MAX_MEMORY_BYTES: Final = 256 * 1024
MAX_WEIGHT: Final = 20.0


class Field(StrEnum):
    """Where a pattern is sought."""

    SUBJECT = "subject"
    AUTHOR = "author"
    """The From fields, decoded: names and addresses."""
    REPLY_TO = "reply-to"
    HEADER = "header"
    """All fields of one name, decoded, a line each."""
    BODY = "body"
    """The texts that a reader sees, those of HTML too."""
    LINK = "link"
    """Targets of links, a line each."""
    ATTACHMENT = "attachment"
    """Names of attached files, a line each, also of those inside archives."""
    HEADER_BLOCK = "header-block"
    """The header as it came: folded, encoded."""


class RuleAction(StrEnum):
    """What follows from a match."""

    REFUSE = "refuse"
    QUARANTINE = "quarantine"
    WEIGH = "weigh"


class ContentRule(msgspec.Struct, frozen=True, gc=False):
    """One rule in force.

    scope_key: "" for the site, the group's id, or the domain's name.
    header_name: of Field.HEADER, in lower case.  weight: log-odds that RuleAction.WEIGH adds.
    expires_at: Unix seconds, 0 for never.
    """

    id: int
    scope: Scope
    scope_key: str
    name: str
    field: Field
    pattern: str
    action: RuleAction
    header_name: str = ""
    weight: float = 0.0
    expires_at: int = 0


class PatternRefused(ValueError):
    """A pattern that cannot be used. position: of the fault, in characters from 0; -1 where none is known."""

    def __init__(self, reason: str, position: int = -1) -> None:
        super().__init__(reason if position < 0 else f"at character {position + 1}: {reason}")
        self.reason = reason
        self.position = position


def options(max_memory_bytes: int = MAX_MEMORY_BYTES) -> re2.Options:
    """How patterns are read: letters of either case match, RE2 says nothing on stderr."""
    chosen = re2.Options()
    chosen.case_sensitive = False
    chosen.never_capture = True
    chosen.log_errors = False
    chosen.max_mem = max_memory_bytes
    return chosen


def in_lines(pattern: str) -> str:
    """A pattern whose ^ and $ mean the ends of lines, since a text has one for each value."""
    return f"(?m:{pattern})"


def compile_pattern(pattern: str) -> Any:  # noqa: ANN401 - re2 has no name for its type
    """The compiled pattern. Raises PatternRefused."""
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise PatternRefused(f"a pattern has 1 to {MAX_PATTERN_CHARS} characters, this has {len(pattern)}")
    at = next((index for index, char in enumerate(pattern) if not char.isprintable()), -1)
    if at >= 0:
        raise PatternRefused(f"{pattern[at]!r} cannot be seen: write it as an escape", at)
    _compile(pattern)
    compiled = _compile(in_lines(pattern))
    if compiled.programsize > MAX_PROGRAM:
        said = (
            f"too large: {compiled.programsize} instructions of {MAX_PROGRAM}; repeat less, or fewer classes"
        )
        raise PatternRefused(said)
    if compiled.search(b"") is not None:
        raise PatternRefused("it matches the empty text, and so every message")
    return compiled


def _compile(pattern: str) -> Any:  # noqa: ANN401
    try:
        # Not re2.compile, whose cache keeps what nobody needs any longer.
        return re2._Regexp(pattern, options())  # noqa: SLF001
    except re2.error as fault:
        raise _refusal(pattern, fault) from None


def _refusal(pattern: str, fault: re2.error) -> PatternRefused:
    """RE2 quotes what it stumbled over behind the last colon."""
    said = fault.args[0]
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    _reason, mark, quoted = text.partition(": ")
    position = pattern.find(quoted) if mark and quoted and quoted != pattern else -1
    return PatternRefused(_HINTS.get(_reason, text), position)


_HINTS: Final = {
    "invalid perl operator": "RE2 knows no look-around (?=…) (?<=…), nor (?>…)",
    "invalid escape sequence": "no such escape; RE2 has no back-references \\1, and \\z for the end",
    "pattern too large - compile failed": "too large: repeat less, or fewer classes",
}
