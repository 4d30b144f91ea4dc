"""File names of a part: what its parameters say, as each kind of reader shows it. Never used as paths."""

from __future__ import annotations

from clement.message.encoded_words import decode_words, known_charset
from clement.message.mime.defects import MimeDefect
from clement.message.mime.parameters import unmark
from clement.message.text import ELLIPSIS, visible

MAX_NAME_CHARS = 250
MAX_NAMES = 8
_HEAD_CHARS = 120
_MAX_RAW_CHARS = 64 * 1024


def read_names(values: list[str], defects: set[MimeDefect]) -> tuple[str, ...]:
    """The distinct readings of parameter values (see `parameters`), in order; bounded and printable."""
    names: dict[str, None] = {}
    for value in values:
        for text in _texts(value[:_MAX_RAW_CHARS], defects):
            if len(text) > MAX_NAME_CHARS:
                defects.add(MimeDefect.NAME_LONG)
                # The end says what the file is, and a long name is a way to push it out of sight.
                text = text[:_HEAD_CHARS] + ELLIPSIS + text[-(MAX_NAME_CHARS - _HEAD_CHARS - 1) :]  # noqa: PLW2901
            shown = visible(text, MAX_NAME_CHARS * 4)
            if shown != text:
                defects.add(MimeDefect.NAME_CONTROL)
            shown = shown.strip() or shown
            if shown:
                names[shown[-MAX_NAME_CHARS:] if len(shown) > MAX_NAME_CHARS else shown] = None
    return tuple(names)[:MAX_NAMES]


def _texts(value: str, defects: set[MimeDefect]) -> list[str]:
    charset, value = unmark(value)
    text = _decoded(value.encode("latin-1", "replace"), charset)
    texts = [text]
    if "=?" in text:
        decoded = decode_words(text)
        if decoded != text:
            defects.add(MimeDefect.PARAMETER_ENCODED_WORD)
            # What is left of an encoded word was none to some reader.
            texts = [decoded, text] if "=?" in decoded else [decoded]
    for each in texts[:]:
        head, nul, _tail = each.partition("\0")
        if nul and head:
            texts.append(head)  # readers written in C
    return texts


def _decoded(octets: bytes, charset: str) -> str:
    if octets.isascii() and not charset:
        return octets.decode("ascii")
    for name in (known_charset(charset) if charset else None, "utf-8", "cp1252"):
        if name is None:
            continue
        try:
            return octets.decode(name)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")
