"""A digest as a message: text and HTML of one list. Pure; what strangers wrote is bounded and escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from textwrap import wrap
from zoneinfo import ZoneInfo

import msgspec

from clement.queue.digest.links import Deed
from clement.queue.digest.words import Words

MOST_ITEMS = 100
MAX_TEXT_CHARS = 200
TEXT_COLUMNS = 76

_POLICY = SMTP.clone(max_line_length=TEXT_COLUMNS + 2)
_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;color:#1c1c1c;background:#fff;margin:0 auto;max-width:44rem;"
    "padding:1rem}article{border-top:1px solid #c9c9c9;padding:.8rem 0}dl{margin:.3rem 0;display:grid;"
    "grid-template-columns:max-content 1fr;gap:.1rem .8rem}dt{color:#595959}"
    "dd{margin:0;overflow-wrap:anywhere}"
    "a{color:#0b4f8a;margin-right:1rem}p.small{color:#595959;font-size:.85rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}dt,p.small{color:#a8a8a8}"
    "a{color:#8fc3f0}article{border-color:#444}}"
)


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
    """The message, with CRLF line ends. RFC 3834 §5: nobody's program answers it."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address("Clement", addr_spec=digest.author)
    message["To"] = Address(addr_spec=digest.recipient)
    message["Subject"] = _counted(words.subject_one, words.subject_many, digest.count)
    message["Date"] = format_datetime(_local(digest, digest.at_s))
    message["Message-ID"] = digest.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_as_text(digest, words), cte="quoted-printable")
    message.add_alternative(_as_html(digest, words), subtype="html", cte="quoted-printable")
    message["Content-Language"] = words.language
    return message.as_bytes()


def _counted(one: str, many: str, count: int, **values: object) -> str:
    return (one if count == 1 else many).format(count=count, **values)


def _local(digest: Digest, at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, digest.zone)


def _moment(digest: Digest, words: Words, at_s: float) -> str:
    return words.moment(_local(digest, at_s))


def _shown(text: str, instead: str) -> str:
    """What a stranger wrote, in one line of printable characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) > MAX_TEXT_CHARS:
        line = line[: MAX_TEXT_CHARS - 1] + "…"
    return line or instead


def _facts(digest: Digest, words: Words, item: DigestItem) -> list[tuple[str, str]]:
    kind = words.refused_copy if item.refused else words.quarantine
    return [
        (words.author, _shown(item.author, words.no_author)),
        (words.subject, _shown(item.subject, words.no_subject)),
        (words.received, f"{_moment(digest, words, item.at_s)} · {item.number}"),
        (words.why, f"{kind} {_shown(item.why, '')}".strip()),
        (words.kept_until, _moment(digest, words, item.kept_until_s)),
    ]


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


def _opening(digest: Digest, words: Words) -> str:
    return _counted(words.opening_one, words.opening_many, digest.count, address=digest.recipient)


def _left_out(digest: Digest) -> int:
    return digest.count - len(digest.items[:MOST_ITEMS])


def _as_text(digest: Digest, words: Words) -> str:
    paragraphs = ["\n".join(wrap(_opening(digest, words), TEXT_COLUMNS))]
    width = max(map(len, (words.author, words.subject, words.received, words.why, words.kept_until)))
    for item in digest.items[:MOST_ITEMS]:
        lines: list[str] = []
        for name, value in _facts(digest, words, item):
            head = f"{name}:".ljust(width + 2)
            lines += wrap(value, TEXT_COLUMNS, initial_indent=head, subsequent_indent=" " * len(head))
        for name, url in _links(digest, words, item):
            lines += [f"  {name}:", f"  <{url}>"]
        paragraphs.append("\n".join(lines))
    if _left_out(digest):
        paragraphs.append(words.more.format(count=_left_out(digest)))
    paragraphs += ["\n".join(wrap(line, TEXT_COLUMNS)) for line in _closing(digest, words)]
    return "\n\n".join(paragraphs) + "\n"


def _as_html(digest: Digest, words: Words) -> str:
    articles = "".join(_article(digest, words, item) for item in digest.items[:MOST_ITEMS])
    if _left_out(digest):
        articles += f"<p>{escape(words.more.format(count=_left_out(digest)))}</p>"
    closing = "".join(f'<p class="small">{escape(line)}</p>' for line in _closing(digest, words))
    return (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(words.page_title)}</title>'
        f"<style>{_STYLE}</style></head><body><p>{escape(_opening(digest, words))}</p>"
        f"{articles}<hr>{closing}</body></html>\n"
    )


def _article(digest: Digest, words: Words, item: DigestItem) -> str:
    # <bdi>: a subject with marks that turn the direction of writing turns nothing but itself.
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd>"
        for name, value in _facts(digest, words, item)
    )
    links = "".join(
        f'<a href="{escape(url)}">{escape(name)}</a>' for name, url in _links(digest, words, item)
    )
    return f"<article><dl>{facts}</dl><p>{links}</p></article>"
