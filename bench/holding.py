"""What held mail costs: keeping a message, indexing it, listing what is held, releasing it.

    .venv/bin/python bench/holding.py [--seconds 2] [--rounds 5] [--folder DIR]

Everything is done as in service: synced to the disk of DIR, told to a journal, indexed in SQLite. Final
delivery of the same message, on the same disk and in turn with it, is what keeping is measured by: the disk
and the processor weigh on both alike. CPU is that of the whole process, its worker threads and the kernel's
work for it; printed is the best of the rounds, which another load on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import SystemRandom

import uvloop

from clement.delivery.held_mail import HoldingPlace, HoldLimits, SpoolHolder
from clement.delivery.holding import Held, HeldAs, Hold
from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.routing import Transports
from clement.delivery.transport import Destination, Envelope
from clement.journal.journal import Journal
from clement.journal.records import HeldRecord, Record
from clement.policy.directory import Directory, DirectoryContents, Domain, Group, Local, LocalMailbox, Mode
from clement.queue.courier import Courier, CourierWorld
from clement.server.identity import session_id
from clement.smtp import Mailbox
from clement.spool.content import Content
from clement.spool.filesystem import OsFileSystem
from clement.spool.held import HeldStore
from clement.spool.held_usage import HeldUsage
from clement.spool.points import Point
from clement.spool.workers import Workers
from clement.store.database import DatabaseSettings, connect

PARALLEL = 20
NODE = "bench"
GROUP, DOMAIN = Group(1, "bench", Mode.STORE), Domain(1, "bench.example", 1)
BOX = LocalMailbox(1, "anna@bench.example", "bench/anna")
ROUTE = Local(GROUP, DOMAIN, (BOX,))
DESTINATION = Destination(Mailbox("anna", "bench.example"), ROUTE)
TRACE = b"Received: from a.example by b.example; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
SIZES = {"10 kB": 10_000, "1 MB": 1_000_000}
RELEASED = 300
ROOM_BYTES = 1 << 40


class CountingFileSystem(OsFileSystem):
    """The real disk, with a tally of what costs most."""

    __slots__ = ("syncs",)

    def __init__(self) -> None:
        self.syncs = 0

    def sync(self, descriptor: int, at: Point) -> None:
        self.syncs += 1
        super().sync(descriptor, at)

    def sync_folder(self, path: str, at: Point) -> None:
        self.syncs += 1
        super().sync_folder(path, at)


class Told:
    """A journal that also gives what was told to whoever indexes it here."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.held: list[HeldRecord] = []

    def append(self, record: Record) -> None:
        self._journal.append(record)
        if isinstance(record, HeldRecord):
            self.held.append(record)

    def flush(self) -> bool:
        return self._journal.flush()


