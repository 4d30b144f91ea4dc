"""Messages that go in circles."""

from __future__ import annotations

import pytest

from clement.message.grammar import MessageFacts
from clement.policy.checks.loop import RECEIVED_LIMIT, check_delivered, check_hops
from clement.policy.reason import Reason
from tests.policy.samples import content, content_for


@pytest.mark.parametrize(("count", "loops"), [(0, False), (99, False), (100, True), (5000, True)])
def test_case_087_too_many_hops(count: int, loops: bool) -> None:
    assert RECEIVED_LIMIT >= 100, "RFC 5321 §6.3"
    found = check_hops(content(MessageFacts(received_count=count)))
    assert (found is not None and found.reason is Reason.LOOP) is loops


@pytest.mark.parametrize(
    ("address", "delivered_to", "loops"),
    [
        ("anna@local.example", ("anna@local.example",), True),
        ("anna+tag@local.example", ("x@else.example", "anna@local.example"), True),
        ("both@local.example", ("bruno@local.example",), True),
        ("anna@local.example", ("bruno@local.example",), False),
        ("anna@local.example", (), False),
        ("x@relay.example", ("x@relay.example",), False),
        ("nobody@local.example", ("nobody@local.example",), False),
    ],
)
def test_case_087_been_in_this_very_mailbox(address: str, delivered_to: tuple[str, ...], loops: bool) -> None:
    found = check_delivered(content_for(address, content(MessageFacts(delivered_to=delivered_to))))
    assert (found is not None and found.reason is Reason.LOOP) is loops


def test_who_stands_behind_an_alias_is_not_told() -> None:
    found = check_delivered(
        content_for("both@local.example", content(MessageFacts(delivered_to=("bruno@local.example",))))
    )
    assert found is not None
    assert "bruno" not in found.detail
