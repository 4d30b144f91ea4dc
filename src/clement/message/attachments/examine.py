"""Every attachment of a message, and what lies in it: the way into this package.

Most parts are decoded for their first octets only. Archives and documents are decoded whole, to a bound, and
their members looked at one by one in memory; nothing is ever written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from clement.message.attachment import Attachment, Category
from clement.message.attachments.archive import UNKNOWN_SIZE, Archive, Member
from clement.message.attachments.budget import Budget, ExamineLimits, Exhausted, Unreadable
from clement.message.attachments.dispatch import ARCHIVES, document_reader
from clement.message.attachments.findings import Insight
from clement.message.attachments.judgement import Found, judge_by_content, judge_by_name
from clement.message.attachments.macros import kind_of_package, look_into_package
from clement.message.attachments.magic import ENOUGH_BYTES, MIME, UNKNOWN, ZIP, kind_of
from clement.message.attachments.names import joined, judge_name
from clement.message.attachments.zip_directory import ZipArchive
from clement.message.mime.decode import decoded
from clement.message.mime.part import Part, Walk
from clement.message.mime.walk import walk

_STANDARD: Final = ExamineLimits()
_HEAD_BYTES: Final = 4096
"""Enough for most: only volumes begin further in."""
_READINGS: Final = 8
_MESSAGES: Final = frozenset({"eml", "mht", "mhtml"})
_FRAGMENT: Final = "message/partial"
_ENCLOSED: Final = "message/rfc822"
_Load = Callable[[int], bytes]
"""Gives at most so many of the first octets of a file. Raises Unreadable."""


def attachments_of(
    octets: bytes | memoryview, walked: Walk, limits: ExamineLimits = _STANDARD
) -> tuple[Attachment, ...]:
    """What a person could open, in the order in which it stands; every leaf but text that is shown as text.

    At most `limits.listed` are told of, and one that stands for the others; of too many the harmless are left
    out first. Never raises.
    """
    files = _files(walked)
    if not files:
        return ()
    examiner = _Examiner(limits)
    octets = octets if isinstance(octets, bytes) else bytes(octets)
    for part in files:
        examiner.look_at_part(octets, part)
    return examiner.result()


def _files(walked: Walk) -> list[Part]:
    around = {part.parent for part in walked.parts}
    return [part for place, part in enumerate(walked.parts) if place not in around and _is_file(part)]


def _size(part: Part) -> int:
    """Decoded, as far as that can be told without decoding: 57 octets make a line of 76 and its end."""
    start, end = part.body
    return (end - start) * 57 // 78 if part.encoding == "base64" else end - start


def _is_file(part: Part) -> bool:
    if part.type.startswith("multipart/"):
        return False
    if part.names or part.disposition == "attachment" or part.type in (_FRAGMENT, _ENCLOSED):
        return True
    return not part.type.startswith(("text/", "message/"))


class _Examiner:
    """One message: what was found so far and what may still be spent."""

    def __init__(self, limits: ExamineLimits) -> None:
        self._limits = limits
        self._budget = Budget(limits)
        self._found: list[Found] = []
        self._unseen = 0

    def look_at_part(self, octets: bytes, part: Part) -> None:
        """Look at one leaf of the message and at all that is in it."""
        found = self._begin(part.number, "", part.names or ("",), part.type, _size(part))
        if part.type == _FRAGMENT:
            found.say(Category.UNREADABLE, "a fragment of a message")
        try:
            self._look(found, partial(_start_of, octets, part, self._budget), 0)
        except Exhausted:
            self._unseen += 1

    def result(self) -> tuple[Attachment, ...]:
        """All, or the worst of them and one that stands for the rest."""
        found, most = self._found, self._limits.listed
        dropped: list[Found] = []
        if len(found) > most:
            by_weight = sorted(range(len(found)), key=lambda place: (found[place].is_harmless, place))
            kept = set(by_weight[:most])
            dropped = [found[place] for place in by_weight[most:]]
            found = [each for place, each in enumerate(found) if place in kept]
        told = [each.attachment() for each in found]
        if dropped:
            categories = {category for each in dropped for category in each.categories}
            told.append(_rest(len(dropped), categories, "not listed"))
        if self._unseen:
            told.append(_rest(self._unseen, {Category.UNREADABLE}, f"more than {self._limits.entries} files"))
        return tuple(told)

    def _begin(
        self, number: str, inside: str, readings: tuple[str, ...], declared: str, size_bytes: int
    ) -> Found:
        name, *others = map(judge_name, readings[:_READINGS])
        found = Found(number, joined(inside, name.shown or "(no name)"), name, declared, size_bytes)
        judge_by_name(found, [name, *others])
        self._found.append(found)
        return found

    def _look(self, found: Found, load: _Load, depth: int) -> None:
        """Judge one file by its content and look into it. Raises Exhausted."""
        self._budget.take_entry()
        try:
            self._look_within(found, load, depth)
        except Unreadable as why:
            found.say(Category.UNREADABLE, str(why))
        except Exhausted as why:
            found.say(Category.UNREADABLE, str(why))
            raise
        finally:
            judge_by_content(found)

    def _look_within(self, found: Found, load: _Load, depth: int) -> None:
        """Raises Unreadable, Exhausted."""
        head = load(_HEAD_BYTES)
        kind = kind_of(head)
        if len(head) < _HEAD_BYTES:
            found.size_bytes = len(head)
        elif kind is UNKNOWN:
            kind = kind_of(load(ENOUGH_BYTES))
        found.kind = kind
        if kind is MIME and found.name.extension in _MESSAGES:
            self._look_into_message(found, self._whole(found, load), depth)
        reader: Callable[[bytes, Budget], Archive] | None = ARCHIVES.get(kind.type)
        if reader is None and kind is UNKNOWN and found.name.category is Category.ARCHIVE and head:
            reader = ZipArchive  # some begin with other octets; its directory is at the end
        if reader is not None:
            self._look_into_archive(found, reader(self._whole(found, load), self._budget), depth)
        elif kind.category is Category.ARCHIVE:
            raise Unreadable("an archive of a kind that is not read")
        elif (document := document_reader(kind, found.name, found.declared)) is not None:
            enough = document.enough_bytes
            octets = load(enough) if enough else self._whole(found, load)
            self._take(found, document.look(octets, self._budget), depth)

    def _whole(self, found: Found, load: _Load) -> bytes:
        limit = self._limits.whole_bytes
        octets = load(limit + 1)
        self._budget.count_read(len(octets))
        if len(octets) > limit:
            raise Unreadable(f"larger than {limit >> 20} MiB")
        found.size_bytes = len(octets)
        return octets

    def _look_into_archive(self, found: Found, archive: Archive, depth: int) -> None:
        for trouble in archive.troubles:
            found.say(Category.UNREADABLE, trouble)
        for disguise in archive.disguises:
            found.say(Category.DISGUISED, disguise)
        if archive.encrypted:
            found.say(Category.ENCRYPTED, "names with a password")
        if found.kind is ZIP and found.name.extension != "zip":
            kind = kind_of_package(archive.members)
            if kind:
                self._take(found, look_into_package(archive, kind, self._budget), depth)
                return
        if depth >= self._limits.depth:
            raise Unreadable(f"archives more than {self._limits.depth} deep")
        for member in archive.members:
            if not member.name.endswith(("/", "\\")):
                self._look_at_member(found, archive, member, depth + 1)

    def _look_at_member(self, outer: Found, archive: Archive, member: Member, depth: int) -> None:
        readings = tuple(name for name in (member.name, member.other_name) if name)
        stem = outer.name.shown.rpartition(".")[0]
        size = max(member.size_bytes, 0)
        found = self._begin(outer.number, outer.path, readings or (stem,), "", size)
        if member.link:
            found.why.append("link")
        if member.encrypted:
            found.say(Category.ENCRYPTED)
            outer.say(Category.ENCRYPTED, "members with a password")
            self._budget.take_entry()
            return
        self._look(found, partial(archive.open, member), depth)
        if member.size_bytes != UNKNOWN_SIZE:
            found.size_bytes = member.size_bytes

    def _look_into_message(self, outer: Found, octets: bytes, depth: int) -> None:
        """A message that is attached as a file, which the walker of the whole took for any other file."""
        if depth >= self._limits.depth:
            raise Unreadable(f"files more than {self._limits.depth} deep")
        inner = walk(octets)
        if inner.over_budget:
            outer.say(Category.UNREADABLE, f"more than can be read ({inner.over_budget})")
        for part in _files(inner):
            found = self._begin(outer.number, outer.path, part.names or ("",), part.type, _size(part))
            self._look(found, partial(_start_of, octets, part, self._budget), depth + 1)

    def _take(self, found: Found, insight: Insight, depth: int) -> None:
        """Add what was seen in a document; the files in it are looked at like the members of an archive."""
        found.finer = insight.type
        for category in insight.categories:
            found.say(category)
        found.say_why(insight.why)
        if insight.inner and depth >= self._limits.depth:
            raise Unreadable(f"files more than {self._limits.depth} deep")
        for inner in insight.inner:
            place = len(self._found)
            held = self._begin(found.number, found.path, (inner.name,), "", inner.size_bytes)
            self._look(held, partial(_cut, inner.octets), depth + 1)
            if all(each.is_harmless for each in self._found[place:]):
                del self._found[place:]


def _start_of(octets: bytes, part: Part, budget: Budget, limit_bytes: int) -> bytes:
    """The first octets of a part; of a long one no more is decoded than that takes. Raises Unreadable."""
    start, end = part.body
    near = start + 2 * limit_bytes + 1024
    if near < end and part.encoding == "base64":
        head = decoded(octets, msgspec.structs.replace(part, body=(start, near)), limit_bytes)
        if len(head) == limit_bytes:
            return head
        budget.count_read(end - start)  # most of it is no base64, and how much is not known
    return decoded(octets, part, limit_bytes)


def _cut(octets: bytes, limit_bytes: int) -> bytes:
    return octets[:limit_bytes]


def _rest(count: int, categories: set[Category], why: str) -> Attachment:
    ordered = tuple(category for category in Category if category in categories) or (Category.OTHER,)
    return Attachment("", f"({count} more)", 0, "", "", ordered, (why,))
