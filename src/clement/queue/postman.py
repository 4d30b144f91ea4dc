"""How a letter of Clement's own reaches somebody: by the transport that his mail takes.

It comes from the null reverse-path (RFC 5321 §4.5.5), so that what cannot be delivered bounces nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

from clement.delivery.transport import Destination, Envelope, Transport
from clement.policy.directory import Directory, Local, Relayed
from clement.smtp import NULL_REVERSE_PATH, AddressError, parse_mailbox
from clement.spool.content import Content
from clement.spool.failure import StorageFailure


class Undelivered(Exception):
    """It has not arrived, and the text says why. for_good: to try again would change nothing."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class Postman:
    """transport_for: as in `Services.transports`. directory: gives the one in force."""

    def __init__(
        self, transport_for: Callable[[Local | Relayed], Transport], directory: Callable[[], Directory]
    ) -> None:
        self._transport_for = transport_for
        self._directory = directory

    async def deliver(self, address: str, octets: bytes, name: str, *, once: bool = False) -> None:
        """Deliver a letter to an address of ours. Raises Undelivered.

        name: of the letter, the same when it is sent again. once: final delivery looks whether it has brought
        a letter of this name already.
        """
        local_part, _, domain = address.rpartition("@")
        route = self._directory().route(local_part, domain)
        if not isinstance(route, Local | Relayed):
            raise Undelivered("the recipient does not exist here any more", for_good=True)
        try:
            forward_path = parse_mailbox(address.encode(), smtputf8=True)
        except (AddressError, UnicodeEncodeError):
            raise Undelivered("the address cannot be written in an envelope", for_good=True) from None
        envelope = Envelope(
            transaction_id=name, reverse_path=NULL_REVERSE_PATH, trace=b"", delivery_id=name if once else ""
        )
        delivery = self._transport_for(route).start(envelope, [Destination(forward_path, route)])
        try:
            (placement,) = await delivery.prepare(Content.in_memory(octets))
            if placement is None:
                (placement,) = await delivery.commit()
        except StorageFailure as fault:
            raise Undelivered(str(fault)) from fault
        finally:
            await delivery.abort()
        reply = placement.reply
        if not reply.is_positive:
            raise Undelivered(reply.shown, for_good=reply.is_permanent)
