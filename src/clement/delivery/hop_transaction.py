"""One transaction with a next hop, step by step, on a connection that is ready for MAIL.

MAIL, RCPT and DATA go out together where the next hop offers PIPELINING: one round trip. RFC 5321 §3.3,
RFC 2920, RFC 1870 (SIZE), RFC 6531 (SMTPUTF8), RFC 2033 (LMTP).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clement.delivery.hop_answers import message_refused, recipient_refused
from clement.delivery.transport import Envelope, Placement
from clement.net.hop_connection import HopConnection, HopTimeouts, HopUnavailable
from clement.smtp import (
    NULL_REVERSE_PATH,
    Mailbox,
    MailParameters,
    Reply,
    ReversePath,
    replies,
)


class Needs(msgspec.Struct, frozen=True):
    """What a message asks of the next hop beyond RFC 5321."""

    size_bytes: int = 0
    eight_bit: bool = False
    smtputf8: bool = False


def needs_of(envelope: Envelope, recipients: Sequence[Mailbox], size_bytes: int, header: bytes) -> Needs:
    """What must be asked for. SMTPUTF8 that a client declared and nothing makes use of is not asked for.

    8BITMIME is said where it is offered; a next hop without it gets the content as it is, like everywhere,
    since re-encoding would break signatures.
    """
    ascii_only = envelope.reverse_path.is_ascii and all(mailbox.is_ascii for mailbox in recipients)
    smtputf8 = not ascii_only or (envelope.smtputf8 and not header.isascii())
    return Needs(size_bytes, envelope.eight_bit or smtputf8, smtputf8)


def unmet(connection: HopConnection, needs: Needs) -> Reply | None:
    """The refusal when the next hop cannot take the message at all, by its own account."""
    peer = connection.session.peer
    if needs.smtputf8 and not peer.smtputf8:
        return replies.ADDRESS_NOT_ASCII.with_text("Next hop does not take non-ASCII addresses")
    if peer.size_limit_bytes and needs.size_bytes > peer.size_limit_bytes:
        return replies.MESSAGE_TOO_LARGE
    return None


def queue_envelope(
    connection: HopConnection, reverse_path: ReversePath, recipients: Sequence[Mailbox], needs: Needs
) -> None:
    """Queue MAIL and RCPT, behind RSET where there is doubt; nothing is sent before `flush` or `reply`."""
    if connection.in_doubt:
        connection.session.reset()
    parameters = MailParameters(
        size_bytes=needs.size_bytes or None, eight_bit=needs.eight_bit, smtputf8=needs.smtputf8
    )
    connection.session.mail(reverse_path, parameters)
    for recipient in recipients:
        connection.session.recipient(recipient)


async def open_transaction(
    connection: HopConnection,
    reverse_path: ReversePath,
    recipients: Sequence[Mailbox],
    needs: Needs,
    timeouts: HopTimeouts,
) -> list[Placement | None]:
    """MAIL, RCPT, DATA: for each recipient None when it may have the content, or why not.

    Raises HopUnavailable. When nobody may have it, no content must follow: reset or drop the connection.
    """
    name = connection.name
    queue_envelope(connection, reverse_path, recipients, needs)
    connection.session.data()
    mail = await _answer_to_mail(connection, timeouts)
    found: list[Placement | None] = []
    for _ in recipients:
        answer = (await connection.reply(timeouts.command_s)).reply
        if not mail.is_positive:
            found.append(message_refused(mail, name))
        else:
            found.append(None if answer.is_positive else recipient_refused(answer, name))
    data = (await connection.reply(timeouts.data_s)).reply
    if not data.is_intermediate:
        refusal = message_refused(data, name)
        found = [placement or refusal for placement in found]
    return found


async def _answer_to_mail(connection: HopConnection, timeouts: HopTimeouts) -> Reply:
    if connection.in_doubt:
        connection.in_doubt = False
        if not await is_reset(connection, timeouts.command_s):
            raise HopUnavailable(f"{connection.name}: refused content and is still at it")
    mail = (await connection.reply(timeouts.command_s)).reply
    if mail.code == replies.SERVICE_UNAVAILABLE.code:
        # Not about this message: the connection has been idle for too long, or the server goes down.
        raise HopUnavailable(f"{connection.name}: closes: {mail}")
    return mail


async def is_reset(connection: HopConnection, timeout_s: float) -> bool:
    """Whether RSET was obeyed. If not, it is unknown what the answers belong to: the connection is dropped.

    Raises HopUnavailable.
    """
    answer = (await connection.reply(timeout_s)).reply
    if not answer.is_positive:
        connection.drop()
    return answer.is_positive


async def probe(
    connection: HopConnection, reverse_path: ReversePath, recipient: Mailbox, timeouts: HopTimeouts
) -> Reply:
    """MAIL, RCPT, RSET: the next hop's answer to the recipient, or to MAIL where that failed already.

    Raises HopUnavailable.
    """
    smtputf8 = not (reverse_path.is_ascii and recipient.is_ascii)
    queue_envelope(connection, reverse_path, [recipient], Needs(smtputf8=smtputf8))
    connection.session.reset()
    mail = await _answer_to_mail(connection, timeouts)
    answer = (await connection.reply(timeouts.command_s)).reply
    await is_reset(connection, timeouts.command_s)
    return answer if mail.is_positive else mail


async def refuses_everybody(connection: HopConnection, recipient: Mailbox, timeouts: HopTimeouts) -> bool:
    """Whether a recipient is refused for the null reverse-path too, so that the reverse-path was no reason.

    Raises HopUnavailable.
    """
    return (await probe(connection, NULL_REVERSE_PATH, recipient, timeouts)).is_permanent
