"""What was held in doubt counts neither for the client nor against it."""

from ipaddress import ip_network

import pytest

from clement.journal.records import Outcome
from clement.policy.reason import Reason
from clement.policy.reputation import Cause
from clement.store.reputation.seen import Seen, SessionSeen, TransactionSeen


@pytest.mark.parametrize(
    ("outcome", "reason", "causes"),
    [
        (Outcome.HELD, Reason.UNWANTED, set()),
        (Outcome.HELD, Reason.DIRECTIVE_QUARANTINES, set()),
        (Outcome.REFUSED, Reason.UNWANTED, {Cause.REFUSED}),
        (Outcome.ACCEPTED, Reason.DELIVERED_BEFORE, {Cause.ACCEPTED}),
    ],
)
def test_what_an_outcome_counts_as(outcome: Outcome, reason: Reason, causes: set[Cause]) -> None:
    session = SessionSeen("0", ip_network("198.51.100.7/32"), outcome, reason, "", 1.0, 1)
    message = TransactionSeen("0-1", 1.0, outcome, (), ((outcome, reason, "anna@local.example"),))
    seen = Seen()
    seen.session(session, [message])
    assert {cause for deeds in seen.deeds.values() for cause, _count, _at_s in deeds.events} == causes
