"""Content-Type, Content-Disposition and Content-Transfer-Encoding, with all their readings.

content := "Content-Type" ":" type "/" subtype *(";" parameter)                  (RFC 2045 §5.1)
disposition := "Content-Disposition" ":" disposition-type *(";" parameter)       (RFC 2183 §2)
encoding := "Content-Transfer-Encoding" ":" mechanism                            (RFC 2045 §6.1)
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from clement.message.encoded_words import decode_words
from clement.message.headers import unfold
from clement.message.mime.defects import MimeDefect
from clement.message.mime.names import read_names
from clement.message.mime.parameters import Values, parse_parameters, unmark, without_comments
from clement.message.text import visible

MAX_TYPE_CHARS = 100
MAX_BOUNDARIES = 4
STANDARD_BOUNDARY_BYTES = 70

IDENTITY = frozenset(("7bit", "8bit", "binary"))
_CACHED_BYTES = 200
# token of RFC 2045 §5.1, without what nobody uses in types
_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]+)\s*/\s*([A-Za-z0-9!#$&^_.+*'-]+)")
_MAIN_TYPE = re.compile(r"\s*([A-Za-z]+)")
_LOOSE_BOUNDARY = re.compile(
    r"""boundary[^=;]{0,40}=\s*(?:"([^"]*)"?|'([^']*)'|([^\s;,"']+))""", re.IGNORECASE
)
_BCHARS = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]")
_MECHANISM = re.compile(
    r"base64|quoted-printable|x-uue(?:ncode)?|uuencode|uue\b|x-yenc(?:ode)?|yenc|[78]bit|binary"
)
_MECHANISMS = {
    **{name: name for name in ("7bit", "8bit", "binary", "base64", "quoted-printable")},
    **dict.fromkeys(("x-uuencode", "x-uue", "uuencode", "uue"), "x-uuencode"),
    **dict.fromkeys(("x-yenc", "x-yencode", "yenc"), "x-yenc"),
}
_LOOSENED = str.maketrans("", "", " -_\t")
_LOOSE_MECHANISMS = {
    **{name.translate(_LOOSENED): known for name, known in _MECHANISMS.items()},
    "7bits": "7bit",
    "8bits": "8bit",
}


class ContentType(msgspec.Struct, frozen=True, gc=False):
    """type: in lower case, "" where the field says none that could be read. boundaries: best first."""

    type: str
    boundaries: tuple[bytes, ...]
    charset: str
    names: tuple[str, ...]
    defects: tuple[MimeDefect, ...]


class Disposition(msgspec.Struct, frozen=True, gc=False):
    """kind: "attachment", "inline" or another token in lower case."""

    kind: str
    names: tuple[str, ...]
    defects: tuple[MimeDefect, ...]


class Mechanisms(msgspec.Struct, frozen=True, gc=False):
    """Transfer encodings that one field may mean, best first; none when it names none that is known."""

    names: tuple[str, ...]
    exact: bool


def content_type(value: bytes) -> ContentType:
    """The meaning of a Content-Type field's value."""
    return (_content_type if len(value) > _CACHED_BYTES else _content_type_cached)(value)


def disposition(value: bytes) -> Disposition:
    """The meaning of a Content-Disposition field's value."""
    return (_disposition if len(value) > _CACHED_BYTES else _disposition_cached)(value)


@lru_cache(maxsize=256)
def mechanisms(value: bytes) -> Mechanisms:
    """The meaning of a Content-Transfer-Encoding field's value (its first 200 octets)."""
    text = unfold(value[:_CACHED_BYTES]).decode("latin-1").lower()
    if "(" in text:
        text = without_comments(text)
    text = text.strip()
    if text in _MECHANISMS:
        return Mechanisms((_MECHANISMS[text],), exact=True)
    found = dict.fromkeys(_MECHANISMS[match] for match in _MECHANISM.findall(text) if match in _MECHANISMS)
    if not found:
        found = dict.fromkeys(_LOOSE_MECHANISMS.get(text.translate(_LOOSENED), "").split())
    return Mechanisms(tuple(found), exact=False)


