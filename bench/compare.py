"""Clement beside its peers, on this machine, under the same load, in one run; then what its parts cost alone.

    make bench                    everything, about 15 minutes
    bench/run --quick             one short round
    bench/run --profiles P0,P1    some of it        bench/run --parts    only the parts

With the yardstick beside the project (../shared/bench) the peers are Postfix,
Exim and aiosmtpd and the goals are printed next to what was reached; it needs
root. Without it, Postfix alone, driven by its own smtp-source.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
YARDSTICK = ROOT.parent / "shared" / "bench"
PEERS = ROOT / "var" / "bench-peers"
PARTS = (
    ["bench/protocol_core.py"],
    ["bench/conversation.py"],
    ["bench/journal_append.py"],
    ["bench/recorder_rate.py"],
    ["bench/maildir_delivery.py"],
    ["bench/relay_delivery.py"],
    ["bench/clamd_scan.py"],
)


class Goal(NamedTuple):
    """Our rate as a multiple of a peer's, at one load of one profile."""

    profile: str
    load: str
    peer: str
    factor: float
    says: str


GOALS = (
    Goal("P0", "10k c20", "aiosmtpd", 4.0, "engine"),
    Goal("P0", "10k c20", "postfix-noqueue", 2.5, "engine"),
    Goal("P1", "10k c20", "postfix", 1.3, "store"),
    Goal("P2", "10k c20", "exim+malware-cutthrough", 1.5, "gateway"),
    Goal("P2", "10k c20", "postfix+clamav-milter", 1.5, "gateway"),
    Goal("P3u", "unknown c20", "postfix", 2.0, "flood"),
    Goal("P3d", "dnsbl c20", "postfix", 2.0, "refused at connect"),
    Goal("P4", "10k c20", "postfix+rspamd", 1.5, "everything on"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--profiles", default="P0,P1,P2,P3u,P3d,P4")
    parser.add_argument("--loads", default=",".join(sorted({goal.load for goal in GOALS})))
    parser.add_argument("--parts", action="store_true", help="only what the parts cost alone")
    parser.add_argument("--no-parts", action="store_true", help="only the comparison")
    asked = parser.parse_args()
    if not asked.parts:
        compare(asked)
    if not asked.no_parts:
        for part in PARTS:
            print(f"\n== {part[0]}", flush=True)
            subprocess.run([sys.executable, *part], cwd=ROOT, check=False)
    return 0


def compare(asked: argparse.Namespace) -> None:
    if not (YARDSTICK / "bench.py").exists():
        print("the yardstick (../shared/bench) is not here: a plain comparison with Postfix")
        subprocess.run([sys.executable, "bench/plain.py"], cwd=ROOT, check=False)
        return
    if os.geteuid() != 0:
        sys.exit("bench: the yardstick makes a private network namespace and needs root")
    environment = {**os.environ, "BENCH_PEERS": os.environ.get("BENCH_PEERS", str(PEERS))}
    if not Path(environment["BENCH_PEERS"], "venv").exists():
        subprocess.run(["sh", str(YARDSTICK / "setup.sh")], env=environment, check=True)
    results = ROOT / "var" / "bench.json"
    results.parent.mkdir(exist_ok=True)
    wanted, runs = set(asked.profiles.split(",")), []
    for profiles, known_as, switches in (
        (wanted - {"P4"}, "", {}),
        # What rspamd does of content beside clamd; the yardstick has it among the peers of P2.
        (wanted & {"P4"}, "P2", {"BENCH_READING": "1", "BENCH_IDENTITIES": "1"}),
    ):
        if profiles:
            run_yardstick(asked, profiles, known_as, {**environment, **switches}, results)
            found = json.loads(results.read_text())["runs"]
            runs += [{**run, "profile": "P4"} if known_as else run for run in found]
    judge(runs)


def run_yardstick(
    asked: argparse.Namespace, profiles: set[str], known_as: str, environment: dict[str, str], results: Path
) -> None:
    """Run the yardstick for these profiles. known_as: the one name it knows them by; "": their own."""
    peers = sorted({goal.peer for goal in GOALS if goal.profile in profiles} | {"ours"})
    command = [
        sys.executable,
        str(YARDSTICK / "bench.py"),
        *("--profiles", known_as or ",".join(sorted(profiles))),
        *("--loads", asked.loads, "--peers", ",".join(peers)),
        *("--rounds", str(asked.rounds), "--seconds", str(asked.seconds), "--out", str(results)),
        *("--ours", f"exec {sys.executable} {ROOT / 'bench' / 'profiles.py'}"),
        *(["--quick"] if asked.quick else []),
    ]
    subprocess.run(command, env=environment, check=True)


def judge(runs: list[dict[str, Any]]) -> None:
    """What was reached, beside what was aimed at."""
    print("\n| goal | load | ours /s | peer | peer /s | ratio | goal | p99 ours | peer | CPU ours | peer |")
    print("|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|")
    for goal in GOALS:
        ours = list(of(runs, goal, "ours"))
        peer = list(of(runs, goal, goal.peer))
        if not ours or not peer:
            continue
        ratio = median(ours, "done_rate") / median(peer, "done_rate")
        met = "met" if ratio >= goal.factor else "MISSED"
        print(
            f"| {goal.says} | {goal.profile} {goal.load} | {median(ours, 'done_rate'):.0f} | {goal.peer} "
            f"| {median(peer, 'done_rate'):.0f} | {ratio:.2f} | {goal.factor} {met} "
            f"| {median(ours, 'p99_ms'):.1f} | {median(peer, 'p99_ms'):.1f} "
            f"| {median(ours, 'cpu_peer'):.3f} | {median(peer, 'cpu_peer'):.3f} |"
        )
    disturbed = sum(1 for run in runs if run["others"] + run["steal"] > 0.25)
    if disturbed:
        print(f"\n{disturbed} of {len(runs)} measurements were disturbed: something else used the machine")


def of(runs: list[dict[str, Any]], goal: Goal, name: str) -> Iterator[dict[str, Any]]:
    return (
        run for run in runs if (run["profile"], run["load"], run["peer"]) == (goal.profile, goal.load, name)
    )


def median(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


if __name__ == "__main__":
    sys.exit(main())
