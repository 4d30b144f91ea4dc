"""What greylisting remembers: three tables that all receivers share, and the key of their hashes.

    waiting         contacts (source, reverse-path, recipient): waiting, or known since they came back
    sources         networks and domains: how often they have proven that they retry
    correspondents  pairs: who of ours has written to whom

Keys are hashes, so that looking up costs the same for all and nobody can aim at a bucket. For people who
look after it, an entry also holds the start of what it is about, in plain text: the files are readable for
Clement alone (0600), the command line shows them to whoever may read them, and a contact is forgotten when
it was not seen for five weeks.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes
from typing import Final

import msgspec

from clement.policy.greylisting import (
    CORRESPONDENT_S,
    KEPT_S,
    PROOFS_APART_S,
    PROOFS_WANTED,
    Contact,
    Seen,
)
from clement.server.shared_secret import SECRET_BYTES, locked, secret_of
from clement.server.slot_table import KEY_BYTES, Entry, SlotTable, open_or_make, seal_of

WAITING_BUCKETS: Final = 8192
SOURCE_BUCKETS: Final = 2048
CORRESPONDENT_BUCKETS: Final = 8192
"""8 entries each, 256 octets an entry: 36 MiB of disk together."""

BUCKETS: Final = {
    "waiting": WAITING_BUCKETS,
    "sources": SOURCE_BUCKETS,
    "correspondents": CORRESPONDENT_BUCKETS,
}
_SEPARATOR: Final = "\x1f"
_SHOWN_CHARS: Final = (40, 80, 80)
"""Of source, reverse-path and recipient: what fits into a slot."""


class Source(msgspec.Struct, frozen=True):
    """What is remembered of a source. usual_s: how long it needed to come back, 0 when it never did."""

    proofs: int
    at_s: float
    usual_s: int = 0
    allowed: bool = False

    def is_known(self, now_s: float) -> bool:
        """Whether it need not be asked again: an administrator said so, or it has proven itself."""
        return self.allowed or (self.proofs >= PROOFS_WANTED and now_s - self.at_s <= KEPT_S)


_STRANGER: Final = Source(0, 0)


class GreylistMemory:
    """The open tables. Look-ups and changes wait for nothing."""

    __slots__ = ("_keyed", "anew", "correspondents", "sources", "waiting")

    def __init__(self, secret: bytes, tables: dict[str, SlotTable], anew: dict[str, str]) -> None:
        self._keyed = blake2b(digest_size=KEY_BYTES, key=secret)
        self.waiting = tables["waiting"]
        self.sources = tables["sources"]
        self.correspondents = tables["correspondents"]
        self.anew = anew
        """Tables that could not be used and were begun anew, with what was wrong with them."""

    @classmethod
    def open(cls, folder: Path) -> GreylistMemory:
        """Open the tables for service; what is missing or unusable is made anew. Raises OSError.

        Once in the life of a process: takes a lock, so that processes that start together agree.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        anew: dict[str, str] = {}
        with locked(folder / "lock"):
            secret = secret_of(folder / "key")
            seal = seal_of(secret)
            tables = {}
            for name, buckets in BUCKETS.items():
                tables[name], fault = open_or_make(_path(folder, name), buckets, seal)
                if fault:
                    anew[name] = fault
        return cls(secret, tables, anew)

    @classmethod
    def look(cls, folder: Path, *, writable: bool = False) -> GreylistMemory:
        """Open what receivers have made, to look at it or to change an entry; makes nothing.

        Raises FileNotFoundError when there is none yet, UnfitTable, OSError.
        """
        secret = (folder / "key").read_bytes()
        seal = seal_of(secret)
        tables = {
            name: SlotTable.open(_path(folder, name), buckets, seal, writable=writable)
            for name, buckets in BUCKETS.items()
        }
        return cls(secret, tables, {})

    @classmethod
    def empty(cls) -> GreylistMemory:
        """A memory without files, and room for a few entries: for simulations of a site that has none."""
        tables = {name: SlotTable.in_memory() for name in BUCKETS}
        return cls(token_bytes(SECRET_BYTES), tables, {})

    def close(self) -> None:
        """Give the files up; what was remembered stays."""
        for table in (self.waiting, self.sources, self.correspondents):
            table.close()

    # --- Contacts ---------------------------------------------------------------------------------------

    def seen(self, contact: Contact) -> Seen | None:
        """What is remembered of a contact."""
        entry = self.waiting.get(self._contact_key(contact))
        return None if entry is None else Seen(entry.first_s, entry.last_s, returned=entry.count > 0)

    def first_contact(self, contact: Contact, now_s: float, delay_s: int) -> None:
        """A contact has to wait from now on."""
        now = int(now_s)
        self.waiting.put(
            Entry(self._contact_key(contact), now, now, value=now + delay_s, text=shown_contact(contact))
        )

    def returned(self, contact: Contact, seen: Seen, now_s: float) -> None:
        """A contact came back in time, or is known and was seen again."""
        entry = Entry(
            self._contact_key(contact), int(seen.first_s), int(now_s), count=1, text=shown_contact(contact)
        )
        self.waiting.put(entry)

    # --- Sources ----------------------------------------------------------------------------------------

    def source(self, name: str) -> Source:
        """What is remembered of a source."""
        entry = self.sources.get(self.key("source", name))
        return _STRANGER if entry is None else source_in(entry)

    def prove(self, name: str, now_s: float, waited_s: float = 0) -> None:
        """A source has come back after `waited_s`, or accepted mail has proven a domain (0)."""
        key, now = self.key("source", name), int(now_s)
        entry = self.sources.get(key)
        if entry is None or (now_s - entry.last_s > KEPT_S and not entry.pinned):
            entry = Entry(key, now, 0, text=name)
        if 0 <= now - entry.last_s < PROOFS_APART_S:
            return
        waited = min(int(waited_s), KEPT_S)
        # A running mean in which the latest counts for a quarter.
        usual_s = (3 * entry.value + waited) // 4 if entry.value and waited else waited or entry.value
        self.sources.put(
            msgspec.structs.replace(entry, last_s=now, count=min(entry.count + 1, 1000), value=usual_s)
        )

    def allow(self, name: str, now_s: float) -> None:
        """Never ask this source, until it is forgotten."""
        key, now = self.key("source", name), int(now_s)
        entry = self.sources.get(key) or Entry(key, now, now, text=name)
        self.sources.put(msgspec.structs.replace(entry, pinned=True))

    # --- Correspondents ---------------------------------------------------------------------------------

    def wrote(self, ours: str, theirs: str, now_s: float) -> None:
        """One of ours has written to somebody. Addresses in lower case."""
        key, now = self.key("pair", ours, theirs), int(now_s)
        before = self.correspondents.get(key)
        first_s, count = (before.first_s, before.count) if before is not None else (now, 0)
        self.correspondents.put(
            Entry(key, first_s, now, count=count + 1, text=_shown(("", ours, theirs)).lstrip(_SEPARATOR))
        )

    def corresponds(self, ours: str, theirs: str, now_s: float) -> bool:
        """Whether one of ours has written to this address within the last year."""
        entry = self.correspondents.get(self.key("pair", ours, theirs))
        return entry is not None and now_s - entry.last_s <= CORRESPONDENT_S

    def key(self, kind: str, *names: str) -> bytes:
        """The key of an entry. Names cannot hold the separator: they come from parsed addresses."""
        text = _SEPARATOR.join((kind, *names)).encode("utf-8", "surrogateescape")
        keyed = self._keyed.copy()
        keyed.update(text)
        return keyed.digest()

    def _contact_key(self, contact: Contact) -> bytes:
        return self.key("contact", contact.source, contact.reverse_path, contact.recipient)


def source_in(entry: Entry) -> Source:
    """What an entry of the sources says."""
    return Source(entry.count, entry.last_s, entry.value, entry.pinned)


def shown_contact(contact: Contact) -> str:
    """What an entry says of a contact: the start of each of its parts."""
    return _shown((contact.source, contact.reverse_path, contact.recipient))


def parts_of(entry: Entry) -> list[str]:
    """The parts of an entry's text: source, reverse-path, recipient; or one of ours and whom he wrote to."""
    return entry.text.split(_SEPARATOR)


def _shown(parts: tuple[str, ...]) -> str:
    return _SEPARATOR.join(
        part if len(part) <= most else part[: most - 1] + "…"
        for part, most in zip(parts, _SHOWN_CHARS, strict=True)
    )


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.table"
