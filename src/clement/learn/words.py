"""Words of a text, as the filter tells them: letters and digits, and the signs that sellers shout with."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_WORDS = 60
"""Of one field of the header."""

# Joined by single signs as in "don't", "e-mail", "10.000"; runs of signs that stand for themselves.
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*|[$€£!?%#*=+]+")


class Line(NamedTuple):
    """Words in their order. kind: where they stand; "" for what a person reads."""

    kind: str
    words: list[str]


def words_of(text: str, limit: int = MAX_WORDS) -> list[str]:
    """The words of a text, at most `limit`."""
    return _WORD.findall(text)[:limit]
