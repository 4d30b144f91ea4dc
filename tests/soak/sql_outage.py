"""Stops the database of a loaded server, then counts: `python -m tests.soak.sql_outage`.

Twenty connections send while SQL is away for OUTAGE_S seconds (60). Every message must be answered as before,
and afterwards every accepted transaction must be in SQL once. PostgreSQL is stopped; SQLITE=1 in the
environment: the file of an SQLite database is locked by somebody else instead.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.world import Database, World, a_world, transaction_ids
from tests.fixtures.postgresql import run_postgresql
from tests.fixtures.programs import wait_until
from tests.soak.senders import Audit, Entry, Senders, audit

CONNECTIONS = 20
AS_BEFORE_S = 2.0
# Longer than a writer waits for a lock, and longer than the recorder may be behind without saying so.
AWAY_IS_SAID_AFTER_S, BEHIND_IS_SAID_AFTER_S = 12.0, 45.0
PAUSE_S = 0.2  # each connection sends a few messages a second: what is measured is the outage, not the load
SLOWEST_ANSWER_S = 50.0


@dataclass(frozen=True)
class Phase:
    """What was answered in one span of time."""

    name: str
    messages: int
    codes: Counter[int]
    median_s: float
    slowest_s: float


@dataclass(frozen=True)
class Outcome:
    """What a run has shown."""

    phases: Sequence[Phase]
    result: Audit
    accepted_by_server: int
    missing_in_sql: set[str]
    twice_in_sql: int
    events: Counter[str]
    caught_up_after_s: float
    must_be_said: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        found = [
            f"{phase.name}: answered {dict(phase.codes)}"
            for phase in self.phases
            if set(phase.codes) != {250}
        ]
        found += [
            f"{phase.name}: an answer took {phase.slowest_s:.1f} s"
            for phase in self.phases
            if phase.slowest_s > SLOWEST_ANSWER_S
        ]
        found += [f"lost: {each}" for each in self.result.lost]
        found += [f"more than no answer explains: {each}" for each in self.result.inexplicable]
        found += [f"never settled: {token}" for token in self.result.unsettled]
        found += [f"not in SQL: {each}" for each in sorted(self.missing_in_sql)]
        if self.twice_in_sql:
            found.append(f"{self.twice_in_sql} transactions twice in SQL")
        found += [
            f"nobody said {name}" for name in ("log-unavailable", "log-available") if not self.events[name]
        ]
        return found

    def table(self) -> str:
        lines = [f"{'phase':<10}{'messages':>10}{'median ms':>12}{'slowest ms':>12}  replies"]
        lines += [
            f"{phase.name:<10}{phase.messages:>10}{phase.median_s * 1000:>12.1f}"
            f"{phase.slowest_s * 1000:>12.0f}  {dict(phase.codes)}"
            for phase in self.phases
        ]
        lines.append(
            f"accepted {self.accepted_by_server}, missing in SQL {len(self.missing_in_sql)}, twice "
            f"{self.twice_in_sql}, lost {len(self.result.lost)}, duplicates {self.result.duplicates}, "
            f"caught up after {self.caught_up_after_s:.1f} s"
        )
        lines.append("said: " + ", ".join(f"{name} {count}" for name, count in sorted(self.events.items())))
        return "\n".join(lines)


@contextmanager
def stopped(database: Database) -> Iterator[None]:
    """PostgreSQL is not there."""
    database.server.program.stop(signal.SIGINT)
    yield
    database.server.start_again()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Somebody else holds the only write lock of an SQLite database."""
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def run(folder: Path, outage_s: float, *, sqlite: bool = False) -> Outcome:
    """Send before, during and after an outage, and count."""
    database = None
    if not sqlite:
        server = run_postgresql(folder)
        database = Database(server, server.create_database())
    place = folder / "served"
    place.mkdir()
    try:
        with a_world(place, {"limits": {"sessions_per_client": 100}}, database=database) as world:
            file = world.folder / "clement.sqlite3"
            must_be_said = ["log-unavailable", "log-available"] * (
                not sqlite or outage_s > AWAY_IS_SAID_AFTER_S
            ) + ["recorder-behind", "recorder-caught-up"] * (outage_s > BEHIND_IS_SAID_AFTER_S)
            outage = (lambda: stopped(database)) if database else lambda: locked(file)
            return _run(world, outage_s, outage, must_be_said)
    finally:
        if database:
            database.server.program.stop(signal.SIGINT)


def _run(
    world: World,
    outage_s: float,
    outage: Callable[[], AbstractContextManager[None]],
    must_be_said: Sequence[str],
) -> Outcome:
    spans: list[tuple[str, int]] = []
    senders = Senders(world.mx, CONNECTIONS, PAUSE_S)
    senders.start()
    try:
        time.sleep(AS_BEFORE_S)
        spans.append(("before", len(senders.ledger)))
        with outage():
            time.sleep(outage_s)
            if "log-unavailable" in must_be_said:
                # It waits for a lock first, and on a busy machine begins to wait later.
                wait_until(lambda: bool(world.events("log-unavailable")), "it says that SQL is away")
            spans.append(("without", len(senders.ledger)))
        time.sleep(AS_BEFORE_S)
    finally:
        senders.stop()
    spans.append(("after", len(senders.ledger)))
    return _settle(world, senders, spans, must_be_said)


def _settle(
    world: World, senders: Senders, spans: Sequence[tuple[str, int]], must_be_said: Sequence[str]
) -> Outcome:
    began_s = time.monotonic()
    said = set().union(*(transaction_ids(entry.letter) for entry in senders.ledger), set())
    world.wait_for_recorder(said, 120)
    caught_up_s = time.monotonic() - began_s
    if world.events("log-unavailable"):
        wait_until(lambda: bool(world.events("log-available")), "it says that SQL is there again")
    if world.events("recorder-behind"):
        wait_until(lambda: bool(world.events("recorder-caught-up")), "it says that it has caught up")
    recorded = world.accepted_in_sql()
    index = world.index()
    result = audit(senders.ledger, lambda token, place: index[token, place])
    phases, start = [], 0
    for name, end in spans:
        phases.append(_phase(name, senders.ledger[start:end]))
        start = end
    told = ("log-unavailable", "log-available", "recorder-behind", "recorder-caught-up")
    events = Counter({name: len(world.events(name)) for name in told})
    twice = len(recorded) - len(set(recorded))
    return Outcome(phases, result, len(said), said - set(recorded), twice, events, caught_up_s, must_be_said)


def _phase(name: str, entries: Sequence[Entry]) -> Phase:
    codes = Counter(heard.code for entry in entries for told in entry.letter.heard.values() for heard in told)
    took_s = sorted(took_s for entry in entries for took_s in entry.took_s) or [0.0]
    return Phase(name, len(entries), codes, took_s[len(took_s) // 2], took_s[-1])


def main() -> None:
    outage_s = float(os.environ.get("OUTAGE_S") or 60)
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        outcome = run(Path(folder), outage_s, sqlite=bool(os.environ.get("SQLITE")))
    print(outcome.table())
    for fault in outcome.faults:
        print(f"FAULT  {fault}")
    sys.exit(1 if outcome.faults else 0)


if __name__ == "__main__":
    main()
