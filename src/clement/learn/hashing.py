"""From features to 32-bit hashes that only the site can foresee.

A feature is a place in the model's table, and places are shared: 2^30 hashes, 2^22 weights. A stranger who
could tell which features share a place could write words that carry the weight of others. So places are
chosen by a multilinear hash under a secret key (Carter & Wegman 1979; Lemire & Kaser 2014):

    h(x) = (k0 + k1·x1 + k2·x2 + … ) mod 2^64 div 2^32        xi: 32-bit words, ki: secret 64-bit numbers

For any two different inputs chosen without the key, all pairs of results are equally likely; so is any
choice of bits of them. No pair of features collides more often than chance has it, and no text helps to
find one. It is also a product of matrices, which numpy works out for all words of a message at once; a
cryptographic hash a word would cost more than the whole score. What it does not withstand is somebody who
sees many hashes, or can ask for exact scores at will; neither leaves the site.

The upper two bits say which expert goes by a feature (`Expert`), so each has a table of features of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]

KEY_BYTES = 16
WORDS = 8
"""Of 32 bits in a name: what is longer than 32 octets is known by its first 32."""

_SHIFT = np.uint64(32)
_EXPERT_BITS = np.uint32(2)
_EXPERT_SHIFT = 30
_EXPERT_MASK = np.uint32(0b11 << _EXPERT_SHIFT)
_KEY_PERSON = b"clement learn 1"


class Expert(IntEnum):
    """Who goes by a feature: each makes up its own mind, and the filter says what they think on average."""

    WORDS = 0
    HEADER_OCTETS = 1
    TEXT_OCTETS = 2


EXPERTS = len(Expert)


class Hasher:
    """Hashes of one site. key: KEY_BYTES or more secret octets."""

    __slots__ = ("_keys",)

    def __init__(self, key: bytes) -> None:
        stream = hashlib.shake_256(_KEY_PERSON + key).digest(8 * 32)
        self._keys = np.frombuffer(stream, "<u8")

    def names(self, names: Sequence[bytes]) -> Hashes:
        """Of named features (UTF-8, no NUL), in their order."""
        if not names:
            return np.empty(0, np.uint32)
        words = np.array(names, f"S{4 * WORDS}").view("<u4").reshape(-1, WORDS)
        return self._finish(words.astype(np.uint64) @ self._keys[1 : 1 + WORDS] + self._keys[0], Expert.WORDS)

    def pairs(self, first: Hashes, second: Hashes) -> Hashes:
        """Of pairs of named features, each once; which comes first matters."""
        keys = self._keys
        mixed = keys[10] + keys[11] * first.astype(np.uint64) + keys[12] * second.astype(np.uint64)
        return once(self._finish(mixed, Expert.WORDS))

    def grams(self, octets: bytes, expert: Expert) -> Hashes:
        """Of every four octets that follow each other, each once."""
        if len(octets) < 4:
            return np.empty(0, np.uint32)
        view = np.frombuffer(octets, np.uint8)
        grams = np.ndarray((len(octets) - 3,), "<u4", view.data, strides=(1,))
        mixed = self._keys[14] + self._keys[15] * grams.astype(np.uint64)
        return once(self._finish(mixed, expert))

    def scope(self, name: str) -> int:
        """Of a scope ("m:77"), for `scoped`."""
        return int(self.names([name.encode()])[0])

    def scoped(self, hashes: Hashes, scope: int) -> Hashes:
        """The same features as one scope has them: other places, the same experts."""
        keys = self._keys
        mixed = keys[18] + keys[19] * hashes.astype(np.uint64) + keys[20] * np.full(1, scope, np.uint64)
        places = (mixed >> _SHIFT).astype(np.uint32) >> _EXPERT_BITS
        scoped: Hashes = places | (hashes & _EXPERT_MASK)
        return scoped

    @staticmethod
    def _finish(mixed: NDArray[np.uint64], expert: Expert) -> Hashes:
        places = (mixed >> _SHIFT).astype(np.uint32) >> _EXPERT_BITS
        finished: Hashes = places | np.uint32(expert << _EXPERT_SHIFT)
        return finished


def once(hashes: Hashes) -> Hashes:
    """Each once, in ascending order. By sorting: numpy's `unique` takes fifteen times as long."""
    if not len(hashes):
        return hashes
    hashes = np.sort(hashes)
    first = np.empty(len(hashes), np.bool_)
    first[0] = True
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first]


def experts_of(hashes: Hashes) -> NDArray[np.uint32]:
    """The number of the expert of each hash."""
    return hashes >> np.uint32(_EXPERT_SHIFT)


@lru_cache(maxsize=16)
def hasher(key: bytes) -> Hasher:
    """The hasher of a site."""
    return Hasher(key)
