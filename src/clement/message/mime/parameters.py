r"""Parameters of Content-Type and Content-Disposition, with every reading that readers of mail make of them.

    parameter := attribute "=" value          value := token / quoted-string         (RFC 2045 §5.1)
    section := attribute "*" number ["*"] "=" value                                  (RFC 2231 §3, §4.1)

Lenient: missing semicolons, stray quotes, unclosed quotes and comments lose nothing that somebody could read.
Linear: each octet is looked at a fixed number of times. Values are text of one octet a character (Latin-1);
what they mean in a charset is for `names` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from clement.message.mime.defects import MimeDefect

MAX_PARAMETERS = 200
MAX_READINGS = 8

_NAME = re.compile(r"[;\s]*([^\s=;]*)\s*(=?)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)("?)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_STEP = re.compile(r'"(?:[^"\\]|\\.)*"?|\\.|[()]', re.DOTALL)
_SECTION = re.compile(r"([^*]*)\*(\d{1,4})(\*?)")

Values = dict[str, list[str]]


def parse_parameters(text: str, defects: set[MimeDefect]) -> Values:
    """The readings of each parameter in `text` (what follows the type), names in lower case, best first."""
    plain: Values = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for count, (name, value) in enumerate(_pairs(text, defects), 1):
        if count > MAX_PARAMETERS:
            defects.add(MimeDefect.PARAMETER_SYNTAX)
            break
        if "*" not in name:
            plain.setdefault(name, []).append(value)
        elif name.endswith("*") and name.count("*") == 1:
            sections.setdefault(name[:-1], []).append((-1, True, value))
        elif section := _SECTION.fullmatch(name):
            sections.setdefault(section[1], []).append((int(section[2]), bool(section[3]), value))
        else:
            defects.add(MimeDefect.PARAMETER_SYNTAX)
    for values in plain.values():
        if len(values) > 1:
            defects.add(MimeDefect.PARAMETER_REPEATED)
            values[:] = dict.fromkeys(values[:MAX_READINGS])
    for name, pieces in sections.items():
        readings = _joined(pieces, defects)
        if name in plain:
            defects.add(MimeDefect.PARAMETER_SECTIONS)
            readings += plain[name]
        plain[name] = list(dict.fromkeys(readings))[:MAX_READINGS]
    return plain


def without_comments(text: str) -> str:
    """`text` without its comments (RFC 5322 §3.2.2), which nest; an unclosed one runs to the end."""
    kept: list[str] = []
    depth = position = 0
    for step in _COMMENT_STEP.finditer(text):
        if step[0] == "(":
            if not depth:
                kept.append(text[position : step.start()])
            depth += 1
        elif step[0] == ")" and depth:
            depth -= 1
            position = step.end()
    if not depth:
        kept.append(text[position:])
    return "".join(kept)


def _pairs(text: str, defects: set[MimeDefect]) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text)
    while position < end:
        match = _NAME.match(text, position)
        if match is None:  # cannot be: everything in the pattern is optional
            return
        name, position = match[1].lower(), match.end()
        if not match[2]:
            if name:
                defects.add(MimeDefect.PARAMETER_SYNTAX)
            continue
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            stop = text.find(";", position)
            stop = end if stop < 0 else stop
            value, position = text[position:stop].rstrip(), stop
            yield from _unquoted(name, value, defects)
            continue
        value = _ESCAPE.sub(r"\1", quoted[1]) if "\\" in quoted[1] else quoted[1]
        position = quoted.end()
        stop = text.find(";", position)
        stop = end if stop < 0 else stop
        rest = text[position:stop].strip()
        yield name, value
        if not quoted[2]:
            defects.add(MimeDefect.PARAMETER_SYNTAX)
            # Some readers stop at the semicolon that others take for a part of the value.
            yield name, quoted[1].partition(";")[0]
            yield from _more(quoted[1].partition(";")[2])
        elif rest:
            defects.add(MimeDefect.PARAMETER_SYNTAX)
            if "=" not in rest:
                yield name, value + rest
                position = stop
        if "\\" in quoted[1] and name != "boundary":
            yield name, quoted[1]  # a path of Windows in quotes: C:\a.exe


def _unquoted(name: str, value: str, defects: set[MimeDefect]) -> Iterator[tuple[str, str]]:
    """The readings of a value without quotes: to the semicolon, to the first space."""
    if " " not in value and "\t" not in value:
        if '"' in value:
            defects.add(MimeDefect.PARAMETER_SYNTAX)
            yield name, value.replace('"', "")
        yield name, value
        return
    defects.add(MimeDefect.PARAMETER_SYNTAX)
    first, *others = value.split()
    inside = [other for other in others if "=" in other]
    if name == "boundary" or inside:
        yield name, first
    yield name, value
    if inside:
        yield from _more(" ".join(others))


def _more(text: str) -> Iterator[tuple[str, str]]:
    """Parameters in what belongs to another one's value, read without any finesse."""
    for piece in text.replace(";", " ").split()[:MAX_PARAMETERS]:
        name, equals, value = piece.partition("=")
        if equals:
            yield name.lower(), value.strip('"')