def _content_type(value: bytes) -> ContentType:
    text = unfold(value).decode("latin-1")
    defects: set[MimeDefect] = set()
    match = _TYPE.match(text)
    kind, rest = "", text
    if match is not None:
        kind, rest = f"{match[1]}/{match[2]}".lower(), text[match.end() :]
    elif text.strip():
        defects.add(MimeDefect.TYPE_SYNTAX)
        rest = text[len(text) - len(text.lstrip()) :]
        if main := _MAIN_TYPE.match(text):
            rest = text[main.end() :]
    parameters = parse_parameters(rest, defects) if rest.strip("; \t") else {}
    if "(" in rest:
        _add_without_comments(parameters, rest, defects)
    boundaries = _boundaries(parameters.get("boundary", []), text, defects)
    if not kind and (boundaries or text.lstrip()[:9].lower() == "multipart"):
        kind = "multipart/mixed"
    charsets = list(
        dict.fromkeys(unmark(each)[1].strip("\"' \t").lower() for each in parameters.get("charset", ()))
    )
    if len(charsets) > 1:
        defects.add(MimeDefect.CHARSETS_DIFFER)
    return ContentType(
        type=visible(kind, MAX_TYPE_CHARS),
        boundaries=boundaries,
        charset=visible(charsets[0], 40) if charsets else "",
        names=read_names(parameters.get("name", []), defects),
        defects=tuple(defects),
    )


def _disposition(value: bytes) -> Disposition:
    text = unfold(value).decode("latin-1")
    defects: set[MimeDefect] = set()
    kind, semicolon, rest = text.partition(";")
    if not semicolon and "=" in kind:  # the kind was forgotten
        kind, rest = "", text
    parameters = parse_parameters(rest, defects) if rest else {}
    if "(" in rest:
        _add_without_comments(parameters, rest, defects)
    names = parameters.get("filename", []) + parameters.get("name", [])
    return Disposition(visible(kind.strip().lower(), 40), read_names(names, defects), tuple(defects))


_content_type_cached = lru_cache(maxsize=512)(_content_type)
_disposition_cached = lru_cache(maxsize=512)(_disposition)


def _add_without_comments(parameters: Values, rest: str, defects: set[MimeDefect]) -> None:
    """Readers that know comments see other parameters than those who do not."""
    bare = without_comments(rest)
    if bare == rest:
        return
    for name, values in parse_parameters(bare, set()).items():
        known = parameters.get(name)
        if known != values:
            defects.add(MimeDefect.PARAMETER_COMMENT)
            parameters[name] = list(dict.fromkeys(values + (known or [])))


def _boundaries(values: list[str], text: str, defects: set[MimeDefect]) -> tuple[bytes, ...]:
    """Every boundary that some reader takes from the field.

    It must not end in space (RFC 2046 §5.1.1); of one that does, some readers take away the space.
    """
    found: dict[str, None] = {}
    for each in values:
        value = unmark(each)[1]
        found[value] = None
        if "=?" in value and (word := decode_words(value)) != value:
            defects.add(MimeDefect.PARAMETER_ENCODED_WORD)
            found[word] = None
    found.update(dict.fromkeys([value.rstrip() for value in found]))
    if len(found) > 1:
        defects.add(MimeDefect.BOUNDARIES_DIFFER)
    # What a reader without any grammar would take; it counts only where the body has lines for it (`walk`).
    for quoted, apostrophes, bare in _LOOSE_BOUNDARY.findall(text):
        found.setdefault((quoted or apostrophes or bare).rstrip())
    boundaries = tuple(each.encode("latin-1", "replace") for each in found)[:MAX_BOUNDARIES]
    if boundaries:
        _judge(next(iter(found)), defects)
    return boundaries


def _judge(boundary: str, defects: set[MimeDefect]) -> None:
    if not boundary:
        defects.add(MimeDefect.BOUNDARY_EMPTY)
    elif len(boundary) > STANDARD_BOUNDARY_BYTES:
        defects.add(MimeDefect.BOUNDARY_LONG)
    elif not _BCHARS.fullmatch(boundary):
        defects.add(MimeDefect.BOUNDARY_SYNTAX)
