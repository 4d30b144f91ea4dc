"""A whole Clement under test, furnished once and copied for each test that wants one of its own."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.clement import CLEMENT, run_verb
from tests.fixtures.dns_server import DnsServer
from tests.fixtures.places import ROOT
from tests.fixtures.programs import Program, choose_port, wait_until
from tests.fixtures.verbs import run_in_fork
from tests.server.fake_clamd import FakeClamd, clean
from tests.server.next_hop import NextHop
from tests.server.process_log import read_lines
from tests.server.talk import Gone, Hung, Talk

KINDS = ("mx", "submission", "submissions", "lmtp", "behind", "behind-tls")
BALANCER = "127.0.0.2"
SERVICE_OF = {"behind": "mx", "behind-tls": "submissions"}

Tables = Mapping[str, Mapping[str, object]]


@dataclass
class House:
    """One Clement: where it listens, what it stored, what it logged, which processes it has.

    log_offset: how far its log was read as fresh. begun_at: where the latest start is told in it.
    """

    folder: Path
    ports: dict[str, int]
    program: Program
    log_offset: int = 0
    begun_at: int = 0

    @property
    def config(self) -> Path:
        return self.folder / "clement.toml"

    def address(self, kind: str = "mx") -> tuple[str, int]:
        return "127.0.0.1", self.ports[kind]

    def talk(self, kind: str = "mx", *, source: str = "127.0.0.1", before: bytes = b"") -> Talk:
        """A connection on which nothing was said or read yet."""
        return Talk(self.address(kind), source=source, before=before, tls=kind == "submissions")

    def client(self, kind: str = "mx", *, source: str = "127.0.0.1") -> Talk:
        """A connection that has been greeted and has said hello."""
        return self.talk(kind, source=source).open(
            "LHLO me" if kind == "lmtp" else "EHLO client.sender.example"
        )

    def from_afar(self, client: str, *, kind: str = "behind", source: str = BALANCER) -> Talk:
        """A connection that comes through the load balancer from this client."""
        family, ours = ("TCP6", "2001:db8::1") if ":" in client else ("TCP4", "192.0.2.200")
        header = f"PROXY {family} {client} {ours} 40000 25\r\n".encode()
        return Talk(self.address(kind), source=source, before=header, tls=kind == "behind-tls")

    def maildir(self, address: str) -> Path:
        local_part, _, domain = address.rpartition("@")
        return self.folder / "mail" / domain / local_part

    def messages(self, address: str) -> list[Path]:
        """The messages in a mailbox that nobody has read, oldest first."""
        # Not by name: its microseconds have no leading zeros.
        found = (self.maildir(address) / "new").glob("*")
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def stored(self) -> list[Path]:
        """Every message in every mailbox."""
        return sorted((self.folder / "mail").glob("*/*/new/*"))

    def unfinished(self) -> list[Path]:
        """Files of messages that were neither placed nor removed."""
        staged = [*(self.folder / "spool" / "staging").glob("*"), *(self.folder / "mail").glob("*/*/tmp/*")]
        return [path for path in staged if path.is_file()]

    def wait_until_tidy(self) -> None:
        """Until nothing is unfinished: what was refused is removed behind its reply."""
        wait_until(lambda: not self.unfinished(), "nothing refused is left behind")

    def verb(self, line: str, *, fails: bool = False) -> str:
        return run_verb(self.config, line, fails=fails)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What stands in the SQLite database."""
        place = f"file:{self.folder / 'clement.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=30)) as connection:
            return connection.execute(statement, values).fetchall()

    def wait_for_rows(
        self, expected: Callable[[list[tuple[Any, ...]]], bool], statement: str, *values: object
    ) -> list[tuple[Any, ...]]:
        """The rows, once they are as expected. Who only reads cannot recover what a killed writer left."""
        found: list[tuple[Any, ...]] = []

        def there() -> bool:
            try:
                found[:] = self.rows(statement, *values)
            except sqlite3.OperationalError:
                return False
            return expected(found)

        wait_until(there, statement)
        return found

    def wait_for_row(self, statement: str, *values: object) -> tuple[Any, ...]:
        """The first row, once the recorder has written it."""
        return self.wait_for_rows(bool, statement, *values)[0]

    def wait_for_story(self, transaction_id: str) -> None:
        """Until all of a message is in the log: itself, which may be before its reply, and its session."""
        self.wait_for_row("SELECT id FROM clement_transaction WHERE id = ?", transaction_id)
        self.wait_for_row("SELECT id FROM clement_session WHERE id = ?", transaction_id.partition("-")[0])

    def log(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """The lines of the process log; `fresh`: only those since the last time this was asked."""
        lines, end = read_lines(self.program.log, self.log_offset if fresh else 0)
        self.log_offset = end if fresh else self.log_offset
        return lines

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line.get("event") == name]

    def process(self, name: str) -> int:
        """The id of the latest process of this name, of those since the latest start.

        Waited for: the receiver greets while the supervisor may still be starting others.
        """
        found: list[int] = []

        def begun() -> bool:
            lines, _end = read_lines(self.program.log, self.begun_at)
            started = [line for line in lines if line.get("event") == "process-started"]
            found[:] = [int(line["pid"]) for line in started if line["process"] == name]
            return bool(found)

        wait_until(begun, f"{name} has begun")
        return found[-1]

    def wait(self) -> None:
        """Wait until a client is greeted: the ports are open before, and whoever knocked is counted."""
        self.program.wait_for(*(self.address(kind) for kind in self.ports))
        self.process("receiver-0")  # before, those of a run that was killed may hold the ports
        wait_until(self._greets, "a greeting")

    def _greets(self) -> bool:
        with suppress(Hung, Gone, OSError), self.talk() as client:
            return client.answer().code == 220
        return False

    def start_again(self) -> None:
        self.begun_at = self.program.log.stat().st_size
        self.program.start_again()
        self.wait()


