"""Pages of real mail beside a parser that builds the tree of the standard (lexbor): the same words."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from clement.message.mime.decode import decoded
from clement.message.mime.html import Page
from clement.message.mime.walk import walk
from tests.fixtures.places import shared

PAGES = 90
MAX_CHARS = 40_000
NOT_SHOWN = [
    "script",
    "style",
    "title",
    "textarea",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "object",
    "applet",
]


def pages() -> Iterator[str]:
    count = 0
    with tarfile.open(shared("material/spamassassin/corpus.tar.xz")) as corpus:
        for member in corpus:
            if "spam" not in member.name or (stored := corpus.extractfile(member)) is None:
                continue
            octets = stored.read()
            for part in walk(octets).parts:
                if part.type == "text/html" and "~" not in part.number:
                    yield decoded(octets, part, MAX_CHARS * 4).decode("latin-1").replace("\0", "")
                    count += 1
            if count >= PAGES:
                return


def wanted_words(html: str) -> list[str]:
    parser = LexborHTMLParser(html)
    parser.strip_tags(NOT_SHOWN)
    pieces: list[str] = []
    root = parser.root
    assert root is not None
    for node in root.traverse(include_text=True):
        if node.tag == "-text":
            pieces.append(node.text(deep=False))
        elif node.tag == "img":
            pieces.append(f" {node.attributes.get('alt') or ''} ")
    return "".join(pieces).split()


def test_the_words_of_a_page_are_those_of_a_browser() -> None:
    compared = alike = 0
    for html in pages():
        page = Page(html, 500, 2048, 250)
        if len(html) > MAX_CHARS or {"hidden-text", "zero-width", "form"} & set(page.signs):
            continue
        compared += 1
        alike += "".join(page.text.split()) == "".join(wanted_words(html))
    assert compared > PAGES / 2
    assert alike >= 0.97 * compared, (alike, compared)
