"""What the tests of held mail share."""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from clement.delivery.held_mail import HoldingPlace, HoldLimits, SpoolHolder
from clement.delivery.holding import Held, HeldAs, Hold, Reconciler
from clement.delivery.transport import Destination, Envelope
from clement.journal.records import HeldGone, HeldRecord, Record
from clement.policy.directory import Domain, Group, Local, LocalMailbox, Mode, Relayed
from clement.server.identity import session_id
from clement.smtp import Mailbox
from clement.spool.content import Content
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.held import HeldStore
from clement.spool.held_usage import HeldUsage
from clement.spool.workers import Workers
from clement.telemetry.metrics import Series
from tests.delivery.local import DOMAIN, FROM, GROUP, MESSAGE, TRACE, mailbox

NOW_S = 1_795_000_000.0
RELAYING = Group(7, "away", Mode.RELAY)
RELAYED_DOMAIN = Domain(9, "relay.example", 7)
LIMITS = HoldLimits(days=30, refused_copy_days=7, limit_bytes=1 << 30, limit_bytes_per_group=1 << 30)

_dice = random.SystemRandom()


class Records:
    """A journal in memory."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.flushed = 0

    def append(self, record: Record) -> None:
        self.taken.append(record)

    def flush(self) -> bool:
        self.flushed += 1
        return True

    @property
    def entries(self) -> list[str]:
        """What is held as far as the journal says."""
        told = [record.id for record in self.taken if isinstance(record, HeldRecord)]
        gone = {record.id for record in self.taken if isinstance(record, HeldGone)}
        return [entry for entry in told if entry not in gone]


def transaction_id(at_s: float = NOW_S) -> str:
    return f"{session_id(at_s, _dice.getrandbits)}-1"


def to_mailboxes(*numbers: int, kind: HeldAs = HeldAs.QUARANTINE, group: Group = GROUP) -> Hold:
    route = Local(group, DOMAIN, tuple(mailbox(number) for number in numbers))
    return Hold(kind, Destination(Mailbox("x", "local.example"), route), "directive", 3.5, "said so")


def to_next_hop(kind: HeldAs = HeldAs.QUARANTINE) -> Hold:
    route = Relayed(RELAYING, RELAYED_DOMAIN, "rita@relay.example")
    return Hold(kind, Destination(Mailbox("Rita", "relay.example"), route), "learned")


def held(transaction: str = "", **facts: object) -> Held:
    whole = {"message_id": "<1@client.example>", "subject": "hello", **facts}
    envelope = Envelope(transaction or transaction_id(), FROM, TRACE)
    return Held(envelope, **whole)  # type: ignore[arg-type]


class Place:
    """A machine that keeps messages, put together for one test."""

    def __init__(
        self,
        folder: Path,
        filesystem: FileSystem | None = None,
        limits: HoldLimits = LIMITS,
        *,
        room_for: Callable[[int], bool] = lambda _size: True,
        reconciler: Reconciler | None = None,
        now_s: Callable[[], float] = lambda: NOW_S,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.filesystem = filesystem or OsFileSystem()
        self.store = HeldStore(self.filesystem, str(folder), f"test-{os.getpid()}")
        self.usage = HeldUsage(str(folder / "usage"))
        self.records = Records()
        self.counted: list[Series] = []
        self._of = lambda workers: HoldingPlace(
            store=self.store,
            usage=self.usage,
            limits=limits,
            workers=workers,
            records=self.records,
            room_for=room_for,
            now_s=now_s,
            node="node-1",
            count=self.counted.append,
            reconciler=reconciler,
        )

    def hold(
        self,
        *holds: Hold,
        what: Held | None = None,
        content: Content | None = None,
        then: str = "commit",
    ) -> list[str]:
        """Play a whole holding as a session would; the entries that it made. Raises StorageFailure."""
        before = set(self.records.entries)

        async def play() -> None:
            holding = SpoolHolder(self._of(workers)).start(what or held(), holds or (to_mailboxes(1),))
            await holding.prepare(content or Content.in_memory(MESSAGE))
            if then == "abort":
                await holding.abort()
                return
            await holding.commit()
            if then == "withdraw":
                await holding.withdraw()

        workers = Workers(2)
        try:
            asyncio.run(play())
        finally:
            workers.stop()
        return [entry for entry in self.records.entries if entry not in before]

    def files(self) -> list[str]:
        """Everything that is named for good, without its folders."""
        return sorted(path.name for path in self.folder.glob("*/*/*/*"))

    def staged(self) -> list[str]:
        """What a crash left half-way."""
        return sorted(path.name for path in self.folder.glob("tmp/*"))

    def octets(self, entry: str) -> bytes:
        """The content of an entry."""
        content = self.store.content(entry)
        try:
            return b"".join(content.chunks())
        finally:
            content.discard()


def addresses(place: Place, entries: Sequence[str]) -> list[list[str]]:
    """For whom each entry is held."""
    return [[each.address for each in place.store.manifest(entry).facts.recipients] for entry in entries]


__all__ = ["LocalMailbox", "Place", "addresses", "held", "to_mailboxes", "to_next_hop", "transaction_id"]
