"""What greylisting costs a receiver at each RCPT: CPU time of every way it can end.

    .venv/bin/python bench/greylist_table.py [ROUNDS]

The tables are of full size in a real folder, with 50,000 contacts in them. Prints the least of 15 batches,
which another load on the machine disturbs least, in microseconds, and fails when one exceeds its budget.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from clement.policy.directory import (
    Directory,
    Domain,
    Greylisting,
    Group,
    GroupPolicy,
    Local,
    LocalMailbox,
    Mode,
)
from clement.policy.facts import RecipientFacts, SessionFacts, TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.greylisting import Contact
from clement.policy.network import client_address
from clement.server.greylist import Greylist
from clement.server.greylist_memory import GreylistMemory
from clement.smtp import Mailbox, Service

BUDGET_US = 15.0
BATCHES = 15
CONTACTS = 50_000
NOW_S = 1_795_644_000.0
GROUP = Group(1, "family", Mode.STORE)
ROUTE = Local(GROUP, Domain(1, "local.example", 1), (LocalMailbox(1, "anna@local.example", "a"),))
EVIDENCE = [
    Finding("iprev", Result.FAIL, detail="192.0.2.1 has no name", weight=0.7),
    Finding("spf", Result.SOFTFAIL, detail="sender.example", weight=0.4),
    Finding("sender-domain", Result.PASS, detail="sender.example"),
    Finding("dns-list", Result.NONE),
]
GOOD = [Finding("iprev", Result.PASS, detail="mx.sender.example"), Finding("spf", Result.PASS)]


def facts(address: str, number: int, now_s: float = NOW_S) -> RecipientFacts:
    session = SessionFacts(client_address(address), address, Service.SMTP, Directory(), now_s)
    mailbox = Mailbox(f"bounces-{number}-anna=local.example", f"s{number}.sender.example")
    return RecipientFacts(
        TransactionFacts(session, mailbox), Mailbox("anna", "local.example"), "anna@local.example", ROUTE
    )


def least_us(
    ask: Callable[[RecipientFacts], object], each: Callable[[], Iterator[RecipientFacts]], rounds: int
) -> float:
    best = float("inf")
    for _ in range(BATCHES):
        prepared = list(each())
        began_ns = time.process_time_ns()
        for one in prepared:
            ask(one)
        best = min(best, (time.process_time_ns() - began_ns) / rounds / 1000)
    return best


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    policies = {mode: GroupPolicy(greylisting=mode) for mode in Greylisting}
    fresh = count(10**6)
    with tempfile.TemporaryDirectory() as folder:
        memory = GreylistMemory.open(Path(folder))
        for number in range(CONTACTS):
            contact = Contact("198.51.100.0/24", f"a{number}@sender.example", "anna@local.example")
            memory.first_contact(contact, NOW_S - number, 240)
        closed, opened = Greylist(lambda _series: None), Greylist(lambda _series: None, memory)

        def asking(
            greylist: Greylist, mode: Greylisting, evidence: list[Finding]
        ) -> Callable[[RecipientFacts], object]:
            return lambda one: greylist.judge(one, policies[mode], evidence, lambda: None)

        def same(now_s: float = NOW_S, address: str = "192.0.2.1") -> Callable[[], Iterator[RecipientFacts]]:
            return lambda: (facts(address, 1, now_s) for _ in range(rounds))

        def new() -> Iterator[RecipientFacts]:
            return (facts("192.0.2.1", next(fresh)) for _ in range(rounds))

        def returning() -> Iterator[RecipientFacts]:
            waiting = [next(fresh) for _ in range(rounds)]
            for number in waiting:
                asking(opened, Greylisting.ALL, EVIDENCE)(facts("192.0.2.1", number))
            return (facts("192.0.2.1", number, NOW_S + 300) for number in waiting)

        memory.allow("203.0.113.0/24", NOW_S)
        cases = {
            "no group wants it": (asking(closed, Greylisting.OFF, EVIDENCE), same()),
            "this group does not": (asking(opened, Greylisting.OFF, EVIDENCE), same()),
            "not in doubt": (asking(opened, Greylisting.DOUBTFUL, GOOD), same()),
            "source known": (asking(opened, Greylisting.ALL, EVIDENCE), same(address="203.0.113.9")),
            "first contact": (asking(opened, Greylisting.DOUBTFUL, EVIDENCE), new),
            "too early": (asking(opened, Greylisting.DOUBTFUL, EVIDENCE), same()),
            "came back": (asking(opened, Greylisting.DOUBTFUL, EVIDENCE), returning),
            "known contact": (asking(opened, Greylisting.DOUBTFUL, EVIDENCE), same(NOW_S + 600)),
        }
        over = False
        for name, (ask, each) in cases.items():
            spent_us = least_us(ask, each, rounds)
            over |= spent_us > BUDGET_US
            print(f"{name:<22} {spent_us:6.2f} us")
        print(f"budget {BUDGET_US} us: {'exceeded' if over else 'kept'}")
        sys.exit(over)


if __name__ == "__main__":
    main()
