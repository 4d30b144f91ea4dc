"""How fast messages reach Maildirs, durably: deliveries a second, CPU of each, and syncs the disk saw.

.venv/bin/python bench/maildir_delivery.py --parallel 20 --size 10000 --mailboxes 1 --seconds 3
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time

import uvloop

from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.transport import Destination, Envelope
from clement.policy.directory import Domain, Group, Local, LocalMailbox, Mode
from clement.smtp.address import Mailbox
from clement.spool.content import Content
from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers


class CountingFileSystem(OsFileSystem):
    """The real disk, with a tally of what costs most."""

    __slots__ = ("file_syncs", "folder_syncs")

    def __init__(self) -> None:
        self.file_syncs = self.folder_syncs = 0

    def sync(self, descriptor: int, at: Point) -> None:
        self.file_syncs += 1
        super().sync(descriptor, at)

    def sync_folder(self, path: str, at: Point) -> None:
        self.folder_syncs += 1
        super().sync_folder(path, at)


def destinations(count: int) -> list[Destination]:
    group, domain = Group(1, "bench", Mode.STORE), Domain(1, "bench.example", 1)
    return [
        Destination(
            Mailbox(f"u{number}", "bench.example"),
            Local(group, domain, (LocalMailbox(number, f"u{number}@bench.example", f"bench/{number}"),)),
        )
        for number in range(count)
    ]


def message(size_bytes: int) -> bytes:
    line = b"The quick brown fox jumps over the lazy dog, and the mail is stored at once.\r\n"
    return b"Subject: bench\r\nMessage-ID: <1@bench.example>\r\n\r\n" + line * (size_bytes // len(line))


async def load(transport: MaildirTransport, arguments: argparse.Namespace) -> list[float]:
    reverse_path = Mailbox("from", "elsewhere.example")
    envelope = Envelope("bench-1", reverse_path, b"Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\n")
    targets, octets = destinations(arguments.mailboxes), message(arguments.size)
    ends_at_s = time.monotonic() + arguments.seconds
    took_s: list[float] = []

    async def deliver(number: int) -> None:
        while time.monotonic() < ends_at_s:
            began_s = time.monotonic()
            number += 1
            delivery = transport.start(envelope, [targets[number % len(targets)]])
            await delivery.prepare(Content.in_memory(octets))
            (placement,) = await delivery.commit()
            if not placement.reply.is_positive:
                raise SystemExit(str(placement.reply))
            took_s.append(time.monotonic() - began_s)

    await asyncio.gather(*(deliver(number) for number in range(arguments.parallel)))
    return took_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parallel", type=int, default=20)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--mailboxes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", default=".", help="the disk to write to")
    arguments = parser.parse_args()
    filesystem = CountingFileSystem()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix=".bench-") as root:
        workers = Workers(arguments.threads)
        transport = MaildirTransport(filesystem, MaildirOptions(root, "bench"), workers, time.time)
        before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        took_s = sorted(uvloop.run(load(transport, arguments)))
        after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began_s
        os.sync()
    count = len(took_s)
    user_us = (after.ru_utime - before.ru_utime) * 1e6 / count
    system_us = (after.ru_stime - before.ru_stime) * 1e6 / count
    print(
        f"{count / seconds:7.0f}/s  CPU {user_us:.0f} + {system_us:.0f} us  "
        f"p50 {took_s[count // 2] * 1e3:.2f} ms  p99 {took_s[count * 99 // 100] * 1e3:.2f} ms  "
        f"syncs a message: file {filesystem.file_syncs / count:.2f}, "
        f"folder {filesystem.folder_syncs / count:.2f}"
    )


if __name__ == "__main__":
    main()
