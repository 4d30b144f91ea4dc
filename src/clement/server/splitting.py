"""One reply, several recipients, different answers: how a transaction is split so that each answer is true.

The first time the answers differ the whole transaction is deferred and each
recipient's class remembered. When the client comes back, the first recipient
sets the class and recipients of another class wait for a transaction of their
own (452). The memory is a folder of tiny files, one for each recipient that was
split, so that all receivers, and those started later, know of it; a transaction
with one recipient never looks there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from clement.policy.network import Address
from clement.policy.verdict import Accept, Verdict

REMEMBERED_S: Final = 5 * 24 * 3600
"""RFC 5321 §4.5.4.1: a client gives up after 4-5 days."""


def class_of(verdict: Verdict) -> str:
    """Recipients of one class can share a reply."""
    if isinstance(verdict, Accept):
        return "accept"
    return f"{type(verdict).__name__.lower()}.{verdict.reason.value}"


def agree(verdicts: Sequence[Verdict]) -> bool:
    """Whether one reply can be true for all."""
    return len({class_of(verdict) for verdict in verdicts}) <= 1


class SplitMemory:
    """Which class each recipient of a split transaction belongs to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def remember(self, client: Address, reverse_path: str, classes: Sequence[tuple[str, str]]) -> None:
        """Note `(recipient, class)` for this client network and reverse-path. Raises OSError."""
        for recipient, name in classes:
            (self._folder / _note(client, reverse_path, recipient)).write_text(name)

    def recall(self, client: Address, reverse_path: str, recipient: str) -> str:
        """The class this recipient was put in, or "" when it was never split."""
        try:
            return (self._folder / _note(client, reverse_path, recipient)).read_text()
        except FileNotFoundError:
            return ""

    def sweep(self, now_s: float) -> int:
        """Delete what no client will come back for; the number of notes deleted."""
        swept = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < now_s - REMEMBERED_S:
                    path.unlink()
                    swept += 1
        return swept


def _note(client: Address, reverse_path: str, recipient: str) -> str:
    """Clients retry from other hosts of the same network: IPv4 /24 and IPv6 /64 count as one."""
    network = int(client) >> (8 if isinstance(client, IPv4Address) else 64)
    key = f"{network}\n{reverse_path}\n{recipient}".encode("utf-8", "surrogateescape")
    return blake2b(key, digest_size=16).hexdigest()
