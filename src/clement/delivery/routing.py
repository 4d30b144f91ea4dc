"""Which transport a route takes. The session asks here, then speaks to a `Transport` whatever its kind."""

from __future__ import annotations

from clement.delivery.transport import Transport
from clement.policy.directory import Local, Mode, Relayed


class Transports:
    """The transports of this machine, put together once when it starts.

    maildir: mailboxes of our own. lmtp: groups that store in another program (Dovecot). relay: groups whose
    mail belongs to a next hop.
    """

    __slots__ = ("_lmtp", "_maildir", "_relay")

    def __init__(self, maildir: Transport, relay: Transport, lmtp: Transport) -> None:
        self._maildir = maildir
        self._relay = relay
        self._lmtp = lmtp

    def for_route(self, route: Local | Relayed) -> Transport:
        """The transport that takes mail along this route."""
        if isinstance(route, Local):
            return self._maildir
        return self._relay if route.group.mode is Mode.RELAY else self._lmtp
