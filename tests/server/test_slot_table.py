"""A table in a file that several processes write at once, without locks: what it keeps, what it may lose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clement.server.slot_table import (
    KEY_BYTES,
    MAX_TEXT_BYTES,
    SEAL_BYTES,
    SLOT_BYTES,
    SLOTS_A_BUCKET,
    Entry,
    SlotTable,
    UnfitTable,
)
from tests.fixtures.places import ROOT

SEAL = b"s" * SEAL_BYTES


def key(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=KEY_BYTES).digest()


def table(folder: Path, buckets: int = 16) -> SlotTable:
    SlotTable.make(folder / "a.table", buckets, SEAL)
    return SlotTable.open(folder / "a.table", buckets, SEAL)


class AgainstADictionary(RuleBasedStateMachine):
    """With room for all, the table is a dictionary; without, it forgets those used longest ago."""

    def __init__(self) -> None:
        super().__init__()
        self.table = SlotTable.in_memory()
        self.model: dict[bytes, Entry] = {}

    @rule(
        number=st.integers(0, 11),
        at_s=st.integers(1, 2**32 - 1),
        count=st.integers(-5, 2**33),
        pinned=st.booleans(),
        text=st.text(max_size=60),
    )
    def put(self, number: int, at_s: int, count: int, *, pinned: bool, text: str) -> None:
        entry = Entry(key(number), 1, at_s, count, 7, pinned, text)
        self.table.put(entry)
        if entry.key not in self.model and len(self.model) == SLOTS_A_BUCKET:
            # One bucket: the first to give way is the oldest that nobody pinned. Of equals either may go.
            least = min((each.pinned, each.last_s) for each in self.model.values())
            gone = [each for each in self.model.values() if self.table.get(each.key) is None]
            assert [(each.pinned, each.last_s) for each in gone] == [least]
            del self.model[gone[0].key]
        kept = min(max(count, 0), 2**32 - 1)
        shown = text.encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "replace")
        self.model[entry.key] = Entry(entry.key, 1, at_s, kept, 7, pinned, shown)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.model)))
        assert self.table.remove(gone)
        assert not self.table.remove(gone)
        del self.model[gone]

    @invariant()
    def same(self) -> None:
        assert {entry.key: entry for entry in self.table.entries()} == self.model
        for number in range(12):
            assert self.table.get(key(number)) == self.model.get(key(number))


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, SLOT_BYTES - 1), st.integers(1, 255), st.integers(0, 99))
def test_an_octet_that_is_wrong_costs_at_most_the_entry_it_lies_in(
    tmp_path: Path, place: int, change: int, number: int
) -> None:
    shared = table(tmp_path, 64)
    entries = {key(each): Entry(key(each), each, each + 1, text=f"text {each}") for each in range(100)}
    for entry in entries.values():
        shared.put(entry)
    path = tmp_path / "a.table"
    octets = path.read_bytes()
    at = octets.index(key(number)) - 4 + place
    with path.open("r+b") as damaged:
        damaged.seek(at)
        damaged.write(bytes([octets[at] ^ change]))
    found = {entry.key: entry for entry in shared.entries()}
    assert found.items() <= entries.items()
    assert len(found) >= len(entries) - 1
    shared.put(entries[key(number)])
    assert shared.get(key(number)) == entries[key(number)]
    shared.close()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda _octets: b"", "0 octets"),
        (lambda octets: octets[:-1], "octets instead of"),
        (lambda octets: octets + b"x", "octets instead of"),
        (lambda octets: bytes(len(octets)), "no table"),
        (lambda octets: octets[:16] + b"\2" + octets[17:], "version 2"),
        (lambda octets: octets.replace(SEAL, b"t" * SEAL_BYTES), "another key"),
    ],
)
def test_what_is_no_such_table_says_so(tmp_path: Path, damage: object, why: str) -> None:
    table(tmp_path).close()
    path = tmp_path / "a.table"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(UnfitTable, match=why):
        SlotTable.open(path, 16, SEAL)
    SlotTable.make(path, 16, SEAL)
    assert not list(SlotTable.open(path, 16, SEAL).entries())


def test_a_table_in_use_is_replaced_and_not_cut(tmp_path: Path) -> None:
    """A process that still has the old one open goes on with it, and is not ended by SIGBUS."""
    old = table(tmp_path)
    new = table(tmp_path)
    old.put(Entry(key(1), 1, 1))
    assert old.get(key(1)) is not None
    assert new.get(key(1)) is None
    assert (tmp_path / "a.table").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.table"]


def test_who_only_looks_changes_nothing(tmp_path: Path) -> None:
    shared = table(tmp_path)
    shared.put(Entry(key(1), 1, 1))
    looking = SlotTable.open(tmp_path / "a.table", 16, SEAL, writable=False)
    looking.put(Entry(key(2), 1, 1))
    assert not looking.remove(key(1))
    assert [entry.key for entry in shared.entries()] == [key(1)]


WRITER = """
import sys
from pathlib import Path
from clement.server.slot_table import Entry, SlotTable
from tests.server.test_slot_table import SEAL, key
shared = SlotTable.open(Path(sys.argv[1]), 16, SEAL)
print("ready", flush=True)
turn = 0
while turn < int(sys.argv[3]):
    turn += 1
    number = turn % 200
    shared.put(Entry(key(number), number, turn, number, text=f"{sys.argv[2]} {number} " * 9))
"""


def writer(path: Path, name: str, turns: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, name, str(turns)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def each_is_whole(shared: SlotTable) -> int:
    """Every entry is one that somebody wrote; how many there are."""
    count = 0
    for entry in shared.entries():
        assert entry.key == key(entry.first_s)
        assert entry.count == entry.first_s
        assert entry.text in {
            (f"{name} {entry.first_s} " * 9).encode()[:MAX_TEXT_BYTES].decode() for name in ("one", "two")
        }
        count += 1
    return count


def test_two_processes_write_the_same_slots_and_a_third_reads_only_what_is_whole(tmp_path: Path) -> None:
    shared = table(tmp_path)
    both = [writer(tmp_path / "a.table", name, 60_000) for name in ("one", "two")]
    while any(process.poll() is None for process in both):
        each_is_whole(shared)
    assert [process.wait() for process in both] == [0, 0]
    assert each_is_whole(shared) > 16 * SLOTS_A_BUCKET // 2


def test_a_process_that_is_killed_while_it_writes_leaves_the_table_whole(tmp_path: Path) -> None:
    shared = table(tmp_path)
    for number in range(5):
        process = writer(tmp_path / "a.table", "one", 1 << 40)
        time.sleep(0.01 * number)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        each_is_whole(shared)
        shared.put(Entry(key(7), 7, 2**32 - 1, 7, text="one 7 " * 9))
        assert shared.get(key(7)) is not None
