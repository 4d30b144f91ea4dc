"""Three real Clements that trust each other, and strangers who come to them from anywhere.

Each site has two mx listeners: one for the peers, who are on this machine, and one behind a balancer, whose
PROXY header lets a test come from any address of the Internet without leaving the machine.
"""

from __future__ import annotations

import json
import os
import re
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from clement.policy.mesh.assertion import Evidence, Kind, Statement, sign
from clement.policy.mesh.exchange import parse_proven
from clement.policy.mesh.key import PrivateKey, parse_private_key, parse_public_key
from clement.policy.mesh.proof import Meeting, Role, certificate_hash, nonce
from tests.fixtures.clement import CLEMENT, LOCAL_EXAMPLE, as_toml, run_verb
from tests.fixtures.clement import Sites as SitesOfFixture
from tests.fixtures.programs import Program, choose_port, wait_until

MESSAGE = b"From: <someone@sender.example>\r\nTo: <anna@local.example>\r\nSubject: wanted\r\n\r\nHello.\r\n"
RECIPIENT = "anna@local.example"
LONG_S = 60.0

ACTIONS = """
import time
from clement.store.database import DatabaseSettings, connect
connect(DatabaseSettings(path="{path}"))
from clement.policy.network import Standing
from clement.store.access.actor import shell_actor
from clement.store.actions.conclusion import conclude
from clement.store.actions.network import add_network
from clement.cli.server_lists import rules_of
from clement.config.reputation import ReputationSettings
rules = rules_of(ReputationSettings(trial_hours=0))
actor = shell_actor("test")
{statement}
"""


@dataclass
class Site:
    """One Clement: where it is, and the key it shows."""

    name: str
    folder: Path
    config: Path
    mx: tuple[str, int]
    world: tuple[str, int]
    program: Program
    public_key: str = ""

    @property
    def key_id(self) -> str:
        """What its key is called."""
        return parse_public_key(self.public_key).id

    @property
    def key(self) -> PrivateKey:
        """Its private key, for tests that play it."""
        return parse_private_key((self.folder / "mesh.key").read_bytes())

    def verb(self, line: str) -> str:
        return run_verb(self.config, line)

    def rows(self, line: str) -> list[dict[str, Any]]:
        """What a verb prints with --json."""
        return [json.loads(row) for row in self.verb(f"{line} --json").splitlines()]

    def shown(self) -> set[tuple[str, str, str]]:
        """What `clement mesh list` shows: origin, kind and network."""
        return {(row["origin"], row["kind"], row["network"]) for row in self.rows("mesh list")}

    # A verb takes half a second of CPU, and these are asked again and again: so they look at the file.

    def said(self) -> set[tuple[str, str, str]]:
        """Key, kind and network of every assertion in force; each may be there once."""
        found = self._sql("SELECT origin, kind, network FROM clement_meshentry")
        assert len(found) == len({(origin, network) for origin, _kind, network in found})
        return {(str(origin), str(kind), str(network)) for origin, kind, network in found}

    def with_quorum(self) -> set[str]:
        """Networks that a quorum of the others bans, as the server lists are told."""
        return {str(row[0]) for row in self._sql("SELECT network FROM clement_foreignassertion")}

    def accepted_from(self) -> set[str]:
        """Clients from whom it has accepted mail, as far as its log has come."""
        found = self._sql("SELECT client_address FROM clement_session WHERE outcome = 'accepted'")
        return {str(row[0]) for row in found}

    def standing(self, peer: Site) -> float:
        """What is left of a peer's 100."""
        found = self._sql("SELECT score FROM clement_meshpeer WHERE key = ?", peer.key_id)
        return float(found[0][0]) if found else 100.0

    def taken_from(self, peer: Site) -> int:
        """How many entries that peer has handed over."""
        found = self._sql("SELECT taken FROM clement_meshpeer WHERE key = ?", peer.key_id)
        return int(found[0][0]) if found else 0

    def calls_to(self, peer: Site) -> float:
        """When it last called that peer and all went well."""
        found = self._sql("SELECT succeeded_at_s FROM clement_meshpeer WHERE key = ?", peer.key_id)
        return float(found[0][0]) if found else 0.0

    def hears(self, *expected: tuple[Site, str, str]) -> None:
        """Wait until these assertions are in force."""
        wanted = {(site.key_id, kind, f"{address}/32") for site, kind, address in expected}
        wait_until(lambda: wanted <= self.said(), f"{self.name} hears {expected}", LONG_S)

    def bans(self, *addresses: str) -> None:
        """Have an administrator ban these, in one process."""
        self._act(f"[add_network(actor, a + '/32', Standing.BANNED) for a in {addresses!r}]")

    def conclude(self) -> None:
        """Have the steward's ten minutes pass twice: what has a quorum comes on trial, and into effect."""
        self._act("[conclude(rules, time.time() + n, lambda: False) for n in (0, 1)]")

    def _act(self, statement: str) -> None:
        program = ACTIONS.format(path=self.folder / "clement.sqlite3", statement=statement)
        subprocess.run([sys.executable, "-c", program], check=True, timeout=LONG_S)

    def _sql(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "clement.sqlite3", timeout=30)) as database:
            return database.execute(statement, values).fetchall()

    def refuses(self, client: str) -> bool:
        """Whether a client at this address is turned away at once."""
        try:
            self.from_afar(client).close()
        except smtplib.SMTPConnectError as refusal:
            return refusal.smtp_code == 554
        return False

    def messages(self) -> list[Path]:
        """What has been delivered to its one recipient here."""
        return list((self.folder / "mail" / "local.example" / "anna" / "new").glob("*"))

    def from_afar(self, client: str) -> smtplib.SMTP:
        """A session of a client at this address."""
        return FromAfar(client, self.world)

    def start(self) -> None:
        self.program.start_again()
        self.program.wait_for(self.mx, self.world)


