r"""Words of a text, as the filter tells them, and what is done against their disguises.

Lower case; letters and digits of all scripts, and signs that sellers shout with; an ideograph is a word
of its own. Compatibility characters become what they look like (UAX #15, NFKC), and characters that nobody
sees are left out, so that "ＶＩＡＧＲＡ" and "vi\u200bagra" are what they are to a reader.

Words are octets (UTF-8) from here on: what is done to all of them is done in C, a pass a text.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

MAX_WORDS = 60
"""Of one field of the header."""
MAX_RUN_BYTES = 600
"""Of what stands between two spaces, where it is not ASCII."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_APART = re.compile(
    "([\u2e80-\u2fff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])|[\u00a0-\u00bf\u2000-\u206f\u3000-\u3004]"
)
_KEPT = frozenset((string.ascii_letters + string.digits + "$%-_!?#=+*").encode())
_TABLE = bytes(octet if octet in _KEPT or octet >= 0x80 else 0x20 for octet in range(256))


class Line(NamedTuple):
    """Words in their order. kind: where they stand; "" for what a person reads."""

    kind: str
    words: list[bytes]


def words_of(text: str, limit: int = MAX_WORDS) -> list[bytes]:
    """The words of a text, at most `limit`."""
    words = text.lower().encode("utf-8", "replace").translate(_TABLE, b"'").split(None, limit)[:limit]
    if text.isascii():
        return words
    found: list[bytes] = []
    for word in words:
        if word.isascii():
            found.append(word)
        else:
            found += _undisguised(word)
    return found[:limit]


@lru_cache(maxsize=4096)
def _undisguised(word: bytes) -> list[bytes]:
    """The words in what stood between two spaces, if not all of it is ASCII."""
    text = _INVISIBLE.sub("", word[:MAX_RUN_BYTES].decode("utf-8", "replace"))
    text = _APART.sub(_spaced, normalize("NFKC", text).lower())
    return text.encode("utf-8", "replace").translate(_TABLE, b"'").split(None, MAX_RUN_BYTES)


def _spaced(match: re.Match[str]) -> str:
    return f" {match[1]} " if match[1] else " "
