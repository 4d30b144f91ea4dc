"""Delivered to some, held for others: one true answer whatever fails, and no 250 for what is not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from clement.delivery.holding import Held, HeldAs, Hold
from clement.delivery.transport import Destination, Envelope, Placement
from clement.policy.reason import Reason
from clement.policy.score import Score, Thresholds
from clement.policy.verdict import ACCEPTED, Accept, Defer, Quarantine, Reject
from clement.server.placing import Placing, accepted_reply, held_reply
from clement.server.recipients import Recipient
from clement.server.tagging import UNTAGGED, Tagging
from clement.smtp import NULL_REVERSE_PATH, Reply, parse_mailbox, replies
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, StorageFull
from tests.policy.samples import recipient as facts_of

ID = "0123-1"
CONTENT = Content.in_memory(b"From: a@b.example\r\nSubject: hello\r\n\r\nbody\r\n")
TAKEN = Placement(replies.MESSAGE_OK)
FULL = Placement(replies.QUOTA_FULL)
REFUSED = Placement(replies.NEXT_HOP_REFUSED, "hop.example")
BROKEN = StorageFailure("EIO")
STEPS = ("hold-prepare", "deliver-prepare", "hold-commit", "deliver-commit")
Outcome = BaseException | Sequence[Placement | None]


class World:
    """A holder and a transport that note what is done to them, and fail where they are told to."""

    def __init__(self, **failing: Any) -> None:
        self.failing = failing
        self.done: list[str] = []
        self.holds: Sequence[Hold] = ()
        self.destinations: Sequence[Destination] = ()
        self.delivered_content: Content | None = None
        self.trace = b""
        self.split = 0

    @property
    def kept(self) -> set[str]:
        """Whether the message is held, delivered, or both, in the end."""
        held = "hold-commit" in self.done and "hold-withdraw" not in self.done
        return ({"held"} if held else set()) | ({"delivered"} if "deliver-commit" in self.done else set())

    def step(self, name: str) -> Any:
        failure = self.failing.get(name.replace("-", "_"))
        if isinstance(failure, BaseException):
            raise failure
        self.done.append(name)
        return failure

    def start(self, held: Held, holds: Sequence[Hold]) -> Holding:
        self.holds = holds
        return Holding(self)

    def for_route(self, _route: object) -> Transport:
        return Transport(self)


class Holding:
    def __init__(self, world: World) -> None:
        self.world = world

    async def prepare(self, _content: Content) -> None:
        self.world.step("hold-prepare")

    async def commit(self) -> None:
        self.world.step("hold-commit")

    async def abort(self) -> None:
        self.world.step("hold-abort")

    async def withdraw(self) -> None:
        self.world.step("hold-withdraw")


class Transport:
    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> Transport:
        self.count = len(destinations)
        self.world.destinations, self.world.trace = destinations, envelope.trace
        return self

    async def prepare(self, content: Content) -> Sequence[Placement | None]:
        self.world.delivered_content = content
        return self.world.step("deliver-prepare") or [None] * self.count

    async def commit(self) -> Sequence[Placement]:
        answer = self.world.step("deliver-commit") or [TAKEN] * self.count
        if not all(each.reply.is_positive for each in answer):
            self.world.done.remove("deliver-commit")
        return answer

    async def abort(self) -> None:
        self.world.step("deliver-abort")


def recipients(*kinds: str) -> list[Recipient]:
    found = []
    for number, kind in enumerate(kinds):
        facts = facts_of("anna@local.example" if number == 0 else "bruno@local.example")
        verdict = Quarantine(Reason.UNWANTED) if kind == "held" else ACCEPTED
        found.append(
            Recipient(
                parse_mailbox(facts.address.encode()),
                facts.address,
                facts.route,
                None,
                verdict,
                held_reply(ID),
                [],
            )
        )
    return found


def place(
    world: World,
    those: list[Recipient],
    *,
    each: bool = False,
    copies: Sequence[Recipient] = (),
    tagging: Tagging = UNTAGGED,
) -> None:
    envelope = Envelope(ID, NULL_REVERSE_PATH, b"Received: by us\r\n")

    def split() -> None:
        world.split += 1
        for one in those:
            one.settle(Defer(Reason.MIXED_VERDICTS), replies.SPLIT_RETRY)

    services: Any = SimpleNamespace(transports=world, holder=world, reconciler=None, tagging=tagging)
    placing = Placing(
        services,
        envelope,
        those,
        accepted=accepted_reply(ID),
        held=lambda: Held(envelope),
        copies=copies,
        each_has_a_reply=each,
        on_commit=lambda: world.done.append("point-of-no-return"),
        split=split,
    )
    asyncio.run(placing.place(CONTENT, CONTENT))


def told(those: Sequence[Recipient]) -> list[Reply]:
    return [each.reply for each in those]


def test_it_is_held_before_it_is_delivered() -> None:
    world, those = World(), recipients("accepted", "held")
    place(world, those)
    assert world.done == [
        "hold-prepare",
        "deliver-prepare",
        "point-of-no-return",
        "hold-commit",
        "deliver-commit",
    ]
    assert world.kept == {"held", "delivered"}
    assert {str(reply) for reply in told(those)} == {
        f"250 2.0.0 Accepted; held for some of the recipients to look at [{ID}]"
    }


def test_each_hears_what_became_of_his_own() -> None:
    world, those = World(), recipients("accepted", "held")
    place(world, those, each=True)
    assert [str(reply) for reply in told(those)] == [
        f"250 2.0.0 Accepted [{ID}]",
        f"250 2.0.0 Accepted, and held for the recipient to look at [{ID}]",
    ]


def test_what_is_only_held_is_not_delivered() -> None:
    world, those = World(), recipients("held", "held")
    place(world, those)
    assert world.kept == {"held"}
    assert "deliver-prepare" not in world.done
    assert [hold.destination.forward_path for hold in world.holds] == [each.forward_path for each in those]


@pytest.mark.parametrize(("step", "each"), list(product(STEPS, (False, True))))
def test_a_fault_at_any_step_leaves_nothing_behind_and_is_ours(step: str, each: bool) -> None:
    world, those = World(**{step.replace("-", "_"): BROKEN}), recipients("accepted", "held")
    with pytest.raises(StorageFailure):
        place(world, those, each=each)
    assert world.kept == set()


@pytest.mark.parametrize("step", ["hold-prepare", "hold-commit"])
def test_without_anybody_to_deliver_to_a_fault_leaves_nothing_either(step: str) -> None:
    world = World(**{step.replace("-", "_"): StorageFull("ENOSPC")})
    with pytest.raises(StorageFull):
        place(world, recipients("held"))
    assert world.kept == set()


@pytest.mark.parametrize("fault", [asyncio.CancelledError(), OSError("gone")])
def test_whatever_ends_a_delivery_takes_the_holding_back(fault: BaseException) -> None:
    world = World(deliver_commit=fault)
    with pytest.raises(type(fault)):
        place(world, recipients("accepted", "held"))
    assert world.kept == set()


def test_a_delivery_that_is_not_ready_defers_all_before_anything_is_kept() -> None:
    world, those = World(deliver_prepare=[FULL]), recipients("accepted", "held")
    place(world, those)
    assert world.kept == set()
    assert world.split == 1
    assert {"hold-abort", "deliver-abort"} <= set(world.done)


def test_with_a_reply_each_what_is_not_ready_spoils_nothing() -> None:
    world, those = World(deliver_prepare=[FULL]), recipients("accepted", "held")
    place(world, those, each=True)
    assert "held" in world.kept
    assert isinstance(those[0].verdict, Defer)
    assert those[1].held
    assert those[1].reply.is_positive


def test_a_delivery_that_is_deferred_at_last_defers_all_and_takes_the_holding_back() -> None:
    world, those = World(deliver_commit=[FULL]), recipients("accepted", "held")
    place(world, those)
    assert world.kept == set()
    assert told(those) == [FULL.reply] * 2
    assert all(isinstance(each.verdict, Defer) for each in those)


def test_a_delivery_that_is_refused_at_last_is_no_answer_for_those_it_was_held_for() -> None:
    world, those = World(deliver_commit=[REFUSED]), recipients("accepted", "held")
    place(world, those)
    assert world.kept == set()
    assert world.split == 1
    assert told(those) == [replies.SPLIT_RETRY] * 2


def test_with_a_reply_each_a_refusal_at_last_is_one_recipient_s_own() -> None:
    world, those = World(deliver_commit=[REFUSED]), recipients("accepted", "held")
    place(world, those, each=True)
    assert world.kept == {"held"}
    assert isinstance(those[0].verdict, Reject)
    assert those[1].reply.is_positive


@pytest.mark.parametrize(
    ("each", "prepared", "committed"),
    list(product((False, True), (None, [FULL], [REFUSED]), (None, [FULL], [REFUSED]))),
)
def test_nobody_is_told_250_for_whom_nothing_is_kept(each: bool, prepared: Any, committed: Any) -> None:
    world, those = World(deliver_prepare=prepared, deliver_commit=committed), recipients("accepted", "held")
    place(world, those, each=each)
    delivered, held = those
    assert ("delivered" in world.kept) or not delivered.reply.is_positive
    assert ("held" in world.kept) is (held.reply.is_positive)
    assert isinstance(delivered.verdict, Accept) is delivered.reply.is_positive
    if not each:
        assert len({reply.code for reply in told(those)}) == 1


def test_a_copy_of_what_was_refused_is_kept_with_what_is_held() -> None:
    world, those = World(), recipients("held", "accepted")
    refused = those.pop()
    refused.settle(Reject(Reason.UNWANTED), replies.CONTENT_REFUSED)
    place(world, those, each=True, copies=[refused])
    assert [hold.kind for hold in world.holds] == [HeldAs.QUARANTINE, HeldAs.REFUSED_COPY]


def scored(total: float, tag_at: float = 3.0) -> Score:
    return Score(total, {"learned": total}, Thresholds(tag_at))


def test_each_copy_of_ours_has_its_own_fields() -> None:
    tagging = Tagging("X-Score", "X-Spam-Flag", "X-Level", "X-Reason")
    world, those = World(), recipients("accepted", "accepted")
    those[0].score, those[1].score = scored(4.2), scored(1.0)
    place(world, those, tagging=tagging)
    marked, plain = (destination.head for destination in world.destinations)
    assert marked.startswith(
        b"X-Score: +4.20\r\nX-Spam-Flag: YES\r\nX-Level: ****\r\nX-Reason: 98.52 of 100 "
    )
    assert plain == b"X-Score: +1.00\r\n"
    assert world.trace == b"Received: by us\r\n"
