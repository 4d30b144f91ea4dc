"""The messages of Apache James Mime4j, the torture set of MIME-tools among them: structure and bodies.

Their expectations are XML with octets in it that XML forbids, so tags are found by their names. Compared are
the parts that most readers see; what only some see is added to them (see `walk`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clement.message.mime.decode import decoded
from clement.message.mime.part import Part, Walk
from clement.message.mime.walk import walk
from tests.fixtures.places import shared

TAG = re.compile(
    rb"<(/?)(?:(message|header|body-part|body|multipart|preamble|epilogue)"
    rb"|(?:text|binary)-body name=\"([^\"]*)\"/)>"
)

Shape = tuple[object, ...]

# Where we disagree with the structure that is expected, and why.
OTHER_STRUCTURE = {
    "very-very-long-boundary.msg": "its boundary is longer than a line of mail may be (998): over budget",
}
# Where we disagree with the octets that are expected.
OTHER_OCTETS = {
    "frag.msg": "base64 ends within a group of four: its last octets are given, as readers do",
    "multi-frag.msg": "likewise",
    "malformedHeader-noheader.msg": "the message says itself that all of it is text",
    "malformedHeaderStartsBody-noheader.msg": "likewise; its first word is no part of a header",
    "malformedHeaderStartsBody-nocrlfcrlf.msg": "the line that is no field is passed over, and text as well",
}


class Element:
    def __init__(self, name: str) -> None:
        self.name = name
        self.inside: list[Element] = []
        self.file = ""


def tree(path: Path) -> Element:
    root = Element("")
    stack = [root]
    for match in TAG.finditer(path.read_bytes()):
        if match[1]:
            stack.pop()
            continue
        element = Element(match[2].decode() if match[2] else "body")
        stack[-1].inside.append(element)
        if match[3]:
            element.file = match[3].decode()
        else:
            stack.append(element)
    return root.inside[0]


def wanted_shape(entity: Element) -> Shape:
    for element in entity.inside:
        if element.name == "multipart":
            return ("multipart", *(wanted_shape(part) for part in element.inside if part.name == "body-part"))
        if element.name == "message":
            return ("message", wanted_shape(element))
    return ("leaf",)


def wanted_files(element: Element) -> list[str]:
    return [element.file] * bool(element.file) + [
        file for each in element.inside for file in wanted_files(each)
    ]


def inside(structure: Walk, index: int) -> list[int]:
    return [
        number
        for number, part in enumerate(structure.parts)
        if part.parent == index and "~" not in part.number
    ]


def shape(structure: Walk, index: int = 0) -> Shape:
    parts = inside(structure, index)
    if structure.parts[index].type.startswith("multipart/"):
        return ("multipart", *(shape(structure, part) for part in parts))
    return ("message", shape(structure, parts[0])) if parts else ("leaf",)


def leaves(structure: Walk) -> list[Part]:
    return [
        part
        for index, part in enumerate(structure.parts)
        if "~" not in part.number and not part.type.startswith("multipart/") and not inside(structure, index)
    ]


def messages() -> list[Path]:
    return sorted(shared("material/mime_mime4j").rglob("*.msg"))


def test_structure_is_as_expected() -> None:
    other = {}
    for path in messages():
        wanted = wanted_shape(tree(path.with_suffix(".xml")))
        structure = walk(path.read_bytes())
        if shape(structure) != wanted:
            other[path.name] = (shape(structure), wanted)
    assert len(messages()) == 80
    assert other.keys() == OTHER_STRUCTURE.keys(), other
    assert walk((messages()[0].parents[1] / "testmsgs/very-very-long-boundary.msg").read_bytes()).over_budget


def test_decoded_bodies_are_as_expected() -> None:
    other = set()
    for path in messages():
        content = path.read_bytes()
        files = wanted_files(tree(path.with_name(f"{path.stem}_decoded.xml")))
        parts = leaves(walk(content))
        if path.name in OTHER_STRUCTURE:
            continue
        assert len(files) == len(parts), path.name
        for file, part in zip(files, parts, strict=True):
            wanted = path.with_name(file).read_bytes().replace(b"\r\n", b"\n")
            if decoded(content, part, 1 << 24).replace(b"\r\n", b"\n") != wanted:
                other.add(path.name)
    assert other == OTHER_OCTETS.keys()


def test_truncated_base64_gives_all_that_is_expected_and_the_rest() -> None:
    for name in ("frag.msg", "multi-frag.msg"):
        path = next(path for path in messages() if path.name == name)
        content = path.read_bytes()
        files = wanted_files(tree(path.with_name(f"{path.stem}_decoded.xml")))
        for file, part in zip(files, leaves(walk(content)), strict=True):
            octets = decoded(content, part, 1 << 24).replace(b"\r\n", b"\n")
            wanted = path.with_name(file).read_bytes().replace(b"\r\n", b"\n")
            assert octets[: len(wanted)] == wanted
            assert len(octets) - len(wanted) < 3


@pytest.mark.parametrize("name", [name for name in OTHER_OCTETS if name.startswith("malformed")])
def test_every_line_of_a_malformed_header_is_read(name: str) -> None:
    path = next(path for path in messages() if path.name == name)
    content = path.read_bytes()
    texts = b"".join(decoded(content, part, 10_000) for part in walk(content).parts)
    for line in content.splitlines():
        assert line in texts or b":" in line
