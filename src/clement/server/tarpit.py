"""Where those who misbehave are made to wait, while nobody beside them feels it.

A held session keeps its reply for some seconds; its own commands wait meanwhile in
its own buffers. How many may be held, of one client and of all, is counted in the
census: beyond that a session is ended instead of held.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clement.server.census import Region
from clement.server.pause import Pause
from clement.server.peer import Client


class TarpitLimits(msgspec.Struct, frozen=True):
    """delay_s: of one reply, 0 for none. session_s: of all replies of one session together."""

    delay_s: float = 1.0
    session_s: float = 30.0
    sessions: int = 200
    sessions_per_client: int = 5


NO_TARPIT: Final = TarpitLimits(delay_s=0)


class Tarpit:
    """The sessions that one receiver holds."""

    __slots__ = ("_census", "_held", "limits")

    def __init__(self, limits: TarpitLimits, census: Region) -> None:
        self.limits = limits
        self._census = census
        self._held: set[Pause] = set()

    def has_room(self, who: Client, held_s: float) -> bool:
        """Whether a session of this client, held for so long before, may be held once more."""
        limits, census = self.limits, self._census
        return (
            held_s + limits.delay_s <= limits.session_s
            and census.held() < limits.sessions
            and census.held_of(who.slot) < limits.sessions_per_client
        )

    def hold(self, who: Client) -> Pause:
        """The delay, which has begun; it counts until it is over, whether or not somebody waits for it."""
        pause = Pause(self.limits.delay_s)
        self._held.add(pause)
        self._census.hold(who.slot)
        pause.then(lambda: self._release(pause, who.slot))
        return pause

    def _release(self, pause: Pause, slot: int) -> None:
        self._held.discard(pause)
        self._census.release(slot)

    def release_all(self) -> None:
        """We are about to stop: nobody is held any longer."""
        for pause in tuple(self._held):
            pause.end()
