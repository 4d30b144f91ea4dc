"""A receipt as a letter: what was learned of one report, what was not and why, and how to take it back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from clement.queue import letter
from clement.queue.digest.links import Deed
from clement.queue.digest.site import LetterSite, zone_of
from clement.queue.letter import Entry, Letter, shown
from clement.queue.receipt.words import ReceiptWords, words_for
from clement.store.learning_records import DueReceipt, ReportItem, ReportOutcome

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")


def compose(site: LetterSite, due: DueReceipt, now_s: float) -> bytes:
    """The message, with CRLF line ends. Blocks, and raises when SQL is away, as `site.key` does.

    Raises Unwritable.
    """
    words = words_for(due.plan.language)
    until_s = site.links_until_s(now_s)
    link = site.linking(due.address, until_s)
    learned = [item for item in due.items if item.outcome is ReportOutcome.LEARNED]
    kinds = words.unwanted_many if due.unwanted else words.wanted_many
    values = {"kind": _kind(due, words), "kinds": kinds, "count": len(learned), "all": len(due.items)}
    subjects = {0: words.subject_none, 1: words.subject_one}
    zone = zone_of(due.plan.schedule)
    moment = words.common.moment(datetime.fromtimestamp(due.at_s, zone))
    until = words.common.moment(datetime.fromtimestamp(until_s, zone))
    how = words.about_links.format(until=until) if site.url else words.about_undoing
    why_you = words.why_you.format(host=site.hostname, login=shown(due.login, ""))
    return letter.compose(
        Letter(
            author=site.author,
            recipient=due.address,
            subject=subjects.get(len(learned), words.subject_many).format(**values),
            at=datetime.fromtimestamp(now_s, zone),
            message_id=f"<{name_of(due)}@{site.hostname}>",
            auto_submitted="auto-replied",
            language=words.common.language,
            title=words.common.lesson_page.title,
            opening=words.opening.format(moment=moment, **values),
            entries=[_entry(due, item, words, link) for item in due.items],
            more=words.left_out.format(**values) if due.left_out else "",
            closing=[how, why_you] if learned else [why_you],
            answers=due.message_id if _MESSAGE_ID.fullmatch(due.message_id) else "",
        )
    )


def name_of(due: DueReceipt) -> str:
    """Of this receipt, whenever it is sent."""
    return f"{due.id}.receipt"


def _kind(due: DueReceipt, words: ReceiptWords) -> str:
    return words.common.unwanted if due.unwanted else words.common.wanted


def _entry(due: DueReceipt, item: ReportItem, words: ReceiptWords, link: Callable[[Deed, str], str]) -> Entry:
    results = {
        ReportOutcome.LEARNED: words.learned,
        ReportOutcome.BEFORE: words.before,
        ReportOutcome.UNREADABLE: words.unreadable,
        ReportOutcome.LIMIT: words.limit,
    }
    result = results[item.outcome].format(kind=_kind(due, words), number=item.act_id)
    facts = (
        (words.common.author, shown(item.author, words.common.no_author)),
        (words.common.subject, shown(item.subject, words.common.no_subject)),
        (words.result, result),
    )
    url = link(Deed.TAKE_BACK, item.act) if item.outcome is ReportOutcome.LEARNED else ""
    return Entry(facts, [(words.common.confirm[Deed.TAKE_BACK], url)] if url else [])
