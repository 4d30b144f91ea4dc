"""A session, and a transaction, is called by the best that happened in it: delivered, then held."""

import pytest

from clement.journal.records import Outcome
from clement.policy.reason import Reason
from clement.policy.verdict import ACCEPTED, Defer, Quarantine, Reject, Verdict
from clement.server.recipients import Recipient
from clement.server.session_log import SessionLog, TransactionNotes, transaction_record
from clement.smtp import NULL_REVERSE_PATH, parse_mailbox, replies
from tests.policy.samples import recipient

HELD, REFUSED = Quarantine(Reason.UNWANTED), Reject(Reason.UNWANTED)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([Outcome.REFUSED, Outcome.HELD, Outcome.REFUSED], Outcome.HELD),
        ([Outcome.HELD, Outcome.ACCEPTED], Outcome.ACCEPTED),
        ([Outcome.ACCEPTED, Outcome.HELD], Outcome.ACCEPTED),
        ([Outcome.REFUSED, Outcome.DEFERRED], Outcome.DEFERRED),
    ],
)
def test_the_best_outcome_stands(marks: list[Outcome], expected: Outcome) -> None:
    log = SessionLog("0", 0.0, 0)
    for outcome in marks:
        log.mark(outcome, Reason.UNWANTED)
    assert log.outcome is expected


def notes(*verdicts: Verdict) -> TransactionNotes:
    facts = recipient()
    each = [
        Recipient(parse_mailbox(b"anna@local.example"), facts.address, facts.route, None, one, replies.OK, [])
        for one in verdicts
    ]
    return TransactionNotes("0-1", 0.0, NULL_REVERSE_PATH, each)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((REFUSED, HELD, ACCEPTED), Outcome.ACCEPTED),
        ((REFUSED, HELD), Outcome.HELD),
        ((Defer(Reason.OWN_FAULT), REFUSED), Outcome.DEFERRED),
        ((), Outcome.NOTHING),
    ],
)
def test_a_transaction_is_called_by_its_best_recipient(
    verdicts: tuple[Verdict, ...], expected: Outcome
) -> None:
    assert transaction_record(notes(*verdicts), "0", completed=True).outcome is expected


def test_what_never_got_its_content_was_not_held() -> None:
    assert transaction_record(notes(HELD), "0", completed=False).recipients[0].outcome is Outcome.NOTHING
