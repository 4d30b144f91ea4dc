"""A whole server on a disk that can be armed, its next hops, and the ledger oracle over all of them."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import smtplib
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.crash.furnish import LOCAL
from tests.crash.mta import Letter
from tests.crash.next_hop import NextHop
from tests.fixtures.clement import CLEMENT, make_site
from tests.fixtures.databases import DatabaseServer
from tests.fixtures.dns_server import DnsServer
from tests.fixtures.faults import Fault
from tests.fixtures.places import ROOT
from tests.fixtures.programs import Program, choose_port, wait_until
from tests.fixtures.verbs import run_in_fork

Tables = Mapping[str, Mapping[str, object]]

ACCEPTED_AS = re.compile(r"Accepted \[([^\]]+)\]")
MEMORY_BYTES = 8192  # larger content goes through a file
_plan_numbers = itertools.count(1)

TABLES: Tables = {
    "site": {"hostname": "mx.clement.example", "postmaster": "anna@local.example"},
    "processes": {"receivers": 1, "checkers": 1},
    "scanner": {"enabled": False},
    "spool": {"memory_bytes": MEMORY_BYTES, "free_space_bytes": 1_000_000},
    "web": {"address": "unix:run/web.sock"},
}


def configuration(port: int, changes: Tables) -> str:
    """The text of a clement.toml with one listener."""
    merged = {name: {**TABLES.get(name, {}), **changes.get(name, {})} for name in {**TABLES, **changes}}
    lines: list[str] = []
    for name, table in merged.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join([*lines, "[[listener]]", 'kind = "mx"', f'address = "127.0.0.1:{port}"', ""])


@dataclass(frozen=True)
class Database:
    """A database of a PostgreSQL that the test may stop."""

    server: DatabaseServer
    name: str

    @property
    def settings(self) -> Mapping[str, object]:
        return {"engine": "postgresql", "host": self.server.host, "user": self.server.user, "name": self.name}

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        server = self.server
        with psycopg.connect(host=server.host, user=server.user, dbname=self.name) as connection:
            return connection.execute(statement.encode()).fetchall()


@dataclass
class World:
    """A running Clement, and everywhere its mail can be."""

    folder: Path
    mx: tuple[str, int]
    program: Program
    relay: NextHop
    lmtp: NextHop
    database: Database | None = None
    is_inside: bool = False

    @property
    def mail(self) -> Path:
        return self.seen(self.folder / "mail")

    def seen(self, path: Path) -> Path:
        """A path as the server sees it, which may have a file system of its own mounted there."""
        return Path(f"/proc/{self.program.pid}/root{path}") if self.is_inside else path

    def maildir(self, address: str) -> Path:
        local_part, _, domain = address.rpartition("@")
        return self.mail / domain / local_part

    # --- Faults ---------------------------------------------------------------------------------------

    @property
    def plan(self) -> Path:
        return self.folder / "plan"

    def arm(self, *faults: Fault | dict[str, object]) -> None:
        """From now on these go wrong, once each."""
        plain = [fault if isinstance(fault, dict) else _as_json(fault) for fault in faults]
        # Each plan is another: the clock of a file system stands still for some milliseconds.
        plain.append({"number": next(_plan_numbers)})
        fresh = self.plan.with_suffix(".new")
        fresh.write_text(json.dumps(plain))
        fresh.rename(self.plan)

    def disarm(self) -> list[str]:
        """Nothing goes wrong any more; what has struck since it was armed."""
        self.plan.unlink(missing_ok=True)
        found = self.struck()
        self.plan.with_suffix(".struck").unlink(missing_ok=True)
        return found

    def struck(self) -> list[str]:
        """What has gone wrong since it was armed."""
        told = self.plan.with_suffix(".struck")
        return told.read_text().splitlines() if told.exists() else []

    # --- What is where ----------------------------------------------------------------------------------

    def copies(self, letter: Letter) -> Counter[str]:
        """How often each final recipient has the message; whatever bears its token must be it, whole."""
        found: Counter[str] = Counter()
        token, on_disk = letter.token.encode(), letter.content.replace(b"\r\n", b"\n")
        for address in LOCAL:
            for path in sorted(self.maildir(address).glob("new/*")):
                content = path.read_bytes()
                if token in content:
                    assert content.endswith(b"\n" + on_disk), f"another content in {path}"
                    found[address] += 1
        for hop in (self.relay, self.lmtp):
            for address, content in list(hop.kept):
                if token in content:
                    assert content.endswith(b"\r\n" + letter.content), f"another content at {address}"
                    found[address] += 1
        return found

    def count_all(self) -> Counter[str]:
        """Every message anywhere, by token: its Subject."""
        contents = [path.read_bytes() for path in self.mail.glob("*/*/new/*")]
        contents += [content for hop in (self.relay, self.lmtp) for _address, content in list(hop.kept)]
        return Counter(_subject(content) for content in contents)

    def index(self) -> Counter[tuple[str, str]]:
        """How often each token lies in each place."""
        found: Counter[tuple[str, str]] = Counter()
        for path in self.mail.glob("*/*/new/*"):
            domain, local_part = path.parts[-4:-2]
            found[_subject(path.read_bytes()), f"{local_part}@{domain}"] += 1
        for hop in (self.relay, self.lmtp):
            found.update((_subject(content), address) for address, content in list(hop.kept))
        return found

    def unfinished(self) -> list[Path]:
        """Files of messages that were neither placed nor removed."""
        found = [*self.seen(self.folder / "spool/staging").glob("*"), *self.mail.glob("*/*/tmp/*")]
        return [path for path in found if path.is_file()]

    def empty(self) -> None:
        """Forget all mail, so that counting stays quick."""
        for path in [*self.mail.glob("*/*/new/*"), *self.unfinished()]:
            path.unlink(missing_ok=True)
        self.relay.kept.clear()
        self.lmtp.kept.clear()

    def forget_mailboxes(self) -> None:
        """Remove the Maildirs themselves: the next delivery must make them."""
        for address in LOCAL:
            shutil.rmtree(self.maildir(address), ignore_errors=True)

    # --- The log ----------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        place = f"file:{self.folder / 'clement.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=60)) as connection:
            return connection.execute(statement, values).fetchall()

    def accepted_in_sql(self) -> list[str]:
        """Ids of the transactions that SQL holds as accepted."""
        statement = "SELECT id FROM clement_transaction WHERE outcome = 'accepted'"
        return [row[0] for row in (self.database or self).rows(statement)]

    def wait_for_recorder(self, ids: set[str], timeout_s: float = 60.0) -> None:
        """Wait until SQL holds these transactions."""
        wait_until(
            lambda: ids <= set(self.accepted_in_sql()), "every accepted transaction is in SQL", timeout_s
        )

    def log(self) -> str:
        return self.program.output()

    def log_lines(self) -> list[dict[str, Any]]:
        """The process log; what is not JSON (a traceback) comes as an event of that name."""
        found: list[dict[str, Any]] = []
        whole_lines, _, _being_written = self.program.log.read_text(errors="replace").rpartition("\n")
        for line in whole_lines.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": "unreadable", "line": line})
        return found

    def tracebacks(self) -> list[str]:
        """What each traceback in the process log says at its end."""
        _, *found = self.log().split("Traceback (most recent call last):\n")
        return [next((line for line in each.splitlines() if not line.startswith(" ")), "") for each in found]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log_lines() if line.get("event") == name]

    def process(self, name: str) -> int:
        """The id of the latest process of this name."""
        started = [line for line in self.events("process-started") if line["process"] == name]
        return int(started[-1]["pid"])

    def wait(self) -> None:
        """Wait until a client is greeted; the port is open some time before."""
        self.program.wait_for(self.mx)
        smtplib.SMTP(*self.mx, "client.test", 30).close()

    def start_again(self) -> None:
        self.program.start_again()
        self.wait()


def transaction_ids(letter: Letter) -> set[str]:
    """The ids under which this server said to have accepted the message."""
    texts = [heard.text for told in letter.heard.values() for heard in told if heard.accepted]
    return {match[1] for text in texts if (match := ACCEPTED_AS.search(text))}


@contextmanager
def a_world(
    folder: Path,
    changes: Tables | None = None,
    *,
    faulty: bool = False,
    database: Database | None = None,
    inside: Sequence[str | Path] = (),
) -> Iterator[World]:
    """A furnished, running server and its next hops in an empty place.

    faulty: on a disk that can be armed. inside: the start of a command that ends by running another.
    """
    names = DnsServer()  # which knows none
    changes = {**(changes or {}), **({"database": database.settings} if database else {})}
    changes["dns"] = {"servers": [names.address]}
    relay, lmtp = NextHop(), NextHop(lmtp=True)
    port, place = choose_port(), folder / "site"
    config = make_site(place, configuration(port, changes), ())
    python_path = {"PYTHONPATH": str(ROOT)}
    done = run_in_fork([config, str(relay.port), str(lmtp.port)], module="tests.crash.furnish")
    assert done.returncode == 0, done.stderr
    command: list[str | Path] = [CLEMENT, "serve", "--config", config]
    if faulty:
        command = [sys.executable, "-m", "tests.crash.faulty_serve", config, place / "plan"]
    relay.start()
    lmtp.start()
    program = Program([*inside, *command], place / "serve.log", env=python_path, cwd=ROOT)
    try:
        world = World(place, ("127.0.0.1", port), program, relay, lmtp, database, bool(inside))
        world.wait()
        yield world
    finally:
        program.stop()
        relay.stop()
        lmtp.stop()
        names.stop()


def _subject(content: bytes) -> str:
    match = re.search(rb"^Subject: (\S+)", content, re.MULTILINE)
    return match[1].decode() if match else "(no token)"


def _as_json(fault: Fault) -> dict[str, object]:
    return {
        "point": fault.point.value,
        "kind": fault.kind.value,
        "moment": fault.moment.value,
        "errno": fault.errno,
        "hit": fault.hit,
    }
