"""Messages are held as they came, for each group by itself, within bounds, and can be taken back."""

from pathlib import Path

import msgspec
import pytest

from clement.delivery.holding import HeldAs
from clement.journal.records import HeldGone, HeldRecord
from clement.policy.directory import Group, Mode
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, StorageFull
from clement.spool.held import HeldDamaged, HeldMissing
from clement.spool.held_entry import entry_and_number, folder_of, recipient_id
from clement.spool.held_usage import Held as Counted
from clement.telemetry import metrics
from tests.delivery.held import (
    LIMITS,
    NOW_S,
    LocalMailbox,
    Place,
    addresses,
    held,
    to_mailboxes,
    to_next_hop,
    transaction_id,
)
from tests.delivery.local import MESSAGE, TRACE

COPY = HeldAs.REFUSED_COPY
TRANSACTION = "06dzq3cm0h2v5x7k9npr-1"
ODD = b"\n.\r\nSubject: odd\r\r\n\x00\xff\r\n.\r\nno end"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "held")


@pytest.mark.parametrize("octets", [MESSAGE, ODD, b"", b"x" * 500_000], ids=["usual", "odd", "none", "large"])
def test_the_octets_are_kept_as_they_came_and_the_trace_beside_them(place: Place, octets: bytes) -> None:
    [entry] = place.hold(content=Content.in_memory(octets))
    assert place.octets(entry) == octets
    manifest = place.store.manifest(entry)
    assert manifest.trace == TRACE
    assert manifest.facts.size_bytes == len(octets)
    assert manifest.facts.expires_at_s == NOW_S + 30 * 86_400
    place.store.whole_content(manifest).discard()


def test_the_journal_is_told_once_it_is_durable(place: Place) -> None:
    [entry] = place.hold()
    [record] = place.records.taken
    assert isinstance(record, HeldRecord)
    assert record.facts == place.store.manifest(entry).facts
    assert place.records.flushed == 1
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=HeldRecord) == record
    assert place.counted == [metrics.HELD["quarantine"]]


def test_every_mailbox_of_an_alias_is_a_recipient_of_its_own_and_no_one_twice(place: Place) -> None:
    [entry] = place.hold(to_mailboxes(1, 2), to_mailboxes(2, 3))
    assert addresses(place, [entry]) == [[f"u{n}@local.example" for n in (1, 2, 3)]]


def test_what_is_held_for_a_mailbox_behind_a_next_hop_is_its_owner_s(place: Place) -> None:
    hold = to_next_hop()
    for address, held_for in (("Rita", "rita"), ("rita+news", "rita+news")):
        known = (LocalMailbox(5, "rita@relay.example", ""),)
        route = msgspec.structs.replace(
            hold.destination.route, address=f"{address}@relay.example", mailboxes=known
        )
        destination = msgspec.structs.replace(hold.destination, route=route)
        [entry] = place.hold(msgspec.structs.replace(hold, destination=destination))
        [recipient] = place.store.manifest(entry).facts.recipients
        assert (recipient.address, recipient.mailbox_id) == (f"{held_for}@relay.example", 5)


def test_groups_and_kinds_are_held_apart(place: Place) -> None:
    entries = place.hold(to_mailboxes(1), to_next_hop(), to_mailboxes(2, kind=COPY))
    assert addresses(place, entries) == [["u1@local.example"], ["rita@relay.example"], ["u2@local.example"]]
    assert [folder_of(entry)[:2] for entry in entries] == [
        ("quarantine", "1"), ("quarantine", "7"), ("refused-copy", "1"),
    ]  # fmt: skip
    assert len(place.files()) == 6


def test_what_is_aborted_or_withdrawn_leaves_nothing(place: Place) -> None:
    for end in ("abort", "withdraw"):
        assert place.hold(to_mailboxes(1), to_next_hop(), then=end) == []
        assert place.files() == place.staged() == []
        assert place.usage.look() == {}
    assert [type(record) for record in place.records.taken[2:]] == [HeldGone, HeldGone]


