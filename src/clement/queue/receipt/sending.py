"""Sending receipts: whoever has reported mail is told what was learned of it, once for each report.

It is noted as told only when it has arrived. A crash between the two repeats the delivery: in a mailbox of
ours that finds the first by its name, a next hop gets a second one with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from clement.queue.digest.site import LetterSite
from clement.queue.letter import Unwritable
from clement.queue.postman import Postman, Undelivered
from clement.queue.receipt.composition import compose, name_of
from clement.queue.schedule import is_over, next_try_at_s
from clement.spool.workers import Workers
from clement.store.learning_records import DueReceipt, ReportState
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.pace import Pace

log = Log("courier")

ROUND_EVERY_S: Final = 2.0
MOST_AT_ONCE: Final = 20
FORGET_EVERY_S: Final = 3600.0
PATIENCE_S: Final = 86_400.0
"""What was learned yesterday is no news."""


class Reports(Protocol):
    """Whom to tell. All methods block, and raise when SQL is away."""

    def next_due(self, now_s: float) -> DueReceipt | None: ...

    def ended(self, report_id: str, now_s: float, state: ReportState = ReportState.TOLD) -> None: ...

    def deferred(self, report_id: str, failures: int, next_try_at_s: float) -> None: ...

    def forget(self, now_s: float) -> None: ...


class ReceiptSender:
    """Sends receipts, in rounds. sql: one thread, in which `reports` is called. now_s: Unix time."""

    def __init__(
        self,
        reports: Reports,
        site: LetterSite,
        postman: Postman,
        sql: Workers,
        now_s: Callable[[], float],
    ) -> None:
        self._reports = reports
        self._site = site
        self._postman = postman
        self._sql = sql
        self._now_s = now_s
        self._next_round_s = 0.0
        self._next_forgetting_s = 0.0
        self._pace = Pace()

    async def round(self) -> int:
        """Send what waits, when it is time to look again; how many. Raises what `Reports` raises."""
        now_s = self._now_s()
        if now_s < self._next_round_s:
            return 0
        self._next_round_s = now_s + ROUND_EVERY_S
        if now_s >= self._next_forgetting_s:
            self._next_forgetting_s = now_s + FORGET_EVERY_S
            await self._sql.run(partial(self._reports.forget, now_s))
        for sent in range(MOST_AT_ONCE):
            due = await self._sql.run(partial(self._reports.next_due, self._now_s()))
            if due is None:
                return sent
            await self._send(due)
        return MOST_AT_ONCE

    async def _send(self, due: DueReceipt) -> None:
        try:
            octets = await self._sql.run(partial(compose, self._site, due, self._now_s()))
            await self._postman.deliver(due.address, octets, name_of(due), once=True)
        except Undelivered as fault:
            await self._put_off(due, str(fault), for_good=fault.for_good)
            return
        except Unwritable as fault:
            await self._put_off(due, str(fault))
            return
        await self._sql.run(partial(self._reports.ended, due.id, self._now_s()))
        log.info(log_events.RECEIPT_SENT, id=due.id, address=due.address, messages=len(due.items))

    async def _put_off(self, due: DueReceipt, why: str, *, for_good: bool = False) -> None:
        now_s = self._now_s()
        if self._pace.due(log_events.RECEIPT_FAILED):
            log.warning(log_events.RECEIPT_FAILED, id=due.id, address=due.address, why=why[:300])
        if for_good or is_over(due.at_s, now_s, PATIENCE_S):
            await self._sql.run(partial(self._reports.ended, due.id, now_s, ReportState.SKIPPED))
            return
        failures = due.failures + 1
        again_at_s = next_try_at_s(failures, now_s)
        await self._sql.run(partial(self._reports.deferred, due.id, failures, again_at_s))
