"""Key records, the DNS side of DKIM and ARC: what a TXT record says, and whether it made a signature.

RFC 6376 §3.6.1 and §6.1.2, RFC 8301 §3, RFC 8463 §4.

    key-v-tag  =  "v=DKIM1", first      key-k-tag  =  "rsa" / "ed25519"     key-h-tag  =  hash algorithms
    key-p-tag  =  base64, empty: the key is revoked                         key-t-tag  =  "y", "s"
    key-s-tag  =  "email" / "*"
"""

from __future__ import annotations

import binascii
import hashlib
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from clement.message.authentication.dkim_signature import shown
from clement.message.authentication.tag_list import TagListError, parse_tag_text, without_white_space

MAX_RECORD_CHARS = 8192
MAX_EXPONENT_BITS = 64
ED25519_BYTES = 32
ED25519_BITS = 256

_PADDING = PKCS1v15()
_SHA256 = SHA256()


class KeyRecordError(ValueError):
    """A record that is no usable key; the words say why, and go on after "the key …"."""


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key and what its owner allows. bits: its size. testing: t=y. strict: t=s."""

    key: RSAPublicKey | Ed25519PublicKey
    kind: str
    bits: int
    testing: bool = False
    strict: bool = False

    def made(self, signature: bytes, octets: bytes) -> bool:
        """Whether this key made the signature of these octets."""
        try:
            if isinstance(self.key, Ed25519PublicKey):
                # RFC 8463 §3: what is signed is the hash.
                self.key.verify(signature, hashlib.sha256(octets).digest())
            else:
                self.key.verify(signature, octets, _PADDING, _SHA256)
        except InvalidSignature:
            return False
        return True


def parse_key_record(text: str) -> KeyRecord:
    """The key in a TXT record. Raises KeyRecordError."""
    found = _parsed(text) if len(text) <= MAX_RECORD_CHARS else "record is too long"
    if isinstance(found, str):
        raise KeyRecordError(found)
    return found


# The same few domains sign most of the mail; loading a key costs as much as using it.
@lru_cache(maxsize=1024)
def _parsed(text: str) -> KeyRecord | str:
    """The key, or why there is none."""
    try:
        return _parse(text)
    except (KeyRecordError, TagListError) as error:
        return str(error) if isinstance(error, KeyRecordError) else f"record {error}"


def _parse(text: str) -> KeyRecord:
    tags = parse_tag_text(text)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise KeyRecordError("record is not of DKIM (v= is not DKIM1)")
    if "h" in tags and "sha256" not in _listed(tags["h"]):
        raise KeyRecordError(f"may not be used with SHA-256 (h={shown(tags['h'])})")
    if _listed(tags.get("s", "*")).isdisjoint(("*", "email")):
        raise KeyRecordError(f"is not for mail (s={shown(tags['s'])})")
    flags = _listed(tags.get("t", ""))
    kind = tags.get("k", "rsa")
    key, bits = _load(kind, _octets(tags))
    return KeyRecord(key=key, kind=kind, bits=bits, testing="y" in flags, strict="s" in flags)


def _listed(value: str) -> set[str]:
    return set(without_white_space(value).split(":"))


def _octets(tags: dict[str, str]) -> bytes:
    if "p" not in tags:
        raise KeyRecordError("record holds no key (p= is missing)")
    text = without_white_space(tags["p"])
    if not text:
        raise KeyRecordError("has been revoked (p= is empty)")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise KeyRecordError("is no base64 (p=)") from None


def _load(kind: str, octets: bytes) -> tuple[RSAPublicKey | Ed25519PublicKey, int]:
    if kind == "ed25519":
        if len(octets) != ED25519_BYTES:
            raise KeyRecordError("is no Ed25519 key (p= is not of 32 octets)")
        return Ed25519PublicKey.from_public_bytes(octets), ED25519_BITS
    if kind != "rsa":
        raise KeyRecordError(f"is of an unknown kind (k={shown(kind)})")
    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRecordError("is no RSA key (p=)") from None
    if not isinstance(key, RSAPublicKey):
        raise KeyRecordError("is no RSA key (p=)")
    # The cost of a verification grows with it; 65537 is what everybody uses.
    if key.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise KeyRecordError("has an exponent too long to reckon with (p=)")
    return key, key.key_size
