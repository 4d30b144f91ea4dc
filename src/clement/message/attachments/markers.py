"""What rich text, PDF, OneNote and pages hold beside text: told by the words that would make it run.

A document is searched, not interpreted, so such a word can be hidden in layers of encoding; in PDF, where
that is usual, names in hex and packed object streams are undone.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from clement.message.attachment import Category
from clement.message.attachments.budget import Budget, Unreadable
from clement.message.attachments.findings import Inner, Insight
from clement.message.attachments.unpacking import Method, beginning

# --- rich text ----------------------------------------------------------------------------------------

_OBJECTS: Final = 20
_OBJECT_HEAD: Final = 2048
_NOT_HEX: Final = re.compile(rb"\\[a-z]+-?[0-9]* ?|[^0-9a-fA-F]")
_RISKY_CLASSES: Final = re.compile(
    rb"package|ole2link|equation\.|htmlfile|scriptletfile|shell\.explorer|otkloadr", re.IGNORECASE
)


def look_into_rtf(octets: bytes) -> Insight:
    """Objects in rich text, and what class the first of them name."""
    insight = Insight()
    at = -1
    for _object in range(_OBJECTS):
        at = octets.find(b"\\objdata", at + 1)
        if at < 0:
            break
        insight.say(Category.MACRO, "embedded object")
        digits = _NOT_HEX.sub(b"", octets[at + 8 : at + 8 + _OBJECT_HEAD])
        head = bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))
        found = _RISKY_CLASSES.search(head)
        if found:
            insight.say(Category.MACRO, f"object of class {found[0].decode('ascii').lower()}")
    if octets.find(b"\\objupdate") >= 0 or octets.find(b"\\objautlink") >= 0:
        insight.say(Category.MACRO, "object that loads itself")
    if octets.find(b"DDEAUTO") >= 0:
        insight.say(Category.MACRO, "DDE")
    return insight


# --- PDF ------------------------------------------------------------------------------------------------

_ACTIVE: Final = {
    b"/JavaScript": "script",
    b"/JS": "script",
    b"/Launch": "starts a program",
    b"/RichMedia": "Flash",
    b"/GoToE": "opens an embedded file",
    b"/SubmitForm": "sends a form",
}
_ENCRYPTED: Final = b"/Encrypt"
_EMBEDDED: Final = b"/EmbeddedFile"
_PACKED: Final = b"/ObjStm"
# Any of these names, whole; or one partly written in hex (ISO 32000-2 §7.3.5), to be undone and looked up.
_NAMES: Final = re.compile(
    rb"/(?:(?:JavaScript|JS|Launch|RichMedia|GoToE|SubmitForm|Encrypt|EmbeddedFile|ObjStm)"
    rb"(?=[\0\t\n\f\r ()<>\[\]{}/%])"
    rb"|[A-Za-z]{0,12}(?:#[0-9A-Fa-f]{2}[A-Za-z]{0,12}){1,12})"
)
_HEX: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_NAMES_READ: Final = 100_000
_OBJECT_STREAMS: Final = 40
_OBJECT_STREAM_BYTES: Final = 256 * 1024
_FILE_NAME: Final = re.compile(rb"/(?:UF|F)\s{0,9}\(((?:[^()\\]|\\.){1,120})\)", re.DOTALL)


def look_into_pdf(octets: bytes, budget: Budget) -> Insight:
    """Scripts, launches and passwords of a PDF (ISO 32000-2 §7.6, §12.6)."""
    insight = Insight()
    streams = _search_pdf(octets, insight)
    if Category.ENCRYPTED in insight.categories:
        return insight  # its streams and texts are packed under the password
    for at in streams[:_OBJECT_STREAMS]:
        start = octets.find(b"stream", at, at + 1024)
        if start >= 0:
            _search_pdf(_object_stream(octets, start + 6, budget), insight)
    return insight


def _object_stream(octets: bytes, at: int, budget: Budget) -> bytes:
    at += 2 if octets[at : at + 2] == b"\r\n" else 1
    packed = memoryview(octets)[at : at + _OBJECT_STREAM_BYTES]
    try:
        return beginning(packed, Method.ZLIB, _OBJECT_STREAM_BYTES, budget)
    except Unreadable:
        return b""  # of another filter than Flate, or damaged: a reader has nothing of it either


def _search_pdf(octets: bytes, insight: Insight) -> list[int]:
    """Note what its names would do; where streams of further objects begin."""
    streams: list[int] = []
    names: set[bytes] = set()
    for count, found in enumerate(_NAMES.finditer(octets)):
        if count >= _NAMES_READ:
            insight.say(Category.UNREADABLE, f"more than {_NAMES_READ} names that matter")
            break
        name = found[0] if b"#" not in found[0] else _undone(found[0], insight)
        names.add(name)
        if name == _PACKED:
            streams.append(found.end())
    _judge_pdf(names, insight)
    if _EMBEDDED in names:
        for said in islice(_FILE_NAME.finditer(octets), _OBJECTS):
            insight.inner.append(Inner(said[1].decode("latin-1"), b"", 0))
    return streams


def _undone(name: bytes, insight: Insight) -> bytes:
    """A name without its hex. Nobody writes those that matter so who does not hide them."""
    name = _HEX.sub(lambda pair: bytes.fromhex(pair[1].decode("ascii")), name)
    if name in _ACTIVE:
        insight.say(Category.MACRO, "name in hex")
    return name


def _judge_pdf(names: set[bytes], insight: Insight) -> None:
    for name, what in _ACTIVE.items():
        if name in names:
            insight.say(Category.MACRO, what)
    if _ENCRYPTED in names:
        insight.say(Category.ENCRYPTED, "PDF with a password or restrictions")


# --- OneNote ----------------------------------------------------------------------------------------------

# [MS-ONESTORE] §2.6.13: FileDataStoreObject.
_FILE_STORE: Final = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
_NOTE_FILES: Final = 50


def look_into_onenote(octets: bytes, limit_bytes: int) -> Insight:
    """The files embedded in a section of OneNote; their names lie elsewhere and are not sought."""
    insight = Insight()
    at = octets.find(_FILE_STORE)
    while at >= 0 and len(insight.inner) < _NOTE_FILES:
        size = int.from_bytes(octets[at + 16 : at + 24], "little")
        start = at + 36
        insight.inner.append(Inner("", octets[start : start + min(size, limit_bytes)], size))
        at = octets.find(_FILE_STORE, start)
    return insight


# --- pages ------------------------------------------------------------------------------------------------

_PAGE_MARKS: Final = (
    (b"<script", "script"),
    (b"javascript:", "script"),
    (b"vbscript:", "script"),
    (b"<form", "form"),
    (b"<iframe", "frame"),
    (b"<object", "object"),
    (b"<embed", "object"),
    (b"<foreignobject", "page within"),
    (b"<hta:", "application"),
)
_HANDLER: Final = re.compile(
    rb"<[a-z][^<>]{0,400}?[\s/\"']on(?:load|error|click|begin|toggle|mouse[a-z]{2,5}|focus)\s{0,20}="
)
_REFRESH: Final = re.compile(rb"<meta[^>]{0,200}http-equiv\s{0,20}=\s{0,20}[\"']?refresh")
PAGE_BYTES: Final = 4 * 1024 * 1024


def look_into_page(octets: bytes) -> Insight:
    """Script, forms and frames of a page that is opened from the disk, where nothing restrains them."""
    insight = Insight()
    text = octets[:PAGE_BYTES]
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text.decode("utf-16", "ignore").encode("utf-8", "ignore")
    text = text.lower()
    for mark, what in _PAGE_MARKS:
        if mark in text:
            insight.say(Category.ACTIVE_PAGE, what)
    if b" on" in text and _HANDLER.search(text):
        insight.say(Category.ACTIVE_PAGE, "script")
    if b"http-equiv" in text and _REFRESH.search(text):
        insight.say(Category.ACTIVE_PAGE, "leads elsewhere")
    return insight


TABLE_BYTES: Final = 256 * 1024
_FORMULA: Final = re.compile(
    rb"^[ \t\"']{0,20}[=+@-].{0,200}?"
    rb"\b(?:cmd|powershell|mshta|rundll32|msexcel|excel|regsvr32)\b[^\r\n]{0,200}\|",
    re.IGNORECASE | re.MULTILINE,
)


def look_into_table(octets: bytes) -> Insight:
    """DDE in the cells of a text table (CSV, SYLK), which Excel would carry out."""
    insight = Insight()
    if b"|" in octets and _FORMULA.search(octets[:TABLE_BYTES]):
        insight.say(Category.MACRO, "DDE")
    return insight
