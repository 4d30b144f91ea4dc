"""What a person would see of a message: its texts and its links. Values; `mime` makes them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Origin(StrEnum):
    """Where a link stands."""

    ANCHOR = "anchor"
    IMAGE = "image"
    FORM = "form"
    STYLE = "style"
    TEXT = "text"


class Link(msgspec.Struct, frozen=True, gc=False):
    """One link. target: as written, bounded, no control characters. text: what the reader sees for it."""

    target: str
    text: str
    origin: Origin


class Text(msgspec.Struct, frozen=True, gc=False):
    """The visible text of one part. number: of the part. html: whether it was made out of HTML."""

    number: str
    html: bool
    text: str


class Reading(msgspec.Struct, frozen=True):
    """The texts and links of a message, each bounded in number and size.

    signs: peculiarities of text and HTML, each once ("hidden-text", "form", "script", "utf-7" …).
    """

    texts: tuple[Text, ...] = ()
    links: tuple[Link, ...] = ()
    signs: tuple[str, ...] = ()
