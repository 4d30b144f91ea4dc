"""The page behind a link of a digest: it shows what would be done, and does it when it is told so by POST.

No login: the signed link is the authority, for one deed on one held message of one recipient. GET changes
nothing (RFC 9110 §9.2.1), since programs that look for bad links follow every link in a mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from html import escape
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs

import msgspec

from clement.queue.digest.links import Deed, HeldLink, LinkUnusable, verify
from clement.queue.digest.words import PageWords, Words, preferred

PREFIX = "/held/"
MAX_FORM_BYTES = 1024

_MAY_LOAD = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = [
    ("Content-Security-Policy", _MAY_LOAD),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    # The address of the page is what gives the right to act: it is nobody else's to know.
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
]

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root{{color-scheme:light dark}}
body{{font:1.05rem/1.5 system-ui,sans-serif;max-width:38rem;margin:10vh auto;padding:0 1rem}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}}dt{{opacity:.75}}
dd{{margin:0;overflow-wrap:anywhere}}
button{{font:inherit;padding:.5rem 1.2rem;border-radius:.4rem;border:1px solid;cursor:pointer}}
</style></head><body><main><h1>{title}</h1>{content}</main></body></html>
"""


class Shown(msgspec.Struct, frozen=True):
    """What the page tells of a held message."""

    author: str
    subject: str
    at_s: float


class ShownLesson(msgspec.Struct, frozen=True):
    """What the page tells of a lesson, whose message is not kept."""

    message_id: str
    unwanted: bool
    at_s: float


class Fate(Enum):
    """What came of a deed, or stands in its way."""

    DONE = "done"
    ALREADY = "already"
    GONE = "gone"
    NOT_NOW = "not now"


class NotAccepted(msgspec.Struct, frozen=True):
    """The message is delivered, but its author is not accepted from now on.

    directive_id, action: of the rule that stands against it; 0 and "" when none could be made for him.
    """

    directive_id: int = 0
    action: str = ""


class HeldDesk(Protocol):
    """Who does what a link asks for."""

    def look(self, link: HeldLink) -> Shown | ShownLesson | Fate:
        """What there is under this link, or why nothing can be done with it. Never raises."""

    def act(self, link: HeldLink) -> Fate | NotAccepted:
        """Do it, once. Never raises."""


class Answer(msgspec.Struct, frozen=True):
    """What is sent back to the browser."""

    status: HTTPStatus
    html: str


class HeldPages:
    """Answers requests below PREFIX. now_s: Unix time. lessons: for links to them.

    key: signs links; None while it cannot be read.
    """

    def __init__(
        self, desk: HeldDesk, key: Callable[[], bytes | None], now_s: Callable[[], float], lessons: HeldDesk
    ) -> None:
        self._desk = desk
        self._lessons = lessons
        self._key = key
        self._now_s = now_s

    def answer(self, method: str, token: str, accept_language: str, form: bytes) -> Answer:
        """The page for one request. form: of a POST, at most MAX_FORM_BYTES."""
        words = preferred(accept_language)
        key = self._key()
        if key is None:
            return _told(HTTPStatus.SERVICE_UNAVAILABLE, words, words.held_page, words.not_now)
        try:
            link = verify(token, key, self._now_s())
        except LinkUnusable as fault:
            if fault.expired:
                return _told(HTTPStatus.GONE, words, words.held_page, words.expired)
            return _told(HTTPStatus.NOT_FOUND, words, words.held_page, words.incomplete)
        if method == "POST" and parse_qs(form.decode("latin-1")).get("deed") == [link.deed.value]:
            return self._act(link, words)
        return self._ask(link, words)

    def _ask(self, link: HeldLink, words: Words) -> Answer:
        found = self._desk_of(link).look(link)
        if isinstance(found, Fate):
            return _fate(found, link, words)
        listed = "".join(
            f"<dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd>"
            for name, value in _facts(found, words)
        )
        asked = escape(words.ask[link.deed])
        button = (
            f'<form method="post"><button name="deed" value="{link.deed.value}">'
            f"{escape(words.confirm[link.deed])}</button></form>"
        )
        return _page(HTTPStatus.OK, words, words.page(link.deed), f"<p>{asked}</p><dl>{listed}</dl>{button}")

    def _act(self, link: HeldLink, words: Words) -> Answer:
        came_of_it = self._desk_of(link).act(link)
        if isinstance(came_of_it, NotAccepted):
            why = words.not_accepted[came_of_it.action].format(number=came_of_it.directive_id)
            return _told(HTTPStatus.OK, words, words.page(link.deed), f"{words.done[Deed.RELEASE]} {why}")
        return _fate(came_of_it, link, words)

    def _desk_of(self, link: HeldLink) -> HeldDesk:
        return self._lessons if link.deed is Deed.TAKE_BACK else self._desk


def _facts(found: Shown | ShownLesson, words: Words) -> tuple[tuple[str, str], ...]:
    moment = words.moment(datetime.fromtimestamp(found.at_s, UTC))
    if isinstance(found, ShownLesson):
        return (
            (words.message, found.message_id),
            (words.learned, words.unwanted if found.unwanted else words.wanted),
            (words.received, moment),
        )
    return (
        (words.author, found.author or words.no_author),
        (words.subject, found.subject or words.no_subject),
        (words.received, moment),
    )


def _fate(fate: Fate, link: HeldLink, words: Words) -> Answer:
    page = words.page(link.deed)
    match fate:
        case Fate.DONE:
            return _told(HTTPStatus.OK, words, page, words.done[link.deed])
        case Fate.ALREADY:
            return _told(HTTPStatus.OK, words, page, page.already)
        case Fate.GONE:
            return _told(HTTPStatus.GONE, words, page, page.gone)
        case Fate.NOT_NOW:
            return _told(HTTPStatus.SERVICE_UNAVAILABLE, words, page, words.not_now)


def _told(status: HTTPStatus, words: Words, page: PageWords, text: str) -> Answer:
    return _page(status, words, page, f'<p role="status">{escape(text)}</p>')


def _page(status: HTTPStatus, words: Words, page: PageWords, content: str) -> Answer:
    return Answer(status, _PAGE.format(language=words.language, title=escape(page.title), content=content))
