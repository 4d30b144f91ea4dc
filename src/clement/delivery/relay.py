"""Cut-through: the next hop answers while the client waits, and its answer becomes ours.

Serves groups in mode *relay*, and groups that store in another program over LMTP: the same machinery, where
LMTP gives each recipient a reply to the content of its own. No copy is kept here. Before the next hop's final
reply the client owns the message, after it the next hop does; docs/decisions/0003 names the window between.

Recipients are verified with the reverse-path of the message, as the next hop will see it, and the answer is
remembered when it was about the recipient. Where the answer does not say (no enhanced status code), a second
question with the null reverse-path tells: if that is refused as well, the sender was not the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial

import msgspec

from clement.delivery.hop_answers import is_about_recipient, message_refused, recipient_refused
from clement.delivery.hop_transaction import (
    Needs,
    is_reset,
    needs_of,
    open_transaction,
    probe,
    refuses_everybody,
    unmet,
)
from clement.delivery.maildir import reply_for
from clement.delivery.recipient_cache import CacheTimes, RecipientCache
from clement.delivery.transport import ACCEPTED, Destination, Envelope, Placement
from clement.net.hop_connection import HopConnection, HopUnavailable
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import Relayed, Wire
from clement.smtp import UNASKED, Mailbox, Reply, ReversePath, replies
from clement.spool.content import Content
from clement.spool.failure import StorageFailure, storage_failure
from clement.spool.filesystem import FileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers

_PIECE_BYTES = 256 * 1024


class RelayOptions(msgspec.Struct, frozen=True):
    """How long our client is made to wait, in seconds.

    recipient_s: at RCPT, where it waits for five minutes. Both others count from the client's dot, so that
    a slow scan is a part of them. content_s: no dot is sent to the next hop later than that, so giving up
    until then is safe. answer_s: until the next hop's final reply. From our dot on only patience keeps one
    copy from becoming two; the client's ends after ten minutes (RFC 5321 §4.5.3.2.6).
    """

    recipient_s: float = 60.0
    content_s: float = 300.0
    answer_s: float = 570.0


class RelayTransport:
    """Delivers along `Relayed` routes. `clock`: monotonic seconds."""

    def __init__(
        self,
        client: SmtpClient,
        filesystem: FileSystem,
        workers: Workers,
        clock: Callable[[], float],
        options: RelayOptions | None = None,
        cache_times: CacheTimes | None = None,
    ) -> None:
        self.client = client
        self.filesystem = filesystem
        self.workers = workers
        self.clock = clock
        self.options = options or RelayOptions()
        self.cache = RecipientCache(clock, cache_times)

    def target(self, destination: Destination) -> Hashable:
        """Recipients share a transaction when the same next hops may take it."""
        return ("relay", route_of(destination).group.next_hops)

    def answers_each(self, destination: Destination) -> bool:
        """LMTP answers for every recipient by itself (RFC 2033 §4.2), SMTP for all at once."""
        return any(hop.wire is Wire.LMTP for hop in route_of(destination).group.next_hops)

    def known(self, destination: Destination) -> Placement | bool | None:
        """What the next hop has said of late; a group may want no verification at all."""
        route = route_of(destination)
        if not route.group.policy.verify_recipients:
            return None
        return self.cache.get(cache_key(route))

    async def verify(self, envelope_reverse_path: ReversePath, destination: Destination) -> Placement | None:
        """Ask the next hop with MAIL and RCPT, and take it back with RSET."""
        route = route_of(destination)
        try:
            async with asyncio.timeout(self.options.recipient_s):
                connection, placement = await self.client.begin(
                    route.group.next_hops,
                    self.options.recipient_s,
                    lambda connection: self._ask(connection, envelope_reverse_path, route),
                )
        except (HopUnavailable, TimeoutError):
            return Placement(replies.NEXT_HOP_UNAVAILABLE)
        self.client.give_back(connection)
        return placement

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> RelayDelivery:
        """Begin a delivery to recipients of one next hop."""
        return RelayDelivery(self, envelope, [route_of(destination) for destination in destinations])

    async def _ask(
        self, connection: HopConnection, reverse_path: ReversePath, route: Relayed
    ) -> Placement | None:
        recipient = mailbox_of(route)
        lacking = unmet(connection, Needs(smtputf8=not (reverse_path.is_ascii and recipient.is_ascii)))
        if lacking is not None:
            return Placement(lacking, connection.name)
        timeouts = self.client.timeouts
        answer = await probe(connection, reverse_path, recipient, timeouts)
        placement = None if answer.is_positive else recipient_refused(answer, connection.name)
        about_recipient = placement is None or is_about_recipient(answer)
        if about_recipient is None:
            about_recipient = answer.is_permanent and await refuses_everybody(connection, recipient, timeouts)
        if about_recipient:
            self.cache.put(cache_key(route), placement)
        return placement


class RelayDelivery:
    """One message on its way to a next hop."""

    def __init__(self, transport: RelayTransport, envelope: Envelope, routes: Sequence[Relayed]) -> None:
        self._transport = transport
        self._envelope = envelope
        self._routes = routes
        self._content_ended_s = envelope.content_ended_s or transport.clock()
        self._connection: HopConnection | None = None
        self._content: Content | None = None
        self._placements: list[Placement | None] = []

    async def prepare(self, content: Content) -> Sequence[Placement | None]:
        """Connect, and say all that comes before the content."""
        self._content = content
        recipients = [mailbox_of(route) for route in self._routes]
        needs = needs_of(
            self._envelope,
            recipients,
            content.size_bytes + len(self._envelope.trace),
            content.header_block,
        )
        try:
            async with asyncio.timeout(self._left_s(self._transport.options.content_s)):
                self._placements = await self._open(recipients, needs)
            if None in self._placements:
                self._transport.filesystem.reached(Point.RELAY_RECIPIENTS_ACCEPTED)
        except (HopUnavailable, TimeoutError):
            self._placements = [Placement(replies.NEXT_HOP_UNAVAILABLE) for _ in recipients]
        except OSError as error:
            self._placements = [Placement(reply_for(storage_failure(error))) for _ in recipients]
        self._remember()
        if None not in self._placements:
            await self.abort()
        return self._placements

    async def commit(self) -> Sequence[Placement]:
        """Send the content; the next hop's answer is ours. No answer after the dot: nobody knows, so 451."""
        connection, content = self._connection, self._content
        if connection is None or content is None:
            return [placement or Placement(replies.LOCAL_ERROR) for placement in self._placements]
        answers: list[Placement] = []
        try:
            await self._send(connection, content)
            await self._hear(connection, answers)
            missing = Placement(replies.NEXT_HOP_LOST, connection.name)
        except (HopUnavailable, TimeoutError):
            missing = Placement(replies.NEXT_HOP_LOST, connection.name)
            connection.drop()
        except (StorageFailure, OSError) as error:
            failure = error if isinstance(error, StorageFailure) else storage_failure(error)
            missing = Placement(reply_for(failure))
            connection.drop()
        except BaseException:
            # We are going down. Closing gracefully would still send what is queued, perhaps the dot.
            connection.drop()
            raise
        finally:
            self._release()
        each = iter(answers)
        return [placement or next(each, missing) for placement in self._placements]

    async def abort(self) -> None:
        """Break off: by RSET where no content is awaited, else by hanging up, since a dot would deliver."""
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.session.awaits_content:
                connection.drop()
            else:
                connection.session.reset()
                with suppress(HopUnavailable):
                    await is_reset(connection, self._transport.options.recipient_s)
        except BaseException:
            connection.drop()
            raise
        finally:
            self._release()

    async def _open(self, recipients: Sequence[Mailbox], needs: Needs) -> list[Placement | None]:
        transport = self._transport

        async def opening(connection: HopConnection) -> list[Placement | None]:
            lacking = unmet(connection, needs)
            if lacking is not None:
                return [Placement(lacking, connection.name)] * len(recipients)
            timeouts, reverse_path = transport.client.timeouts, self._envelope.reverse_path
            return await open_transaction(connection, reverse_path, recipients, needs, timeouts)

        hops = self._routes[0].group.next_hops
        left_s = self._left_s(transport.options.content_s)
        self._connection, found = await transport.client.begin(hops, left_s, opening)
        return found

    async def _send(self, connection: HopConnection, content: Content) -> None:
        """Everything up to and with the dot, unless the next hop speaks before it.

        Raises HopUnavailable, StorageFailure, TimeoutError; no dot was sent when the time is up.
        """
        session, options = connection.session, self._transport.options
        session.content(self._envelope.trace)
        if content.whole is not None:
            session.content(content.whole)
        else:
            async with asyncio.timeout(self._left_s(options.content_s)):
                await self._send_from_disk(connection, content)
        if session.has_event:
            return
        if not self._left_s(options.content_s):
            raise TimeoutError
        session.end_content()
        connection.flush()
        block_s = self._transport.client.timeouts.block_s
        await connection.drain(min(block_s, self._left_s(options.answer_s)))
        self._transport.filesystem.reached(Point.RELAY_CONTENT_SENT)

    async def _send_from_disk(self, connection: HopConnection, content: Content) -> None:
        workers, block_s = self._transport.workers, self._transport.client.timeouts.block_s
        for offset in range(0, content.size_bytes, _PIECE_BYTES):
            piece = await workers.run(partial(content.read, offset, _PIECE_BYTES))
            if connection.session.has_event:
                return
            connection.session.content(piece)
            connection.flush()
            await connection.drain(block_s)

    async def _hear(self, connection: HopConnection, answers: list[Placement]) -> None:
        """The final reply, or under LMTP one for each recipient; as many as came when it raises."""
        recipients = self._placements.count(None)
        expected = recipients if connection.hop.wire is Wire.LMTP else 1
        for _ in range(expected):
            final_s = min(
                self._transport.client.timeouts.final_s, self._left_s(self._transport.options.answer_s)
            )
            received = await connection.reply(final_s)
            early = received.command is UNASKED or connection.is_ahead
            if early and received.reply.is_positive:
                raise HopUnavailable(f"{connection.name}: accepted content before its end")
            answers.append(self._in_our_words(received.reply, connection.name))
            if early:
                # Said before it can have read our dot: it wants no more of this content, for nobody.
                connection.drop()
                break
        connection.in_doubt = not any(answer.reply.is_positive for answer in answers)
        if len(answers) == 1:
            answers *= recipients
        connection.messages += 1
        self._transport.filesystem.reached(Point.RELAY_ANSWERED)

    def _in_our_words(self, answer: Reply, hop_name: str) -> Placement:
        if answer.is_positive:
            return Placement(ACCEPTED, hop_name)
        return message_refused(answer, hop_name)

    def _left_s(self, budget_s: float) -> float:
        return max(0.0, self._content_ended_s + budget_s - self._transport.clock())

    def _remember(self) -> None:
        """What the next hop has just said of each recipient; a refusal only makes it be asked again."""
        cache = self._transport.cache
        for route, placement in zip(self._routes, self._placements, strict=True):
            if placement is None:
                cache.put(cache_key(route), None)
            elif placement.reply.is_permanent:
                cache.forget(cache_key(route))

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.client.give_back(connection)


def route_of(destination: Destination) -> Relayed:
    """The route of a destination. Raises TypeError when it leads to a mailbox of ours."""
    if not isinstance(destination.route, Relayed):
        raise TypeError("not a relayed destination")
    return destination.route


def mailbox_of(route: Relayed) -> Mailbox:
    """The address that the next hop is given."""
    local_part, _, domain = route.address.rpartition("@")
    return Mailbox(local_part, domain)


def cache_key(route: Relayed) -> Hashable:
    """A recipient as its next hops know it: other next hops have other recipients."""
    return (route.group.id, route.group.next_hops, route.address)
