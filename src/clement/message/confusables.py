"""Letters that look like others: the skeleton of a name, after UTS #39 §4, and the scripts it is written in.

A table of our own for what matters in names of domains and people: Cyrillic and Greek letters, accents and
digits that pass for Latin letters.  Two names with one skeleton look alike; the skeleton itself means
nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from clement.message.hosts import u_label

MAX_CHARS: Final = 256

_SINGLE: Final = str.maketrans(
    # Cyrillic, Greek, and Latin letters that no decomposition leads back to plain ones.
    "авезікмнорстухјѕһԁԛԝӏьґгпвчіѐҽɡ" + "αβγεηικνορστυχωϲϳ" + "ıłđøħŧƅƒɑɩʋþȷſ",
    "abe3ikmhopctyxjshdqwlbrrnb4ieeg" + "abyenikvopotuxwcj" + "ildohtbfaivpjf",
)
_FOLD: Final[dict[int, int | str]] = {
    **_SINGLE,
    ord("æ"): "ae",
    ord("ӕ"): "ae",
    ord("œ"): "oe",
    ord("ß"): "b",
}
# In a skeleton the letter does not matter, only that they look the same.
_ALIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "|": "l", "-": "", "_": ""})
_DIGITS_AS_LETTERS: Final = str.maketrans("0135", "oles")


def folded(text: str) -> str:
    """Text in lower case, each letter as the plain Latin one that it looks like; others stay."""
    lowered = text[:MAX_CHARS].lower()
    if lowered.isascii():
        return lowered
    # Compatibility forms (mathematical letters) have no lower case of their own.
    plain = unicodedata.normalize("NFKD", lowered.translate(_FOLD)).lower()
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare.translate(_FOLD))


@lru_cache(maxsize=8192)
def skeleton(name: str) -> str:
    """What a domain name (A-labels or not) or one label of it looks like."""
    shown = ".".join(map(u_label, name[:MAX_CHARS].split("."))) if "xn--" in name else name
    return folded(shown).translate(_ALIKE).replace("rn", "m").replace("vv", "w")


def folded_word(word: str) -> str:
    """A word of a person's name in plain letters; digits among letters are the letters they look like."""
    plain = folded(word)
    return plain.translate(_DIGITS_AS_LETTERS) if any(map(str.isalpha, plain)) else plain


def scripts_of(label: str) -> frozenset[str]:
    """Which of the scripts that are mistaken for one another a label is written in (UTS #39 §5.1)."""
    return frozenset(_scripts(label))


def _scripts(label: str) -> Iterator[str]:
    for char in label[:MAX_CHARS]:
        code = ord(char)
        if "a" <= char <= "z" or "A" <= char <= "Z" or 0xC0 <= code <= 0x24F or 0x1E00 <= code <= 0x1EFF:
            yield "latin"
        elif 0x370 <= code <= 0x3FF or 0x1F00 <= code <= 0x1FFF:
            yield "greek"
        elif 0x400 <= code <= 0x52F or 0x1C80 <= code <= 0x1C8F:
            yield "cyrillic"


def mixes_scripts(name: str) -> bool:
    """Whether a label of a domain name mixes scripts that are mistaken for one another."""
    if "xn--" not in name:
        return False
    return any(len(scripts_of(u_label(label))) > 1 for label in name.split("."))


def passes_for_latin(name: str) -> bool:
    """Whether a label is written in another script, with nothing but letters that pass for Latin ones."""
    if "xn--" not in name:
        return False
    shown = map(u_label, name.split("."))
    return any(not label.isascii() and _is_disguise(label) for label in shown)


def _is_disguise(label: str) -> bool:
    foreign = scripts_of(label) & {"greek", "cyrillic"}
    return bool(foreign) and folded(label).isascii()
