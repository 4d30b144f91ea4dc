"""The structure of a message: its entities as ranges of its octets, in every reading that a reader may have.

    multipart-body := [preamble CRLF] dash-boundary CRLF body-part *encapsulation
                      close-delimiter [CRLF epilogue]                            (RFC 2046 §5.1.1)

Iterative, linear and total: any octets give a Walk, and limits bound everything. Where readers of mail differ
(two boundaries, two Content-Types, two encodings, text where none belongs), the most common reading comes
first, and each other one adds the parts that only it sees, so that nothing hides in a reading that was not
chosen.
RFC 2045, RFC 2046; draft-chen-email-mime-ambiguity-defense.
"""

from __future__ import annotations

from clement.message.headers import FIELD, has_long_line
from clement.message.mime import leaf
from clement.message.mime.content_type import IDENTITY, ContentType
from clement.message.mime.cut import Cut, cuts
from clement.message.mime.decode import decode
from clement.message.mime.defects import MimeDefect
from clement.message.mime.delimiters import DashLines
from clement.message.mime.draft import Draft, Entity, Source
from clement.message.mime.entity import EntityHeader, read_entity
from clement.message.mime.files import files_in_text, files_in_tnef
from clement.message.mime.limits import WalkLimits
from clement.message.mime.part import Walk

__all__ = ["WalkLimits", "walk"]

_MESSAGES = frozenset(("message/rfc822", "message/global", "message/news"))
_TNEF_TYPES = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))
_TNEF_NAMES = frozenset(("winmail.dat", "win.dat"))
_MAX_READINGS = 6
_MAX_TEXT_BYTES = 4 * 1024 * 1024
_FIELD_BYTES = 1000
_LEAST_FILE_BYTES = 20
_LEAST_WORK = 4 * 1024 * 1024
_WORK_OF_A_LINE = 32
_WORK_OF_AN_ENTITY = 512
_TEXT = ContentType("text/plain", (), "", (), ())
DEFAULT = WalkLimits()


def walk(octets: bytes | memoryview, limits: WalkLimits = DEFAULT) -> Walk:
    """The structure of the message in `octets`."""
    walker = _Walker(_as_bytes(octets), limits)
    walker.run()
    return walker.result()


def _as_bytes(octets: bytes | memoryview) -> bytes:
    if isinstance(octets, bytes):
        return octets
    whole = octets.obj
    return whole if isinstance(whole, bytes) and len(whole) == octets.nbytes else bytes(octets)


