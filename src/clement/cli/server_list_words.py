"""Entries of the server lists as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from clement.cli.terminal import Column, local_time, print_facts, say

if TYPE_CHECKING:
    from clement.store.list_records import ListedRow, PardonRow, ReputationRow

STATE_STYLES = {"effective": "red", "trial": "yellow"}
MOST_CLIENTS = 20


def server_text(network: str) -> str:
    """A network as people write it: an address without its length."""
    address, _, bits = network.partition("/")
    return address if bits == ("128" if ":" in address else "32") else network


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts by cause, the largest first: `200 unknown-recipient, 14 virus`."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {cause}" for cause, count in ordered)


def _ends(row: ListedRow) -> str:
    if row.state == "trial":
        return f"trial until {local_time(row.trial_until_s)}"
    return local_time(row.expires_at_s) if row.expires_at_s else ""


COLUMNS: list[Column[ListedRow]] = [
    Column("server", lambda row: server_text(row.network)),
    Column(
        "state",
        lambda row: row.state.value + (" (final)" if row.final else ""),
        lambda cell: STATE_STYLES.get(cell.partition(" ")[0], ""),
    ),
    Column("by", lambda row: row.origin.value),
    Column("ends", _ends),
    Column("cost", lambda row: str(row.cost_messages or ""), is_number=True),
    Column("why", lambda row: row.note or counts_text(row.evidence.counts)),
]


def _cost(row: ListedRow) -> str:
    return f"{row.cost_messages} good messages; {row.trial_unwanted} unwanted events came in its trial"


def entry_facts(row: ListedRow) -> list[tuple[str, str]]:
    """One entry with all its evidence."""
    evidence = row.evidence
    return [
        ("server", server_text(row.network)),
        ("standing", row.standing.value + (", final" if row.final else "")),
        ("by", row.origin.value + (f" ({', '.join(row.peers)})" if row.peers else "")),
        ("state", row.state.value),
        ("note", row.note),
        ("evidence", counts_text(evidence.counts)),
        ("certainly bad", f"{row.badness:.0%}" if row.badness else ""),
        ("first seen", local_time(evidence.first_seen_s) if evidence.first_seen_s else ""),
        ("last seen", local_time(evidence.last_seen_s) if evidence.last_seen_s else ""),
        ("sessions", " ".join(evidence.sessions)),
        ("trial until", local_time(row.trial_until_s) if row.trial_until_s else ""),
        ("would have cost", _cost(row) if row.trial_until_s else ""),
        ("for example", " ".join(row.cost_transactions)),
        ("ends", local_time(row.expires_at_s) if row.expires_at_s else "never"),
    ]


def shown_entry(rows: Sequence[ListedRow], pardons: Sequence[PardonRow]) -> None:
    """Entries with all their evidence, one after the other."""
    for number, row in enumerate(rows):
        if number:
            say()
        print_facts(entry_facts(row))
    for pardon in pardons:
        until = local_time(pardon.until_s) if pardon.until_s else "it is withdrawn"
        say()
        print_facts(
            [
                ("pardoned", server_text(pardon.network)),
                ("until", until),
                ("by", pardon.by),
                ("note", pardon.note),
            ]
        )


def shown_reputation(known: Sequence[ReputationRow]) -> None:
    """What is remembered of clients."""
    for row in known[:MOST_CLIENTS]:
        say()
        print_facts(
            [
                ("history of", server_text(row.subject)),
                ("counts", counts_text(row.counts)),
                ("faded", f"{row.good:.1f} good, {row.unwanted:.1f} unwanted"),
                ("certainly bad", f"{row.badness:.0%}"),
                ("weight", f"{row.weight:+.2f} (log-odds of unwanted mail)"),
                ("first seen", local_time(row.first_seen_s)),
                ("last seen", f"{local_time(row.last_seen_s)}, on {row.days} days"),
                ("sessions", " ".join(row.sessions)),
            ]
        )
