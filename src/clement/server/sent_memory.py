"""The Message-IDs of what people of ours have sent: an answer to one of these was asked for.

A table that all receivers of a machine share; it holds keyed hashes and numbers of persons. What was sent
through another machine is not known here.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from clement.server.slot_table import KEY_BYTES, SEAL_BYTES, Entry, SlotTable, UnfitTable

BUCKETS: Final = 4096
"""8 entries each, 256 octets an entry: 8 MiB of disk."""
KEPT_S: Final = 60 * 86_400
_MOST_PERSON: Final = (1 << 32) - 1


class SentMemory:
    """The open table. Looking up and remembering wait for nothing."""

    def __init__(self, table: SlotTable, key: bytes) -> None:
        self._table = table
        self._keyed = blake2b(digest_size=KEY_BYTES, key=key, person=b"clement sent")

    @classmethod
    def open(cls, path: Path, key: bytes) -> SentMemory:
        """Open it; what is missing or unusable is made anew. key: secret, 16 to 64 octets. Raises OSError."""
        seal = blake2b(key, digest_size=SEAL_BYTES, person=b"clement seal").digest()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError, UnfitTable):
            return cls(SlotTable.open(path, BUCKETS, seal), key)
        SlotTable.make(path, BUCKETS, seal)
        return cls(SlotTable.open(path, BUCKETS, seal), key)

    def remember(self, message_id: str, person_id: int, now_s: float) -> None:
        """This person has sent a message of this id."""
        if message_id and 0 < person_id <= _MOST_PERSON:
            self._table.put(Entry(self._hash(message_id), int(now_s), int(now_s), value=person_id))

    def sender_of(self, message_id: str, now_s: float) -> int:
        """The id of the person who sent it; 0 when nobody is known to have."""
        entry = self._table.get(self._hash(message_id))
        return entry.value if entry is not None and now_s - entry.last_s <= KEPT_S else 0

    def close(self) -> None:
        """Let go of it."""
        self._table.close()

    def _hash(self, message_id: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(message_id.strip("<> ").encode("utf-8", "surrogatepass"))
        return keyed.digest()
