"""What is attached to a message, told by content and by name. Values; `attachments` makes them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Category(StrEnum):
    """What an attachment can do to whoever opens it, or why nobody can tell."""

    EXECUTABLE = "executable"
    """Runs when opened: programs, installers, libraries."""
    SCRIPT = "script"
    """Is run by an interpreter that desktops come with."""
    SHORTCUT = "shortcut"
    """Leads to something that runs, or to another place."""
    MACRO = "macro"
    """An office document with a program in it."""
    DISK_IMAGE = "disk-image"
    """A volume that desktops mount at a click."""
    ACTIVE_PAGE = "active-page"
    """A page of HTML or SVG with script or form, opened from the disk."""
    ARCHIVE = "archive"
    ENCRYPTED = "encrypted"
    """An archive or document that nobody can look into."""
    UNREADABLE = "unreadable"
    """Damaged, too deep, too many or too large when unpacked: nobody has looked at all of it."""
    DISGUISED = "disguised"
    """Its name says another thing than its content, or hides what it says."""
    DOCUMENT = "document"
    IMAGE = "image"
    MEDIA = "media"
    TEXT = "text"
    OTHER = "other"


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """One file that a person could open, or one inside an archive.

    number: of the MIME part. path: names from the attachment inwards ("a.zip/b/c.exe"), printable, bounded.
    type: by its first octets; "" when they say nothing. declared: media type that the part claims.
    categories: everything it is. why: for the log, what led to them.
    """

    number: str
    path: str
    size_bytes: int
    type: str
    declared: str
    categories: tuple[Category, ...]
    why: tuple[str, ...] = ()