class Machine:
    """Everything that the bench uses, below one folder."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.filesystem = CountingFileSystem()
        self.workers = workers
        for name in ("mail", "held", "journal"):
            (folder / name).mkdir()
        options = MaildirOptions(str(folder / "mail"), "bench")
        self.maildir = MaildirTransport(self.filesystem, options, workers, time.time)
        self.store = HeldStore(self.filesystem, str(folder / "held"), "bench")
        self.told = Told(Journal(folder / "journal", NODE))
        self._dice = SystemRandom()
        self.holder = SpoolHolder(
            HoldingPlace(
                store=self.store,
                usage=HeldUsage(str(folder / "held" / "usage")),
                limits=HoldLimits(30, 7, ROOM_BYTES, ROOM_BYTES),
                workers=workers,
                records=self.told,
                room_for=lambda _size: True,
                now_s=time.time,
                node=NODE,
                count=lambda _series: None,
            )
        )

    def envelope(self) -> Envelope:
        name = f"{session_id(time.time(), self._dice.getrandbits)}-1"
        return Envelope(name, Mailbox("shop", "far.example"), TRACE)

    async def deliver(self, octets: bytes) -> None:
        delivery = self.maildir.start(self.envelope(), [DESTINATION])
        await delivery.prepare(Content.in_memory(octets))
        (placement,) = await delivery.commit()
        if not placement.reply.is_positive:
            raise SystemExit(str(placement.reply))

    async def hold(self, octets: bytes, kind: HeldAs) -> None:
        held = Held(self.envelope(), "<1@far.example>", "shop@far.example", "Offer of the day")
        holding = self.holder.start(held, [Hold(kind, DESTINATION, "score", 5.0, "said so")])
        await holding.prepare(Content.in_memory(octets))
        await holding.commit()


class Cost:
    """What some work has cost, for each of so many things."""

    def __init__(self, count: int, cpu_s: float, clock_s: float, syncs: int) -> None:
        self.count, self.cpu_us = count, cpu_s * 1e6 / count
        self.rate = count / clock_s
        self.syncs = syncs / count


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(filesystem: CountingFileSystem, work: Callable[[], int]) -> Cost:
    """The cost of a call that returns how many things it did."""
    syncs, cpu, clock_s = filesystem.syncs, cpu_s(), time.monotonic()
    count = work()
    return Cost(count, cpu_s() - cpu, time.monotonic() - clock_s, filesystem.syncs - syncs)


async def load(one: Callable[[], Awaitable[None]], seconds: float) -> int:
    """Do it PARALLEL times side by side, again and again; how often."""
    ends_at_s, numbers = time.monotonic() + seconds, itertools.count()

    async def repeat() -> None:
        while time.monotonic() < ends_at_s:
            await one()
            next(numbers)

    await asyncio.gather(*(repeat() for _ in range(PARALLEL)))
    return next(numbers)


def message(size_bytes: int) -> bytes:
    line = b"The quick brown fox jumps over the lazy dog, and the mail is kept at once.\r\n"
    return b"Subject: bench\r\nMessage-ID: <1@far.example>\r\n\r\n" + line * (size_bytes // len(line))


def keep(folder: Path, size: str, seconds: float, rounds: int) -> None:
    """Deliver, quarantine, keep copies, in turn."""
    octets = message(SIZES[size])
    found: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as root:
            workers = Workers()
            machine = Machine(Path(root), workers)
            kinds: dict[str, Callable[[], Awaitable[None]]] = {
                "delivered": partial(machine.deliver, octets),
                "quarantined": partial(machine.hold, octets, HeldAs.QUARANTINE),
                "copy of refused": partial(machine.hold, octets, HeldAs.REFUSED_COPY),
            }
            for name, one in kinds.items():
                cost = measured(machine.filesystem, lambda: uvloop.run(load(one, seconds)))  # noqa: B023 - at once
                found.setdefault(name, []).append(cost)
            workers.stop()
            os.sync()
    yardstick = min(cost.cpu_us for cost in found["delivered"])
    for name, costs in found.items():
        least_us = min(cost.cpu_us for cost in costs)
        print(
            f"{size:>6}  {name:16} CPU {least_us:7.0f} us  ({least_us / yardstick:4.2f} of delivering)  "
            f"{max(cost.rate for cost in costs):6.0f}/s  syncs {costs[-1].syncs:.2f}"
        )


def release(folder: Path, size: str) -> None:
    """Index what is held, list it, and have it released."""
    from clement.store import held_writer
    from clement.store.access.actor import shell_actor
    from clement.store.access.held import held
    from clement.store.actions.held import release as ask
    from clement.store.held_releases import SqlReleases

    octets, actor = message(SIZES[size]), shell_actor("root")
    workers, sql = Workers(), Workers(1)
    machine = Machine(folder, workers)

    async def fill() -> None:
        for _ in range(RELEASED):
            await machine.hold(octets, HeldAs.QUARANTINE)

    uvloop.run(fill())
    told = machine.told.held

    def index() -> int:
        for start in range(0, len(told), 100):
            held_writer.settle(told[start : start + 100])
        return len(told)

    def say() -> int:
        for record in told:
            ask(actor, f"{record.id}.1")
        return len(told)

    async def carry() -> int:
        courier = Courier(
            CourierWorld(
                releases=SqlReleases(NODE),
                store=machine.store,
                transport_for=Transports(machine.maildir, machine.maildir, machine.maildir).for_route,
                directory=lambda: directory,
                workers=workers,
                sql=sql,
                now_s=time.time,
                reached=lambda _point: None,
                count=lambda _series: None,
                hostname="bench.example",
                patience_s=60,
            )
        )
        made = 0
        while tried := await courier.round():
            made += tried
        return made

    directory = Directory(DirectoryContents(groups=(GROUP,), domains=(DOMAIN,), mailboxes=(BOX,)))
    costs = {"indexed": measured(machine.filesystem, index)}
    pages = [measured(machine.filesystem, lambda: len(held(actor, limit=50))) for _ in range(20)]
    costs["listed, of 50"] = min(pages, key=lambda cost: cost.cpu_us)
    costs["release said"] = measured(machine.filesystem, say)
    costs["released"] = measured(machine.filesystem, lambda: uvloop.run(carry()))
    for name, cost in costs.items():
        print(
            f"{size:>6}  {name:16} CPU {cost.cpu_us:7.0f} us  {'':24}{cost.rate:6.0f}/s  "
            f"syncs of files {cost.syncs:.2f}"
        )
    workers.stop()
    sql.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(), help="the disk to write to")
    arguments = parser.parse_args()
    for size in SIZES:
        keep(arguments.folder, size, arguments.seconds, arguments.rounds)
    for size in SIZES:
        with tempfile.TemporaryDirectory(dir=arguments.folder, prefix=".bench-") as root:
            connect(DatabaseSettings(path=f"{root}/bench.sqlite3"))
            from clement.store.database import disconnect
            from clement.store.schema import migrate

            migrate()
            release(Path(root), size)
            disconnect()
            os.sync()


if __name__ == "__main__":
    main()
