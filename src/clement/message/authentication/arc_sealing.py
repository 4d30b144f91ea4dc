"""ARC sealing: what we found of a message goes with it when we hand it on.  RFC 8617 §5.1."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from clement.message.authentication.arc import ArcOutcome
from clement.message.authentication.arc_set import (
    MAX_INSTANCES,
    MESSAGE_SIGNATURE,
    RESULTS,
    SEAL,
    ArcSet,
    chain_of,
)
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.dkim_signing import relaxed_form, signed_names
from clement.message.authentication.result import Result
from clement.message.authentication.signature_field import field_by_tags
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity

_RELAXED = Canonicalisation.RELAXED
_CR_LF = "\r\n"
_VALIDATION = {Result.NONE: "none", Result.PASS: "pass", Result.FAIL: "fail"}


class ArcSealer:
    """Seals one message as it leaves us: `header` and body are those that the next server gets."""

    def __init__(self, header: bytes | SignedHeader, *, hashes: BodyHashes | None = None) -> None:
        self._header = header if isinstance(header, SignedHeader) else SignedHeader(header)
        self._hashes = BodyHashes() if hashes is None else hashes
        self._hashes.want(_RELAXED)

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        self._hashes.feed(chunk)

    def seal(
        self,
        chain: ArcOutcome,
        results: str,
        identity: SigningIdentity,
        *,
        now_s: float,
        names: Sequence[str] | None = None,
    ) -> bytes:
        """The three fields of our set with their line ends, to stand above the header.

        chain: how the message came to us. results: the authres-payload, our authserv-id first, as our
        Authentication-Results has it; folds are allowed. names: for h= of the message signature.
        b"" when the chain was closed, is full, or could not be checked: nothing may be added then (§5.1).
        """
        instance = chain.newest_instance + 1
        if chain.is_closed or instance > MAX_INSTANCES or chain.result not in _VALIDATION:
            return b""
        if not self._header.is_whole:
            return b""
        tags = {
            "a": identity.key.algorithm,
            "d": identity.domain,
            "i": str(instance),
            "s": identity.selector,
            "t": str(int(now_s)),
        }
        results_field = f"ARC-Authentication-Results: i={instance}; {results.strip()}"
        signature_field = self._message_signature(tags, identity, names)
        seal_field = self._seal(chain, (results_field, signature_field), tags, identity)
        return f"{seal_field}{_CR_LF}{signature_field}{_CR_LF}{results_field}{_CR_LF}".encode()

    def _message_signature(
        self, tags: dict[str, str], identity: SigningIdentity, names: Sequence[str] | None
    ) -> str:
        if names is None:
            names = [*signed_names(self._header, oversigned=()), *self._dkim_signatures()]
        tags = tags | {
            "bh": base64.b64encode(self._hashes.result(_RELAXED).digest).decode("ascii"),
            "c": "relaxed/relaxed",
            "h": ":".join(names),
        }
        octets = self._header.signed_octets([name.lower().encode("ascii") for name in names], _RELAXED)
        return _signed("ARC-Message-Signature", tags, octets, identity)

    def _dkim_signatures(self) -> list[str]:
        """Those of the message are signed too, that the next server may see what we saw.  §5.1.1."""
        return ["dkim-signature"] * min(self._header.count(b"dkim-signature"), 20)

    def _seal(
        self, chain: ArcOutcome, own: tuple[str, str], tags: dict[str, str], identity: SigningIdentity
    ) -> str:
        # A broken chain is not vouched for: its end covers our own set alone.  §5.1.2.
        sets = chain_of(self._header).sets if chain.result is Result.PASS else ()
        octets = b"".join(self._sealed_octets(arc_set) for arc_set in sets)
        octets += b"".join(relaxed_form(field) + b"\r\n" for field in own)
        return _signed("ARC-Seal", tags | {"cv": _VALIDATION[chain.result]}, octets, identity)

    def _sealed_octets(self, arc_set: ArcSet) -> bytes:
        return (
            self._header.canonical(RESULTS, arc_set.results_number, _RELAXED)
            + self._header.canonical(MESSAGE_SIGNATURE, arc_set.message_signature_number, _RELAXED)
            + self._header.canonical(SEAL, arc_set.seal_number, _RELAXED)
        )


def _signed(name: str, tags: dict[str, str], octets: bytes, identity: SigningIdentity) -> str:
    """The field with its b=; tags in alphabetical order, as the suites that compare seals want them."""
    unsigned = field_by_tags(name, [f"{tag}={value}" for tag, value in sorted((tags | {"b": ""}).items())])
    signature = base64.b64encode(identity.key.sign(octets + relaxed_form(unsigned))).decode("ascii")
    return field_by_tags(name, [f"{tag}={value}" for tag, value in sorted((tags | {"b": signature}).items())])
