"""Whether this person may post under this reverse-path."""

from __future__ import annotations

from clement.policy.facts import TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason
from clement.smtp import Mailbox, Service

NAME = "sender-ownership"


def check(transaction: TransactionFacts) -> Finding | None:
    """Submission is for people, each of them only under a name of his own (RFC 6409 §6.1)."""
    session = transaction.session
    person = session.person
    if person is None:
        if session.service is Service.SUBMISSION and not session.privileged():
            return Finding(NAME, Result.FAIL, Reason.LOGIN_REQUIRED)
        return None
    reverse_path = transaction.reverse_path
    if not isinstance(reverse_path, Mailbox):
        return Finding(NAME, Result.FAIL, Reason.SENDER_NOT_OWNED, "<>")
    allowed = person.may_send_as
    if reverse_path.key in allowed or f"@{reverse_path.domain}" in allowed:
        return Finding(NAME, Result.PASS, detail=person.login)
    return Finding(NAME, Result.FAIL, Reason.SENDER_NOT_OWNED, reverse_path.key)
