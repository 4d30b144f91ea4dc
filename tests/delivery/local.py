"""What the tests of final delivery share."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.transport import Destination, Envelope, Placement
from clement.policy.directory import Domain, Group, Local, LocalMailbox, Mode
from clement.smtp import NULL_REVERSE_PATH, Mailbox, ReversePath
from clement.spool.content import Content
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.workers import Workers

GROUP = Group(1, "here", Mode.STORE)
DOMAIN = Domain(1, "local.example", 1)
MESSAGE = b"Subject: hello\r\nMessage-ID: <1@client.example>\r\n\r\nFirst line\r\n.dot\r\nlast line\r\n"
TRACE = b"Received: from client.example by local.example;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
FROM = Mailbox("author", "client.example")
HEAD = b"Return-Path: <author@client.example>\nDelivered-To: u1@local.example\n" + TRACE.replace(b"\r", b"")


def mailbox(number: int, quota_bytes: int = 0) -> LocalMailbox:
    return LocalMailbox(number, f"u{number}@local.example", f"local.example/{number}", quota_bytes)


def destination(*mailboxes: LocalMailbox) -> Destination:
    return Destination(Mailbox("x", "local.example"), Local(GROUP, DOMAIN, mailboxes))


def envelope(reverse_path: ReversePath = FROM) -> Envelope:
    return Envelope("T-1", reverse_path, TRACE)


def transport(root: Path, workers: Workers, filesystem: FileSystem | None = None) -> MaildirTransport:
    options = MaildirOptions(str(root), "mx.local.example")
    return MaildirTransport(filesystem or OsFileSystem(), options, workers, time.time)


def deliver(
    root: Path,
    destinations: Sequence[Destination],
    *,
    filesystem: FileSystem | None = None,
    content: Content | None = None,
    bounce: bool = False,
) -> list[Placement | None]:
    """Play a whole delivery as a session would; what became of each destination."""

    async def play() -> list[Placement | None]:
        via = transport(root, workers, filesystem)
        delivery = via.start(envelope(NULL_REVERSE_PATH if bounce else FROM), destinations)
        prepared = await delivery.prepare(content or Content.in_memory(MESSAGE))
        if None not in prepared:
            await delivery.abort()
            return list(prepared)
        return list(await delivery.commit())

    workers = Workers(2)
    try:
        return asyncio.run(play())
    finally:
        workers.stop()


def stored(root: Path) -> list[Path]:
    """Every message that a reader would see."""
    return sorted([*root.rglob("new/*"), *root.rglob("cur/*")])


def staged(root: Path) -> list[Path]:
    """Every message that a crash left half-way."""
    return sorted(root.rglob("tmp/*"))
