"""What another server reported in an Authentication-Results field, read as data.  RFC 8601 §2.2.

Used for ARC-Authentication-Results of sealers that an administrator trusts. What stands in quotes or comments
is never taken for a result, whoever put it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from clement.message.authentication.result import Result

MAX_PAYLOAD_CHARS = 16 * 1024
MAX_RESULTS = 50

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[^"()\\;\s]++|\\.|[\s();"\\]', re.DOTALL)
_COMMENT_PIECE = re.compile(r"[^()\\]++|\\.|[()\\]", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_RESULTS = {result.value: result for result in Result}


class ReportedResult(msgspec.Struct, frozen=True):
    """One result: its method in lower case, and its properties (`header.d`) by name, quotes taken off."""

    method: str
    result: Result
    properties: Mapping[str, str]

    def domain(self, name: str) -> str:
        """The domain in a property, which may hold an address; in lower case, "" when there is none."""
        return self.properties.get(name, "").rpartition("@")[2].lower().rstrip(".")


def read_results(payload: str) -> tuple[ReportedResult, ...]:
    """The results in an authres-payload; what is none that we know is left out. Never raises."""
    clauses = _clauses(payload[:MAX_PAYLOAD_CHARS])[1 : MAX_RESULTS + 1]
    read = (_result(words) for words in clauses)
    return tuple(result for result in read if result is not None)


def _clauses(payload: str) -> list[list[str]]:
    """The words between semicolons, without comments; `name = value` is one word."""
    clauses: list[list[str]] = [[]]
    position = depth = 0
    glued = False
    while position < len(payload):
        match = (_COMMENT_PIECE if depth else _PIECE).match(payload, position)
        if match is None:  # cannot be: the last alternatives take anything
            break
        piece, position = match[0], match.end()
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif piece == ";":
            clauses.append([])
            glued = False
        elif piece.isspace():
            glued = glued and clauses[-1][-1].endswith("=")
        else:
            joins = clauses[-1] and (glued or piece.startswith("=") or clauses[-1][-1].endswith("="))
            if joins:
                clauses[-1][-1] += piece
            else:
                clauses[-1].append(piece)
            glued = True
    return clauses


def _result(words: list[str]) -> ReportedResult | None:
    if not words:
        return None
    method, _, word = words[0].partition("=")
    result = _RESULTS.get(word.lower())
    if result is None:
        return None
    properties: dict[str, str] = {}
    for text in words[1:]:
        name, equals, value = text.partition("=")
        if equals and "." in name:
            properties.setdefault(name.lower(), _unquoted(value))
    return ReportedResult(method.partition("/")[0].lower(), result, properties)


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        return _QUOTED_PAIR.sub(r"\1", value[1:].removesuffix('"'))
    return value
