"""Authentication-Results fields that a message came with and that claim to be ours.  RFC 8601 §5.

Whoever reads the message later believes the field that bears our name, so one that a stranger wrote must go.
It goes also when it is written in a way that a lenient reader might still take for ours: in another case,
quoted, with a comment before it or a version behind it, folded, with a dot at the end. Fields of other
servers stay.
"""

from __future__ import annotations

import re

from clement.message.headers import FIELD, unfold
from clement.message.text import decoded

_NAME = b"authentication-results"
MAX_ID_CHARS = 2048

# An unclosed quote runs to the end of the value.
_QUOTED = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_PIECE = re.compile(rf'{_QUOTED}|[^"()\\;\s/]++|\\.|[\s()\\;/]', re.DOTALL)
_COMMENT_PIECE = re.compile(r"[^()\\]++|\\.|[()\\]", re.DOTALL)
_COMMENT_PIECE_WITH_QUOTES = re.compile(rf'{_QUOTED}|[^"()\\]++|\\.|[()\\]', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_DISGUISE = re.compile(r"[\s\"()\\]")


def without_forged_results(block: bytes, authserv_id: str) -> bytes:
    """A header block without the fields that claim to be by `authserv_id`; itself if there are none."""
    if _NAME not in block.lower():
        return block
    kept: list[bytes] = []
    position = 0
    for match in FIELD.finditer(block):
        if match[1].lower() != _NAME or not claims_to_be_by(match[3], authserv_id):
            continue
        kept.append(block[position : match.start()])
        position = match.end() + (block[match.end() : match.end() + 1] == b"\n")
    if not position:
        return block
    kept.append(block[position:])
    return b"".join(kept)


def claims_to_be_by(value: bytes, authserv_id: str) -> bool:
    """Whether a field with this value may pass for one of ours."""
    ours = authserv_id.lower().rstrip(".")
    whole = decoded(unfold(value)).lower()
    text = whole[:MAX_ID_CHARS]
    # A quote means nothing inside a comment (RFC 5322 §3.2.2), but not every reader knows.
    strict, loose = _words(text, _COMMENT_PIECE), _words(text, _COMMENT_PIECE_WITH_QUOTES)
    if not strict or not loose:
        return ours in _DISGUISE.sub("", whole)
    return _is_id(strict, ours) or _is_id(loose, ours)


def _is_id(words: list[str], ours: str) -> bool:
    if words[0].rstrip(".") == ours:
        return True
    version = words[-1].isdigit()
    return "".join(words).rstrip(".") == ours or (version and "".join(words[:-1]).rstrip(".") == ours)


def _words(text: str, in_comment: re.Pattern[str]) -> list[str]:
    """What stands before the first semicolon: words and quoted strings, without comments and white space."""
    words: list[str] = []
    position, depth = 0, 0
    while position < len(text):
        match = (in_comment if depth else _PIECE).match(text, position)
        if match is None:  # cannot be: the last alternatives take anything
            break
        piece, position = match[0], match.end()
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif piece == ";":
            break
        elif piece.startswith('"'):
            words.append(_QUOTED_PAIR.sub(r"\1", piece[1:].removesuffix('"')).strip())
        elif piece.startswith("\\"):
            words.append(piece[1:])
        elif not piece.isspace() and piece != "/":
            words.append(piece)
    return [word for word in words if word]
