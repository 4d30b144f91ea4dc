"""Identities in a session: who is to be identified, how the body is hashed, and which names that proves."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

import msgspec

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.signing_key import SigningIdentity
from clement.message.grammar import MessageFacts
from clement.policy.facts import SessionFacts, TransactionFacts
from clement.policy.identity import BodyFeed, ContentIdentity, Envelope, EnvelopeIdentity, Identification
from clement.policy.proven_domains import authenticated_domains, proves
from clement.smtp import Mailbox, ReversePath, Service
from clement.spool.content import Content
from clement.spool.workers import Workers

INLINE_BYTES = 256 * 1024
"""A body up to this size is hashed on the event loop; it takes about a millisecond."""

_NOBODY: Final = frozenset[str]()


class Authentication(msgspec.Struct, frozen=True):
    """What a session needs for it.

    workers: threads that hash what is large. received_spf: whether Received-SPF is written too.
    sealer: who seals what is relayed (ARC); None: nobody.
    """

    identification: Identification
    workers: Workers
    received_spf: bool = False
    sealer: SigningIdentity | None = None


def identity_of(
    authentication: Authentication | None, session: SessionFacts, reverse_path: ReversePath
) -> EnvelopeIdentity | None:
    """What can be found out of a stranger's server; None for those who are not to be judged by it.

    People who post are known, trusted networks are believed, and what comes by LMTP was taken in by somebody
    who saw the client.
    """
    if authentication is None or session.service is not Service.SMTP:
        return None
    if session.privileged() or session.trusted():
        return None
    envelope = Envelope(session.client, session.hello, reverse_path, session.now_s)
    return authentication.identification.of_envelope(envelope)


def content_identity(
    authentication: Authentication | None,
    transaction: TransactionFacts,
    message: MessageFacts,
    content: Content,
    transaction_id: str,
) -> ContentIdentity | None:
    """What can be found out of a message; None where its client is not judged."""
    if authentication is None or transaction.identity is None:
        return None
    return authentication.identification.of_content(
        transaction.identity,
        message,
        content.header_block,
        body_feed(content, authentication.workers),
        transaction_id,
    )


def body_feed(content: Content, workers: Workers) -> BodyFeed:
    """Feeds the body of this content; in a worker thread when it is large or on disk."""

    def feed(hashes: BodyHashes) -> Awaitable[None] | None:
        whole = content.whole
        if whole is None or len(whole) > INLINE_BYTES:
            return workers.run(lambda: feed_all(content, hashes))
        hashes.feed(whole[content.body_offset :])
        return None

    return feed


def feed_all(content: Content, hashes: BodyHashes, piece_bytes: int = 128 * 1024) -> None:
    """Feed a whole body, piece by piece. Blocks. Raises StorageFailure."""
    for offset in range(content.body_offset, content.size_bytes, piece_bytes):
        hashes.feed(content.read(offset, piece_bytes))


def proven_names(transaction: TransactionFacts, identity: ContentIdentity | None) -> frozenset[str]:
    """The names that directives may rely on: of the person who logged in, and of whom SPF or DKIM proves.

    A signature, or the SPF of the reverse-path, speaks for the domain of the reverse-path when it is that
    domain's own or of one above it in the same organization.
    """
    person = transaction.session.person
    names = person.may_send_as if person is not None else _NOBODY
    path = transaction.reverse_path
    if identity is None or not isinstance(path, Mailbox):
        return names
    if any(proves(domain, path.domain) for domain in authenticated_domains(identity)):
        return names | {f"@{path.domain}"}
    return names
