"""On which line of a TOML text a key stands; `tomllib` reads values but forgets where they were.

The text is one that `tomllib` has accepted already, so this only has to tell headers, keys
and values apart (TOML v1.0.0). Keys inside an inline table are on the line of its own key.
"""

from __future__ import annotations

import re

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER = re.compile(r"(\[\[?)([^\n]*?)\]\]?[ \t]*(?=#|\r|\n|\Z)")
_KEY_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_VALUE_PIECE = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+'
    r"|'''.*?'''+"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]"
    r"""|[^\[\]{}\n"'#]+""",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every table and key. An element of an array of tables has its index in its path."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    position = _skip_blank(text, 0)
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        header = _HEADER.match(text, position)
        if header is not None:
            table = _enter(_key_path(header[2]), counts, is_array=header[1] == "[[")
            lines.setdefault(table, line)
            position = header.end()
        else:
            path, position = _read_key(text, position)
            for depth in range(1, len(path) + 1):
                lines.setdefault(table + path[:depth], line)
            position = _skip_value(text, position)
        position = _skip_blank(text, position)
    return lines


def _skip_blank(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def _enter(path: KeyPath, counts: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """The path of a header with the indices of the array elements it lies in."""
    resolved: KeyPath = ()
    for depth, part in enumerate(path, 1):
        resolved += (part,)
        if is_array and depth == len(path):
            counts[resolved] = counts.get(resolved, -1) + 1
        if resolved in counts:
            resolved += (counts[resolved],)
    return resolved


def _key_path(text: str) -> KeyPath:
    return _read_key(text + "=", 0)[0]


def _read_key(text: str, position: int) -> tuple[KeyPath, int]:
    """A bare, quoted or dotted key, and the place behind its `=`."""
    parts: list[str] = []
    while found := _KEY_PART.match(text, position):
        parts.append(next(part for part in found.groups() if part is not None))
        position = found.end() + 1
        if text[found.end() : position] != ".":
            break
    return tuple(parts), position


def _skip_value(text: str, position: int) -> int:
    """The end of the line on which a value ends."""
    depth = 0
    while found := _VALUE_PIECE.match(text, position):
        position = found.end()
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
        elif found[0] == "\n" and depth == 0:
            break
    return position
