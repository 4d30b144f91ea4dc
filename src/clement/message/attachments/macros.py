"""Programs in office documents: VBA, Excel 4 macros, DDE, what is loaded from elsewhere; and passwords.

[MS-OFFCRYPTO], [MS-OVBA], [MS-XLS], ECMA-376, ODF 1.3. Nothing is interpreted: it is enough that it is there.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from clement.message.attachment import Category
from clement.message.attachments.archive import Archive, Member
from clement.message.attachments.budget import Budget, Unreadable
from clement.message.attachments.compound_file import CompoundFile, Entry
from clement.message.attachments.findings import Inner, Insight

_INNER_FILES: Final = 50

# --- compound files -----------------------------------------------------------------------------------

_INSTALLERS: Final = {bytes.fromhex(f"{start}100c0000000000c000000000000046") for start in ("84", "86", "82")}
"""Packages, patches and transforms of Windows Installer, by the class of the root."""

_STREAM_TYPES: Final = {
    "worddocument": "application/msword",
    "workbook": "application/vnd.ms-excel",
    "book": "application/vnd.ms-excel",
    "powerpoint document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "visiodocument": "application/vnd.visio",
}
_VBA_STORAGES: Final = frozenset({"_vba_project_cur", "_vba_project", "vba", "macros"})
_VBA_MARK: Final = "_VBA_PROJECT".encode("utf-16-le")
_OUTLOOK_DATA: Final = "__substg1.0_37010102"

_BOUNDSHEET: Final = 0x0085
_FILEPASS: Final = 0x002F
_MACRO_SHEET: Final = 1
_WORD_ENCRYPTED: Final = 0x0100


def look_into_compound(octets: bytes, limit_bytes: int) -> Insight:
    """What a compound file holds. limit_bytes: of each embedded file. Never raises."""
    insight = Insight()
    try:
        file = CompoundFile(octets)
    except Unreadable as why:
        if _VBA_MARK in octets:
            insight.say(Category.MACRO, "VBA")
        insight.say(Category.UNREADABLE, str(why))
        return insight
    names = {entry.name.lower() for entry in file.entries}
    insight.type = next((kind for name, kind in _STREAM_TYPES.items() if name in names), "")
    if file.root.class_id in _INSTALLERS:
        insight.type = "application/x-msi"
        insight.say(Category.EXECUTABLE, "installer")
    if names & _VBA_STORAGES or _VBA_MARK in octets:
        insight.say(Category.MACRO, "VBA")
    if "encryptedpackage" in names:
        insight.type = "application/encrypted"
        insight.say(Category.ENCRYPTED, "document with a password")
    if "encryptedsummary" in names:
        insight.say(Category.ENCRYPTED, "presentation with a password")
    _look_into_excel(file, insight)
    _look_into_word(file, insight)
    _find_packages(file, insight, limit_bytes)
    return insight


def _look_into_excel(file: CompoundFile, insight: Insight) -> None:
    entry = file.stream("Workbook") or file.stream("Book")
    if entry is None:
        return
    head = file.read(entry, 256 * 1024)
    at = 0
    while at + 4 <= len(head):
        kind, length = struct.unpack_from("<HH", head, at)
        if kind == _FILEPASS:
            insight.say(Category.ENCRYPTED, "workbook with a password")
            return
        if kind == _BOUNDSHEET and length >= 6 and head[at + 9 : at + 10] == bytes([_MACRO_SHEET]):
            insight.say(Category.MACRO, "Excel 4 macros")
        at += 4 + length


def _look_into_word(file: CompoundFile, insight: Insight) -> None:
    entry = file.stream("WordDocument")
    if entry is None:
        return
    head = file.read(entry, 512 * 1024)
    if int.from_bytes(head[10:12], "little") & _WORD_ENCRYPTED:
        insight.say(Category.ENCRYPTED, "document with a password")
    if b"DDEAUTO" in head or "DDEAUTO".encode("utf-16-le") in head:
        insight.say(Category.MACRO, "DDE")


def _find_packages(file: CompoundFile, insight: Insight, limit_bytes: int) -> None:
    """Files that somebody dragged into the document, and those attached to an item of Outlook."""
    for entry in file.entries:
        if len(insight.inner) >= _INNER_FILES:
            insight.say(Category.UNREADABLE, f"more than {_INNER_FILES} embedded files")
            return
        if entry.name == "\x01Ole10Native":
            package = _package(file.read(entry, limit_bytes))
            if package is not None:
                insight.inner.append(package)
        elif entry.name.lower() == _OUTLOOK_DATA:
            insight.inner.append(_outlook_file(file, entry, limit_bytes))


def _outlook_file(file: CompoundFile, entry: Entry, limit_bytes: int) -> Inner:
    return Inner("", file.read(entry, limit_bytes), entry.size)


def _package(stream: bytes) -> Inner | None:
    """Label, path and content of a package: sizes and texts that end in NUL, one after another."""
    name, mark, rest = stream[6:].partition(b"\0")
    _path, second, rest = rest.partition(b"\0")
    if not mark or not second or len(rest) < 8:
        return None
    (length,) = struct.unpack_from("<I", rest, 4)
    at = 8 + length
    if at + 4 > len(rest):
        return None
    (size,) = struct.unpack_from("<I", rest, at)
    return Inner(name.decode("cp1252", "replace"), rest[at + 4 : at + 4 + size], size)


# --- zip files that are documents -------------------------------------------------------------------------

_CONTENT_TYPES: Final = "[content_types].xml"
_ODF_MANIFEST: Final = "meta-inf/manifest.xml"
_RELATIONSHIP: Final = re.compile(rb"<Relationship\b[^<>]{0,2000}>", re.IGNORECASE)
_FROM_ELSEWHERE: Final = re.compile(rb'/(attachedTemplate|oleObject|frame|subDocument)"', re.IGNORECASE)
_REMOTE_TARGET: Final = re.compile(
    rb'Target\s{0,9}=\s{0,9}"\s{0,9}(?:mhtml:|https?:|ftp:|[a-z-]+:https?:)', re.IGNORECASE
)
_DDE: Final = re.compile(rb"<w:instrText[^<>]{0,200}>\s{0,20}DDE(?:AUTO)?\b|ddeService=", re.IGNORECASE)
_TYPES: Final = (
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("visio/", "application/vnd.ms-visio.drawing"),
    ("appxmanifest.xml", "application/x-appx"),
)
_XML_BYTES: Final = 128 * 1024
_READ_MEMBERS: Final = 64
# Parts of a document that its reader never runs, whatever is in them.
_PASSIVE_WORDS: Final = """
    xml rels vml png jpg jpeg gif emf wmf tif tiff bmp ttf odttf fntdata mp3 mp4 wav wdp svg txt rdf css
    mimetype
