"""The steward keeps files and index in agreement, and removes what is over; whatever dies on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clement.cli.held_rounds import YOUNG_S, HeldRounds
from clement.cli.release_lessons import ReleaseLessons
from clement.journal.records import HeldRecord
from clement.spool.failure import StorageFailure
from clement.spool.held_entry import recipient_id
from clement.store import models
from clement.store.access import held as access
from clement.store.access.actor import Actor, shell_actor
from clement.store.actions import held as actions
from clement.store.database import DatabaseSettings, connect, disconnect
from clement.store.held_expiry import SqlHeldIndex
from clement.store.held_records import HeldFilter, HeldState
from clement.store.log_writer import SqlLogWriter
from clement.telemetry import metrics
from clement.telemetry.metrics import Metrics
from tests.delivery.held import NOW_S, Place, held, to_mailboxes, to_next_hop, transaction_id
from tests.store.conftest import empty_all_tables

EVERYTHING = HeldFilter(states=())
DAY_S = 86_400


def never() -> bool:
    return False


class Machine:
    """One node: its files, its index, its steward, whose clock a test may move."""

    def __init__(self, folder: Path) -> None:
        self.now_s = NOW_S
        self.place = Place(folder, now_s=lambda: self.now_s)
        self.counters = Metrics.private()
        self.removed: list[str] = []
        self.refuses = False
        self.rounds = HeldRounds(
            self.place.store,
            self.place.usage,
            SqlHeldIndex("node-1"),
            self.counters,
            lambda: self.now_s,
            self._remove_elsewhere,
        )

    def hold(self, *holds: object, tell: bool = True) -> str:
        """Hold a message, and have the recorder tell SQL; the entry."""
        [entry] = self.place.hold(*holds, what=held(transaction_id(self.now_s)))  # type: ignore[arg-type]
        if tell:
            [record] = [each for each in self.place.records.taken if each.id == entry]
            assert isinstance(record, HeldRecord)
            SqlLogWriter("node-1").write([record], {})
        return entry

    def entries(self) -> set[str]:
        return {row.entry for row in access.held(root(), EVERYTHING, limit=1000)}

    def _remove_elsewhere(self, object_key: str) -> None:
        if self.refuses:
            raise StorageFailure("not now")
        self.removed.append(object_key)


def root() -> Actor:
    return shell_actor("tester (shell)")


@pytest.fixture
def machine(tmp_path: Path, sqlite_settings: DatabaseSettings) -> Iterator[Machine]:
    connect(sqlite_settings)
    empty_all_tables()
    yield Machine(tmp_path / "held")
    disconnect()


def test_what_the_journal_did_not_tell_is_found_on_the_disk(machine: Machine) -> None:
    told, untold = machine.hold(), machine.hold(to_mailboxes(1, 2), tell=False)
    released = recipient_id(untold, 2)
    machine.place.store.mark_released(released)
    machine.place.store.mark_kept(untold, kept=True)
    assert machine.entries() == {told}
    assert machine.rounds.index_recent(never) == 1
    assert machine.entries() == {told, untold}
    assert access.one(root(), released).state is HeldState.RELEASED
    assert access.one(root(), recipient_id(untold, 1)).state is HeldState.HELD
    assert access.one(root(), released).legal_hold
    assert machine.rounds.index_all(never) == 0
    empty_all_tables()
    assert machine.rounds.index_all(never) == 2, "an index that was lost is made anew"


def test_damaged_files_are_said_and_stop_nothing(machine: Machine) -> None:
    damaged, whole = machine.hold(tell=False), machine.hold(tell=False)
    [manifest] = machine.place.folder.glob(f"*/*/*/{damaged}.manifest")
    manifest.write_bytes(b"nonsense")
    assert machine.rounds.index_all(never) == 1
    assert machine.entries() == {whole}


def test_what_is_over_goes_files_first_then_rows(machine: Machine) -> None:
    old = [machine.hold(), machine.hold(to_next_hop())]
    machine.now_s += 20 * DAY_S
    young = machine.hold()
    machine.now_s += 11 * DAY_S
    assert machine.rounds.expire(never) == 2
    assert machine.entries() == {young}
    assert machine.place.files() == [f"{young}.content", f"{young}.manifest"]
    assert sum(each.size_bytes for each in machine.place.usage.look().values()) == (
        machine.place.store.size_bytes(young)
    )
    assert machine.counters.get(metrics.HELD_EXPIRED) == len(old)


def test_expiry_goes_on_where_it_was_killed(machine: Machine) -> None:
    first, second = machine.hold(), machine.hold()
    machine.now_s += 31 * DAY_S
    machine.rounds._index.begin_expiry(machine.now_s)
    machine.place.store.remove(first, 1)
    assert machine.rounds.expire(never) == 2
    assert machine.entries() == set()
    assert machine.place.files() == []
    assert not machine.place.store.has(second)


def test_what_the_object_store_has_goes_as_well_and_is_tried_until_it_does(machine: Machine) -> None:
    entry = machine.hold()
    SqlHeldIndex("node-1").stored(entry, "clement/x")
    machine.now_s += 31 * DAY_S
    machine.refuses = True
    assert machine.rounds.expire(never) == 0
    assert machine.entries() == {entry}
    machine.refuses = False
    assert machine.rounds.expire(never) == 1
    assert machine.removed == ["clement/x"]


def test_a_legal_hold_reaches_the_files_and_keeps_them(machine: Machine) -> None:
    entry = machine.hold()
    recipient = recipient_id(entry, 1)
    actions.keep(root(), recipient, legal_hold=True)
    machine.rounds.mark_kept()
    assert machine.place.store.is_kept(entry)
    machine.now_s += 1000 * DAY_S
    assert machine.rounds.expire(never) == 0
    actions.keep(root(), recipient, legal_hold=False)
    machine.rounds.mark_kept()
    assert not machine.place.store.is_kept(entry)
    assert machine.rounds.expire(never) == 1
    assert machine.place.files() == []


def test_rows_without_files_and_files_without_a_manifest_are_swept(machine: Machine) -> None:
    entries = [machine.hold() for _ in range(4)]
    lost, half, whole, kept = entries
    machine.place.store.remove(lost, 1)
    machine.place.store.remove(kept, 1)
    SqlHeldIndex("node-1").stored(kept, "clement/kept")
    [manifest] = machine.place.folder.glob(f"*/*/*/{half}.manifest")
    manifest.unlink()
    staged = machine.place.folder / "tmp" / "killed.content"
    staged.write_bytes(b"half")
    assert machine.rounds.sweep(never) == 0, "all of it is young"
    machine.now_s += 2 * YOUNG_S
    for path in (staged, *machine.place.folder.glob("*/*/*/*")):
        os.utime(path, (NOW_S, NOW_S))
    assert machine.rounds.sweep(never) == 4, "two rows, a content, what was staged"
    assert machine.entries() == {whole, kept}
    assert machine.place.files() == [f"{whole}.content", f"{whole}.manifest"]
    assert machine.counters.get(metrics.HELD_BYTES) == machine.place.store.size_bytes(whole)


def test_a_disk_that_is_not_mounted_is_no_reason_to_forget(machine: Machine) -> None:
    entry = machine.hold()
    machine.place.folder.rename(machine.place.folder.with_name("away"))
    machine.place.folder.mkdir()
    machine.now_s += 2 * YOUNG_S
    assert machine.rounds.sweep(never) == 0
    assert machine.entries() == {entry}


def test_facts_survive_the_way_through_manifest_and_journal(machine: Machine) -> None:
    entry = machine.hold(tell=False)
    facts = machine.place.store.manifest(entry).facts
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=type(facts)) == facts


def test_a_release_is_a_lesson_once_where_the_message_was_read(machine: Machine) -> None:
    entry = machine.hold()
    manifest = machine.place.store.manifest(entry)
    [recipient] = manifest.facts.recipients
    lessons = ReleaseLessons(per_day=10)
    lessons.wanted(manifest, recipient, "anna")
    assert models.TeachingAct.objects.count() == 0, "nothing was read, so nothing is taught"
    read = msgspec.structs.replace(manifest, features=b"\x01\x02\x03\x04")
    lessons.wanted(read, recipient, "anna")
    lessons.wanted(read, recipient, "anna")
    [act] = models.TeachingAct.objects.all()
    assert (act.way, act.unwanted, act.mailbox_key) == ("release", False, recipient.mailbox_id)
