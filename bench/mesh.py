"""CPU time of what a peer of the mesh costs a receiver: an assertion judged, a page told, a snapshot read.

.venv/bin/python -m bench.mesh          least of many batches, in microseconds
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_network

from clement.policy.mesh.acceptance import judge
from clement.policy.mesh.assertion import Assertion, Evidence, Kind, Statement, sign
from clement.policy.mesh.exchange import Entry, Page
from clement.policy.mesh.key import PrivateKey
from clement.policy.mesh.roster import Peer, Roster
from clement.policy.mesh.snapshot import LoggedEntry, MeshSnapshot, decode_snapshot, encode_snapshot
from clement.smtp import replies

NOW_S = 1_790_000_000
BATCHES = 30
OURS, ANNA = PrivateKey(bytes([1]) * 32), PrivateKey(bytes([2]) * 32)


def least_us(act: Callable[[], object], repeats: int) -> float:
    """CPU time of one call, from the quickest batch."""
    best = float("inf")
    for _ in range(BATCHES):
        began = time.process_time()
        for _ in range(repeats):
            act()
        best = min(best, time.process_time() - began)
    return best / repeats * 1e6


def text(number: int) -> str:
    """A ban as a peer says it."""
    evidence = Evidence((("content", 120), ("recipients", 33), ("virus", 2)), NOW_S - 9_000, NOW_S - 60)
    network = ip_network((0xC6336400 + number % 256, 32))
    statement = Statement(
        ANNA.public.id, NOW_S * 1_000_000 + number, Kind.BAN, network, NOW_S + 600_000, evidence
    )
    return sign(statement, ANNA).encode()


def main() -> None:
    """Print the figures."""
    peer = Peer("anna", ANNA.public)
    roster = Roster(OURS.public.id, [peer])
    good = Entry(1, 0, text(1))
    forged = Entry(1, 0, good.text[:-86] + "A" * 86)
    malformed = Entry(1, 0, good.text[:-1])
    assert isinstance(judge(good, peer, roster, NOW_S), Assertion)
    log = MeshSnapshot(
        tuple(LoggedEntry(number, 0, ANNA.public.id, "", good.text) for number in range(10_000)), 10_000
    )

    def told() -> object:
        page: Page = log.page(OURS.public.id, 5_000)
        return replies.MESH_OK.with_text(*page.lines())

    octets = encode_snapshot(log)
    figures = {
        "an assertion taken": least_us(lambda: judge(good, peer, roster, NOW_S), 200),
        "an assertion forged": least_us(lambda: judge(forged, peer, roster, NOW_S), 200),
        "an assertion malformed": least_us(lambda: judge(malformed, peer, roster, NOW_S), 200),
        "a page of 32 told": least_us(told, 200),
        "a snapshot of 10,000 read": least_us(lambda: decode_snapshot(octets), 2),
    }
    for what, took_us in figures.items():
        print(f"{what:<28}{took_us:>10.1f} us")


if __name__ == "__main__":
    main()
