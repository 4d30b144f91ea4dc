"""Whoever reports messages: whose taste they say, and where he is told what was learned."""

from __future__ import annotations

from clement.journal.records import ReportedMessage, TeachingRecord
from clement.message.grammar import MessageFacts
from clement.policy.directory import Directory, LocalMailbox, Person, Relayed


def mailbox_of(directory: Directory, person: Person, reverse_path: str) -> LocalMailbox | None:
    """The mailbox under whose name he posts, or else one of his. reverse_path: in normal form, its key."""
    own = [each for each in directory.contents.mailboxes if each.person_id == person.id]
    named = (reverse_path, person.login)
    return next((each for each in own if each.address in named), own[0] if own else None)


def own_address(directory: Directory, person: Person, mailbox: LocalMailbox | None) -> str:
    """Where a person himself is told something: nobody but him reads it, whatever he has written in MAIL.

    His mailbox, or the address by which he logs in when that is behind a next hop; "" for neither.
    """
    if mailbox is not None:
        return mailbox.address
    local_part, _, domain_name = person.login.rpartition("@")
    route = directory.route(local_part, domain_name) if local_part else None
    # An alias may lead to others than him.
    return person.login if isinstance(route, Relayed) and route.address == person.login else ""


def reported_message(stated: MessageFacts, lesson: TeachingRecord | None) -> ReportedMessage:
    """A message as its reporter knows it. stated: by its header. lesson: None when it cannot be learned."""
    return ReportedMessage(
        author=stated.author,
        subject=stated.subject,
        message_id=stated.message_id,
        record=lesson.id if lesson is not None else "",
        body_hash=lesson.body_hash if lesson is not None else b"",
    )