def test_a_group_at_its_bound_gives_up_its_oldest_refused_copies_first(tmp_path: Path) -> None:
    size_bytes = 10_000
    limits = msgspec.structs.replace(LIMITS, limit_bytes_per_group=3 * size_bytes + 3000)
    place = Place(tmp_path / "held", limits=limits)
    content = Content.in_memory(MESSAGE.ljust(size_bytes, b"x"))
    moments = [held(transaction_id(NOW_S + n)) for n in range(5)]
    copies = [place.hold(to_mailboxes(1, kind=COPY), what=each, content=content)[0] for each in moments[:3]]
    place.store.mark_kept(copies[0], kept=True)
    [wanted] = place.hold(to_mailboxes(1), what=moments[3], content=content)
    assert place.records.entries == [copies[0], copies[2], wanted], "the oldest that nobody keeps has gone"
    other = to_mailboxes(1, kind=COPY, group=Group(2, "other", Mode.STORE))
    assert place.hold(other, content=content), "another group's bound is its own"


def test_quarantine_is_deferred_rather_than_dropped_and_a_copy_is_no_reason_to_fail(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(LIMITS, limit_bytes_per_group=3000)
    place = Place(tmp_path / "held", limits=limits)
    [first] = place.hold(to_mailboxes(1), content=Content.in_memory(MESSAGE.ljust(1000, b"x")))
    large = Content.in_memory(MESSAGE.ljust(1500, b"x"))
    with pytest.raises(StorageFull):
        place.hold(to_mailboxes(1), content=large)
    assert place.hold(to_mailboxes(1, kind=COPY), content=large) == []
    assert place.hold(to_mailboxes(1, kind=COPY), to_next_hop(), content=large) != [], "the others are held"
    assert place.records.entries[0] == first
    assert place.counted.count(metrics.HELD_COPIES_LOST) == 2
    assert place.staged() == []


def test_all_groups_together_are_bounded_and_so_is_the_disk(tmp_path: Path) -> None:
    place = Place(tmp_path / "a", limits=msgspec.structs.replace(LIMITS, limit_bytes=1500))
    place.hold(to_mailboxes(1))
    with pytest.raises(StorageFull):
        place.hold(to_next_hop(), content=Content.in_memory(MESSAGE.ljust(1500, b"x")))
    full = Place(tmp_path / "b", room_for=lambda _size: False)
    with pytest.raises(StorageFull):
        full.hold()


def test_counts_are_those_of_the_disk_and_can_be_corrected(place: Place) -> None:
    [first] = place.hold(to_mailboxes(1))
    [second] = place.hold(to_mailboxes(1, kind=COPY))
    on_disk = Counted(place.store.size_bytes(first), place.store.size_bytes(second))
    assert place.usage.look() == {1: on_disk}
    before = place.usage.look()
    [third] = place.hold(to_next_hop())
    place.usage.correct(before, {1: Counted(5, 6)})
    assert place.usage.look() == {1: Counted(5, 6), 7: Counted(place.store.size_bytes(third), 0)}
    (place.folder / "usage").write_bytes(b"nonsense")
    assert place.usage.look() == {}


def test_damage_is_noticed_before_anybody_is_given_it(place: Place) -> None:
    [entry] = place.hold()
    manifest = place.store.manifest(entry)
    path = next(place.folder.rglob("*.content"))
    path.write_bytes(MESSAGE.replace(b"hello", b"hullo"))
    with pytest.raises(HeldDamaged):
        place.store.whole_content(manifest)
    next(place.folder.rglob("*.manifest")).write_bytes(b"\x93nonsense")
    with pytest.raises(HeldDamaged):
        place.store.manifest(entry)


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "x-1-q1", TRANSACTION, f"{TRANSACTION}-q1/../y", "z" * 20 + "-1-q1"],
)
def test_case_132_a_name_that_is_none_leads_nowhere(place: Place, name: str) -> None:
    with pytest.raises(HeldMissing):
        place.store.manifest(name)


def test_a_transaction_without_an_id_of_ours_is_an_own_fault(place: Place) -> None:
    with pytest.raises(StorageFailure):
        place.hold(what=held("T-1"))


def test_ids_say_where_the_files_lie() -> None:
    transaction = transaction_id(1_795_000_000.0)
    entry = f"{transaction}-q12"
    assert folder_of(entry) == ("quarantine", "12", "2026-11-18")
    assert entry_and_number(recipient_id(entry, 3)) == (entry, 3)
