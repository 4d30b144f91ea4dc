"""One reply, several recipients, different answers: how a transaction is split so that each answer is true.

The first time the answers differ the whole transaction is deferred and each
recipient's class remembered. When the client comes back, the first recipient
sets the class and recipients of another class wait for a transaction of their
own (452). The memory is a table that all receivers of a machine share, those
started later too, with an entry for each recipient of a client network and
reverse-path who was not simply to have the message: nothing is looked for, read
or written on the disk while a session waits. It is bounded: what is not
remembered is deferred once more, and nothing is lost. When it is full, the oldest
give way: they are the ones whose clients have most likely come back. A
transaction with one recipient never looks there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_bytes
from typing import Final

from clement.policy.network import Address
from clement.policy.verdict import TAKEN, Quarantine, Verdict
from clement.server.shared_secret import SECRET_BYTES, locked, secret_of
from clement.server.slot_table import KEY_BYTES, MAX_TEXT_BYTES, Entry, SlotTable, open_or_make, seal_of
from clement.telemetry import events as log_events
from clement.telemetry.log import Log

log = Log("server")

REMEMBERED_S: Final = 5 * 24 * 3600
"""RFC 5321 §4.5.4.1: a client gives up after 4-5 days."""

BUCKETS: Final = 16_384
"""8 entries each, 256 octets an entry: 131,072 recipients in 32 MiB of disk."""

TAKEN_CLASS: Final = "accept"
"""Of those who simply get the message. It is not remembered: who is unknown is expected to belong here."""


def class_of(verdict: Verdict, mark: str = "") -> str:
    """Recipients of one class can share a reply: the sender need not care who looks at the message first.

    mark: what is written on the message, where all recipients get one.
    """
    if isinstance(verdict, TAKEN):
        return f"{TAKEN_CLASS}.{mark}" if mark and not isinstance(verdict, Quarantine) else TAKEN_CLASS
    return f"{type(verdict).__name__.lower()}.{verdict.reason.value}"


def agree(verdicts: Sequence[Verdict]) -> bool:
    """Whether one reply can be true for all."""
    return len(verdicts) < 2 or len({class_of(verdict) for verdict in verdicts}) == 1


class SplitNote:
    """What is remembered of one client network and reverse-path."""

    __slots__ = ("_keyed", "_now_s", "_table")

    def __init__(self, table: SlotTable, keyed: blake2b, now_s: float) -> None:
        self._table = table
        self._keyed = keyed
        self._now_s = now_s

    def class_of(self, recipient: str) -> str:
        """The class this recipient was put in; of those who were never split that of the accepted."""
        entry = self._table.get(self._key(recipient))
        return entry.text if entry is not None and self._now_s - entry.last_s < REMEMBERED_S else TAKEN_CLASS

    def put(self, recipient: str, name: str) -> None:
        """Remember the class of a recipient from now on."""
        key, now_s = self._key(recipient), int(self._now_s)
        if name == TAKEN_CLASS:
            self._table.remove(key)
        else:
            self._table.put(Entry(key, now_s, now_s, text=_fitting(name)))

    def _key(self, recipient: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(recipient.encode("utf-8", "surrogateescape"))
        return keyed.digest()


class SplitMemory:
    """Which class each recipient of a split transaction belongs to. now_s: Unix seconds."""

    __slots__ = ("_keyed", "_now_s", "_table")

    def __init__(self, table: SlotTable, secret: bytes, now_s: Callable[[], float]) -> None:
        self._table = table
        self._keyed = blake2b(digest_size=KEY_BYTES, key=secret, person=b"split")
        self._now_s = now_s

    @classmethod
    def open(cls, folder: Path, now_s: Callable[[], float], buckets: int = BUCKETS) -> SplitMemory:
        """Open the table for service; one that is missing or unusable is made anew.

        Once in the life of a process: takes a lock, so that processes that start together agree. Where the
        disk does not have it the process remembers for itself, and the log says so.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / "lock"):
                secret = secret_of(folder / "key")
                table, _fault = open_or_make(folder / "splits.table", buckets, seal_of(secret))
        except OSError as fault:
            log.warning(log_events.SPLITS_UNAVAILABLE, fault=str(fault)[:300])
            return cls.of_this_process(now_s, buckets)
        return cls(table, secret, now_s)

    @classmethod
    def of_this_process(cls, now_s: Callable[[], float], buckets: int = 1) -> SplitMemory:
        """A memory without files, which nobody else shares."""
        return cls(SlotTable.in_memory(buckets), token_bytes(SECRET_BYTES), now_s)

    def remember(self, client: Address, reverse_path: str, classes: Sequence[tuple[str, str]]) -> None:
        """Note `(recipient, class)` for this client network and reverse-path."""
        note = self.recall(client, reverse_path)
        for recipient, name in classes:
            note.put(recipient, name)

    def recall(self, client: Address, reverse_path: str) -> SplitNote:
        """What is remembered of this client network and reverse-path."""
        keyed = self._keyed.copy()
        keyed.update(_name(client, reverse_path))
        return SplitNote(self._table, keyed, self._now_s())

    def close(self) -> None:
        """Give the table up; what was remembered stays."""
        self._table.close()


def _name(client: Address, reverse_path: str) -> bytes:
    """Clients retry from other hosts of the same network: IPv4 /24 and IPv6 /64 count as one."""
    network = int(client) >> (8 if isinstance(client, IPv4Address) else 64)
    key = f"{client.version} {network}\n{reverse_path}".encode("utf-8", "surrogateescape")
    # Of one length, so that what follows cannot be taken for a part of it.
    return blake2b(key, digest_size=KEY_BYTES).digest()


def _fitting(name: str) -> str:
    """A class as an entry can hold it; they are only compared."""
    octets = name.encode("utf-8", "replace")
    return name if len(octets) <= MAX_TEXT_BYTES else blake2b(octets, digest_size=KEY_BYTES).hexdigest()
