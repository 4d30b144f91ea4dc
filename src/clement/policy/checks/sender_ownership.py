"""Whether this person may post under this reverse-path.

What answers a message goes out with `<>` so that nothing answers it in turn: a receipt that was read
(RFC 8098 §3), a notice of absence (RFC 3834 §3.3). Then his name stands only in the header, and counts there.
"""

from __future__ import annotations

from clement.policy.directory import Person
from clement.policy.facts import ContentFacts, TransactionFacts
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
        return Finding(NAME, Result.NEUTRAL, detail="the author will count")
    if _owns(person, reverse_path):
        return Finding(NAME, Result.PASS, detail=person.login)
    return Finding(NAME, Result.FAIL, Reason.SENDER_NOT_OWNED, reverse_path.key)


def check_author(content: ContentFacts) -> Finding | None:
    """Who posts with the null reverse-path says in From who he is."""
    transaction = content.transaction
    person = transaction.session.person
    if person is None or isinstance(transaction.reverse_path, Mailbox):
        return None
    authors = content.message.authors
    if not authors:
        return Finding(NAME, Result.FAIL, Reason.AUTHOR_NOT_OWNED, "nobody")
    for author in authors:
        if not _owns(person, author.mailbox):
            return Finding(NAME, Result.FAIL, Reason.AUTHOR_NOT_OWNED, author.mailbox.key)
    return Finding(NAME, Result.PASS, detail=person.login)


def _owns(person: Person, mailbox: Mailbox) -> bool:
    return mailbox.key in person.may_send_as or f"@{mailbox.domain}" in person.may_send_as
