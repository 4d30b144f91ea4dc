"""Octets of a text in some character set, made into text. Total: what cannot be decoded becomes U+FFFD.

The declared charset if it is on the list of `encoded_words` and fits; else UTF-8 if it fits; else a guess
from a sample, or windows-1252 when guesses are used up. UTF-7 is never decoded: it can hide any character
from whoever does not decode it, and nothing needs it.
"""

from __future__ import annotations

import codecs

from clement.message.encoded_words import known_charset

_SAMPLE_BYTES = 4096
# What HTML calls these is windows-1252, and mail readers follow: WHATWG Encoding Standard §4.2
_LATIN_1 = frozenset(("iso8859-1", "ascii", "cp1252"))
# Their octets look like ASCII and are none.
_STATEFUL = ("utf-16", "iso2022")
_GUESSED = ["cp1251", "koi8_r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1252"]
_GUESSED += ["shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"]


class CharsetReader:
    """Decodes the texts of one message; guesses are few because they are slow."""

    __slots__ = ("guesses_left", "signs")

    def __init__(self, guesses: int) -> None:
        self.guesses_left = guesses
        self.signs: dict[str, None] = {}

    def text(self, octets: bytes, charset: str, *, cut: bool = False) -> str:
        """`octets` as text. cut: they may end within a character."""
        if "utf-7" in charset or "utf7" in charset:
            self.signs["utf-7"] = None
            charset = ""
        name = known_charset(charset) if charset else None
        if octets.isascii() and not (name and name.startswith(_STATEFUL)):
            return octets.decode("ascii")
        if charset and name is None:
            self.signs["charset-unknown"] = None
        if name and name not in _LATIN_1:
            text = _strict(octets, name, cut=cut)
            if text is not None:
                return text
            self.signs["charset-wrong"] = None
        if name in _LATIN_1 and name != "ascii":
            return _windows(octets)
        text = _strict(octets, "utf-8", cut=cut)
        if text is not None:
            return text
        if name and name not in _LATIN_1:
            return octets.decode(name, "replace")
        guess = self._guess(octets)
        return octets.decode(guess, "replace") if guess else _windows(octets)

    def _guess(self, octets: bytes) -> str:
        if not self.guesses_left:
            return ""
        self.guesses_left -= 1
        self.signs["charset-guessed"] = None
        from charset_normalizer import from_bytes  # noqa: PLC0415 - slow to import, seldom needed

        best = from_bytes(octets[:_SAMPLE_BYTES], cp_isolation=_GUESSED, steps=5, chunk_size=512).best()
        return best.encoding if best is not None else ""


def _strict(octets: bytes, name: str, *, cut: bool) -> str | None:
    try:
        if cut:
            return codecs.getincrementaldecoder(name)().decode(octets, final=False)
        return octets.decode(name)
    except (UnicodeError, LookupError):
        return None


def _windows(octets: bytes) -> str:
    """windows-1252; its five octets without a character stay what Latin-1 makes of them."""
    try:
        return octets.decode("cp1252")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
