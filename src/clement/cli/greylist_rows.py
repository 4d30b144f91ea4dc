"""What greylisting remembers, as rows for people: entries of the shared tables, found and described."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path

import msgspec

from clement.cli.exit_codes import ExitCode, Failure
from clement.policy.greylisting import network_of
from clement.policy.network import client_address
from clement.server.greylist_memory import GreylistMemory, parts_of, source_in
from clement.server.slot_table import Entry, SlotTable, UnfitTable

ID_CHARS = 12


class State(StrEnum):
    """What an entry says."""

    WAITING = "waiting"
    RETURNED = "returned"
    PROVING = "proving"
    KNOWN = "known"
    ALLOWED = "allowed"
    CORRESPONDENT = "correspondent"


class GreylistRow(msgspec.Struct, frozen=True):
    """One entry. Long addresses are remembered, and shown, only as far as they fit.

    Of a correspondent: `reverse_path` is one of ours, `recipient` whom he has written to.
    ready_s: when a contact that waits may come back. count: proofs of a source, messages to a correspondent.
    usual_s: how long a source usually needs.
    """

    id: str
    state: State
    source: str
    reverse_path: str
    recipient: str
    first_s: int
    last_s: int
    ready_s: int = 0
    count: int = 0
    usual_s: int = 0


@contextmanager
def remembered(folder: Path, *, writable: bool = False) -> Iterator[GreylistMemory]:
    """What the receivers of this machine remember. Raises Failure."""
    try:
        memory = GreylistMemory.look(folder, writable=writable)
    except FileNotFoundError:
        raise Failure(
            ExitCode.NOT_FOUND,
            "nothing is remembered yet: no group that was served here has a policy greylisting",
        ) from None
    except (OSError, UnfitTable) as fault:
        raise Failure(ExitCode.NEGATIVE, f"cannot read {folder}: {fault}") from None
    try:
        yield memory
    finally:
        memory.close()


def tables_of(memory: GreylistMemory) -> dict[str, SlotTable]:
    """The tables by the names that `clement greylist list` knows."""
    return {
        "contacts": memory.waiting,
        "sources": memory.sources,
        "correspondents": memory.correspondents,
    }


def rows_of(memory: GreylistMemory, what: str, now_s: float, text: str = "") -> Iterator[GreylistRow]:
    """The entries of one table in which this text occurs, in no order."""
    wanted = text.lower()
    for entry in tables_of(memory)[what].entries():
        if not wanted or wanted in entry.text.lower():
            yield row_of(what, entry, now_s)


def row_of(what: str, entry: Entry, now_s: float) -> GreylistRow:
    """One entry of one table."""
    first, second, third = (*parts_of(entry), "", "")[:3]
    row = GreylistRow(
        entry.key.hex()[:ID_CHARS], State.WAITING, first, second, third, entry.first_s, entry.last_s
    )
    if what == "sources":
        state = _state_of_source(entry, now_s)
        return msgspec.structs.replace(row, state=state, count=entry.count, usual_s=entry.value)
    if what == "correspondents":
        return msgspec.structs.replace(
            row,
            state=State.CORRESPONDENT,
            source="",
            reverse_path=first,
            recipient=second,
            count=entry.count,
        )
    if entry.count:
        return msgspec.structs.replace(row, state=State.RETURNED)
    return msgspec.structs.replace(row, ready_s=entry.value)


def _state_of_source(entry: Entry, now_s: float) -> State:
    if entry.pinned:
        return State.ALLOWED
    return State.KNOWN if source_in(entry).is_known(now_s) else State.PROVING


def one_of(memory: GreylistMemory, which: str, now_s: float) -> tuple[SlotTable, Entry, GreylistRow]:
    """The entry of this id or source, and the table it stands in. Raises Failure."""
    wanted = which.lower()
    for what, table in tables_of(memory).items():
        for entry in table.entries():
            row = row_of(what, entry, now_s)
            if row.id == wanted or (what == "sources" and row.source == wanted):
                return table, entry, row
    raise Failure(ExitCode.NOT_FOUND, f"no entry {which}: `clement greylist list` shows them with their ids")


def source_named(text: str) -> str:
    """A source as greylisting names it. Raises Failure."""
    name = text.strip().lower()
    if name.startswith("@") and "." in name[1:]:
        return name
    try:
        if "/" not in name:
            return network_of(client_address(name))
        network = ip_network(name)
    except ValueError:
        raise Failure(ExitCode.USAGE, f"expected an address, a network or @DOMAIN, found {text}") from None
    if str(network) != network_of(network.network_address):
        raise Failure(
            ExitCode.USAGE,
            f"{text} is no /24 of IPv4 or /64 of IPv6: `clement directive add skip-greylisting --for site "
            f"--client {text}` spares any network",
        )
    return str(network)