class _Walker:
    def __init__(self, octets: bytes, limits: WalkLimits) -> None:
        self.limits = limits
        self._octets = octets
        self._ascii = octets.isascii()
        self._drafts: list[Draft] = []
        self._stack: list[Entity] = []
        self._over_budget = ""
        self._stopped = False
        self._work_left = limits.work * len(octets) + _LEAST_WORK
        self._decoded_left = limits.decoded_bytes

    def charge(self, work: int) -> None:
        """Count octets that are looked at; beyond the limit nothing more is read."""
        self._work_left -= work
        if self._work_left < 0:
            self.exceed("work")
            self._stopped = True

    def exceed(self, limit: str) -> None:
        """Note the first limit that was exceeded."""
        self._over_budget = self._over_budget or limit

    def run(self) -> None:
        source = Source(self._octets, walked=True)
        self._stack.append(Entity(source, (0, len(self._octets)), -1, 0, ""))
        while self._stack and not self._stopped:
            self._read(self._stack.pop())

    def result(self) -> Walk:
        parts = tuple(draft.part() for draft in self._drafts)
        defects: dict[str, None] = {}
        if b"\0" in self._octets:
            defects[MimeDefect.NUL] = None
        if has_long_line(self._octets):
            defects[MimeDefect.LINE_TOO_LONG] = None
        for part in parts:
            if part.defects:
                defects.update(dict.fromkeys(part.defects))
        return Walk(parts, tuple(defects), self._over_budget)

    def _add(self, draft: Draft) -> int:
        """The index of the draft; -1 when there are too many parts."""
        if len(self._drafts) >= self.limits.parts:
            self.exceed("parts")
            self._stopped = True
            return -1
        self._drafts.append(draft)
        return len(self._drafts) - 1

    # One entity

    def _read(self, entity: Entity) -> None:
        said = read_entity(entity.source.octets, entity.start, entity.end, self.limits)
        self.charge(said.header[1] - said.header[0] + _WORK_OF_AN_ENTITY)
        if said.over_budget:
            self.exceed(said.over_budget)
        draft = self._draft(entity, said, said.types[0], said.encodings[0])
        if entity.is_message:
            # In IMAP the only part of a message is part 1.
            draft.number = draft.number or "1"
            draft.number += ".TEXT" if draft.type.startswith("multipart/") else ".1"
        draft.defects |= said.defects
        index = self._add(draft)
        if index < 0:
            return
        inside: list[Entity] = []
        self._body(draft, index, said.types[0], inside)
        encodings = _encodings(said, entity.source.octets, draft)
        if len(said.types) > 1 or len(encodings) > 1:
            self._other_readings(entity, said, encodings, draft, inside)
        if said.other_body_start >= 0:
            self._other_end(entity, said, draft)
        inside.reverse()
        self._stack += inside

    def _draft(self, entity: Entity, said: EntityHeader, kind: ContentType, encoding: str) -> Draft:
        draft = Draft(entity.source, entity.number, entity.parent, entity.depth)
        draft.type = kind.type or entity.default
        draft.charset = kind.charset
        draft.encoding = encoding
        draft.disposition = said.disposition
        draft.names = said.names
        draft.content_id = said.content_id
        draft.header = said.header
        draft.body = (said.body_start, entity.end)
        return draft

    def _other_readings(
        self,
        entity: Entity,
        said: EntityHeader,
        encodings: list[str],
        first: Draft,
        inside: list[Entity],
    ) -> None:
        """The same octets under another Content-Type or transfer encoding."""
        pairs = [(kind, encoding) for kind in said.types for encoding in encodings][1:_MAX_READINGS]
        for kind, encoding in pairs:
            draft = self._draft(entity, said, kind, encoding)
            composite = draft.type.startswith("multipart/") or draft.type in _MESSAGES
            if draft.type == first.type and (
                composite or (encoding in IDENTITY and first.encoding in IDENTITY)
            ):
                if kind.boundaries:
                    self._multipart(first, self._drafts.index(first), kind, inside)
                continue
            self._add_reading(draft, first, kind, inside)

    def _other_end(self, entity: Entity, said: EntityHeader, first: Draft) -> None:
        """The text that some readers see because the header ends earlier for them, and has less fields."""
        draft = self._draft(entity, said, _TEXT, "7bit")
        draft.number = first.next_reading()
        draft.header = (said.header[0], said.other_body_start)
        start, end = said.other_body_start, entity.end
        if first.type.startswith(("text/", "multipart/")) and first.encoding in IDENTITY:
            end = max(start, said.header[1])  # what comes then, the first reading shows as well
        draft.body = (start, end)
        index = self._add(draft)
        if index >= 0:
            self._leaf(draft, index)

    def _add_reading(self, draft: Draft, first: Draft, kind: ContentType, inside: list[Entity]) -> None:
        draft.number = first.next_reading()
        index = self._add(draft)
        if index >= 0:
            self._body(draft, index, kind, inside)

    def _body(self, draft: Draft, index: int, kind: ContentType, inside: list[Entity]) -> None:
        if draft.type.startswith("multipart/"):
            self._multipart(draft, index, kind, inside)
        elif draft.type in _MESSAGES:
            self._message(draft, index, inside)
        else:
            if draft.type == "message/partial":
                draft.defects.add(MimeDefect.PARTIAL)
            elif draft.type == "message/external-body":
                draft.defects.add(MimeDefect.EXTERNAL_BODY)
            self._leaf(draft, index)

    # Multiparts and messages

    def _lines(self, source: Source) -> DashLines:
        if source.lines is None:
            self.charge(len(source.octets))
            source.lines = DashLines(source.octets, self.limits.delimiter_lines)
            if source.lines.full:
                self.exceed("delimiters")
        return source.lines

    def _multipart(self, draft: Draft, index: int, kind: ContentType, inside: list[Entity]) -> None:
        boundaries = kind.boundaries
        if not boundaries:
            draft.defects.add(MimeDefect.BOUNDARY_MISSING)
        if any(len(boundary) > self.limits.boundary_bytes for boundary in boundaries):
            self.exceed("boundary")
            boundaries = tuple(each for each in boundaries if len(each) <= self.limits.boundary_bytes)
        readings = self._cuts(draft.source, boundaries, draft.body, draft.defects)
        encoded = draft.encoding not in IDENTITY
        draft.boundaries = boundaries
        if not readings and self._is_of_outer(draft):
            draft.defects.add(MimeDefect.BOUNDARY_OF_OUTER)
        for reading in readings:
            self._inside(draft, index, reading, inside)
        if encoded:
            draft.defects.add(MimeDefect.COMPOSITE_ENCODED)
            source = self._decoded(draft)
            for reading in self._cuts(source, boundaries, (0, len(source.octets)), draft.defects):
                readings.append(reading)
                self._inside(draft, index, reading, inside, source)
        if not readings:
            self._as_text(draft, index)

    def _is_of_outer(self, draft: Draft) -> bool:
        """Whether a multipart around has the same boundary: its parts then are parts of that one."""
        around = draft.parent
        while around >= 0:
            outer = self._drafts[around]
            if not set(outer.boundaries).isdisjoint(draft.boundaries):
                return True
            around = outer.parent
        return False

    def _cuts(
        self, source: Source, boundaries: tuple[bytes, ...], span: tuple[int, int], defects: set[MimeDefect]
    ) -> list[Cut]:
        lines = self._lines(source)
        self.charge(_WORK_OF_A_LINE * len(lines.between(*span)) * (1 + len(boundaries)))
        found = cuts(lines, boundaries, span, self.limits.parts + 1, defects)
        if any(source.octets[line - 1] == 13 for line in lines.bare_cr if span[0] <= line < span[1]):
            defects.add(MimeDefect.BARE_CR_BOUNDARY)
        return found

    def _inside(
        self, draft: Draft, index: int, reading: Cut, inside: list[Entity], source: Source | None = None
    ) -> None:
        """The parts of one reading are to be read. The first reading of an entity has the plain numbers."""
        source = source or draft.source
        depth = draft.depth + 1
        if depth > self.limits.depth:
            self.exceed("depth")
            return
        prefix = f"{draft.next_reading()}." if draft.cut else _prefix(draft.number)
        draft.cut = True
        default = "message/rfc822" if draft.type == "multipart/digest" else "text/plain"
        self._outside(draft, index, reading.preamble, source, inside, MimeDefect.CONTENT_IN_PREAMBLE)
        for position, span in enumerate(reading.parts, 1):
            entity = Entity(source, span, index, depth, f"{prefix}{position}")
            entity.default = default
            inside.append(entity)
        self._outside(draft, index, reading.epilogue, source, inside, MimeDefect.CONTENT_IN_EPILOGUE)

    def _message(self, draft: Draft, index: int, inside: list[Entity]) -> None:
        depth = draft.depth + 1
        if depth > self.limits.depth:
            self.exceed("depth")
            return
        sources = [(draft.source, draft.body)]
        if draft.encoding not in IDENTITY:
            draft.defects.add(MimeDefect.COMPOSITE_ENCODED)
            source = self._decoded(draft)
            if not FIELD.match(draft.source.octets[draft.body[0] : draft.body[0] + _FIELD_BYTES]):
                sources.clear()
            if source.octets:
                sources.insert(0, (source, (0, len(source.octets))))
        for position, (source, span) in enumerate(sources):
            number = draft.next_reading() if position else draft.number
            entity = Entity(source, span, index, depth, number)
            entity.is_message = True
            inside.append(entity)

    def _decoded(self, draft: Draft) -> Source:
        start, end = draft.body
        octets = self._decode(draft.encoding, draft.source.octets, start, end)
        return Source(octets)

    def _decode(self, encoding: str, octets: bytes, start: int, end: int) -> bytes:
        self.charge(2 * (end - start))
        found = decode(encoding, octets, start, end, self._decoded_left + 1)
        if len(found) > self._decoded_left:
            self.exceed("decoded")
            found = found[: self._decoded_left]
        self._decoded_left -= len(found)
        return found

    def _as_text(self, draft: Draft, index: int) -> None:
        """A multipart that nothing cuts is shown as one text by many readers."""
        text = Draft(draft.source, draft.next_reading(), index, draft.depth + 1)
        text.type, text.encoding, text.charset = "text/plain", draft.encoding, draft.charset
        text.header, text.body = (draft.body[0], draft.body[0]), draft.body
        added = self._add(text)
        if added >= 0:
            self._leaf(text, added)

    def _outside(
        self,
        draft: Draft,
        index: int,
        span: tuple[int, int],
        source: Source,
        inside: list[Entity],
        defect: MimeDefect,
    ) -> None:
        """What stands before the first and behind the last part is shown by few readers, if it is a file."""
        start, end = span
        if end - start < _LEAST_FILE_BYTES:
            return
        self.charge(end - start)
        where = leaf.part_outside(source.octets, start, end)
        if where >= 0:
            draft.defects.add(defect)
            inside.append(Entity(source, (where, end), index, draft.depth + 1, draft.next_reading()))
            return
        where = leaf.base64_block(source.octets, start, end)
        if where >= 0:
            draft.defects.add(defect)
            file = Draft(source, draft.next_reading(), index, draft.depth + 1)
            file.encoding, file.header, file.body = "base64", (where, where), (where, end)
            self._add(file)
        elif self._inlined(draft, index, source, span):
            draft.defects.add(defect)

    # Leaves

    def _leaf(self, draft: Draft, index: int) -> None:
        octets, (start, end) = draft.source.octets, draft.body
        self.charge(2 * (end - start))
        if self._stopped:
            return
        if draft.encoding == "base64":
            draft.defects |= leaf.base64_defects(octets, start, end)
            if draft.type.startswith("text/"):
                source = self._decoded(draft)
                self._inlined(draft, index, source, (0, len(source.octets)))
        else:
            self._plain_leaf(draft, index, octets[start:end] if end - start < _MAX_TEXT_BYTES else b"")
        if draft.type in _TNEF_TYPES or any(name.lower() in _TNEF_NAMES for name in draft.names):
            self._tnef(draft, index)

    def _plain_leaf(self, draft: Draft, index: int, body: bytes) -> None:
        if draft.encoding == "quoted-printable" and leaf.quoted_printable_is_bad(body):
            draft.defects.add(MimeDefect.QUOTED_PRINTABLE_BAD)
        if not self._ascii and draft.encoding in {"7bit", "quoted-printable"} and not body.isascii():
            draft.defects.add(MimeDefect.EIGHT_BIT_UNDECLARED)
        if body.count(b"\r") != body.count(b"\r\n"):
            draft.defects.add(MimeDefect.BARE_CR)
        self._inlined(draft, index, draft.source, draft.body)

    def _inlined(self, draft: Draft, index: int, source: Source, span: tuple[int, int]) -> bool:
        """Files in a text become parts of it."""
        files = files_in_text(draft, index, source, span)
        for file in files:
            self._add(file)
        return bool(files)

    def _tnef(self, draft: Draft, index: int) -> None:
        for file in files_in_tnef(draft, index, self._decoded(draft)):
            self._add(file)


def _prefix(number: str) -> str:
    """What the numbers of the parts of an entity begin with."""
    return f"{number.removesuffix('TEXT').removesuffix('.')}." if number else ""


def _encodings(said: EntityHeader, octets: bytes, draft: Draft) -> list[str]:
    """The encodings that the header may mean, and those that a body which fits none of them has."""
    encodings = list(said.encodings)
    if draft.encoding != "base64" and MimeDefect.ENCODING_UNKNOWN not in said.defects:
        return encodings
    head = leaf.head(octets, *draft.body)
    if draft.encoding == "base64":
        if leaf.looks_like_text(head) and "7bit" not in encodings:
            encodings.append("7bit")
    elif leaf.looks_like_base64(head):
        encodings.append("base64")
    elif b"=\r\n" in head or b"=3D" in head or b"=\n" in head:
        encodings.append("quoted-printable")
    return encodings
