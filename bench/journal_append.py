"""What the record of one message costs a receiver: CPU time of append and flush, of counting, of metrics.

    .venv/bin/python bench/journal_append.py [ROUNDS]

A message is one transaction record, flushed before the reply, and one session record with 8 exchanges,
flushed at the session's end: two system calls. Prints the best of five runs, which another load on the
machine disturbs least, in microseconds.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from clement.journal.journal import Journal
from clement.journal.proportion import Proportion, ProportionLimits, RefusedConnection
from clement.journal.records import (
    Exchange,
    FindingNote,
    Outcome,
    RecipientRecord,
    SessionRecord,
    TransactionRecord,
)
from clement.telemetry.metrics import JOURNAL_RECORDS, Metrics

BUDGET_US = 12.0

TRANSACTION = TransactionRecord(
    id="0qk3v9f2a7c4d-1",
    session_id="0qk3v9f2a7c4d",
    at_s=1_795_344_000.25,
    reverse_path="someone@remote.example",
    outcome=Outcome.ACCEPTED,
    reason="accepted",
    reply="250 2.6.0 stored as 0qk3v9f2a7c4d-1",
    recipients=(RecipientRecord("anna@local.example", Outcome.ACCEPTED, "", "250 2.1.5 ok", 1, 1, (7,)),),
    size_bytes=10_000,
    message_id="<20261122.1@remote.example>",
    author="someone@remote.example",
    subject="Minutes of the last meeting",
)
FOUND = (FindingNote("recipient", "pass", "", "known mailbox", 12),)
SESSION = SessionRecord(
    id="0qk3v9f2a7c4d",
    node="mx1",
    service="mx",
    started_at_s=1_795_344_000.0,
    duration_us=4000,
    client_address="192.0.2.1",
    client_port=41_170,
    outcome=Outcome.ACCEPTED,
    reason="accepted",
    ending="quit",
    hello="client.remote.example",
    transaction_count=1,
    transcript=tuple(
        Exchange(400 * at, 90, "RCPT TO:<anna@local.example>", "250 2.1.5 ok", FOUND) for at in range(8)
    ),
)


def cpu_us(call: Callable[[], object], rounds: int) -> float:
    best_s = float("inf")
    for _ in range(5):
        began_s = time.process_time()
        for _ in range(rounds):
            call()
        best_s = min(best_s, time.process_time() - began_s)
    return best_s / rounds * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory(dir=".") as directory:
        numbers = Metrics.open(Path(directory), "bench")
        journal = Journal(Path(directory), "mx1", metrics_of_process=numbers)
        proportion = Proportion(journal, "mx1", ProportionLimits(), now_s=0.0)

        def message() -> None:
            journal.append(TRANSACTION)
            journal.flush()
            journal.append(SESSION)
            journal.flush()

        def refused_at_connect() -> None:
            facts = RefusedConnection("id", "mx1", "mx", 1.0, "192.0.2.1", 4711, "banned", "no")
            proportion.refused("192.0.2.1", "banned", 1.0, facts.told)

        build = RefusedConnection("id", "mx1", "mx", 1.0, "192.0.2.1", 4711, "banned", "no").told
        results = {
            f"transaction and session, append and flush (budget {BUDGET_US:g})": cpu_us(message, rounds),
            "a session that is only counted": cpu_us(
                lambda: proportion.refused("192.0.2.1", "unknown-recipient", 1.0, build), rounds
            ),
            "a connection refused at connect, only counted": cpu_us(refused_at_connect, rounds),
            "counting one metric": cpu_us(lambda: numbers.add(JOURNAL_RECORDS), rounds),
        }
        journal.close()
        numbers.close()
    for what, took_us in results.items():
        print(f"{took_us:8.2f} us  {what}")


if __name__ == "__main__":
    main()
