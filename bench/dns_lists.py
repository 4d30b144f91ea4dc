"""What three DNS lists cost a session, warm: CPU time of the same dialogues with and without them.

    python bench/dns_lists.py [--profile]

A DNS server on loopback serves the lists; after the first session its answers are remembered, as those about
any client that comes again, so that nothing is measured on the wire. Sessions without a socket, from a
stranger's address: one that no list knows, and one that is listed and refused.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clement.cli import wiring  # noqa: E402 - the path has to be known first
from clement.cli.listeners import open_listener  # noqa: E402
from clement.cli.paths import Paths  # noqa: E402
from clement.cli.wiring import Outside  # noqa: E402
from clement.config import load  # noqa: E402
from clement.delivery.nowhere import NowhereTransport  # noqa: E402
from clement.delivery.routing import Transports  # noqa: E402
from clement.policy.directory import (  # noqa: E402
    Directory,
    DirectoryContents,
    Domain,
    Group,
    LocalMailbox,
    Mode,
)
from clement.server.admission import Unlimited  # noqa: E402
from clement.server.conversation import Conversation  # noqa: E402
from clement.server.directory_file import write_directory  # noqa: E402
from clement.server.gate import Listening  # noqa: E402
from clement.server.peer import client  # noqa: E402
from clement.server.receiver import Running  # noqa: E402
from clement.smtp import ServerSession  # noqa: E402
from tests.fixtures.dns_server import DnsServer  # noqa: E402

CONFIGURATION = """
[site]
hostname = "mx.bench.test"
[[listener]]
kind = "mx"
address = "127.0.0.1:2525"
[scanner]
enabled = false
[dns]
servers = ["{dns}"]
"""
LISTS = ("one.bl.test", "two.bl.test", "three.bl.test")
DIALOGUE = (
    b"EHLO mx.gen.test\r\n",
    b"MAIL FROM:<s@gen.test>\r\n",
    b"RCPT TO:<u1@bench.test>\r\n",
    b"DATA\r\n",
    b"From: A <a@gen.test>\r\nSubject: hello\r\n\r\n" + (b"x" * 70 + b"\r\n") * 140 + b".\r\n",
    b"QUIT\r\n",
)
KNOWN_TO_NONE, LISTED = "198.18.0.7", "198.18.0.8"
BATCHES, SESSIONS = 60, 50


async def play(running: Running, listening: Listening, address: str, chunks: tuple[bytes, ...]) -> bytes:
    core = ServerSession(
        service=listening.door.service,
        hostname="mx.bench.test",
        offer=listening.offer,
        limits=listening.protocol_limits,
    )
    conversation = Conversation(running.services, listening.door, core, client(address, 4000), Unlimited())
    conversation.open()
    said = core.data_to_send()
    for chunk in chunks:
        core.receive_data(chunk)
        while (event := core.next_event()) is not None:
            waiting = conversation.take(event)
            if waiting is not None:
                await waiting
        said = core.data_to_send()
        if said.startswith(b"550"):
            break
    conversation.end("quit")
    return said


async def receiver(folder: Path, configuration: str, number: int) -> tuple[Running, Listening]:
    path = folder / f"clement{number}.toml"
    path.write_text(configuration)
    settings = load(path)
    Paths.of(settings).make()
    for made in (settings.store.mail_root, settings.journal.folder):
        made.mkdir(parents=True, exist_ok=True)
    contents = DirectoryContents(
        1,
        (Group(1, "bench", Mode.STORE),),
        (Domain(1, "bench.test", 1),),
        (LocalMailbox(1, "u1@bench.test", "u1"),),
    )
    write_directory(Paths.of(settings).directory, Directory(contents))
    nowhere = NowhereTransport()
    running = await wiring.start_receiver(
        settings, number, Outside(transports=lambda *_: Transports(nowhere, nowhere, nowhere))
    )
    return running, open_listener(settings, settings.listener[0], None).listening  # type: ignore[arg-type]


async def batch(running: Running, listening: Listening, address: str) -> float:
    started_s = time.process_time()
    for _session in range(SESSIONS):
        await play(running, listening, address, DIALOGUE)
    return (time.process_time() - started_s) / SESSIONS * 1e6


async def measure(folder: Path, dns: DnsServer) -> None:
    plain = CONFIGURATION.format(dns=dns.address)
    without = await receiver(folder, plain, 1)
    lists = await receiver(folder, plain + "".join(f'[[dns_list]]\nzone = "{zone}"\n' for zone in LISTS), 2)
    watch = asyncio.create_task(lists[0].background[-1]())
    while b"550" not in await play(*lists, LISTED, DIALOGUE):  # noqa: ASYNC110 - looked at meanwhile
        await asyncio.sleep(0.1)
    await play(*lists, KNOWN_TO_NONE, DIALOGUE)
    await play(*without, KNOWN_TO_NONE, DIALOGUE)
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    spent: dict[str, list[float]] = {
        "without lists": [],
        "three lists, not listed": [],
        "listed, refused": [],
    }
    for _batch in range(BATCHES):
        spent["without lists"].append(await batch(*without, KNOWN_TO_NONE))
        if profile:
            profile.enable()
        spent["three lists, not listed"].append(await batch(*lists, KNOWN_TO_NONE))
        if profile:
            profile.disable()
        spent["listed, refused"].append(await batch(*lists, LISTED))
    for name, found in spent.items():
        middle = sorted(found)[BATCHES // 2]
        print(f"{name}: {min(found):.1f} us CPU a session at best, {middle:.1f} in the middle")
    least = {name: min(found) for name, found in spent.items()}
    cost = least["three lists, not listed"] - least["without lists"]
    print(f"three lists cost {cost:.1f} us a session")
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    watch.cancel()
    for running in (without[0], lists[0]):
        for finish in running.at_end:
            await finish()


def main() -> None:
    dns = DnsServer()
    dns.zones = {"gen.test": {"MX": ["10 mx.gen.test."]}}
    for zone in LISTS:
        for name in ("2.0.0.127", "8.0.18.198"):
            dns.zones[f"{name}.{zone}"] = {"A": ["127.0.0.2"]}
    with tempfile.TemporaryDirectory() as temporary:
        wiring.run_loop(measure(Path(temporary), dns))
    dns.stop()


if __name__ == "__main__":
    main()
