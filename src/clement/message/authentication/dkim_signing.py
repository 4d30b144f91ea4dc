"""DKIM signatures for mail that we send: RFC 6376 §5, RFC 8301, RFC 8463.

Always relaxed/relaxed, of the whole body (never l=), and with the fields that readers see signed once more
than they are there, so that nobody can add another.  RFC 6376 §5.4.1, §8.15.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import Canonicalisation, relaxed_field, with_crlf
from clement.message.authentication.signature_field import MAX_LINE_CHARS, folded_base64, folded_field
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity

OVERSIGNED = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "reply-to",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
SIGNED_IF_PRESENT = (
    "sender",
    "in-reply-to",
    "references",
    "resent-date",
    "resent-from",
    "resent-to",
    "resent-cc",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
)
MAX_COPIES = 20
_RELAXED = Canonicalisation.RELAXED


class SigningError(ValueError):
    """A message that cannot be signed; the words say why."""


class DkimSigner:
    """Signs one message, for as many identities as want to, in one pass over its body."""

    def __init__(self, header: bytes | SignedHeader, *, hashes: BodyHashes | None = None) -> None:
        self._header = header if isinstance(header, SignedHeader) else SignedHeader(header)
        self._hashes = BodyHashes() if hashes is None else hashes
        self._hashes.want(_RELAXED)

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        self._hashes.feed(chunk)

    def sign(self, identity: SigningIdentity, *, now_s: float, lifetime_s: int | None = None) -> bytes:
        """The DKIM-Signature field with its line ends, to stand above the header. The body is over.

        lifetime_s: for how long the signature holds (x=). Raises SigningError.
        """
        if not self._header.is_whole:
            raise SigningError("the header is longer than we read")
        if not self._header.count(b"from"):
            raise SigningError("there is no From field")
        names = signed_names(self._header)
        specs = [
            "v=1",
            f"a={identity.key.algorithm}",
            "c=relaxed/relaxed",
            f"d={identity.domain}",
            f"s={identity.selector}",
            f"t={int(now_s)}",
            *([] if lifetime_s is None else [f"x={int(now_s) + lifetime_s}"]),
            f"h={':'.join(names)}",
            f"bh={base64.b64encode(self._hashes.result(_RELAXED).digest).decode('ascii')}",
            "b=",
        ]
        field = folded_field("DKIM-Signature", specs)
        octets = self._header.signed_octets([name.encode("ascii") for name in names], _RELAXED)
        signature = identity.key.sign(octets + relaxed_form(field))
        room = MAX_LINE_CHARS - (len(field) - field.rfind("\n") - 1)
        return f"{field}{folded_base64(signature, room)}\r\n".encode("ascii")


def signed_names(header: SignedHeader, oversigned: Sequence[str] = OVERSIGNED) -> list[str]:
    """The names for h=: every field that is there, and one more of those that nobody may add."""
    names: list[str] = []
    for name in (*OVERSIGNED, *SIGNED_IF_PRESENT):
        copies = min(header.count(name.encode("ascii")), MAX_COPIES)
        names += [name] * (copies + (name in oversigned))
    return names


def relaxed_form(field: str) -> bytes:
    """A field of our own, whose b= is empty, in relaxed form."""
    name, _, value = field.partition(":")
    return relaxed_field(name.encode("ascii"), with_crlf(value.encode("utf-8")))