@dataclass
class Builder:
    """Copies a furnished house, writes its configuration, and starts it."""

    template: Path
    folder: Path
    dns: DnsServer
    clamd: FakeClamd
    started: list[House] = field(default_factory=list)

    def __call__(
        self,
        *verbs: str,
        tables: Tables | None = None,
        module: str = "",
        wait: bool = True,
        host: str = "127.0.0.1",
    ) -> House:
        """`verbs` run before it starts; `tables` change its configuration.

        module: of the tests, which is given the configuration and serves in the place of the program.
        host: the address that its listeners name.
        """
        folder = self.folder / f"house{len(self.started)}"
        shutil.copytree(self.template, folder)
        ports = {kind: choose_port() for kind in KINDS}
        (folder / "clement.toml").write_text(self.configuration(ports, tables or {}, host))
        for verb in verbs:
            run_verb(folder / "clement.toml", verb)
        argv = [sys.executable, "-m", module] if module else [CLEMENT, "serve", "--config"]
        path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"} if module else None
        program = Program([*argv, folder / "clement.toml"], folder / "serve.log", env=path)
        house = House(folder, ports, program)
        self.started.append(house)
        house.wait()
        return house

    def configuration(self, ports: Mapping[str, int], tables: Tables, host: str = "127.0.0.1") -> str:
        """The text of a clement.toml; strings, numbers and flat lists are the same in JSON and TOML.

        A table named `dns_list.NAME` is one [[dns_list]].
        """
        merged: dict[str, dict[str, object]] = {name: dict(table) for name, table in self._defaults().items()}
        for name, table in tables.items():
            merged.setdefault(name, {}).update(table)
        lines = []
        for name, values in merged.items():
            heading = "[[dns_list]]" if name.startswith("dns_list.") else f"[{name}]"
            lines += [heading, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        for kind, port in ports.items():
            service = SERVICE_OF.get(kind, kind)
            lines += [
                "[[listener]]",
                f'kind = "{service}"',
                f'name = "{kind}"',
                f'address = "{host}:{port}"',
            ]
            if kind != service:
                lines.append(f'proxy_protocol_from = ["{BALANCER}/32"]')
        return "\n".join(lines) + "\n"

    def _defaults(self) -> Tables:
        return {
            "site": {"hostname": "mx.clement.example", "postmaster": "postmaster@local.example"},
            "tls": {"certificate": "tls/certificate.pem", "key": "tls/key.pem"},
            "processes": {"receivers": 1, "checkers": 1},
            "scanner": {"addresses": [f"unix:{self.clamd.path}"], **FEW_SCANS},
            "dns": {"servers": [self.dns.address], "timeout_s": 5},
            "limits": {
                "size_bytes": 1_000_000,
                "recipients": 100,
                "unknown_recipients": 20,
                "tarpit_delay_s": 0.05,
            },
            "web": {"address": f"127.0.0.1:{choose_port()}"},
            "spool": {"free_space_bytes": 1_000_000},
        }


FEW_SCANS: Mapping[str, object] = {"scans_at_once": 4, "waiting": 16}
IMPATIENT: Mapping[str, object] = {"connect_timeout_s": 1, "timeout_s": 1.5, "timeout_per_mebibyte_s": 1}
"""For a scanner that never answers, and for no other: a busy machine may need longer."""


LEAST = """
[site]
hostname = "mx.clement.example"
[tls]
certificate = "tls/certificate.pem"
key = "tls/key.pem"
[[listener]]
kind = "mx"
address = "127.0.0.1:{port}"
"""


def furnished(folder: Path, next_hop_port: int) -> Path:
    """A house with its certificate, database and directory, that was never started."""
    template = folder / "template"
    template.mkdir()
    config = template / "clement.toml"
    config.write_text(LEAST.format(port=choose_port()))
    run_verb(config, "init")
    done = run_in_fork([config, str(next_hop_port)], module="tests.server.furnish")
    assert done.returncode == 0, done.stderr
    return template


# --- Fixtures -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def names() -> Iterator[DnsServer]:
    """The DNS of all houses."""
    server = DnsServer()
    server.zones = {
        "sender.example": {"MX": ["10 mx.sender.example."]},
        "mx.sender.example": {"A": ["192.0.2.1"]},
        "no-mail.example": {"MX": ["0 ."]},
    }
    yield server
    server.stop()


@pytest.fixture(scope="session")
def next_hop() -> Iterator[NextHop]:
    """The only next hop there is."""
    hop = NextHop()
    hop.port = hop.start()
    yield hop
    hop.stop()


@pytest.fixture(scope="session")
def fake_clamd(short_folder_session: Path) -> Iterator[FakeClamd]:
    """The scanner of all houses."""
    fake = FakeClamd(short_folder_session / "clamd.sock")
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def template(short_folder_session: Path, next_hop: NextHop) -> Path:
    """A furnished house to be copied."""
    return furnished(short_folder_session, next_hop.port)


@pytest.fixture
def build(short_folder: Path, template: Path, names: DnsServer, fake_clamd: FakeClamd) -> Iterator[Builder]:
    """`build(tables={"limits": {"sessions": 10}})`: a house of the test's own."""
    fake_clamd.act = clean
    builder = Builder(template, short_folder, names, fake_clamd)
    yield builder
    for house in builder.started:
        house.program.stop()


@pytest.fixture(scope="session")
def standing_house(
    short_folder_session: Path, template: Path, names: DnsServer, fake_clamd: FakeClamd
) -> Iterator[House]:
    """One house for all tests that do it no harm."""
    fake_clamd.act = clean
    builder = Builder(template, short_folder_session, names, fake_clamd)
    house = builder()
    yield house
    house.program.stop()


@dataclass
class Server:
    """The standing house as one test sees it, with what the test says must have come of it.

    copies: messages that must lie in Maildirs afterwards. handed_on: those the next hop must have.
    faults: events that may stand in the log as errors, because the test provoked them.
    """

    house: House
    clamd: FakeClamd
    hop: NextHop
    copies: int = 0
    handed_on: int = 0
    faults: set[str] = field(default_factory=set)

    def talk(self, kind: str = "mx", *, source: str = "127.0.0.1", before: bytes = b"") -> Talk:
        return self.house.talk(kind, source=source, before=before)

    def client(self, kind: str = "mx", *, source: str = "127.0.0.1") -> Talk:
        return self.house.client(kind, source=source)

    def from_afar(self, client: str, *, kind: str = "behind") -> Talk:
        return self.house.from_afar(client, kind=kind)

    def read_back(self, subject: str) -> bytes:
        """The one stored message with this subject. On disk, lines end in LF."""
        wanted = f"Subject: {subject}\n".encode()
        found = [text for path in self.house.stored() if wanted in (text := path.read_bytes())]
        assert len(found) == 1, f"{len(found)} messages with the subject {subject}"
        return found[0]


@pytest.fixture
def server(standing_house: House, fake_clamd: FakeClamd, next_hop: NextHop) -> Iterator[Server]:
    """The standing house; whatever a test does to it, what must always hold is checked afterwards."""
    fake_clamd.act = clean
    next_hop.at_recipient.clear()
    next_hop.at_content.clear()
    stored, handed = len(standing_house.stored()), len(next_hop.messages)
    receiver = standing_house.process("receiver-0")
    standing_house.log(fresh=True)
    seen = Server(standing_house, fake_clamd, next_hop)
    yield seen
    fake_clamd.act = clean
    still_serves(standing_house)
    assert len(standing_house.stored()) - stored == seen.copies, (
        "what was accepted is stored, and nothing else"
    )
    assert len(next_hop.messages) - handed == seen.handed_on, (
        "what was handed on, and no mail to anybody else"
    )
    standing_house.wait_until_tidy()
    assert standing_house.process("receiver-0") == receiver, "no process has ended"
    wrong = [line for line in standing_house.log(fresh=True) if line.get("level") in ("error", "critical")]
    assert not [line for line in wrong if line["event"] not in seen.faults], wrong


COME_BACK = "421 4.3.2"
"""What a process says that is ending: after a reload one of before may still be at the door."""


def still_serves(house: House) -> None:
    """Another client is greeted and its message would be taken."""
    wait_until(lambda: _serves(house), "a client is served")


def _serves(house: House) -> bool:
    """False: the client was told to come back."""
    with house.talk(source="127.0.0.250") as client:
        answer, wanted = client.answer(), 220
        lines = ["EHLO client", "MAIL FROM:<author@sender.example>", "RCPT TO:<anna@local.example>", "QUIT"]
        for line, next_wanted in zip(lines, (250, 250, 250, 221), strict=True):
            if answer.codes == COME_BACK:
                return False
            assert answer.code == wanted, answer
            answer, wanted = client.ask(line), next_wanted
        assert answer.code == wanted or answer.codes == COME_BACK, answer
        return answer.code == wanted