"""
_PASSIVE: Final = frozenset(_PASSIVE_WORDS.split())


def kind_of_package(members: list[Member]) -> str:
    """Media type of the document or program that a zip file is by its members; "" when it is neither."""
    names = {each.name.lower() for each in members[:400]}
    if _CONTENT_TYPES in names:
        for start, kind in _TYPES:
            if any(name.startswith(start) for name in names):
                return kind
        return "application/vnd.ms-opc"
    if "androidmanifest.xml" in names:
        return "application/vnd.android.package-archive"
    if "mimetype" in names and _ODF_MANIFEST in names:
        return "application/vnd.oasis.opendocument"
    if "mimetype" in names and "meta-inf/container.xml" in names:
        return "application/epub+zip"
    if any(name.endswith(".class") for name in names):
        return "application/java-archive"
    if any(name.startswith("payload/") and ".app/" in name for name in names):
        return "application/x-ios-app"
    return ""


RUNS: Final = frozenset(
    {
        "application/x-appx",
        "application/vnd.android.package-archive",
        "application/java-archive",
        "application/x-ios-app",
    }
)
"""Packages that are programs."""


def look_into_package(archive: Archive, kind: str, budget: Budget) -> Insight:
    """What an OOXML or ODF file holds beside text."""
    insight = Insight(kind)
    if kind in RUNS:
        insight.say(Category.EXECUTABLE, "package of a program")
        return insight
    read = 0
    for member in archive.members:
        name = member.name.lower().replace("\\", "/").lstrip("/")
        _judge_part(name, insight)
        if member.encrypted:
            insight.say(Category.ENCRYPTED, "member with a password")
        elif read < _READ_MEMBERS and _says_more(name):
            read += 1
            _read_part(archive, member, name, insight)
        elif not name.endswith("/") and name.rpartition(".")[2] not in _PASSIVE:
            _embed(archive, member, insight, budget)
    return insight


def _judge_part(name: str, insight: Insight) -> None:
    if name.endswith("vbaproject.bin"):
        insight.say(Category.MACRO, "VBA")
    elif "/macrosheets/" in name:
        insight.say(Category.MACRO, "Excel 4 macros")
    elif "/activex/" in name and name.endswith(".bin"):
        insight.say(Category.MACRO, "ActiveX")
    elif name.startswith(("basic/", "scripts/")) and not name.endswith(
        ("/", "script-lc.xml", "script-lb.xml")
    ):
        insight.say(Category.MACRO, "program of LibreOffice")


def _says_more(name: str) -> bool:
    return name.endswith(".rels") or name in (
        _CONTENT_TYPES,
        _ODF_MANIFEST,
        "word/document.xml",
        "xl/externallinks/externallink1.xml",
    )


def _read_part(archive: Archive, member: Member, name: str, insight: Insight) -> None:
    try:
        octets = archive.open(member, _XML_BYTES)
    except Unreadable as why:
        insight.say(Category.UNREADABLE, str(why))
        return
    if name.endswith(".rels"):
        for found in _RELATIONSHIP.finditer(octets):
            what = _FROM_ELSEWHERE.search(found[0])
            if what and _REMOTE_TARGET.search(found[0]):
                insight.say(Category.MACRO, f"{what[1].decode('ascii')} from elsewhere")
    elif name == _CONTENT_TYPES:
        if b"ms-office.vbaProject" in octets or b"macroEnabled" in octets:
            insight.say(Category.MACRO, "VBA")
    elif name == _ODF_MANIFEST:
        if b"encryption-data" in octets:
            insight.say(Category.ENCRYPTED, "document with a password")
    elif b"DDE" in octets.upper() and _DDE.search(octets):
        insight.say(Category.MACRO, "DDE")


def _embed(archive: Archive, member: Member, insight: Insight, budget: Budget) -> None:
    if len(insight.inner) >= _INNER_FILES or member.name.lower().endswith("vbaproject.bin"):
        return
    try:
        octets = archive.open(member, budget.limits.whole_bytes)
    except Unreadable as why:
        insight.say(Category.UNREADABLE, str(why))
        return
    insight.inner.append(Inner(member.name, octets, member.size_bytes))