class FromAfar(smtplib.SMTP):
    """smtplib behind a balancer that says where the client is."""

    def __init__(self, client: str, address: tuple[str, int]) -> None:
        self._client = client
        super().__init__(*address, local_hostname="client.example", timeout=LONG_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), timeout)
        connection.sendall(f"PROXY TCP4 {self._client} 192.0.2.1 40000 25\r\n".encode())
        return connection


def deliver(site: Site, client: str) -> None:
    """Have a message accepted from a client at this address."""
    with site.from_afar(client) as session:
        session.sendmail("", [RECIPIENT], MESSAGE)


def any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass
class Mesh:
    """Makes sites, gives them each other's keys, and starts them."""

    folder: Path
    sites: SitesOfFixture
    made: list[Site] = field(default_factory=list)

    def __call__(self, *names: str, settings: str = "", peer_settings: str = "") -> tuple[Site, ...]:
        """Sites of these names, all of them peers. settings: more lines of [mesh] or of each peer."""
        new = [self._make(name) for name in names]
        for site in new:
            peers = [other for other in new if other is not site]
            with site.config.open("a") as file:
                file.write(_mesh_table(peers, settings, peer_settings))
        for site in new:
            site.program = Program([CLEMENT, "serve", "--config", site.config], site.folder / "serve.log")
            site.program.wait_for(site.mx, site.world)
        self.made += new
        return tuple(new)

    def _make(self, name: str) -> Site:
        ports = {"mx": choose_port()}
        tables = {
            "site": {"hostname": f"{name}.example"},
            "tls": {"certificate": "tls/certificate.pem", "key": "tls/key.pem"},
            "processes": {"receivers": 1, "checkers": 1},
            "scanner": {"enabled": False},
            "web": {"address": f"127.0.0.1:{choose_port()}"},
        }
        world = choose_port()
        text = as_toml(tables, ports) + (
            f'[[listener]]\nkind = "mx"\naddress = "127.0.0.1:{world}"\nname = "world"\n'
            'proxy_protocol_from = ["127.0.0.1/32"]\n'
        )
        folder = self.folder / name
        config = self.sites.copy(folder, text, LOCAL_EXAMPLE)
        printed = run_verb(config, "mesh init")
        found = re.search(r"ed25519:\S+", printed)
        assert found is not None
        site = Site(
            name,
            folder,
            config,
            ("127.0.0.1", ports["mx"]),
            ("127.0.0.1", world),
            None,
            found[0],  # type: ignore[arg-type]
        )
        assert (folder / "mesh.key").stat().st_mode & 0o777 == 0o600
        return site


def _mesh_table(peers: Sequence[Site], settings: str, peer_settings: str) -> str:
    text = f"[mesh]\nenabled = true\ninterval_s = 1\nshare_manual = true\n{settings}\n"
    for peer in peers:
        text += (
            f'[[mesh.peer]]\nname = "{peer.name}"\npublic_key = "{peer.public_key}"\n'
            f'host = "127.0.0.1"\nport = {peer.mx[1]}\nnetworks = ["127.0.0.1/32"]\n{peer_settings}\n'
        )
    return text


@pytest.fixture
def mesh(short_folder: Path, sites: SitesOfFixture) -> Iterator[Mesh]:
    """`anna, bruno, carla = mesh("anna", "bruno", "carla")`: real servers that are each other's peers."""
    made = Mesh(short_folder, sites)
    yield made
    for site in made.made:
        site.program.stop()


class FalsePeer(smtplib.SMTP):
    """A peer that we play ourselves, with its key, to do what no Clement does."""

    def __init__(self, key: PrivateKey, site: Site) -> None:
        super().__init__(*site.mx, local_hostname="peer.example", timeout=LONG_S)
        self.ehlo()
        self.starttls(context=any_certificate())
        self.ehlo()
        self.key = key
        self._server = parse_public_key(site.public_key)

    def prove(self) -> int:
        """Go through HELLO and PROVE, and check the server's proof; returns the code of its reply."""
        own_nonce = nonce(os.urandom(16))
        code, text = self.docmd("XMESH", f"HELLO 1 {self.key.public.id} {own_nonce}")
        assert code == 250
        assert isinstance(self.sock, ssl.SSLSocket)
        shown = certificate_hash(self.sock.getpeercert(binary_form=True) or b"")
        meeting = Meeting(self.key.public.id, self._server.id, own_nonce, text.decode().split()[-1], shown)
        proof = self.key.sign(meeting.signed_octets(Role.CLIENT))
        code, text = self.docmd("XMESH", f"PROVE {proof}")
        if code == 250:
            signature, _have = parse_proven(text.decode().split(" ", 1)[1])
            assert self._server.verifies(signature, meeting.signed_octets(Role.SERVER))
        return code

    def push(self, position: int, text: str, hops: int = 0) -> int:
        """PUSH; returns the code of the reply."""
        return self.docmd("XMESH", f"PUSH {position} {hops} {text}")[0]

    def ban(self, number: int, address: str) -> str:
        """A ban signed by this peer."""
        now_s = int(time.time())
        evidence = Evidence((("content", 9),), now_s - 600, now_s - 60)
        statement = Statement(
            self.key.public.id,
            now_s * 1_000_000 + number,
            Kind.BAN,
            ip_network(f"{address}/32"),
            now_s + 86_400,
            evidence,
        )
        return sign(statement, self.key).encode()
