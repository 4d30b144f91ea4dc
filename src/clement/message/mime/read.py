"""What a person would read of a message: the texts of its text parts, and where they lead.

Plain text and HTML that is shown within the message counts, in messages inside it as well, and in every
reading that the walk has; attachments do not, and are not decoded. Bounded in number and size.
"""

from __future__ import annotations

import re

from clement.message.mime.charsets import CharsetReader
from clement.message.mime.decode import decoded
from clement.message.mime.html import Page
from clement.message.mime.limits import ReadLimits
from clement.message.mime.part import Part, Walk
from clement.message.mime.text_links import links_in_text
from clement.message.reading import Link, Origin, Reading, Text
from clement.message.text import visible

__all__ = ["ReadLimits", "read"]

DEFAULT = ReadLimits()

_HTML = frozenset(("text/html", "application/xhtml+xml"))
_NOT_READ = frozenset(("text/calendar", "text/x-vcard", "text/vcard", "text/css", "text/xml", "text/csv"))
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_META_BYTES = 2048
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read(octets: bytes | memoryview, walk: Walk, limits: ReadLimits = DEFAULT) -> Reading:
    """The texts, links and signs of the message in `octets`, whose structure `walk` is."""
    reader = _Reader(limits)
    octets = octets if isinstance(octets, bytes) else bytes(octets)
    for part in walk.parts:
        if is_read(part):
            reader.add(octets, part)
    return reader.result()


def is_read(part: Part) -> bool:
    """Whether the part is a text that is shown within the message."""
    if not (part.type.startswith("text/") or part.type in _HTML) or part.type in _NOT_READ:
        return False
    return part.disposition != "attachment" or part.parent < 0


class _Reader:
    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._charsets = CharsetReader(limits.guesses)
        self._texts: list[Text] = []
        self._seen: set[str] = set()
        self._links: dict[Link, None] = {}
        self._signs: dict[str, None] = {}
        self._text_left = limits.total_bytes
        self._html_left = limits.total_html_bytes

    def result(self) -> Reading:
        self._signs.update(self._charsets.signs)
        return Reading(tuple(self._texts), tuple(self._links), tuple(self._signs))

    def add(self, octets: bytes, part: Part) -> None:
        limits = self._limits
        if len(self._texts) >= limits.texts or self._text_left <= 0:
            self._signs["text-cut"] = None
            return
        if part.type in _HTML:
            self._add_html(octets, part)
        else:
            self._add_text(octets, part)

    def _add_html(self, octets: bytes, part: Part) -> None:
        limits = self._limits
        bound = min(limits.html_bytes, self._html_left)
        if bound <= 0:
            self._signs["text-cut"] = None
            return
        source = decoded(octets, part, bound + 1)
        cut = len(source) > bound
        if cut:
            self._signs["text-cut"] = None
            source = source[:bound]
        self._html_left -= len(source)
        charset = part.charset
        if not charset and not source.isascii():
            found = _META_CHARSET.search(source, 0, _META_BYTES)
            charset = found[1].decode("ascii").lower() if found else ""
        html = self._charsets.text(source, charset, cut=cut)
        if "\0" in html:
            html = html.replace("\0", "")
        page = Page(html, limits.links - len(self._links), limits.link_chars, limits.link_text_chars)
        self._links.update(dict.fromkeys(page.links))
        self._signs.update(dict.fromkeys(page.signs))
        self._keep(part, page.text, html=True)

    def _add_text(self, octets: bytes, part: Part) -> None:
        limits = self._limits
        bound = min(limits.text_bytes, self._text_left)
        source = decoded(octets, part, bound + 1)
        cut = len(source) > bound
        text = self._charsets.text(source[:bound], part.charset, cut=cut)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        for target in links_in_text(text, limits.links - len(self._links)):
            link = visible(target, limits.link_chars)
            self._links[Link(link, visible(target, limits.link_text_chars), Origin.TEXT)] = None
        if cut:
            self._signs["text-cut"] = None
        self._keep(part, text, html=False)

    def _keep(self, part: Part, text: str, *, html: bool) -> None:
        bound = min(self._limits.text_bytes, self._text_left)
        if len(text) > bound:
            self._signs["text-cut"] = None
            text = text[:bound]
        if not text.replace("\n", "").isprintable():
            text = _CONTROLS.sub("", text)
        if text in self._seen:
            return
        self._seen.add(text)
        self._text_left -= len(text)
        self._texts.append(Text(part.number, html, text))
