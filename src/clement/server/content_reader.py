"""Reading a content: here when that is quick and harmless, else in a checker; and no more once that fails.

A short text is read on the spot: handing it over costs half as much again, and the worst that can be written
in so few octets takes some ten milliseconds. Everything else goes to a checker: the small to one lane, the
large to another, so that no small content waits behind a large one. A content over which two checkers have
died is not read any more: it is what nobody can look into.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from clement.policy.study import ContentStudy, Unstudied
from clement.server import check_wire
from clement.server.check_wire import Kind, Outcome
from clement.server.checking import CheckerFailure, Lane, Why
from clement.server.failure_memory import FailureMemory
from clement.server.study import study_if_harmless
from clement.spool.content import Content
from clement.spool.workers import Workers
from clement.telemetry import metrics
from clement.telemetry.metrics import Metrics

INLINE_BYTES: Final = 16 * 1024
LIGHT_BYTES: Final = 1024 * 1024
"""Up to here a content goes to the checkers that nothing large is given."""

REPEATED: Final = Unstudied("it could not be read when it was sent before")

Studied = ContentStudy | Unstudied


class Lanes(msgspec.Struct, frozen=True):
    """The checkers. light: for what is small; large: for the rest, and for what turned out to be heavy."""

    light: Lane
    large: Lane


class ContentReader:
    """Implements `services.ReadContent`.

    workers: threads in which a content is hashed that may have failed before. key: of the site's features, as
    it is now.
    """

    def __init__(
        self,
        lanes: Lanes,
        failures: FailureMemory,
        workers: Workers,
        key: Callable[[], bytes],
        counted: Metrics,
    ) -> None:
        self._lanes = lanes
        self._failures = failures
        self._workers = workers
        self._key = key
        self._metrics = counted

    def __call__(self, content: Content) -> Studied | Awaitable[Studied]:
        """What stands in this content. The awaitable raises CheckerFailure, StorageFailure."""
        if self._failures.suspects(content):
            return self._read_unless_known(content)
        return self._read(content)

    async def _read_unless_known(self, content: Content) -> Studied:
        if await self._workers.run(lambda: self._failures.knows(content)):
            self._metrics.add(metrics.CONTENT_FAILED["repeated"])
            return REPEATED
        return await self._ask(content)

    def _read(self, content: Content) -> Studied | Awaitable[Studied]:
        whole = content.whole
        if whole is not None and len(whole) <= INLINE_BYTES:
            found = study_if_harmless(whole, self._key())
            if found is not None:
                self._metrics.add(metrics.CONTENT_STUDIED["inline"])
                return found
        return self._ask(content)

    async def _ask(self, content: Content) -> Studied:
        try:
            return check_wire.STUDY.decode(await self._ask_lanes(content))
        except CheckerFailure as failure:
            self._metrics.add(metrics.CONTENT_FAILED[failure.why])
            if failure.why is Why.STRUCK:
                await self._workers.run(lambda: self._failures.remember(content))
            raise
        except msgspec.DecodeError as fault:
            self._metrics.add(metrics.CONTENT_FAILED[Why.NONSENSE])
            raise CheckerFailure(Why.NONSENSE, repr(fault)) from fault

    async def _ask_lanes(self, content: Content) -> bytes:
        if content.size_bytes <= LIGHT_BYTES:
            outcome, octets = await self._ask_lane(self._lanes.light, content)
            if outcome is Outcome.FOUND:
                self._metrics.add(metrics.CONTENT_STUDIED["checker"])
                return octets
        _outcome, octets = await self._ask_lane(self._lanes.large, content)
        self._metrics.add(metrics.CONTENT_STUDIED["large"])
        return octets

    async def _ask_lane(self, lane: Lane, content: Content) -> tuple[Outcome, bytes]:
        whole = content.whole
        descriptor = content.fileno() if whole is None else -1
        asking = lane.ask(
            Kind.CONTENT, content.size_bytes, whole or b"", descriptor=descriptor, key=self._key()
        )
        self._metrics.set(metrics.CONTENT_WAITING, self._waiting() + 1)
        try:
            return await asking
        finally:
            self._metrics.set(metrics.CONTENT_WAITING, self._waiting())

    def _waiting(self) -> int:
        return self._lanes.light.waiting + self._lanes.large.waiting
