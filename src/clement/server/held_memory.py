"""What is remembered of held messages, so that a message and its sender's own retry are one: `Reconciler`.

Two small tables that all receivers and the courier share (`slot_table`):

    messages    somebody's Message-ID for a recipient -> under which id it is held, and the body's hash
    recipients  that id -> whether the recipient has the message, or under which id the same was held first

Keys are hashes of a secret of the site: nobody can aim at an entry. What is forgotten, because a table is
full or a fortnight is over, costs a second copy, never a message.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from clement.delivery.holding import Held
from clement.delivery.transport import Destination
from clement.policy.directory import Local
from clement.server.shared_secret import locked, secret_of
from clement.server.slot_table import KEY_BYTES, SEAL_BYTES, Entry, SlotTable, UnfitTable

REMEMBERED_S: Final = 14 * 24 * 3600
BUCKETS: Final = {"messages": 2048, "recipients": 1024}
"""8 entries each, 256 octets an entry: 6 MiB of disk together."""
MOST_DOMAINS: Final = 4
"""Proven domains of one message by which it is remembered."""

_HELD: Final = 0
_DELIVERED: Final = 1


class HeldMemory:
    """The open tables. Look-ups and changes wait for nothing. now_s: Unix time."""

    __slots__ = ("_keyed", "_messages", "_now_s", "_recipients")

    def __init__(self, secret: bytes, tables: dict[str, SlotTable], now_s: Callable[[], float]) -> None:
        self._keyed = blake2b(digest_size=KEY_BYTES, key=secret)
        self._messages = tables["messages"]
        self._recipients = tables["recipients"]
        self._now_s = now_s

    @classmethod
    def open(cls, folder: Path, now_s: Callable[[], float]) -> HeldMemory:
        """Open the tables; what is missing or unusable is made anew. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / "lock"):
            secret = secret_of(folder / "key")
            seal = blake2b(b"seal", digest_size=SEAL_BYTES, key=secret).digest()
            tables = {}
            for name, buckets in BUCKETS.items():
                path = folder / f"{name}.table"
                try:
                    tables[name] = SlotTable.open(path, buckets, seal)
                except (FileNotFoundError, UnfitTable):
                    SlotTable.make(path, buckets, seal)
                    tables[name] = SlotTable.open(path, buckets, seal)
        return cls(secret, tables, now_s)

    def close(self) -> None:
        """Give the files up; what was remembered stays."""
        self._messages.close()
        self._recipients.close()

    # --- For receivers: Reconciler -----------------------------------------------------------------------

    def may_know(self, held: Held, destination: Destination) -> bool:
        """See `Reconciler.may_know`."""
        return any(
            self._messages.get(key) is not None
            for address in addresses_of(destination)
            for key in self._keys(held, address)
        )

    def known(self, held: Held, destination: Destination) -> str:
        """See `Reconciler.known`."""
        names = [self._delivered_under(held, address) for address in addresses_of(destination)]
        return names[0] if names and all(names) else ""

    def kept(self, held: Held, destination: Destination, recipient: str) -> None:
        """See `Reconciler.kept`. What is held already under another id is one message with it."""
        same = ""
        for address in addresses_of(destination):
            keys = self._keys(held, address)
            same = same or next((found for key in keys if (found := self._held_under(key, held))), "")
            for key in keys:
                self._put(self._messages, key, f"{same or recipient} {_digest(held)}")
        if same != recipient:
            self._put(self._recipients, self._key("recipient", recipient), same)

    def delivered(self, held: Held, destination: Destination) -> None:
        """See `Reconciler.delivered`."""
        for address in addresses_of(destination):
            for key in self._keys(held, address):
                if same := self._held_under(key, held):
                    self._deliver(same)

    # --- For the courier: queue.courier.Memory -------------------------------------------------------------

    def was_delivered(self, recipient: str) -> bool:
        """Whether this recipient has the message by another way than a release."""
        entry = self._recipients.get(self._key("recipient", recipient))
        if entry is not None and entry.text:
            entry = self._recipients.get(self._key("recipient", entry.text))
        return entry is not None and entry.count == _DELIVERED and self._is_fresh(entry)

    def released(self, recipient: str) -> None:
        """The recipient has it, and so all under whose ids the same message is held for him."""
        entry = self._recipients.get(self._key("recipient", recipient))
        self._deliver(recipient if entry is None or not entry.text else entry.text)

    # --- Keys ----------------------------------------------------------------------------------------------

    def _delivered_under(self, held: Held, address: str) -> str:
        for key in self._keys(held, address):
            same = self._held_under(key, held)
            if same and self.was_delivered(same):
                return same
        return ""

    def _held_under(self, key: bytes, held: Held) -> str:
        """The id under which a message with this name is held, if its body is the same."""
        entry = self._messages.get(key)
        if entry is None or not held.body_hash or not self._is_fresh(entry):
            return ""
        name, _, digest = entry.text.partition(" ")
        return name if digest == _digest(held) else ""

    def _deliver(self, recipient: str) -> None:
        self._put(self._recipients, self._key("recipient", recipient), "", _DELIVERED)

    def _keys(self, held: Held, address: str) -> list[bytes]:
        """One for each that vouches for the message; none where nobody does, or it has no name of its own."""
        if not held.message_id:
            return []
        proven = held.authenticated_as.lower().split()[:MOST_DOMAINS]
        return [self._key("message", who, held.message_id, address) for who in proven]

    def _key(self, *parts: str) -> bytes:
        keyed = self._keyed.copy()
        for part in parts:
            octets = part.encode("utf-8", "surrogateescape")
            keyed.update(len(octets).to_bytes(4, "big") + octets)
        return keyed.digest()

    def _put(self, table: SlotTable, key: bytes, text: str, state: int = _HELD) -> None:
        now_s = int(self._now_s())
        table.put(Entry(key, now_s, now_s, count=state, text=text))

    def _is_fresh(self, entry: Entry) -> bool:
        return self._now_s() - entry.last_s <= REMEMBERED_S


def _digest(held: Held) -> str:
    """Enough of the body's hash for nobody to make another body with it."""
    return held.body_hash.hex()[:48]


def addresses_of(destination: Destination) -> tuple[str, ...]:
    """Who is given what is released to this destination."""
    route = destination.route
    if isinstance(route, Local):
        return tuple(mailbox.address for mailbox in route.mailboxes)
    return (route.address,)
