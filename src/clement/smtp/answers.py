"""What the server's answer to a command changes: one small function for each event, and the table of them.

They change `SessionFacts` and nothing else, and return the reply to be sent.  Failure leaves everything as it
was (RFC 5321 §4.1.4): the functions are only asked about answers that are positive or intermediate.
"""
# ruff: noqa: ARG001 - all functions of a table have one signature

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from . import events, replies
from .events import Event
from .extensions import Service
from .facts import LocalProtocolError, SessionFacts, Transaction
from .replies import Reply
from .state import State

_READY, _TRANSACTION, _RECIPIENTS = State.READY, State.TRANSACTION, State.RECIPIENTS


def settle_hello(facts: SessionFacts, event: events.Hello, reply: Reply) -> Reply:
    """A greeting within a transaction ends it.  RFC 5321 §4.1.4."""
    facts.transaction = None
    facts.hello_domain = event.domain
    facts.extended = event.verb != "HELO"
    facts.state = _READY
    if facts.extended:
        return facts.offer.hello_reply(
            facts.hostname,
            tls_active=facts.tls_active,
            authenticated=facts.authenticated,
            meshed=facts.meshed,
        )
    return replies.listing([facts.hostname])


def settle_mail(facts: SessionFacts, event: events.MailRequested, reply: Reply) -> Reply:
    """A transaction begins."""
    parameters = event.parameters
    per_recipient = parameters.prdr or facts.service is Service.LMTP
    facts.transaction = Transaction(event.reverse_path, parameters, [], per_recipient)
    facts.transactions_begun += 1
    facts.state = _TRANSACTION
    return reply


def settle_recipient(facts: SessionFacts, event: events.RecipientRequested, reply: Reply) -> Reply:
    """The message has one recipient more."""
    facts.current_transaction().recipients.append(event.forward_path)
    facts.state = _RECIPIENTS
    return reply


def settle_auth(facts: SessionFacts, event: Event, reply: Reply) -> Reply:
    """A challenge is sent, or the client is who it says."""
    if reply.is_intermediate:
        facts.state = State.AUTHENTICATING
    else:
        facts.authenticated = True
        facts.state = _READY
    return reply


def settle_tls(facts: SessionFacts, event: events.TlsRequested, reply: Reply) -> Reply:
    """The handshake comes next."""
    facts.state = State.AWAITING_TLS
    return reply


def settle_mesh(facts: SessionFacts, event: events.MeshRequested, reply: Reply) -> Reply:
    """What was said of other servers changes nothing here."""
    return reply


def settle_content(facts: SessionFacts, event: events.ContentRequested, reply: Reply) -> Reply:
    """Content comes next; how it is read depends on the command and is the session's own affair."""
    return reply


# Which answers, by first digit, mean success; and what success changes.  4yz and 5yz are always possible.
SUCCESS: Final[dict[type[Event], tuple[frozenset[int], Callable[[SessionFacts, Any, Reply], Reply]]]] = {
    events.Hello: (frozenset({2}), settle_hello),
    events.MailRequested: (frozenset({2}), settle_mail),
    events.RecipientRequested: (frozenset({2}), settle_recipient),
    events.ContentRequested: (frozenset({3}), settle_content),
    events.AuthRequested: (frozenset({2, 3}), settle_auth),
    events.AuthAnswered: (frozenset({2, 3}), settle_auth),
    events.TlsRequested: (frozenset({2}), settle_tls),
    events.MeshRequested: (frozenset({2}), settle_mesh),
}


def replies_to_content(
    facts: SessionFacts, event: events.ContentEnded, answer: Reply | Sequence[Reply]
) -> list[Reply]:
    """Everything to be sent behind the end of content.

    LMTP: one reply a recipient (RFC 2033 §4.2).  PRDR: the same, between 353 and a reply for the whole, or
    one reply alone when it holds for all (draft-hall-prdr-00 §4.5).  Otherwise one reply.

    Raises LocalProtocolError for a number of replies that does not fit, for an intermediate one, and for any
    that would accept content of which a part was dropped.
    """
    transaction = facts.current_transaction()
    is_lmtp = facts.service is Service.LMTP
    chosen = [answer] if isinstance(answer, Reply) else list(answer)
    recipients = len(transaction.recipients)
    if len(chosen) == 1:
        if is_lmtp:
            chosen *= recipients
    elif not transaction.per_recipient or len(chosen) != recipients:
        raise LocalProtocolError(f"{len(chosen)} replies for {recipients} recipients")
    for reply in chosen:
        if reply.code < 400 and (event.is_truncated or not reply.is_positive):
            raise LocalProtocolError(f"{reply.code} cannot answer this content")
    if is_lmtp or len(chosen) == 1:
        return chosen
    return [replies.RECIPIENT_REPLIES_FOLLOW, *chosen, _overall(chosen)]


def _overall(chosen: list[Reply]) -> Reply:
    """PRDR's last reply: accepted if anybody has accepted, else the mildest refusal."""
    if any(reply.is_positive for reply in chosen):
        return replies.MESSAGE_OK
    return next((reply for reply in chosen if reply.is_transient), chosen[0])
