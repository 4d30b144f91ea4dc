"""Which reader looks into which type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from clement.message.attachment import Category
from clement.message.attachments import magic, markers
from clement.message.attachments.archive import Archive
from clement.message.attachments.budget import Budget
from clement.message.attachments.findings import Insight
from clement.message.attachments.macros import look_into_compound
from clement.message.attachments.magic import Kind
from clement.message.attachments.names import NameFacts
from clement.message.attachments.old_archives import Arj, Cabinet, Lzh
from clement.message.attachments.rar import RarArchive
from clement.message.attachments.seven_zip import SevenZipArchive
from clement.message.attachments.streams import TarArchive, open_stream
from clement.message.attachments.tnef import TnefArchive
from clement.message.attachments.unpacking import Method
from clement.message.attachments.zip_directory import ZipArchive

ARCHIVES: Final[dict[str, Callable[[bytes, Budget], Archive]]] = {
    magic.ZIP.type: ZipArchive,
    magic.TAR.type: TarArchive,
    magic.GZIP.type: lambda octets, budget: open_stream(octets, Method.GZIP, budget),
    magic.BZIP2.type: lambda octets, budget: open_stream(octets, Method.BZIP2, budget),
    magic.XZ.type: lambda octets, budget: open_stream(octets, Method.XZ, budget),
    magic.RAR4.type: RarArchive,
    magic.RAR5.type: RarArchive,
    magic.SEVEN_ZIP.type: SevenZipArchive,
    magic.CABINET.type: Cabinet,
    magic.LZH.type: Lzh,
    magic.ARJ.type: Arj,
    magic.TNEF.type: TnefArchive,
}
"""What reads the listing of an archive of this type. Each raises Unreadable."""


class Reader(NamedTuple):
    """What looks into a document. enough_bytes: of its beginning; 0 where it takes all of it."""

    look: Callable[[bytes, Budget], Insight]
    enough_bytes: int = 0


_DOCUMENTS: Final = {
    magic.COMPOUND.type: Reader(lambda octets, budget: look_into_compound(octets, budget.limits.whole_bytes)),
    magic.PDF.type: Reader(markers.look_into_pdf),
    magic.RTF.type: Reader(lambda octets, _budget: markers.look_into_rtf(octets)),
    magic.ONENOTE.type: Reader(
        lambda octets, budget: markers.look_into_onenote(octets, budget.limits.whole_bytes)
    ),
}
_PAGE: Final = Reader(lambda octets, _budget: markers.look_into_page(octets), markers.PAGE_BYTES)
_TABLE: Final = Reader(lambda octets, _budget: markers.look_into_table(octets), markers.TABLE_BYTES)

_PAGES: Final = frozenset({magic.HTML.type, magic.SVG.type, magic.XML.type})
_TABLES: Final = frozenset({"csv", "tsv", "slk", "iqy"})


def document_reader(kind: Kind, name: NameFacts, declared: str) -> Reader | None:
    """What looks into a file that is no archive; None when there is nothing to look for."""
    found = _DOCUMENTS.get(kind.type)
    if found is not None:
        return found
    if _is_page(kind, name, declared):
        return _PAGE
    return _TABLE if name.extension in _TABLES and kind.category is Category.TEXT else None


def _is_page(kind: Kind, name: NameFacts, declared: str) -> bool:
    """Whether a browser would open it: that goes by the name, and by the declared type without one."""
    if name.category is Category.ACTIVE_PAGE:
        return kind.category in (Category.TEXT, Category.IMAGE, Category.OTHER)
    if name.extension and name.category is not Category.OTHER:
        return False
    return kind.type in _PAGES or declared in ("text/html", "image/svg+xml", "application/xhtml+xml")
