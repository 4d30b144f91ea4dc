"""The header of a message as signatures see it: its fields, chosen from the bottom up, in canonical form.

RFC 6376 §5.4.2, §3.7. DKIM and ARC evaluators of one message share one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from clement.message.authentication.canonical import Canonicalisation, relaxed_field, with_crlf
from clement.message.headers import FIELD, MAX_FIELDS, MAX_HEADER_BYTES

_CR_LF = b"\r\n"
# What is replaced by nothing when a signature is computed: the value of its own b=.  RFC 6376 §3.5.
_OWN_SIGNATURE = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


class SignedHeader:
    """The fields of a header block (with its lines, ended by CRLF or LF).

    is_whole: every field was read; a header beyond our limits cannot be verified.
    """

    def __init__(self, block: bytes) -> None:
        self.is_whole = len(block) <= MAX_HEADER_BYTES
        block = with_crlf(block[:MAX_HEADER_BYTES])
        self._fields: list[tuple[bytes, bytes, bytes]] = []
        self._places: dict[bytes, list[int]] = {}
        for place, match in enumerate(FIELD.finditer(block)):
            if place == MAX_FIELDS:
                self.is_whole = False
                break
            name, gap, value = match.groups()
            self._fields.append((name, gap, value.removesuffix(b"\r")))
            self._places.setdefault(name.lower(), []).append(place)
        self._relaxed: dict[int, bytes] = {}

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields of a name (in lower case), from the top; folds by CRLF."""
        return [self._fields[place][2] for place in self._places.get(name, ())]

    def count(self, name: bytes) -> int:
        """How many fields have this name (in lower case)."""
        return len(self._places.get(name, ()))

    def canonical(self, name: bytes, number: int, form: Canonicalisation) -> bytes:
        """The field of a name (in lower case) that is `number` from the top, with its CRLF."""
        return self._canonical(self._places[name][number], form)

    def signed_octets(self, names: Iterable[bytes], form: Canonicalisation) -> bytes:
        """The fields that h= names (in lower case), each the lowest not yet taken.  §5.4.2."""
        pieces: list[bytes] = []
        taken: dict[bytes, int] = {}
        for name in names:
            places = self._places.get(name)
            if places is None:
                continue
            number = taken.get(name, 0)
            if number < len(places):
                taken[name] = number + 1
                pieces.append(self._canonical(places[-1 - number], form))
        return b"".join(pieces)

    def unsigned(self, name: bytes, number: int, form: Canonicalisation) -> bytes:
        """A signature field as it was when it was signed: its b= empty, without its CRLF.  §3.7."""
        written, gap, value = self._fields[self._places[name][number]]
        value = _OWN_SIGNATURE.sub(rb"\1", value, count=1)
        if form is Canonicalisation.RELAXED:
            return relaxed_field(written, value)
        return written + gap + b":" + value

    def _canonical(self, place: int, form: Canonicalisation) -> bytes:
        name, gap, value = self._fields[place]
        if form is Canonicalisation.SIMPLE:
            return name + gap + b":" + value + _CR_LF
        octets = self._relaxed.get(place)
        if octets is None:
            octets = self._relaxed[place] = relaxed_field(name, value) + _CR_LF
        return octets
