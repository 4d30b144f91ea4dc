"""What a walk works with: sources of octets, entities still to be read, parts still to be judged."""

from __future__ import annotations

from clement.message.mime.defects import MimeDefect
from clement.message.mime.delimiters import DashLines
from clement.message.mime.part import Part


class Source:
    """Octets in which entities stand: those that are walked, or decoded ones out of them."""

    __slots__ = ("lines", "octets", "within")

    def __init__(self, octets: bytes, *, walked: bool = False) -> None:
        self.octets = octets
        self.within = b"" if walked else octets
        self.lines: DashLines | None = None


class Entity:
    """An entity that is still to be read."""

    __slots__ = ("default", "depth", "end", "is_message", "number", "parent", "source", "start")

    def __init__(self, source: Source, span: tuple[int, int], parent: int, depth: int, number: str) -> None:
        self.source = source
        self.start, self.end = span
        self.parent = parent
        self.depth = depth
        self.number = number
        self.default = "text/plain"
        self.is_message = False


class Draft:
    """A part whose defects are still being gathered."""

    __slots__ = (
        "body",
        "boundaries",
        "charset",
        "content_id",
        "cut",
        "defects",
        "depth",
        "disposition",
        "encoding",
        "header",
        "names",
        "number",
        "parent",
        "readings",
        "source",
        "type",
    )

    def __init__(self, source: Source, number: str, parent: int, depth: int) -> None:
        self.source = source
        self.number = number
        self.parent = parent
        self.depth = depth
        self.type = "application/octet-stream"
        self.charset = ""
        self.encoding = "binary"
        self.disposition = ""
        self.names: tuple[str, ...] = ()
        self.boundaries: tuple[bytes, ...] = ()
        self.content_id = ""
        self.header = self.body = (0, 0)
        self.defects: set[MimeDefect] = set()
        self.readings = 1
        self.cut = False

    def next_reading(self) -> str:
        self.readings += 1
        return f"{self.number}~{self.readings}"

    def part(self) -> Part:
        return Part(
            number=self.number,
            type=self.type,
            charset=self.charset,
            encoding=self.encoding,
            disposition=self.disposition,
            names=self.names,
            content_id=self.content_id,
            header=self.header,
            body=self.body,
            parent=self.parent,
            depth=self.depth,
            defects=tuple(self.defects),
            within=self.source.within,
        )
