"""Fields that a message came with and that say what a filter thought of it: nobody here said so.

Whoever reads the message later, a Sieve script or a mail program, believes them: a stranger who writes
`X-Spam-Flag: NO`, or a score of his own, would have judged himself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class ForeignFields:
    """Takes fields of these names out of headers; a `*` at the end of a name stands for anything.

    All names begin with `X-`, so that a header without such fields is told at a glance.
    """

    __slots__ = ("_fields", "_glance")

    def __init__(self, names: Iterable[str] = ()) -> None:
        wanted = [name.lower().removeprefix("x-") for name in names]
        beginnings = "|".join(re.escape(name.removesuffix("*")) for name in wanted)
        self._glance = re.compile(rf"\nx-(?:{beginnings})".encode("ascii")) if wanted else None
        alternatives = "|".join(
            re.escape(name.removesuffix("*")) + ("[!-9;-~]*" if name.endswith("*") else "") for name in wanted
        )
        # A bare LF ends a line, as it will in a mailbox; each octet is looked at once.
        field = rf"^x-(?:{alternatives})[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"
        self._fields = re.compile(field.encode("ascii"), re.MULTILINE | re.IGNORECASE)

    def taken_out(self, block: bytes) -> bytes:
        """A header block without them; itself if it has none."""
        if self._glance is None or self._glance.search(b"\n" + block.lower()) is None:
            return block
        return self._fields.sub(b"", block)
