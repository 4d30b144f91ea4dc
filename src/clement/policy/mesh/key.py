"""Keys of the mesh: Ed25519 (RFC 8032), how they are written, and the short names they go by.

public-key = "ed25519:" 43base64url-char        32 octets, RFC 4648 §5, without padding
key-id     = 26base32-char                      16 octets of the key's SHA-256, RFC 4648 §6, lower case
signature  = 86base64url-char                   64 octets, without padding
"""

from __future__ import annotations

import binascii
import re
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final, NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KeyId = NewType("KeyId", str)
"""What a key is called: a hash of it, so that nobody can claim another's."""

KEY_ID: Final = r"[a-z2-7]{26}"
SIGNATURE: Final = r"[A-Za-z0-9_\-]{86}"

_PREFIX: Final = "ed25519:"
_PUBLIC: Final = re.compile(r"ed25519:[A-Za-z0-9_\-]{43}")
_KEY_ID: Final = re.compile(KEY_ID)


class KeyUnusable(ValueError):
    """What was given is no key of the mesh; the text says why."""


class PublicKey:
    """A key that verifies. Equal when the octets are equal."""

    __slots__ = ("_key", "id", "text")

    def __init__(self, octets: bytes) -> None:
        """Raises KeyUnusable for anything but 32 octets."""
        if len(octets) != 32:
            raise KeyUnusable(f"an Ed25519 key has 32 octets, not {len(octets)}")
        self._key = Ed25519PublicKey.from_public_bytes(octets)
        self.text: Final = _PREFIX + _base64url(octets)
        self.id: Final = key_id(octets)

    def verifies(self, signature: str, octets: bytes) -> bool:
        """Whether this key has made that signature over these octets. Never raises."""
        try:
            self._key.verify(_octets(signature), octets)
        except (InvalidSignature, KeyUnusable):
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"PublicKey({self.text})"


class PrivateKey:
    """The site's own key; does not show in `repr`."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """Raises KeyUnusable for anything but 32 octets."""
        if len(seed) != 32:
            raise KeyUnusable(f"an Ed25519 seed has 32 octets, not {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = PublicKey(
            self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        )

    def sign(self, octets: bytes) -> str:
        """The signature over these octets, as text."""
        return _base64url(self._key.sign(octets))

    def to_pem(self) -> bytes:
        """PKCS #8, unencrypted, as OpenSSL reads it (RFC 8410)."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __repr__(self) -> str:
        return f"PrivateKey(<redacted>, id={self.public.id})"


def parse_public_key(text: str) -> PublicKey:
    """A public key as it stands in a configuration. Raises KeyUnusable."""
    if _PUBLIC.fullmatch(text) is None:
        raise KeyUnusable('expected "ed25519:" and 43 letters of base64url, as `clement mesh key` prints it')
    return PublicKey(_octets(text.removeprefix(_PREFIX)))


def parse_private_key(pem: bytes) -> PrivateKey:
    """A private key from what `to_pem` made. Raises KeyUnusable, whose text tells nothing of the key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise KeyUnusable("no unencrypted PKCS #8 key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable("no Ed25519 key")
    return PrivateKey(
        key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
    )


def key_id(octets: bytes) -> KeyId:
    """What the public key of these octets is called."""
    return KeyId(b32encode(sha256(octets).digest()[:16]).decode("ascii").rstrip("=").lower())


def parse_key_id(text: str) -> KeyId:
    """A key's name. Raises KeyUnusable."""
    if _KEY_ID.fullmatch(text) is None:
        raise KeyUnusable("no key id")
    return KeyId(text)


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def _octets(text: str) -> bytes:
    """What unpadded base64url stands for; one text for each value. Raises KeyUnusable."""
    try:
        octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise KeyUnusable("not base64url") from None
    if _base64url(octets) != text:
        raise KeyUnusable("not canonical base64url")
    return octets
