"""A courier with an index in memory, real files, real Maildirs, and a next hop that a test has started."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.relay import RelayTransport
from clement.delivery.routing import Transports
from clement.net.hop_connection import TlsContexts
from clement.net.object_store import ObjectStore
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import (
    Directory,
    DirectoryContents,
    Group,
    GroupPolicy,
    LocalMailbox,
    Mode,
    NextHop,
    TlsUse,
)
from clement.policy.ports import Scan, Scanner
from clement.queue.courier import Courier, CourierWorld, Memory, Taught
from clement.queue.offsite import Offsite
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.held import HeldStore
from clement.spool.workers import Workers
from clement.store.held_records import DueRelease
from clement.telemetry.metrics import Series
from tests.delivery.held import DOMAIN, NOW_S, RELAYED_DOMAIN
from tests.delivery.local import mailbox

TLS = TlsContexts.standard()
PREFIX = "clement/"
PATIENCE_S = 5 * 86_400.0


class Index:
    """What SQL would know, in a file: so that it outlives a courier that is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offered: list[str] = []
        self.stored_entries: dict[str, str] = {}
        if not path.exists():
            self._write({})

    def ask(self, *recipients: str) -> None:
        """Somebody releases these."""
        rows = self.rows
        rows.update(
            {each: {"state": "releasing", "why": "", "next": 0.0, "failures": 0} for each in recipients}
        )
        self._write(rows)

    @property
    def rows(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = json.loads(self._path.read_text())
        return found

    def state(self, recipient: str) -> object:
        return self.rows[recipient]["state"]

    def why(self, recipient: str) -> str:
        return str(self.rows[recipient]["why"])

    # --- Releases -----------------------------------------------------------------------------------------

    def due(self, now_s: float, limit: int) -> Sequence[DueRelease]:
        return [
            DueRelease(
                id=each,
                entry=each.rpartition(".")[0],
                requested_at_s=NOW_S,
                requested_by="anna",
                failures=int(str(row["failures"])),
                failing_since_s=float(str(row.get("since", 0.0))),
                object_key=self.stored_entries.get(each.rpartition(".")[0], ""),
            )
            for each, row in self.rows.items()
            if row["state"] == "releasing" and float(str(row["next"])) <= now_s
        ][:limit]

    def released(self, recipient: str, note: str) -> bool:
        return self._end(recipient, "released", note)

    def refused(self, recipient: str, why: str) -> bool:
        return self._end(recipient, "held", why)

    def deferred(self, recipient: str, why: str, now_s: float, next_try_at_s: float) -> None:
        rows = self.rows
        row = rows[recipient]
        row.update(why=why, next=next_try_at_s, failures=int(str(row["failures"])) + 1)
        row.setdefault("since", now_s)
        self._write(rows)

    # --- StoredIndex --------------------------------------------------------------------------------------

    def not_stored(self, limit: int) -> Sequence[str]:
        return [each for each in self.offered if each not in self.stored_entries][:limit]

    def stored(self, entry: str, object_key: str) -> None:
        self.stored_entries[entry] = object_key

    def _end(self, recipient: str, state: str, why: str) -> bool:
        rows = self.rows
        rows[recipient].update(state=state, why=why)
        self._write(rows)
        return True

    def _write(self, rows: object) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(rows))
        fresh.replace(self._path)


class Answers:
    """A scanner that gives one answer."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.seen = b""

    def begin(self) -> Answers:
        return self

    async def feed(self, chunk: bytes) -> None:
        self.seen += chunk

    async def finish(self) -> Scan:
        return self.scan

    def abandon(self) -> None:
        """Nothing to give back."""


def directory(
    port: int = 0, policy: GroupPolicy | None = None, mailboxes: Sequence[LocalMailbox] = ()
) -> Directory:
    """Mailboxes u1 to u3 here, and relay.example at a next hop."""
    policy = policy or GroupPolicy()
    here = Group(1, "here", Mode.STORE, policy=policy)
    hop = NextHop("127.0.0.1", port, tls=TlsUse.NEVER)
    away = Group(7, "away", Mode.RELAY, next_hops=(hop,), policy=policy)
    return Directory(
        DirectoryContents(
            groups=(here, away),
            domains=(DOMAIN, RELAYED_DOMAIN),
            mailboxes=tuple(mailboxes or (mailbox(n) for n in (1, 2, 3))),
        )
    )


class Round:
    """One round of a courier that has just started, on the files below `root`."""

    def __init__(
        self,
        root: Path,
        filesystem: FileSystem | None = None,
        *,
        knows: Directory | None = None,
        scanner: Scanner | None = None,
        memory: Memory | None = None,
        taught: Taught | None = None,
        objects: ObjectStore | None = None,
        now_s: Callable[[], float] = lambda: NOW_S,
    ) -> None:
        self.root = root
        self.filesystem = filesystem or OsFileSystem()
        self.index = Index(root / "index.json")
        self.counted: list[Series] = []
        self._directory = knows or directory()
        self._further = {"scanner": scanner, "memory": memory, "taught": taught}
        self._objects = objects
        self._now_s = now_s

    def __call__(self) -> int:
        """How many releases were tried."""
        workers, sql = Workers(2), Workers(1)
        try:
            return asyncio.run(self._play(workers, sql))
        finally:
            workers.stop()
            sql.stop()

    async def _play(self, workers: Workers, sql: Workers) -> int:
        filesystem = self.filesystem
        maildir = MaildirTransport(
            filesystem, MaildirOptions(str(self.root / "mail"), "mx.local.example"), workers, time.time
        )
        relay = RelayTransport(
            SmtpClient("mx.local.example", time.monotonic, TLS), filesystem, workers, time.monotonic
        )
        world = CourierWorld(
            releases=self.index,
            store=HeldStore(filesystem, str(self.root / "held"), "courier"),
            transport_for=Transports(maildir, relay, relay).for_route,
            directory=lambda: self._directory,
            workers=workers,
            sql=sql,
            now_s=self._now_s,
            reached=filesystem.reached,
            count=self.counted.append,
            hostname="mx.local.example",
            patience_s=PATIENCE_S,
        )
        if self._objects is not None:
            offsite = Offsite(world.store, self._objects, self.index, workers, sql, PREFIX)
            await offsite.round()
            world = msgspec.structs.replace(world, fetch=offsite)
        return await Courier(msgspec.structs.replace(world, **self._further)).round()
