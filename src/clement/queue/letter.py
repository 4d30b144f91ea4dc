"""A message from Clement to a person: an opening, a list, a closing; as text and as HTML.

Pure. What strangers wrote stands in facts, and is bounded and escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from textwrap import wrap

import msgspec

MAX_TEXT_CHARS = 200
TEXT_COLUMNS = 76

_POLICY = SMTP.clone(max_line_length=TEXT_COLUMNS + 2)
_INTERNATIONAL_POLICY = _POLICY.clone(utf8=True)
"""RFC 6532: an address beyond ASCII can be written in no other way."""
_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;color:#1c1c1c;background:#fff;margin:0 auto;max-width:44rem;"
    "padding:1rem}article{border-top:1px solid #c9c9c9;padding:.8rem 0}dl{margin:.3rem 0;display:grid;"
    "grid-template-columns:max-content 1fr;gap:.1rem .8rem}dt{color:#595959}"
    "dd{margin:0;overflow-wrap:anywhere}"
    "a{color:#0b4f8a;margin-right:1rem}p.small{color:#595959;font-size:.85rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}dt,p.small{color:#a8a8a8}"
    "a{color:#8fc3f0}article{border-color:#444}}"
)


class Entry(msgspec.Struct, frozen=True):
    """One thing that is listed. facts: names and values. links: what they are called, and URLs."""

    facts: Sequence[tuple[str, str]]
    links: Sequence[tuple[str, str]] = ()


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to whom.

    at: in the recipient's time zone. auto_submitted: RFC 3834 §5. answers: the Message-ID of what it answers,
    "" when it answers nothing. title: of the HTML page. entries may be followed by `more`, one sentence.
    """

    author: str
    recipient: str
    subject: str
    at: datetime
    message_id: str
    auto_submitted: str
    language: str
    title: str
    opening: str
    entries: Sequence[Entry]
    closing: Sequence[str]
    more: str = ""
    answers: str = ""


class Unwritable(Exception):
    """No message can be made of a letter: our own fault, which the text names."""


def compose(letter: Letter) -> bytes:
    """The message, with CRLF line ends. RFC 3834 §5: nobody's program answers it. Raises Unwritable."""
    try:
        return _written(letter)
    except Exception as fault:
        # One letter with which something is wrong keeps no other back.
        raise Unwritable(f"it cannot be written: {fault!r}") from fault


def _written(letter: Letter) -> bytes:
    is_ascii = letter.author.isascii() and letter.recipient.isascii()
    message = EmailMessage(policy=_POLICY if is_ascii else _INTERNATIONAL_POLICY)
    message["From"] = _address("Clement", letter.author)
    message["To"] = _address("", letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = letter.message_id
    if letter.answers:
        message["In-Reply-To"] = letter.answers
        message["References"] = letter.answers
    message["Auto-Submitted"] = letter.auto_submitted
    message.set_content(_as_text(letter), cte="quoted-printable")
    message.add_alternative(_as_html(letter), subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.language
    return message.as_bytes()


def _address(name: str, mailbox: str) -> Address:
    if mailbox.isascii():
        return Address(name, addr_spec=mailbox)
    # The parser behind addr_spec knows RFC 5322 alone, without RFC 6532.
    local_part, _, domain = mailbox.rpartition("@")
    return Address(name, local_part, domain)


def shown(text: str, instead: str) -> str:
    """What a stranger wrote, in one line of printable characters; `instead` where nothing is left."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) > MAX_TEXT_CHARS:
        line = line[: MAX_TEXT_CHARS - 1] + "…"
    return line or instead


def _as_text(letter: Letter) -> str:
    paragraphs = ["\n".join(wrap(letter.opening, TEXT_COLUMNS))]
    width = max((len(name) for entry in letter.entries for name, _value in entry.facts), default=0)
    for entry in letter.entries:
        lines: list[str] = []
        for name, value in entry.facts:
            head = f"{name}:".ljust(width + 2)
            lines += wrap(value, TEXT_COLUMNS, initial_indent=head, subsequent_indent=" " * len(head))
        for name, url in entry.links:
            lines += [f"  {name}:", f"  <{url}>"]
        paragraphs.append("\n".join(lines))
    if letter.more:
        paragraphs.append(letter.more)
    paragraphs += ["\n".join(wrap(line, TEXT_COLUMNS)) for line in letter.closing]
    return "\n\n".join(paragraphs) + "\n"


def _as_html(letter: Letter) -> str:
    articles = "".join(map(_article, letter.entries))
    if letter.more:
        articles += f"<p>{escape(letter.more)}</p>"
    closing = "".join(f'<p class="small">{escape(line)}</p>' for line in letter.closing)
    return (
        f'<!doctype html><html lang="{letter.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(letter.title)}</title>'
        f"<style>{_STYLE}</style></head><body><p>{escape(letter.opening)}</p>"
        f"{articles}<hr>{closing}</body></html>\n"
    )


def _article(entry: Entry) -> str:
    # <bdi>: a subject with marks that turn the direction of writing turns nothing but itself.
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd>" for name, value in entry.facts
    )
    links = "".join(f'<a href="{escape(url)}">{escape(name)}</a>' for name, url in entry.links)
    return f"<article><dl>{facts}</dl><p>{links}</p></article>"
