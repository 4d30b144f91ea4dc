"""Private keys that sign for a domain: RSA (RFC 8301 §3.2) and Ed25519 (RFC 8463)."""

from __future__ import annotations

import hashlib

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clement.message.authentication.dkim_signature import ED25519_SHA256, RSA_SHA256

MIN_RSA_BITS = 1024


class SigningKeyError(ValueError):
    """The key cannot be read, or nobody would accept its signatures."""


class SigningKey:
    """A key that signs. algorithm: as a= names it."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
            raise SigningKeyError(f"a key of {key.key_size} bits; {MIN_RSA_BITS} are the least (RFC 8301)")
        self._key = key
        self.algorithm = RSA_SHA256 if isinstance(key, RSAPrivateKey) else ED25519_SHA256

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """The key in a PEM file (PKCS #8, or PKCS #1 for RSA), not encrypted. Raises SigningKeyError."""
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError(f"no private key in PEM form: {error}") from None
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise SigningKeyError("neither an RSA nor an Ed25519 key")
        return cls(key)

    def sign(self, octets: bytes) -> bytes:
        """The signature of these octets, as b= carries it."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(hashlib.sha256(octets).digest())
        return self._key.sign(octets, PKCS1v15(), SHA256())


class SigningIdentity(msgspec.Struct, frozen=True):
    """Who signs: d=, s= and the key whose public half stands at selector._domainkey.domain."""

    domain: str
    selector: str
    key: SigningKey
