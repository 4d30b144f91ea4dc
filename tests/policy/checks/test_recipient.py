"""Whether there is such a recipient, and whether this client may send to it."""

from __future__ import annotations

import pytest

from clement.policy.checks.recipient import check
from clement.policy.facts import SessionFacts
from clement.policy.finding import Result
from clement.policy.reason import Reason
from clement.smtp import Service
from tests.policy.samples import (
    ANNA_PERSON,
    NOT_RELAYABLE,
    RELAYABLE,
    TRUSTED,
    recipient,
    session,
    transaction,
)


@pytest.mark.parametrize(
    ("address", "result", "reason", "detail"),
    [
        ("anna@local.example", Result.PASS, None, "local"),
        ("x@relay.example", Result.PASS, None, "relayed"),
        ("Nobody@local.example", Result.FAIL, Reason.RECIPIENT_UNKNOWN, "nobody@local.example"),
        ("mixed@local.example", Result.TEMPERROR, Reason.RECIPIENT_UNPLACEABLE, "mixed@local.example"),
        ("x@elsewhere.example", Result.FAIL, Reason.RELAY_DENIED, "x@elsewhere.example"),
    ],
)
def test_the_route_decides(address: str, result: Result, reason: Reason | None, detail: str) -> None:
    found = check(recipient(address))
    assert found is not None
    assert (found.result, found.reason, found.detail) == (result, reason, detail)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (session(), Reason.RELAY_DENIED),
        (session(relaying=NOT_RELAYABLE), Reason.RELAY_DENIED),
        (session(reputation=TRUSTED), Reason.RELAY_DENIED),
        (session("127.0.0.1"), Reason.RELAY_DENIED),
        (session(service=Service.LMTP), Reason.RELAY_DENIED),
        (session(relaying=RELAYABLE), Reason.OUTGOING_UNAVAILABLE),
        (session(person=ANNA_PERSON), Reason.OUTGOING_UNAVAILABLE),
    ],
    ids=["stranger", "not-relayable", "trusted", "loopback", "lmtp", "relayable", "logged-in"],
)
def test_case_063_nobody_relays_without_permission(of: SessionFacts, reason: Reason) -> None:
    found = check(recipient("x@elsewhere.example", of=transaction(of=of)))
    assert found is not None
    assert found.reason is reason
