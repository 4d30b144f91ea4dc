r"""What the name of a file says, what it hides, and how it is shown.

A name is never used as a path. It is judged as the systems read it that would store it: Windows drops dots
and spaces at the end and what follows a NUL, takes `:` for the start of a stream, and shows text after a
right-to-left override backwards, so that `invoice\u202efdp.exe` looks like `invoiceexe.pdf`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from clement.message.attachment import Category
from clement.message.attachments.extensions import BY_EXTENSION, HARMFUL, INNOCENT
from clement.message.text import ELLIPSIS, visible

SHOWN_CHARS: Final = 120
"""Of one name; a path of several has `PATH_CHARS`."""
PATH_CHARS: Final = 300
LONGEST: Final = 255
"""What file systems take (POSIX NAME_MAX); longer names are cut by whoever stores them."""

# Written out by whoever made a name printable before us (`clement.message.text.visible`).
_ESCAPED: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))")
# LRO, RLO: the only ones that turn Latin letters round.
_OVERRIDE: Final = re.compile("[\u202d\u202e]")
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)
# A run of blanks that pushes the extension out of sight. U+2800 is a braille pattern without dots.
_PADDING: Final = re.compile("[ \t\xa0\u1680\u2000-\u200b\u202f\u205f\u2800\u3000_]{6,}\\.?[^. ]{1,10}$")
_STREAM: Final = re.compile(r"::?\$[a-z_]{2,}$", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"[a-z0-9_-]{1,20}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_()\[\] ,+=@#&'!~-]*(?:\.[A-Za-z0-9_()-]+)*")


class NameFacts(msgspec.Struct, frozen=True, gc=False):
    """One file name, read.

    shown: printable, bounded. extension: the one that decides, in lower case; "" without one.
    category: what the extension says, OTHER when it says nothing. disguises: how it hides what it says.
    signs: peculiarities that hide nothing.
    """

    shown: str
    extension: str
    category: Category
    disguises: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()


_NAMELESS: Final = NameFacts("", "", Category.OTHER)


def judge_name(name: str) -> NameFacts:
    """Read one name, as it was found or made printable before. Never raises."""
    if not name:
        return _NAMELESS
    if len(name) <= SHOWN_CHARS and _PLAIN.fullmatch(name):
        return _judge_plain(name)
    return _judge_strange(name)


def _judge_plain(name: str) -> NameFacts:
    stem, _, last = name.rpartition(".")
    extension = last.lower() if stem else ""
    category = BY_EXTENSION.get(extension, Category.OTHER)
    disguises: list[str] = []
    if category in HARMFUL:
        if _names_two_things(stem, extension):
            disguises.append("double extension")
        if _PADDING.search(name):
            disguises.append("extension out of sight")
    return NameFacts(name, extension, category, tuple(disguises))


def _judge_strange(name: str) -> NameFacts:
    disguises: list[str] = []
    signs: list[str] = []
    raw = _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), name) if "\\" in name else name
    cut = raw.endswith(ELLIPSIS) or len(raw) > LONGEST
    raw = raw[: 4 * LONGEST]
    leaf = _leaf(raw, disguises, signs)
    if _OVERRIDE.search(leaf):
        disguises.append("direction override")
    if "\0" in leaf:
        disguises.append("NUL in the name")
    elif _INVISIBLE.search(leaf):
        signs.append("invisible characters")
    stem, extension = _effective(leaf)
    category = BY_EXTENSION.get(extension, Category.OTHER)
    if _STREAM.search(leaf):
        disguises.append("stream of NTFS")
    if category in HARMFUL:
        disguises.extend(_hidden(leaf, stem, extension))
    if cut:
        signs.append("longer than file names are")
    return NameFacts(_shown(raw), extension, category, tuple(disguises), tuple(signs))


def _leaf(raw: str, disguises: list[str], signs: list[str]) -> str:
    """The last component of a path; what is odd about the others is noted."""
    if "/" not in raw and "\\" not in raw:
        return raw
    components = re.split(r"[/\\]", raw)
    if any(each.strip(" ") in ("..", "...") for each in components):
        disguises.append("leads out of its folder")
    elif not components[0] or components[0][1:2] == ":":
        signs.append("absolute path")
    return next((each for each in reversed(components) if each), "")


def _effective(leaf: str) -> tuple[str, str]:
    """Stem and extension as Windows takes them."""
    name = _STREAM.sub("", leaf)
    name = _INVISIBLE.sub("", name.partition("\0")[0] or name)
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    name = name.rstrip(". \t\xa0\u3000")
    stem, _, last = name.rpartition(".")
    found = _EXTENSION.match(last.strip().lower()) if stem else None
    return stem, found[0] if found else ""


def _hidden(leaf: str, stem: str, extension: str) -> list[str]:
    """How a harmful extension is kept from being seen."""
    disguises: list[str] = []
    if _names_two_things(stem, extension):
        disguises.append("double extension")
    if _PADDING.search(leaf):
        disguises.append("extension out of sight")
    if not leaf.lower().endswith(extension):
        disguises.append("dots, spaces or more after the extension")
    return disguises


def _names_two_things(stem: str, extension: str) -> bool:
    """Whether what stands before the extension ends in an innocent one: `invoice.pdf.exe`.

    People who save a document with its macros get `report.doc.docm`, and hide nothing by it.
    """
    before, _, last = stem.rstrip(" _").rpartition(".")
    if not before or not last or len(last) > 8:
        return False
    before_it = BY_EXTENSION.get(last.strip().lower(), Category.OTHER)
    is_saved_again = before_it is Category.DOCUMENT and BY_EXTENSION[extension] is Category.MACRO
    return before_it in INNOCENT and not is_saved_again


def _shown(raw: str) -> str:
    """Printable and bounded; of a long name both ends, since its end says what the file is."""
    text = visible(raw, 8 * LONGEST)
    return (
        text
        if len(text) <= SHOWN_CHARS
        else f"{text[: SHOWN_CHARS // 2]}{ELLIPSIS}{text[1 - SHOWN_CHARS // 2 :]}"
    )


def joined(path: str, name: str) -> str:
    """`name` inside `path`, bounded: the end of a long one is what matters."""
    whole = f"{path}/{name}" if path else name
    return whole if len(whole) <= PATH_CHARS else ELLIPSIS + whole[1 - PATH_CHARS :]
