"""What one session costs without a socket: protocol core, policy, transcript and records, in CPU time.

    python bench/conversation.py [--profile]

Plays a whole 10 kB dialogue, and a refused one, against a `Conversation` whose
content is discarded and whose journal is a real one in a temporary folder.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

from clement.cli import wiring
from clement.cli.listeners import open_listener
from clement.cli.paths import Paths
from clement.cli.wiring import Outside
from clement.config import load
from clement.config.limits import LimitSettings
from clement.delivery.nowhere import NowhereTransport
from clement.delivery.routing import Transports
from clement.policy.directory import (
    Directory,
    DirectoryContents,
    Domain,
    Fallback,
    Group,
    GroupPolicy,
    LocalMailbox,
    Mode,
)
from clement.server.admission import Unlimited
from clement.server.census import Census
from clement.server.conversation import Conversation
from clement.server.directory_file import write_directory
from clement.server.gate import Listening
from clement.server.peer import client
from clement.server.rates import Rates
from clement.server.services import Services
from clement.smtp import ServerSession

CONFIGURATION = """
[site]
hostname = "mx.bench.test"
[[listener]]
kind = "mx"
address = "127.0.0.1:2525"
[scanner]
enabled = false
"""
LINE = b"x" * 70 + b"\r\n"
HEADER = (
    b"From: A <a@gen.test>\r\nTo: u1@bench.test\r\nSubject: hello there\r\nMessage-ID: <1@gen.test>\r\n"
    b"Date: Sun, 22 Nov 2026 10:58:54 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
)
ACCEPTED = (
    b"EHLO gen.test\r\n",
    b"MAIL FROM:<s@gen.test>\r\n",
    b"RCPT TO:<u1@bench.test>\r\n",
    b"DATA\r\n",
    HEADER + LINE * 140 + b".\r\n",
    b"QUIT\r\n",
)
REFUSED = (
    b"EHLO gen.test\r\n",
    b"MAIL FROM:<s@gen.test>\r\n",
    b"RCPT TO:<nosuch@bench.test>\r\n",
    b"QUIT\r\n",
)


class Limited(Unlimited):
    """The limits of a site that has set none of its own."""

    def __init__(self) -> None:
        super().__init__()
        endless = LimitSettings(unknown_recipients_per_hour=1e9, unknown_recipients_per_hour_of_network=1e9)
        self.rates = Rates(wiring.rate_limits(endless), Census(1).region(0))
        self.rates.turn(0)


LIMITED = Limited()


async def play(services: Services, listening: Listening, chunks: tuple[bytes, ...]) -> None:
    core = ServerSession(
        service=listening.door.service,
        hostname="mx.bench.test",
        offer=listening.offer,
        limits=listening.protocol_limits,
    )
    conversation = Conversation(services, listening.door, core, client("192.0.2.1", 4000), LIMITED)
    conversation.open()
    core.data_to_send()
    for chunk in chunks:
        core.receive_data(chunk)
        while (event := core.next_event()) is not None:
            waiting = conversation.take(event)
            if waiting is not None:
                await waiting
        core.data_to_send()
    conversation.end("quit")


async def measure(folder: Path) -> None:
    path = folder / "clement.toml"
    path.write_text(CONFIGURATION)
    settings = load(path)
    Paths.of(settings).make()
    for made in (settings.store.mail_root, settings.journal.folder):
        made.mkdir(parents=True, exist_ok=True)
    group = Group(1, "bench", Mode.STORE, policy=GroupPolicy(unresolvable_sender=Fallback.ACCEPT))
    contents = DirectoryContents(
        1, (group,), (Domain(1, "bench.test", 1),), (LocalMailbox(1, "u1@bench.test", "u1"),)
    )
    write_directory(Paths.of(settings).directory, Directory(contents))
    nowhere = NowhereTransport()
    running = await wiring.start_receiver(
        settings, 1, Outside(transports=lambda *_: Transports(nowhere, nowhere, nowhere))
    )
    listening = open_listener(settings, settings.listener[0], None).listening  # type: ignore[arg-type]
    for name, chunks in (("accepted, 10 kB", ACCEPTED), ("unknown recipient", REFUSED)):
        await measure_one(name, running.services, listening, chunks)
    for finish in running.at_end:
        await finish()


async def measure_one(
    name: str, services: Services, listening: Listening, chunks: tuple[bytes, ...], batches: int = 60
) -> None:
    """The least of many short batches is what the work costs; the rest is what others took."""
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    if profile:
        profile.enable()
    spent_us = sorted([await batch(services, listening, chunks) for _batch in range(batches)])
    print(f"{name}: {spent_us[0]:.1f} us CPU a session at best, {spent_us[batches // 2]:.1f} in the middle")
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


async def batch(
    services: Services, listening: Listening, chunks: tuple[bytes, ...], sessions: int = 100
) -> float:
    started_s = time.process_time()
    for _session in range(sessions):
        await play(services, listening, chunks)
    return (time.process_time() - started_s) / sessions * 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        wiring.run_loop(measure(Path(temporary)))
