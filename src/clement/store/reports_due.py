"""Reports whose reporter is to be told what was learned of them, by mail.

Each node's courier tells of what came to that node. Once somebody was told, what he reported is forgotten;
only that he was told is remembered for a while, so that a report which is read from the journal again is
known, and nobody is told too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Final

import msgspec

from clement.journal.records import ReportedMessage, ReportRecord
from clement.store.access.digest import plan_for
from clement.store.digest_records import DigestPlanInForce
from clement.store.learning.lessons import Whose, known_when_reported
from clement.store.learning_records import DueReceipt, ReportItem, ReportOutcome, ReportState
from clement.store.log_text import fit
from clement.store.models import Domain, TeachingAct, TeachingReport

HOUR_S: Final = 3600.0
REMEMBERED_S: Final = 2 * 86_400.0
MOST_MESSAGES: Final = 100
_TEXT_CHARS: Final = 255

_MESSAGES: Final = msgspec.msgpack.Decoder(tuple[ReportedMessage, ...])


def settle(records: Sequence[ReportRecord], node: str) -> None:
    """Take what is not there yet. Works in the transaction that is open. Raises django.db.Error."""
    if not records:
        return
    ids = {fit(record.id, 64): record for record in records}
    known = set(TeachingReport.objects.filter(id__in=ids).values_list("id", flat=True))
    for report_id, record in ids.items():
        if report_id not in known:
            _take(report_id, record, node)


def _take(report_id: str, record: ReportRecord, node: str) -> None:
    messages = [
        msgspec.structs.replace(
            message,
            author=fit(message.author, _TEXT_CHARS),
            subject=fit(message.subject, _TEXT_CHARS),
            message_id=fit(message.message_id, _TEXT_CHARS),
        )
        for message in record.messages[:MOST_MESSAGES]
    ]
    TeachingReport.objects.create(
        id=report_id,
        node=node,
        at_s=record.at_s if isfinite(record.at_s) else 0.0,
        person_key=record.person_id,
        login=fit(record.login, 320),
        address=fit(record.address, 320),
        unwanted=record.unwanted,
        message_id=fit(record.message_id, _TEXT_CHARS),
        group_key=record.group_id,
        domain_key=record.domain_id,
        mailbox_key=record.mailbox_id,
        messages=msgspec.msgpack.encode(messages),
        left_out=record.left_out,
    )


class SqlReports:
    """Those of one node. Every method raises django.db.Error when SQL is away.

    site: the plan of digests where nobody has set another. per_hour: how often one person is told.
    """

    def __init__(self, node: str, site: DigestPlanInForce, per_hour: int) -> None:
        self._node = node
        self._site = site
        self._per_hour = per_hour

    def next_due(self, now_s: float) -> DueReceipt | None:
        """The oldest report whose reporter is to be told now; who was told too often meanwhile is not."""
        waiting = TeachingReport.objects.filter(
            state=ReportState.WAITING, node=self._node, next_try_at_s__lte=now_s
        )
        # Ends: each way round takes one of them out of what waits.
        while (row := waiting.order_by("id").first()) is not None:
            if self._told_of_late(row.person_key, now_s) < self._per_hour:
                return self._due(row)
            self.ended(row.id, now_s, ReportState.SKIPPED)
        return None

    def ended(self, report_id: str, now_s: float, state: ReportState = ReportState.TOLD) -> None:
        """He was told, or never will be; what he reported is forgotten."""
        found = TeachingReport.objects.filter(id=report_id, state=ReportState.WAITING)
        found.update(state=state, told_at_s=now_s, messages=b"")

    def deferred(self, report_id: str, failures: int, next_try_at_s: float) -> None:
        """He could not be told now. failures: so often in a row."""
        found = TeachingReport.objects.filter(id=report_id, state=ReportState.WAITING)
        found.update(failures=failures, next_try_at_s=next_try_at_s)

    def forget(self, now_s: float) -> None:
        """Remove what had an end long ago."""
        over = TeachingReport.objects.exclude(state=ReportState.WAITING)
        over.filter(told_at_s__lt=now_s - REMEMBERED_S).delete()

    def _told_of_late(self, person_id: int, now_s: float) -> int:
        told = TeachingReport.objects.filter(person_key=person_id, told_at_s__gt=now_s - HOUR_S)
        return told.filter(state=ReportState.TOLD).count()

    def _due(self, row: TeachingReport) -> DueReceipt:
        try:
            messages = _MESSAGES.decode(bytes(row.messages))
        except msgspec.MsgspecError:
            messages = ()
        return DueReceipt(
            id=row.id,
            at_s=row.at_s,
            login=row.login,
            address=row.address,
            unwanted=row.unwanted,
            message_id=row.message_id,
            items=tuple(_item(message, row) for message in messages),
            left_out=row.left_out,
            failures=row.failures,
            plan=self._plan(row.address),
        )

    def _plan(self, address: str) -> DigestPlanInForce:
        """That of his address: whose taste was taught has no domain where he owns no mailbox."""
        domains = Domain.objects.filter(name=address.rpartition("@")[2])
        domain_id, group_id = domains.values_list("id", "group_id").first() or (0, 0)
        return plan_for(address, domain_id, group_id, self._site)


def _item(message: ReportedMessage, row: TeachingReport) -> ReportItem:
    """What has become of a reported message in the ledger."""
    outcome, act_id = ReportOutcome.UNREADABLE, 0
    if message.record:
        act_id = (
            TeachingAct.objects.filter(record_key=message.record).values_list("id", flat=True).first() or 0
        )
        outcome = ReportOutcome.LEARNED
        if not act_id:
            act_id = known_when_reported(
                message.body_hash.hex()[:64],
                message.message_id,
                Whose(row.group_key, row.domain_key, row.mailbox_key),
                unwanted=row.unwanted,
                at_s=row.at_s,
                transaction=row.id,
            )
            outcome = ReportOutcome.BEFORE if act_id else ReportOutcome.LIMIT
    return ReportItem(message.author, message.subject, outcome, act_id, message.record)
