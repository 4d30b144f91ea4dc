"""A transport that takes all and moves nothing: for simulations, and to measure all but the placing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from clement.delivery.holding import Held, Hold
from clement.delivery.transport import ACCEPTED, Destination, Envelope, Placement
from clement.smtp import ReversePath
from clement.spool.content import Content


class NowhereTransport:
    """Says yes to every recipient without asking anybody."""

    def target(self, destination: Destination) -> Hashable:
        """All recipients are alike."""
        return "nowhere"

    def answers_each(self, destination: Destination) -> bool:
        return False

    def known(self, destination: Destination) -> Placement | bool | None:
        return None

    async def verify(self, envelope_reverse_path: ReversePath, destination: Destination) -> Placement | None:
        return None

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> NowhereDelivery:
        return NowhereDelivery(len(destinations))


class NowhereDelivery:
    """A delivery that leaves no trace."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def prepare(self, content: Content) -> Sequence[Placement | None]:
        return [None] * self._count

    async def commit(self) -> Sequence[Placement]:
        return [Placement(ACCEPTED)] * self._count

    async def abort(self) -> None:
        """There is nothing to take back."""


class NowhereHolder:
    """Says that a message is held, and forgets it."""

    def start(self, held: Held, holds: Sequence[Hold]) -> NowhereHolding:
        return NowhereHolding()


class NowhereHolding:
    """A holding that leaves no trace."""

    async def prepare(self, content: Content) -> None:
        """There is nothing to prepare."""

    async def commit(self) -> None:
        """There is nothing to keep."""

    async def abort(self) -> None:
        """There is nothing to take back."""

    async def withdraw(self) -> None:
        """There is nothing to take back."""
