"""What one file is, out of its name and its content together, and where the two contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from clement.message.attachment import Attachment, Category
from clement.message.attachments.extensions import HARMFUL, INNOCENT, ZIP_BASED
from clement.message.attachments.magic import UNKNOWN, ZIP, Kind
from clement.message.attachments.names import NameFacts

_WHY: Final = 8
_IN_ORDER: Final = tuple(Category)
_SEEN_CHARS: Final = 40

_HARMLESS: Final = frozenset(
    {Category.ARCHIVE, Category.DOCUMENT, Category.IMAGE, Category.MEDIA, Category.TEXT, Category.OTHER}
)
_STRANGE_INSIDE: Final = frozenset(
    {Category.EXECUTABLE, Category.SHORTCUT, Category.DISK_IMAGE, Category.ARCHIVE}
)
"""What nobody expects under the name of a document or picture."""
_SHOWN_TYPES: Final = ("image/", "audio/", "video/", "application/pdf")


class Found:
    """An attachment in the making. finer: a type that only looking into it could tell, "" for none."""

    __slots__ = ("categories", "declared", "finer", "kind", "name", "number", "path", "size_bytes", "why")

    def __init__(self, number: str, path: str, name: NameFacts, declared: str, size_bytes: int) -> None:
        self.number = number
        self.path = path
        self.name = name
        self.declared = declared
        self.size_bytes = size_bytes
        self.kind: Kind = UNKNOWN
        self.finer = ""
        self.categories: set[Category] = set()
        self.why: list[str] = []

    @property
    def is_harmless(self) -> bool:
        """Whether nothing about it would interest anybody."""
        return self.categories <= _HARMLESS

    def say(self, category: Category, why: str = "") -> None:
        """Note what it is and what led to that."""
        self.categories.add(category)
        if why and why not in self.why:
            self.why.append(why)

    def say_why(self, why: Iterable[str]) -> None:
        """Note what led to categories that are known already."""
        self.why.extend(each for each in why if each not in self.why)

    def attachment(self) -> Attachment:
        """The value of it."""
        categories = tuple(category for category in _IN_ORDER if category in self.categories)
        return Attachment(
            self.number,
            self.path,
            self.size_bytes,
            self.finer or self.kind.type,
            self.declared,
            categories or (Category.OTHER,),
            tuple(self.why[:_WHY]),
        )


def judge_by_name(found: Found, readings: Sequence[NameFacts]) -> None:
    """What any of the readings of a name says."""
    for reading in readings:
        if reading.category in HARMFUL and reading.extension != "com":
            found.say(reading.category, f"named .{reading.extension}")
        for disguise in reading.disguises:
            found.say(Category.DISGUISED, disguise)
        found.say_why(reading.signs)


def judge_by_content(found: Found) -> None:
    """What the first octets say, and whether the name or the declared type says something else."""
    name, kind = found.name, found.kind
    category = Category.DOCUMENT if found.finer and kind.category is Category.ARCHIVE else kind.category
    if kind is UNKNOWN:
        _judge_unknown(found)
        return
    if category in HARMFUL and kind.type.startswith("text/") and name.category in INNOCENT:
        category = Category.TEXT  # opened as text it does nothing
    disguise = _disguise(found, category)
    if disguise:
        found.say(Category.DISGUISED, disguise)
    if category in HARMFUL:
        found.say(category, "" if disguise else _spoken(kind))
    elif not (category is Category.DOCUMENT and Category.EXECUTABLE in found.categories):
        found.say(category)


def _disguise(found: Found, category: Category) -> str:
    """What else the name or the declared type says; "" when neither does."""
    name, kind = found.name, found.kind
    if category not in _STRANGE_INSIDE:
        return ""
    if name.category in INNOCENT and not (kind is ZIP and name.extension in ZIP_BASED):
        return f"named .{name.extension}, but is {_spoken(kind)}"
    if found.declared.startswith(_SHOWN_TYPES):
        return f"declared {found.declared[:_SEEN_CHARS]}, but is {_spoken(kind)}"
    return ""


def _judge_unknown(found: Found) -> None:
    """Content that says nothing: the name is all there is."""
    name = found.name
    if name.extension == "com":
        found.say(Category.EXECUTABLE, "named .com")
    elif name.category is Category.ARCHIVE:
        found.say(Category.ARCHIVE)
        found.say(Category.UNREADABLE, f"named .{name.extension}, but cannot be read as an archive")
    elif name.category in INNOCENT:
        found.say(name.category)


_SPOKEN: Final = {
    "application/vnd.microsoft.portable-executable": "a Windows program",
    "application/x-dosexec": "a DOS program",
    "application/x-elf": "a Unix program",
    "application/x-mach-binary": "a macOS program",
    "application/java-vm": "a Java class",
    "application/x-ms-shortcut": "a Windows shortcut",
    "application/zip": "a zip archive",
    "application/vnd.rar": "a RAR archive",
    "application/x-7z-compressed": "a 7z archive",
}


def _spoken(kind: Kind) -> str:
    return _SPOKEN.get(kind.type.partition(";")[0], kind.type)
