"""Links that act on held mail and on lessons: signed, for one deed on one message, and only for a while.

    token   = base64url( payload signature )        RFC 4648 §5, without padding
    payload = version deed expires mailbox held     one octet, one octet, 8 octets, 2 octets and text, text

A link alone does nothing: it leads to a page that asks, and only the answer (POST) acts, since programs that
look for bad links follow every link in a mail. What it may do it may do once, because held mail is released
or deleted once. It holds no secret of the message: whoever reads the mail may use it.
"""

from __future__ import annotations

import binascii
import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum

import msgspec

VERSION = 1
SIGNATURE_BYTES = 20
MAX_TOKEN_CHARS = 800
KEY_BYTES = 32

_TOKEN = re.compile(r"[A-Za-z0-9_\-]+")
_HEAD = struct.Struct("!BBQH")
_PURPOSE = b"clement digest link\0"


class Deed(StrEnum):
    """What a link may do."""

    RELEASE = "release"
    RELEASE_AND_ACCEPT = "release-and-accept"
    """Release, and accept what this author writes from now on."""
    DELETE = "delete"
    TAKE_BACK = "take-back"
    """Undo a lesson that its report has given."""


_DEEDS = tuple(Deed)


class LinkUnusable(ValueError):
    """The token was not made here, was changed, or has expired. `expired` tells which."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("the link has expired" if expired else "the link is not complete")
        self.expired = expired


class HeldLink(msgspec.Struct, frozen=True):
    """deed: the one thing it may do. held: the held message. recipient: for whom. expires_s: Unix time.

    Where the deed is TAKE_BACK, `held` is the lesson's record.
    """

    deed: Deed
    held: str
    recipient: str
    expires_s: int


def sign(link: HeldLink, key: bytes) -> str:
    """The token of a link. key: at least KEY_BYTES secret octets."""
    recipient = link.recipient.encode("utf-8", "surrogateescape")
    head = _HEAD.pack(VERSION, _DEEDS.index(link.deed), link.expires_s, len(recipient))
    payload = head + recipient + link.held.encode("utf-8")
    return urlsafe_b64encode(payload + _signature(payload, key)).rstrip(b"=").decode("ascii")


def verify(token: str, key: bytes, now_s: float) -> HeldLink:
    """What a token may do. Raises LinkUnusable."""
    payload = _signed_payload(token, key)
    version, deed, expires_s, length = _HEAD.unpack_from(payload)
    texts = payload[_HEAD.size :]
    if version != VERSION or deed >= len(_DEEDS) or length > len(texts):
        raise LinkUnusable
    if now_s >= expires_s:
        raise LinkUnusable(expired=True)
    recipient = texts[:length].decode("utf-8", "surrogateescape")
    return HeldLink(_DEEDS[deed], texts[length:].decode("utf-8"), recipient, expires_s)


def _signed_payload(token: str, key: bytes) -> bytes:
    if len(token) > MAX_TOKEN_CHARS or not _TOKEN.fullmatch(token):
        raise LinkUnusable
    try:
        octets = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise LinkUnusable from None
    payload, signature = octets[:-SIGNATURE_BYTES], octets[-SIGNATURE_BYTES:]
    if len(payload) < _HEAD.size or not hmac.compare_digest(signature, _signature(payload, key)):
        raise LinkUnusable
    return payload


def _signature(payload: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + payload, "sha256")[:SIGNATURE_BYTES]
