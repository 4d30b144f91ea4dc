"""Receivers and courier know a message again: by name, body, proven sender and recipient, for a fortnight."""

from __future__ import annotations

from pathlib import Path

import pytest

from clement.delivery.holding import Held
from clement.delivery.transport import Destination
from clement.policy.directory import Local
from clement.server.held_memory import REMEMBERED_S, HeldMemory
from clement.smtp import Mailbox
from tests.delivery.held import held, to_next_hop
from tests.delivery.local import DOMAIN, GROUP, mailbox

HASH, OTHER_HASH = b"h" * 32, b"o" * 32
ANNA = Destination(Mailbox("u1", "local.example"), Local(GROUP, DOMAIN, (mailbox(1),)))
BOTH = Destination(Mailbox("all", "local.example"), Local(GROUP, DOMAIN, (mailbox(1), mailbox(2))))
BERT = Destination(Mailbox("u2", "local.example"), Local(GROUP, DOMAIN, (mailbox(2),)))
FIRST, SECOND = "06dzq3cm0h2v5x7k9npr-1-q1.1", "06dzq3cm0h2v5x7k9nps-1-q1.1"
THIRD = "06dzq3cm0h2v5x7k9nps-1-q7.1"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> HeldMemory:
    return HeldMemory.open(tmp_path, clock)


def message(*proven: str, name: str = "<1@author.example>", body_hash: bytes = HASH) -> Held:
    return held("T-1", message_id=name, body_hash=body_hash, authenticated_as=" ".join(proven))


SENT = message("author.example", "lists.example")


def test_a_released_message_is_known_when_its_sender_comes_again(memory: HeldMemory) -> None:
    assert not memory.may_know(SENT, ANNA)
    memory.kept(SENT, ANNA, FIRST)
    assert memory.may_know(SENT, ANNA)
    assert memory.known(SENT, ANNA) == "", "it is held, and he has not got it yet"
    memory.released(FIRST)
    assert memory.known(SENT, ANNA) == FIRST
    assert memory.known(message("lists.example"), ANNA) == FIRST, "one proven domain of them is enough"


@pytest.mark.parametrize(
    "other",
    [
        message("author.example", body_hash=OTHER_HASH),
        message("author.example", body_hash=b""),
        message("author.example", name="<2@author.example>"),
        message("author.example", name=""),
        message("another.example"),
        message(),
    ],
    ids=["another body", "body unknown", "another name", "no name", "another sender", "nobody proven"],
)
def test_what_differs_in_anything_is_another_message(memory: HeldMemory, other: Held) -> None:
    memory.kept(SENT, ANNA, FIRST)
    memory.released(FIRST)
    assert memory.known(other, ANNA) == ""


def test_what_nobody_vouches_for_is_never_remembered(memory: HeldMemory) -> None:
    memory.kept(message(), ANNA, FIRST)
    memory.released(FIRST)
    assert memory.known(message(), ANNA) == ""


def test_each_recipient_has_his_own(memory: HeldMemory) -> None:
    memory.kept(SENT, ANNA, FIRST)
    memory.released(FIRST)
    assert memory.known(SENT, BERT) == memory.known(SENT, BOTH) == ""
    memory.kept(SENT, BERT, SECOND)
    memory.released(SECOND)
    assert memory.known(SENT, BOTH)
    away = to_next_hop().destination
    assert memory.known(SENT, away) == ""
    memory.kept(SENT, away, THIRD)
    memory.released(THIRD)
    assert memory.known(SENT, away) == THIRD


def test_two_copies_of_one_message_are_one(memory: HeldMemory) -> None:
    memory.kept(SENT, ANNA, FIRST)
    memory.kept(SENT, ANNA, SECOND)
    memory.released(SECOND)
    assert memory.was_delivered(FIRST)
    assert memory.was_delivered(SECOND)
    assert memory.known(SENT, ANNA) == FIRST


def test_what_the_sender_brings_himself_is_not_released_again(memory: HeldMemory) -> None:
    memory.kept(SENT, ANNA, FIRST)
    assert not memory.was_delivered(FIRST)
    memory.delivered(message("author.example", body_hash=OTHER_HASH), ANNA)
    assert not memory.was_delivered(FIRST)
    memory.delivered(SENT, ANNA)
    assert memory.was_delivered(FIRST)


def test_all_processes_share_it_and_a_fortnight_ends_it(tmp_path: Path, clock: Clock) -> None:
    one, other = HeldMemory.open(tmp_path, clock), HeldMemory.open(tmp_path, clock)
    one.kept(SENT, ANNA, FIRST)
    other.released(FIRST)
    assert one.known(SENT, ANNA) == FIRST
    clock.now_s += REMEMBERED_S + 1
    assert one.known(SENT, ANNA) == ""
    assert not other.was_delivered(FIRST)
    one.close()
    other.close()


def test_damaged_tables_are_begun_anew(tmp_path: Path, clock: Clock) -> None:
    HeldMemory.open(tmp_path, clock).close()
    (tmp_path / "messages.table").write_bytes(b"nonsense")
    (tmp_path / "key").write_bytes(b"short")
    memory = HeldMemory.open(tmp_path, clock)
    memory.kept(SENT, ANNA, FIRST)
    assert memory.may_know(SENT, ANNA)
