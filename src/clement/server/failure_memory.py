"""Which contents checkers have died over, so that none of them does it again and again.

A client that is told 451 comes back with the same octets. They are known again by a hash of all of them, kept
in a small table that the receivers of this machine share and that a restart forgets. To hash every message
for the sake of a few would be dear; so the table knows sizes too, and only what has one of them is hashed.

A checker can also be killed from outside, by an operator or for lack of memory, and what it was reading then
is innocent. So a content is known only once it has struck twice (docs/decisions/0025).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from clement.server.slot_table import KEY_BYTES, Entry, SlotTable
from clement.spool.content import Content

REMEMBERED_S: Final = 5 * 24 * 3600
"""RFC 5321 §4.5.4.1: a client gives up after 4-5 days."""

STRIKES: Final = 2
"""So many checkers must have died over a content before it is not read any more."""

BUCKETS: Final = 256
"""With eight entries each, two for a content: half a mebibyte for a thousand contents."""


class FailureMemory:
    """Remembers contents by what they are. table: shared by all receivers; one of our own when None."""

    def __init__(self, now_s: Callable[[], float], table: SlotTable | None = None) -> None:
        self._now_s = now_s
        self._table = table or SlotTable.in_memory()

    def suspects(self, content: Content) -> bool:
        """Whether a content of this size has failed often enough; nothing is read."""
        return self._strikes(_size_key(content)) >= STRIKES

    def knows(self, content: Content) -> bool:
        """Whether this content has. Reads all of it, and blocks. Raises StorageFailure."""
        return self._strikes(digest(content)) >= STRIKES

    def remember(self, content: Content) -> None:
        """It has failed once more. Reads all of it, and blocks. Raises StorageFailure."""
        now_s = int(self._now_s())
        for key in (_size_key(content), digest(content)):
            self._table.put(Entry(key, now_s, now_s, self._strikes(key) + 1))

    def _strikes(self, key: bytes) -> int:
        entry = self._table.get(key)
        return entry.count if entry is not None and self._now_s() - entry.last_s < REMEMBERED_S else 0


def digest(content: Content) -> bytes:
    """Of all octets. Blocks. Raises StorageFailure."""
    state = blake2b(digest_size=KEY_BYTES, person=b"content")
    for chunk in content.chunks():
        state.update(chunk)
    return state.digest()


def _size_key(content: Content) -> bytes:
    return blake2b(content.size_bytes.to_bytes(8, "little"), digest_size=KEY_BYTES, person=b"size").digest()
