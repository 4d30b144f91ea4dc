"""What refusing a banned server at connect costs without a socket, and what a long list costs to load.

    python bench/banned_connect.py [--servers 100000] [--profile]

Each session is a `Conversation` with a client that the steward has banned: it is judged, greeted with the
refusal, and handed to the journal's proportion; then comes QUIT. CPU time, the least of many batches.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.conversation import CONFIGURATION

from clement.cli import wiring
from clement.cli.listeners import open_listener
from clement.cli.paths import Paths
from clement.cli.wiring import Outside
from clement.config import load
from clement.delivery.nowhere import NowhereTransport
from clement.delivery.routing import Transports
from clement.policy.directory import Directory, DirectoryContents, Domain, Group, LocalMailbox, Mode
from clement.policy.directory_codec import decode, encode
from clement.policy.network import ListedServer, ListOrigin, Standing, client_address
from clement.policy.reputation import Kind, Reputation
from clement.server.admission import Unlimited
from clement.server.conversation import Conversation
from clement.server.directory_file import write_directory
from clement.server.gate import Listening
from clement.server.peer import client
from clement.server.services import Services
from clement.smtp import ServerSession

WHY = "214 viruses and unknown recipients since 2026-11-01"
BATCHES = 60


def listed(servers: int) -> DirectoryContents:
    """A small site with long lists: IPv4 addresses, /24, and IPv6 /64."""
    found = []
    for number in range(servers):
        if number % 4 == 3:
            address, bits = (0x20010DB8 << 96 | number << 64).to_bytes(16), 64
        else:
            bits = 24 if number % 50 == 0 else 32
            address = ((0x2D000000 + number * 977) >> (32 - bits) << (32 - bits)).to_bytes(4)
        found.append(ListedServer(number, address, bits, Standing.BANNED, ListOrigin.HISTORY, 1 << 40, WHY))
    reputations = tuple(Reputation(Kind.HELLO, f"mx{n}.example", 1.0, 5, 20) for n in range(servers))
    return DirectoryContents(
        1,
        (Group(1, "bench", Mode.STORE),),
        (Domain(1, "bench.test", 1),),
        (LocalMailbox(1, "u1@bench.test", "u1"),),
        servers=tuple(found),
        reputations=reputations,
    )


def least(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one call, the least of some."""
    spent = []
    for _ in range(times):
        began_s = time.process_time()
        work()
        spent.append(time.process_time() - began_s)
    return min(spent)


async def refuse(services: Services, listening: Listening, address: str, sessions: int) -> None:
    """Sessions of one banned client, from the connection to the record."""
    for _session in range(sessions):
        core = ServerSession(
            service=listening.door.service,
            hostname="mx.bench.test",
            offer=listening.offer,
            limits=listening.protocol_limits,
        )
        conversation = Conversation(services, listening.door, core, client(address, 4000), Unlimited())
        conversation.open()
        greeting = core.data_to_send()
        assert greeting.startswith(b"554 "), greeting
        conversation.end("refused")


async def measure(folder: Path, servers: int, profile: cProfile.Profile | None) -> None:
    """Print all figures."""
    path = folder / "clement.toml"
    path.write_text(CONFIGURATION)
    settings = load(path)
    Paths.of(settings).make()
    for made in (settings.store.mail_root, settings.journal.folder):
        made.mkdir(parents=True, exist_ok=True)
    contents = listed(servers)
    octets = encode(Directory(contents))
    load_s = least(lambda: decode(octets), 5)
    networks = Directory(contents).networks
    address, stranger = client_address("45.0.3.209"), client_address("203.0.113.77")
    for name, each in (("of a banned client", address), ("of a stranger", stranger)):
        look_s = least(lambda each=each: [networks.reputation(each, 1.0) for _ in range(1000)], 30) / 1000
        sys.stdout.write(f"look-up {name}: {look_s * 1e6:.2f} us\n")
    sys.stdout.write(
        f"snapshot of {servers} servers and as many reputations: {len(octets) / 1e6:.1f} MB,"
        f" read in {load_s * 1000:.0f} ms\n"
    )
    write_directory(Paths.of(settings).directory, Directory(contents))
    nowhere = NowhereTransport()
    running = await wiring.start_receiver(
        settings, 1, Outside(transports=lambda *_: Transports(nowhere, nowhere, nowhere))
    )
    listening = open_listener(settings, settings.listener[0], None).listening  # type: ignore[arg-type]
    if profile:
        profile.enable()
    spent_us = []
    for _batch in range(BATCHES):
        began_s = time.process_time()
        await refuse(running.services, listening, str(address), 200)
        spent_us.append((time.process_time() - began_s) / 200 * 1e6)
    if profile:
        profile.disable()
    spent_us.sort()
    sys.stdout.write(
        f"refused at connect: {spent_us[0]:.1f} us CPU a session at best, {spent_us[BATCHES // 2]:.1f}"
        " in the middle\n"
    )
    for finish in running.at_end:
        await finish()


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description="Refusing banned servers, and loading their list.")
    parser.add_argument("--servers", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    profile = cProfile.Profile() if chosen.profile else None
    with tempfile.TemporaryDirectory() as folder:
        wiring.run_loop(measure(Path(folder), chosen.servers, profile))
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
