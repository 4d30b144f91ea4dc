"""Kills processes of a loaded server with SIGKILL, then counts: `python -m tests.soak.kill_loop`.

Four senders with a ledger; receivers, checker, recorder and supervisor die in no order, every 0.3 to 2
seconds. Afterwards nothing accepted may be missing, and each accepted transaction must be in SQL once.
ROUNDS in the environment says how often (200).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.crash.world import World, a_world, transaction_ids
from tests.soak.senders import Audit, Senders, audit

SENDERS = 4
# Not the web process, which no mail depends on. The supervisor takes all others with it.
KINDS = ("receiver", "receiver", "receiver", "checker", "recorder", "recorder", "supervisor")
MAIL_RATE_PAUSE_S = 0.005
RESTART_WITHIN_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a run has shown."""

    rounds: int
    kills: Counter[str]
    took_s: float
    result: Audit
    accepted_by_server: int
    missing_in_sql: set[str]
    twice_in_sql: int
    tracebacks: list[str]

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        found = [f"lost: {each}" for each in self.result.lost]
        found += [f"more than no answer explains: {each}" for each in self.result.inexplicable]
        found += [f"never settled: {token}" for token in self.result.unsettled]
        found += [f"not in SQL: {each}" for each in sorted(self.missing_in_sql)]
        if self.twice_in_sql:
            found.append(f"{self.twice_in_sql} transactions twice in SQL")
        if self.result.duplicates > self.rounds * SENDERS * 3:  # a message in flight has up to three copies
            found.append(f"{self.result.duplicates} duplicates are more than kills times messages in flight")
        found += [f"traceback: {each}" for each in sorted(set(self.tracebacks))]
        return found

    def table(self) -> str:
        rows = {
            "rounds": self.rounds,
            **{f"  {name} killed": count for name, count in sorted(self.kills.items())},
            "seconds": round(self.took_s),
            "messages accepted": self.result.accepted,
            "copies found": self.result.copies,
            "attempts without an answer": self.result.unanswered,
            "duplicates": self.result.duplicates,
            "lost": len(self.result.lost),
            "accepted transactions": self.accepted_by_server,
            "  missing in SQL": len(self.missing_in_sql),
            "  twice in SQL": self.twice_in_sql,
        }
        return "\n".join(f"{name:<28}{value:>10}" for name, value in rows.items())


def run(folder: Path, rounds: int, *, progress: bool = False) -> Outcome:
    """Kill `rounds` times and count."""
    began_s, kills, chance = time.monotonic(), Counter[str](), random.Random(rounds)
    limits = {"sessions_per_client": 100}
    with a_world(
        folder, {"processes": {"receivers": 2, "checkers": 1}, "limits": limits}, faulty=True
    ) as world:
        senders = Senders(world.mx, SENDERS, MAIL_RATE_PAUSE_S)
        senders.start()
        try:
            for number in range(1, rounds + 1):
                time.sleep(chance.uniform(0.3, 2.0))
                kills[strike(world, chance)] += 1
                if progress:
                    sys.stderr.write(f"\r{number}/{rounds} kills, {len(senders.ledger)} messages ")
                    sys.stderr.flush()
        finally:
            senders.stop()
        return settle(world, senders, rounds, kills, time.monotonic() - began_s)


def strike(world: World, chance: random.Random) -> str:
    """Kill one process, and start again what nobody else starts; the kind that was killed."""
    kind = chance.choice(KINDS)
    living = children(world)
    victims = [pid for pid, name in living.items() if name.startswith(kind)]
    if kind == "supervisor" or not victims:
        world.program.kill()
        bring_back(world)
        return "supervisor"
    os.kill(chance.choice(victims), signal.SIGKILL)
    return kind


def children(world: World) -> dict[int, str]:
    """The processes of the house that live now, by the names the log gives them."""
    supervisor = world.program.pid
    try:
        pids = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    except FileNotFoundError:
        return {}
    names = {line["pid"]: line["process"] for line in world.events("process-started")}
    return {int(pid): names[int(pid)] for pid in pids if int(pid) in names}


def bring_back(world: World) -> None:
    """Start the server again; those of the old one that still drain may hold the port for a moment."""
    until_s = time.monotonic() + RESTART_WITHIN_S
    while time.monotonic() < until_s:
        world.program.start_again()
        until_up_s = time.monotonic() + 10
        while world.program.running and time.monotonic() < until_up_s:
            if children(world):
                return
            time.sleep(0.05)
        world.program.kill()
        time.sleep(0.2)
    raise AssertionError("the server does not come back:\n" + world.log()[-2000:])


def settle(world: World, senders: Senders, rounds: int, kills: Counter[str], took_s: float) -> Outcome:
    """Let the recorder finish, then compare the ledger with everything that is there."""
    said = set().union(*(transaction_ids(entry.letter) for entry in senders.ledger), set())
    until_s = time.monotonic() + 60
    while said - set(world.accepted_in_sql()) and time.monotonic() < until_s:
        time.sleep(0.2)
    recorded = world.accepted_in_sql()
    index = world.index()
    result = audit(senders.ledger, lambda token, place: index[token, place])
    known = {entry.letter.token for entry in senders.ledger}
    strangers = {token for token, _place in index} - known
    result.inexplicable.extend(f"mail nobody sent: {token}" for token in sorted(strangers))
    twice = len(recorded) - len(set(recorded))
    return Outcome(rounds, kills, took_s, result, len(said), said - set(recorded), twice, world.tracebacks())


def main() -> None:
    rounds = int(os.environ.get("ROUNDS") or 200)
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        outcome = run(Path(folder), rounds, progress=sys.stderr.isatty() or bool(os.environ.get("PROGRESS")))
    print(f"\n{outcome.table()}")
    for fault in outcome.faults:
        print(f"FAULT  {fault}")
    sys.exit(1 if outcome.faults else 0)


if __name__ == "__main__":
    main()
