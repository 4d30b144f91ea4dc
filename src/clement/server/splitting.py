"""One reply, several recipients, different answers: how a transaction is split so that each answer is true.

The first time the answers differ the whole transaction is deferred and each
recipient's class remembered. When the client comes back, the first recipient
sets the class and recipients of another class wait for a transaction of their
own (452). The memory is a folder with one small file for each client network and
reverse-path, so that all receivers, and those started later, know of it; a
transaction with one recipient never looks there. It is bounded: what is not
remembered is deferred once more, and nothing is lost. When it is full, the oldest
give way: they are the ones whose clients have most likely come back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from heapq import nsmallest
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import msgspec

from clement.policy.network import Address
from clement.policy.verdict import TAKEN, Quarantine, Verdict

REMEMBERED_S: Final = 5 * 24 * 3600
"""RFC 5321 §4.5.4.1: a client gives up after 4-5 days."""

MOST_NOTES: Final = 20_000
MOST_RECIPIENTS: Final = 2000
COUNT_EVERY: Final = 64
"""Notes written before the folder is counted again."""


def class_of(verdict: Verdict, mark: str = "") -> str:
    """Recipients of one class can share a reply: the sender need not care who looks at the message first.

    mark: what is written on the message, where all recipients get one.
    """
    if isinstance(verdict, TAKEN):
        return f"accept.{mark}" if mark and not isinstance(verdict, Quarantine) else "accept"
    return f"{type(verdict).__name__.lower()}.{verdict.reason.value}"


def agree(verdicts: Sequence[Verdict]) -> bool:
    """Whether one reply can be true for all."""
    return len(verdicts) < 2 or len({class_of(verdict) for verdict in verdicts}) == 1


class SplitNote:
    """What is remembered of one client network and reverse-path."""

    __slots__ = ("_classes",)

    def __init__(self, classes: Mapping[bytes, str]) -> None:
        self._classes = classes

    def class_of(self, recipient: str) -> str:
        """The class this recipient was put in, or "" when it was never split."""
        return self._classes.get(_key(recipient), "") if self._classes else ""


class SplitMemory:
    """Which class each recipient of a split transaction belongs to."""

    def __init__(self, folder: Path, most_notes: int = MOST_NOTES) -> None:
        self._folder = folder
        self._most_notes = most_notes
        self._until_count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def remember(self, client: Address, reverse_path: str, classes: Sequence[tuple[str, str]]) -> None:
        """Note `(recipient, class)` for this client network and reverse-path. Raises OSError."""
        self._make_room()
        note = self._folder / _name(client, reverse_path)
        known = _read(note)
        if len(known) > MOST_RECIPIENTS:
            known.clear()
        known.update({_key(recipient): name for recipient, name in classes})
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(msgspec.msgpack.encode(known))
        fresh.replace(note)

    def recall(self, client: Address, reverse_path: str) -> SplitNote:
        """What is remembered of this client network and reverse-path; reads a file. Raises OSError."""
        return SplitNote(_read(self._folder / _name(client, reverse_path)))

    def _make_room(self) -> None:
        if self._until_count <= 0:
            if len(os.listdir(self._folder)) >= self._most_notes:  # noqa: PTH208 - names alone, quickly
                self._evict(max(COUNT_EVERY, self._most_notes // 16))
            self._until_count = COUNT_EVERY
        self._until_count -= 1

    def _evict(self, count: int) -> None:
        """Forget the oldest, many at once: to find them, all must be looked at."""
        ages: list[tuple[float, str]] = []
        with os.scandir(self._folder) as notes:
            for note in notes:
                with suppress(FileNotFoundError):
                    ages.append((note.stat().st_mtime, note.path))
        for _age, path in nsmallest(count, ages):
            Path(path).unlink(missing_ok=True)

    def sweep(self, now_s: float) -> int:
        """Delete what no client will come back for; the number of notes deleted."""
        swept = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < now_s - REMEMBERED_S:
                    path.unlink()
                    swept += 1
        return swept


_DECODER: Final = msgspec.msgpack.Decoder(dict[bytes, str])


def _read(note: Path) -> dict[bytes, str]:
    """What a note says; one that is missing or damaged says nothing."""
    try:
        return _DECODER.decode(note.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _name(client: Address, reverse_path: str) -> str:
    """Clients retry from other hosts of the same network: IPv4 /24 and IPv6 /64 count as one."""
    network = int(client) >> (8 if isinstance(client, IPv4Address) else 64)
    key = f"{client.version} {network}\n{reverse_path}".encode("utf-8", "surrogateescape")
    return blake2b(key, digest_size=16).hexdigest()


def _key(recipient: str) -> bytes:
    return blake2b(recipient.encode("utf-8", "surrogateescape"), digest_size=12).digest()