def _joined(pieces: list[tuple[int, bool, str]], defects: set[MimeDefect]) -> list[str]:
    """The readings of one parameter in sections: in order of number, then in order of appearance."""
    whole = [_extended(value) for number, _encoded, value in pieces if number < 0]
    numbered = [piece for piece in pieces if piece[0] >= 0]
    readings = whole
    if len(whole) > 1 or (whole and numbered):
        defects.add(MimeDefect.PARAMETER_SECTIONS)
    if not numbered:
        return readings
    ordered = sorted(numbered, key=lambda piece: piece[0])
    numbers = [number for number, _encoded, _value in ordered]
    readings.append(_concatenated(_first_of_each(ordered)))
    if numbers != list(range(len(numbers))) or ordered != numbered:
        defects.add(MimeDefect.PARAMETER_SECTIONS)
        readings += (_concatenated(ordered), _concatenated(numbered))
        until_gap = [piece for expected, piece in enumerate(_first_of_each(ordered)) if piece[0] == expected]
        readings.append(_concatenated(until_gap))
    return [reading for reading in dict.fromkeys(readings) if reading]


def _first_of_each(ordered: list[tuple[int, bool, str]]) -> list[tuple[int, bool, str]]:
    seen: dict[int, tuple[int, bool, str]] = {}
    for piece in ordered:
        seen.setdefault(piece[0], piece)
    return list(seen.values())


def _concatenated(pieces: list[tuple[int, bool, str]]) -> str:
    """Sections as one extended value; charset and language stand in the first encoded one (RFC 2231 §4.1)."""
    if not any(encoded for _number, encoded, _value in pieces):
        return "".join(value for _number, _encoded, value in pieces)
    charset, octets = "", []
    for position, (_number, encoded, value) in enumerate(pieces):
        rest = value
        if encoded:
            if position == 0 and value.count("'") >= 2:
                charset, _language, rest = value.split("'", 2)
            octets.append(unquote_to_bytes(rest.encode("latin-1")))
        else:
            octets.append(rest.encode("latin-1"))
    return mark(charset, b"".join(octets).decode("latin-1"))


def _extended(value: str) -> str:
    if value.count("'") < 2:
        return unquote_to_bytes(value.encode("latin-1")).decode("latin-1")
    charset, _language, rest = value.split("'", 2)
    return mark(charset, unquote_to_bytes(rest.encode("latin-1")).decode("latin-1"))


# What RFC 2231 says of a value's charset travels in front of the value, behind a mark that no value can have.
MARK = "\ue000"


def mark(charset: str, value: str) -> str:
    """`value` with the charset it is in."""
    return f"{MARK}{charset[:40]}{MARK}{value}" if charset else value


def unmark(value: str) -> tuple[str, str]:
    """(charset or "", value)."""
    if not value.startswith(MARK):
        return "", value
    _nothing, charset, rest = value.split(MARK, 2)
    return charset, rest
