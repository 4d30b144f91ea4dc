"""How much of everything one network, reverse-path, recipient or person may have, whatever receiver it meets.

What is refused is not counted: who asks too often has its share all the same, and
an honest queue drains at the pace that is allowed. A budget is keyed by what its
spender cannot choose: a reverse-path counts for each client network by itself, or
whoever writes another's name into MAIL would use up what is the other's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clement.server.census import Region
from clement.server.peer import Client
from clement.smtp import Reply, replies

# What is counted, as the first letter of its key: keys of different kinds never meet.
_CONNECTION, _MESSAGE, _REVERSE_PATH, _RECIPIENT = "c", "m", "f", "t"
_PERSON, _UNKNOWN, _ACCEPTED = "p", "u", "a"


class RateLimits(msgspec.Struct, frozen=True):
    """0: any number. A network is an IPv4 /24 or an IPv6 /48; a client an IPv4 address or an IPv6 /64."""

    connections_per_minute: float = 0
    connections_per_minute_of_network: float = 0
    messages_per_minute: float = 0
    messages_per_minute_of_network: float = 0
    messages_per_minute_of_reverse_path: float = 0
    messages_per_minute_of_recipient: float = 0
    recipients_per_hour_of_person: float = 0
    unknown_recipients_per_hour: float = 0
    unknown_recipients_per_hour_of_network: float = 0


class Excess(msgspec.Struct, frozen=True, gc=False):
    """Somebody has had his share. whose: in words a stranger may read. wait_s: until there is some again."""

    what: str
    whose: str
    wait_s: int

    def __str__(self) -> str:
        return f"too many {self.what} from {self.whose}; try again in {self.wait_s} s"

    def reply(self, trace_id: str = "") -> Reply:
        """The last reply of the session that has met this limit."""
        return replies.TOO_FAST.with_text(f"T{str(self)[1:]}{trace_id and f' [{trace_id}]'}")


NO_LIMITS: Final = RateLimits()


class Rates:
    """The budgets of all receivers, as one of them sees and spends them."""

    __slots__ = (
        "_hour",
        "_limits",
        "_minute",
        "watches_connections",
        "watches_messages",
        "watches_recipients",
        "watches_unknown",
    )

    def __init__(self, limits: RateLimits, census: Region) -> None:
        self._limits = limits
        self._minute = census.minute
        self._hour = census.hour
        self.watches_connections = (
            limits.connections_per_minute > 0 or limits.connections_per_minute_of_network > 0
        )
        self.watches_messages = (
            limits.messages_per_minute > 0
            or limits.messages_per_minute_of_network > 0
            or limits.messages_per_minute_of_reverse_path > 0
        )
        self.watches_recipients = limits.messages_per_minute_of_recipient > 0
        self.watches_unknown = (
            limits.unknown_recipients_per_hour > 0 or limits.unknown_recipients_per_hour_of_network > 0
        )

    def turn(self, now_s: float) -> None:
        """About once a second. now_s: monotonic."""
        self._minute.turn(now_s)
        self._hour.turn(now_s)

    # --- By the minute --------------------------------------------------------------------------------

    def connection(self, who: Client) -> Excess | None:
        """One more connection of this client."""
        limits = self._limits
        each, network = limits.connections_per_minute, limits.connections_per_minute_of_network
        return self._spend(
            "connections",
            (_CONNECTION + who.key, each, who.key),
            (_CONNECTION + who.network, network, who.network),
        )

    def message(self, who: Client, reverse_path: str) -> Excess | None:
        """One more message of this client under this reverse-path."""
        limits = self._limits
        each, network = limits.messages_per_minute, limits.messages_per_minute_of_network
        name = limits.messages_per_minute_of_reverse_path
        return self._spend(
            "messages",
            (_MESSAGE + who.key, each, who.key),
            (_MESSAGE + who.network, network, who.network),
            (f"{_REVERSE_PATH}{who.network} {reverse_path}", name, f"<{reverse_path}>"),
        )

    def recipient(self, mailbox: str) -> Excess | None:
        """One more message for this mailbox, under whichever of its addresses."""
        most = self._limits.messages_per_minute_of_recipient
        return self._spend("messages for this mailbox", (_RECIPIENT + mailbox, most, "all its senders"))

    def _spend(self, what: str, *budgets: tuple[str, float, str]) -> Excess | None:
        """Take one from each of these budgets (key, most, whose), or from none when one has nothing left."""
        minute = self._minute
        for key, most, whose in budgets:
            if most and minute.count(key) + 1 > most:
                return Excess(what, whose, minute.wait_s(key, most - 1))
        for key, most, _whose in budgets:
            if most:
                minute.add(key)
        return None

    # --- By the hour ----------------------------------------------------------------------------------

    def posted_recipient(self, person_id: int) -> Excess | None:
        """One more recipient of somebody who has logged in."""
        most, key = self._limits.recipients_per_hour_of_person, f"{_PERSON}{person_id}"
        if not most:
            return None
        if self._hour.count(key) + 1 > most:
            return Excess("recipients", "your login", self._hour.wait_s(key, most - 1))
        self._hour.add(key)
        return None

    def unknown_recipient(self, who: Client) -> None:
        """This client has named a mailbox that does not exist."""
        self._hour.add(_UNKNOWN + who.key)
        self._hour.add(_UNKNOWN + who.network)

    def accepted(self, who: Client) -> None:
        """This client's message was accepted; remembered where it may be needed to speak for its network."""
        hour = self._hour
        if self.watches_unknown and hour.count(_UNKNOWN + who.network):
            hour.add(_ACCEPTED + who.key)
            hour.add(_ACCEPTED + who.network)

    def dictionary(self, who: Client) -> Excess | None:
        """Whether this client is one of those who try names: it, or its network with it, has tried too many.

        A client whose neighbours do so is not: it must have named an unknown recipient itself. Nor is one
        that brings more messages than it names unknown recipients: a big provider has both.
        """
        limits, hour = self._limits, self._hour
        mine = hour.count(_UNKNOWN + who.key)
        if not mine:
            return None
        most = limits.unknown_recipients_per_hour
        if most and mine > most and mine > hour.count(_ACCEPTED + who.key):
            return Excess("unknown recipients", who.key, hour.wait_s(_UNKNOWN + who.key, most))
        most = limits.unknown_recipients_per_hour_of_network
        ours = hour.count(_UNKNOWN + who.network) if most else 0
        if ours > most and ours > hour.count(_ACCEPTED + who.network):
            return Excess("unknown recipients", who.network, hour.wait_s(_UNKNOWN + who.network, most))
        return None
