"""Serve one profile of the yardstick: the whole of Clement, furnished for the load it is about to meet.

Run by the benchmark harness, in the foreground, once for each profile and round;
everything it must know stands in the environment:

  BENCH_PROFILE       P0 accept and discard; P1 durable Maildir delivery; P2 ClamAV, then cut-through relay;
                      P3u unknown recipients; P3d a client that is refused when it connects
  BENCH_DIR           a fresh folder         BENCH_PORT          serve SMTP on 127.0.0.1
  BENCH_MAILDIR       P1: uN/new lie here    BENCH_DOMAIN        the hosted domain
  BENCH_USERS         u0 .. uN-1             BENCH_BACKEND_PORT  P2: the next hop on 127.0.0.1
  BENCH_CLAMD         P2: its Unix socket
  BENCH_RECEIVERS     how many receiver processes (default 2)
  BENCH_IDENTITIES    set: SPF, DKIM, DMARC, ARC and the client's name are looked at
  BENCH_READING       set: content is read, and what is read is judged, by a filter that has learned some mail
  BENCH_CHECKERS      how many checkers of small contents (default 1)    BENCH_SIZE_LIMIT  octets of a message
  BENCH_RESOLVER      ADDRESS:PORT to ask; default: resolv.conf    BENCH_LISTS  zones of DNS lists
  BENCH_BALANCER      an address that announces clients (PROXY protocol)

The policy, limits, transcript, journal, recorder and SQL log work as they do in
service. Identities and the reading of content are off unless they are asked for, since
the peers of these profiles do neither; calling_gateway.py tells what identities cost.
P0 alone puts a transport in place that discards.
P3d bans the generator's range by hand, which needs no DNS.
"""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

from clement.cli.database import connected, operating_person
from clement.cli.paths import Paths
from clement.cli.serve import serve
from clement.cli.wiring import Outside
from clement.config import load
from clement.config.settings import Settings
from clement.delivery.nowhere import NowhereTransport
from clement.delivery.routing import Transports
from clement.learn.hashing import KEY_BYTES
from clement.learn.trainer import Trainer
from clement.server.learned_file import ModelPaths
from clement.server.study import study
from clement.spool.filesystem import FileSystem
from clement.spool.workers import Workers

GENERATOR_NETWORK = "198.18.0.0/15"

CONFIGURATION = """
[site]
hostname = "mx.bench.test"
postmaster = "u0@{domain}"
[[listener]]
kind = "mx"
address = "127.0.0.1:{port}"
proxy_protocol_from = [{balancer}]
[limits]
size_bytes = {size_limit_bytes}
sessions_per_client = 1000
unknown_recipients = 1000000
transactions = 1000000
[processes]
receivers = {receivers}
checkers = {checkers}
[store]
mail_root = "{mail_root}"
[scanner]
enabled = {scan}
addresses = ["unix:{clamd}"]
scans_at_once = {scans}
[web]
address = "127.0.0.1:{web_port}"
[authentication]
enabled = {identities}
[dns]
servers = [{resolver}]
"""
DNS_LIST = """
[[dns_list]]
zone = "{zone}"
has_test_entries = true
"""


def quoted(word: str) -> str:
    return f'"{word}"' if word else ""


def choose_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _discarding(settings: Settings, filesystem: FileSystem, workers: Workers) -> Transports:
    nowhere = NowhereTransport()
    return Transports(nowhere, nowhere, nowhere)


def main() -> None:
    """Furnish and serve."""
    environment = os.environ
    profile, folder = environment["BENCH_PROFILE"], Path(environment["BENCH_DIR"])
    path = folder / "clement.toml"
    receivers = int(environment.get("BENCH_RECEIVERS", "2"))
    mail_root = environment.get("BENCH_MAILDIR") if profile == "P1" else str(folder / "mail")
    path.write_text(
        CONFIGURATION.format(
            domain=environment["BENCH_DOMAIN"],
            port=environment["BENCH_PORT"],
            receivers=receivers,
            checkers=environment.get("BENCH_CHECKERS", "1"),
            size_limit_bytes=environment.get("BENCH_SIZE_LIMIT", "20000000"),
            mail_root=mail_root,
            scan="true" if profile == "P2" else "false",
            clamd=environment.get("BENCH_CLAMD") or "/nonexistent",
            scans=environment.get("BENCH_SCANS", "4"),
            web_port=choose_port(),
            identities="true" if environment.get("BENCH_IDENTITIES") else "false",
            resolver=quoted(environment.get("BENCH_RESOLVER", "")),
            balancer=quoted(environment.get("BENCH_BALANCER", "")),
        )
        + "".join(DNS_LIST.format(zone=zone) for zone in environment.get("BENCH_LISTS", "").split())
    )
    settings = load(path)
    for made in (settings.store.mail_root, settings.spool.folder, settings.journal.folder):
        made.mkdir(parents=True, exist_ok=True)
    furnish(settings, profile)
    if environment.get("BENCH_READING"):
        teach(Paths.of(settings).learned)
    outside = Outside(transports=_discarding) if profile == "P0" else Outside()
    serve(settings, path, outside)


def teach(folder: Path) -> None:
    """A model that has seen enough of both kinds to say something."""
    chance = random.Random(1)
    known = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(5000)]
    key = chance.randbytes(KEY_BYTES)
    trainer = Trainer(key)
    for number in range(800):
        words = " ".join(chance.choices(known[number % 2 * 1000 :], k=300))
        content = f"From: a{number % 50}@gen.test\r\nSubject: {words[:40]}\r\n\r\n{words}\r\n"
        trainer.learn(study(content.encode(), key).features, unwanted=bool(number % 2))
    folder.mkdir(parents=True, exist_ok=True)
    trainer.save(ModelPaths(folder).model)
    ModelPaths(folder).key.write_bytes(key)


def furnish(settings: Settings, profile: str) -> None:
    """Tables, the domain and its mailboxes or its next hop."""
    environment = os.environ
    domain = environment["BENCH_DOMAIN"]
    with connected(settings.database):
        from clement.policy.directory import Fallback, GroupPolicy, Mode, NextHop, TlsUse
        from clement.policy.network import Standing
        from clement.store.actions.domain import add_domain
        from clement.store.actions.group import add_group
        from clement.store.actions.mailbox import NewMailbox, add_mailboxes
        from clement.store.actions.network import add_network
        from clement.store.schema import migrate

        migrate()
        actor = operating_person()
        policy = GroupPolicy(
            unresolvable_sender=Fallback.ACCEPT, read_content=bool(environment.get("BENCH_READING"))
        )
        if profile == "P2":
            hop = NextHop("127.0.0.1", int(environment["BENCH_BACKEND_PORT"]), tls=TlsUse.NEVER)
            add_group(actor, "bench", mode=Mode.RELAY, next_hops=[hop], policy=policy)
        else:
            add_group(actor, "bench", policy=policy)
        add_domain(actor, domain, "bench")
        if profile != "P2":
            users = range(int(environment["BENCH_USERS"]))
            add_mailboxes(actor, [NewMailbox(f"u{n}@{domain}", 0, "", f"u{n}") for n in users])
        if profile == "P3d":
            add_network(actor, GENERATOR_NETWORK, Standing.BANNED, final=True)


if __name__ == "__main__":
    main()
