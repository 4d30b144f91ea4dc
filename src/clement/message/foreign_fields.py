"""Fields that a message came with and that say what a filter thought of it: nobody here said so.

Whoever reads the message later, a Sieve script or a mail program, believes them: a stranger who writes
`X-Spam-Flag: NO`, or a score of his own, would have judged himself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def pattern_of(names: Iterable[str]) -> re.Pattern[bytes] | None:
    """What finds these fields, folded lines included; a `*` at the end of a name stands for anything."""
    alternatives = "|".join(
        re.escape(name.removesuffix("*")) + ("[!-9;-~]*" if name.endswith("*") else "") for name in names
    )
    if not alternatives:
        return None
    # A bare LF ends a line, as it will in a mailbox; each octet is looked at once.
    field = rf"^(?:{alternatives})[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"
    return re.compile(field.encode("ascii"), re.MULTILINE | re.IGNORECASE)


def without_fields(block: bytes, pattern: re.Pattern[bytes] | None) -> bytes:
    """A header block without these fields; itself if it has none."""
    if pattern is None or pattern.search(block) is None:
        return block
    return pattern.sub(b"", block)
