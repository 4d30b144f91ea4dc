"""Digests put together from the settings: who sends them, and the pages behind their links."""

from __future__ import annotations

import math
import secrets
import time

from clement.config.digest import DigestSettings
from clement.config.settings import Settings
from clement.policy.digest_schedule import ScheduleUnusable, next_due_s, parse_schedule
from clement.policy.directive import Scope
from clement.queue.digest.composition import MOST_ITEMS
from clement.queue.digest.sending import DigestSender, compose_due
from clement.queue.digest.site import DAY_S, LetterSite
from clement.queue.postman import Postman
from clement.queue.receipt.sending import ReceiptSender
from clement.spool.held_entry import KINDS
from clement.spool.workers import Workers
from clement.store.digest_due import SqlDigests
from clement.store.digest_key import digest_key
from clement.store.digest_records import DigestPlanInForce
from clement.store.reports_due import SqlReports
from clement.web.held_desk import SqlHeldDesk, SqlLinkKey
from clement.web.held_links import HeldPages
from clement.web.lesson_desk import SqlLessonDesk


def sql_digests(settings: Settings) -> SqlDigests:
    """The digests of all addresses, as this node sees them."""
    kinds = KINDS if settings.digest.refused_copies else KINDS[:1]
    return SqlDigests(settings.site.node_name, kinds, site_plan(settings.digest), due_after_s)


def digest_sender(settings: Settings, postman: Postman, sql: Workers) -> DigestSender:
    """Sends digests from this node, in the turn that it has. `sql`: the thread of the database."""
    return DigestSender(sql_digests(settings), letter_site(settings), postman, sql, time.time)


def receipt_sender(settings: Settings, postman: Postman, sql: Workers) -> ReceiptSender | None:
    """Tells those who have reported mail to this node what was learned; None where nobody is told."""
    per_hour = settings.learning.report_mails_per_hour
    if not (per_hour and settings.learning.enabled):
        return None
    reports = SqlReports(settings.site.node_name, site_plan(settings.digest), per_hour)
    return ReceiptSender(reports, letter_site(settings), postman, sql, time.time)


def preview(settings: Settings, address: str, plan: DigestPlanInForce) -> bytes | None:
    """The digest of an address as it would be now; None when there is nothing to tell."""
    now_s = time.time()
    due = sql_digests(settings).of(address, plan, now_s, MOST_ITEMS)
    return compose_due(letter_site(settings), due, now_s) if due.items else None


def letter_site(settings: Settings) -> LetterSite:
    """What letters say of this site."""
    return LetterSite(
        hostname=settings.site.hostname,
        author=settings.digest.author or settings.site.postmaster_address,
        url=settings.web.url.rstrip("/"),
        key=lambda: digest_key(secrets.token_bytes),
        links_days=settings.digest.links_days,
    )


def held_pages(settings: Settings) -> HeldPages:
    """The pages behind the links of digests."""
    desk = SqlHeldDesk(settings.held.undo_days * DAY_S, time.time)
    lessons = SqlLessonDesk(time.time)
    return HeldPages(desk, SqlLinkKey(secrets.token_bytes), time.time, lessons)


def site_plan(settings: DigestSettings) -> DigestPlanInForce:
    """The plan of the configuration, which counts where nobody has set another."""
    return DigestPlanInForce(Scope.SITE, "", settings.schedule, settings.language)


def due_after_s(schedule: str, after_s: float) -> float:
    """When a schedule, as it is stored, is next due; infinity for never.

    One that cannot be read any more, because this machine lacks its time zone, is read as daily at 07:00 UTC:
    a person who was to be told is told.
    """
    if not schedule:
        return math.inf
    try:
        return next_due_s(parse_schedule(schedule), after_s)
    except ScheduleUnusable:
        return next_due_s(parse_schedule("07:00 UTC"), after_s)
