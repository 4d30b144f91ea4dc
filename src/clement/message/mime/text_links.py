"""Links that readers of mail make out of plain text, found in linear time."""

from __future__ import annotations

import re

# The scheme's letters are looked at only in front of "://"; what ends a link in prose is not part of it.
_LINK = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'`{}|\\^]+|\bwww\.[^\s<>\"'`{}|\\^]+\.[^\s<>\"'`{}|\\^]+", re.IGNORECASE
)
_TRAILING = ".,;:!?)]}»”’*_"


def links_in_text(text: str, limit: int) -> list[str]:
    """The first `limit` links in `text`, each once, as they stand."""
    if "://" not in text and "www." not in text.lower():
        return []
    found: dict[str, None] = {}
    for match in _LINK.finditer(text):
        target = match[0]
        bare = target.rstrip(_TRAILING)
        if target[len(bare) : len(bare) + 1] == ")" and bare.count("(") > bare.count(")"):
            bare += ")"
        found[bare] = None
        if len(found) == limit:
            break
    return list(found)
