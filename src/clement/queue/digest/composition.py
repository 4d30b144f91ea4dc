"""A digest as a letter: one list in the words of its language. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from clement.queue import letter
from clement.queue.digest.links import Deed
from clement.queue.digest.words import Words
from clement.queue.letter import Entry, Letter, shown

MOST_ITEMS = 100


class DigestItem(msgspec.Struct, frozen=True):
    """One held message. number: by which it is named. refused: its sender knows so, and this is a copy."""

    number: str
    at_s: float
    kept_until_s: float
    author: str
    subject: str
    why: str
    refused: bool = False


class Digest(msgspec.Struct, frozen=True):
    """One list. author: the address it comes from. link: makes the URL of a deed, "" where there are none.

    links_until_s: until when they work. count: of all that is new; `items` shows at most MOST_ITEMS of it.
    """

    recipient: str
    author: str
    host: str
    message_id: str
    at_s: float
    zone: ZoneInfo
    count: int
    items: Sequence[DigestItem]
    links_until_s: float
    link: Callable[[Deed, DigestItem], str]


def compose(digest: Digest, words: Words) -> bytes:
    """The message, with CRLF line ends."""
    left_out = digest.count - len(digest.items[:MOST_ITEMS])
    opening = _counted(words.opening_one, words.opening_many, digest.count, address=digest.recipient)
    return letter.compose(
        Letter(
            author=digest.author,
            recipient=digest.recipient,
            subject=_counted(words.subject_one, words.subject_many, digest.count),
            at=_local(digest, digest.at_s),
            message_id=digest.message_id,
            auto_submitted="auto-generated",
            language=words.language,
            title=words.held_page.title,
            opening=opening,
            entries=[_entry(digest, words, item) for item in digest.items[:MOST_ITEMS]],
            closing=_closing(digest, words),
            more=words.more.format(count=left_out) if left_out else "",
        )
    )


def _counted(one: str, many: str, count: int, **values: object) -> str:
    return (one if count == 1 else many).format(count=count, **values)


def _local(digest: Digest, at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, digest.zone)


def _moment(digest: Digest, words: Words, at_s: float) -> str:
    return words.moment(_local(digest, at_s))


def _entry(digest: Digest, words: Words, item: DigestItem) -> Entry:
    kind = words.refused_copy if item.refused else words.quarantine
    facts = [
        (words.author, shown(item.author, words.no_author)),
        (words.subject, shown(item.subject, words.no_subject)),
        (words.received, f"{_moment(digest, words, item.at_s)} · {item.number}"),
        (words.why, f"{kind} {shown(item.why, '')}".strip()),
        (words.kept_until, _moment(digest, words, item.kept_until_s)),
    ]
    return Entry(facts, _links(digest, words, item))


def _links(digest: Digest, words: Words, item: DigestItem) -> list[tuple[str, str]]:
    names = {
        Deed.RELEASE: words.release,
        Deed.RELEASE_AND_ACCEPT: words.release_and_accept,
        Deed.DELETE: words.delete,
    }
    found = ((name, digest.link(deed, item)) for deed, name in names.items())
    return [(name, url) for name, url in found if url]


def _closing(digest: Digest, words: Words) -> list[str]:
    linked = bool(digest.items and _links(digest, words, digest.items[0]))
    about = words.about_links.format(until=_moment(digest, words, digest.links_until_s))
    return [
        about if linked else words.no_links,
        words.why_you.format(address=digest.recipient, host=digest.host),
    ]
