"""What greylisting remembers, between processes and across restarts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clement.policy.greylisting import CORRESPONDENT_S, KEPT_S, PROOFS_APART_S, PROOFS_WANTED, Contact, Seen
from clement.server import greylist_memory
from clement.server.greylist_memory import GreylistMemory, parts_of

NOW_S = 1_795_644_000.0
CONTACT = Contact("192.0.2.0/24", "carol@sender.example", "anna@local.example")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that are made quickly."""
    monkeypatch.setattr(greylist_memory, "BUCKETS", dict.fromkeys(greylist_memory.BUCKETS, 16))


def test_what_one_process_notes_another_knows_and_so_does_the_next(tmp_path: Path) -> None:
    one, other = GreylistMemory.open(tmp_path / "g"), GreylistMemory.open(tmp_path / "g")
    assert one.seen(CONTACT) is None
    one.first_contact(CONTACT, NOW_S, 240)
    assert other.seen(CONTACT) == Seen(NOW_S, NOW_S)
    other.returned(CONTACT, Seen(NOW_S, NOW_S), NOW_S + 300)
    one.close()
    other.close()
    again = GreylistMemory.open(tmp_path / "g")
    assert again.seen(CONTACT) == Seen(NOW_S, NOW_S + 300, returned=True)
    assert not again.anew


def test_a_source_is_known_once_it_has_proven_itself_often_enough_and_not_in_one_burst() -> None:
    memory, now_s = GreylistMemory.empty(), NOW_S
    for proof in range(PROOFS_WANTED):
        assert not memory.source("@shop.example").is_known(now_s)
        now_s += PROOFS_APART_S
        for _ in range(3):
            memory.prove("@shop.example", now_s, waited_s=400)
        assert memory.source("@shop.example").proofs == proof + 1
    source = memory.source("@shop.example")
    assert source.is_known(now_s)
    assert source.usual_s == 400
    assert source.is_known(now_s + KEPT_S)
    assert not source.is_known(now_s + KEPT_S + 1)
    memory.prove("@shop.example", now_s + KEPT_S + 1)
    assert memory.source("@shop.example").proofs == 1, "it begins anew"


def test_what_an_administrator_allows_is_known_until_it_is_forgotten() -> None:
    memory = GreylistMemory.empty()
    memory.allow("192.0.2.0/24", NOW_S)
    assert memory.source("192.0.2.0/24").is_known(NOW_S + 100 * KEPT_S)
    memory.prove("192.0.2.0/24", NOW_S + 2 * KEPT_S)
    assert memory.source("192.0.2.0/24").allowed
    memory.sources.remove(memory.key("source", "192.0.2.0/24"))
    assert not memory.source("192.0.2.0/24").is_known(NOW_S)


def test_a_correspondent_is_one_of_the_pair_for_a_year() -> None:
    memory = GreylistMemory.empty()
    memory.wrote("anna@local.example", "carol@sender.example", NOW_S)
    assert memory.corresponds("anna@local.example", "carol@sender.example", NOW_S + CORRESPONDENT_S)
    assert not memory.corresponds("anna@local.example", "carol@sender.example", NOW_S + CORRESPONDENT_S + 1)
    assert not memory.corresponds("bruno@local.example", "carol@sender.example", NOW_S)
    assert not memory.corresponds("carol@sender.example", "anna@local.example", NOW_S)
    [entry] = memory.correspondents.entries()
    assert parts_of(entry) == ["anna@local.example", "carol@sender.example"]


def test_long_names_are_told_apart_although_only_their_start_is_shown() -> None:
    memory = GreylistMemory.empty()
    long = "x" * 200
    one, other = (Contact("192.0.2.0/24", f"{long}{end}@a.example", "anna@local.example") for end in "12")
    memory.first_contact(one, NOW_S, 240)
    assert memory.seen(one) is not None
    assert memory.seen(other) is None
    [entry] = memory.waiting.entries()
    assert parts_of(entry) == ["192.0.2.0/24", "x" * 79 + "…", "anna@local.example"]


def test_hostile_names_are_only_octets() -> None:
    memory = GreylistMemory.empty()
    hostile = Contact("192.0.2.0/24", "\udcff\0\n\x1b[2J@a.example", "ä\U0001f4e7" * 90)
    memory.first_contact(hostile, NOW_S, 240)
    assert memory.seen(hostile) is not None
    assert len(list(memory.waiting.entries())) == 1


def test_everything_is_for_clement_alone_and_a_lost_key_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    memory = GreylistMemory.open(folder)
    memory.first_contact(CONTACT, NOW_S, 240)
    memory.close()
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ("key", "lock", "waiting.table", "sources.table", "correspondents.table"), 0o600
    )
    assert folder.stat().st_mode & 0o777 == 0o700
    os.truncate(folder / "key", 3)
    again = GreylistMemory.open(folder)
    assert again.anew.keys() == {"waiting", "sources", "correspondents"}
    assert set(again.anew.values()) == {"a table made with another key"}
    assert again.seen(CONTACT) is None


def test_whoever_looks_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        GreylistMemory.look(tmp_path / "g")
    assert not list(tmp_path.iterdir())
