"""DKIM verification: who took responsibility for a message, and whether it is still the one they signed.

RFC 6376 §6, RFC 8301, RFC 8463. The header is given first, then the body as it comes, then the DNS:

    verifier = DkimVerifier(header, now_s=now_s)
    for chunk in body: verifier.feed(chunk)
    outcomes = await verifier.verify(dns)
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping

import msgspec

from clement.message.addresses import parse_address_list
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim_signature import (
    Signature,
    SignatureError,
    parse_signature,
    shown,
    tags_of,
)
from clement.message.authentication.result import Result
from clement.message.authentication.signature_check import (
    DEFAULT_LIMITS,
    Check,
    DkimLimits,
    check_body,
    check_key,
    check_times,
)
from clement.message.authentication.signed_header import SignedHeader
from clement.message.dns import Dns
from clement.message.headers import unfold
from clement.message.text import decoded

FIELD_NAME = b"dkim-signature"
MAX_PARSED = 100
SHOWN_SIGNATURE_BYTES = 6
# Fields of which a message has one at most (RFC 5322 §3.6, RFC 2045 §3), and of which readers take any one.
SINGLE_FIELDS = (
    b"from",
    b"sender",
    b"reply-to",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
_NO_TAGS: Mapping[str, str] = {}


class DkimOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one signature.

    domain, selector, identity: d=, s=, i= (by default "@" and d=). reason: of no pass, for postmasters.
    is_partial: l= was used and more body follows; such a pass says nothing of what readers see.
    key_bits: 0 while the key is unknown. testing: the key's t=y. signed_fields: the names of h=, lower case.
    signature: the first characters of b=, as header.b tells them (RFC 6008).
    unsigned_copies: fields that are signed, should be there once, and stand there more often than they are
    signed (§8.15): what readers show may be what nobody signed.
    """

    result: Result
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    reason: str = ""
    is_partial: bool = False
    key_bits: int = 0
    testing: bool = False
    signed_fields: tuple[str, ...] = ()
    signature: str = ""
    unsigned_copies: tuple[str, ...] = ()


class _Candidate(msgspec.Struct, frozen=True):
    """A signature field: the one that is `number` from the top; `signature`, or why there is none."""

    number: int
    signature: Signature | None = None
    error: str = ""
    tags: Mapping[str, str] = _NO_TAGS


class DkimVerifier:
    """The signatures of one message.

    header: the block with its lines, or what another evaluator of the message uses already. hashes: shared
    with others, each chunk then being fed once, through any of them.
    """

    def __init__(
        self,
        header: bytes | SignedHeader,
        *,
        now_s: float,
        limits: DkimLimits = DEFAULT_LIMITS,
        hashes: BodyHashes | None = None,
    ) -> None:
        self._header = header if isinstance(header, SignedHeader) else SignedHeader(header)
        self._now_s = now_s
        self._limits = limits
        self._hashes = BodyHashes() if hashes is None else hashes
        self._candidates = self._choose()
        self._found = [found.signature for found in self._candidates if found.signature is not None]
        for signature in self._found:
            self._hashes.want(signature.body_form, signature.length)

    @property
    def wanted(self) -> bool:
        """Whether there is a signature for which the body must be hashed."""
        return bool(self._found)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Where the keys stand in the DNS, for whoever would rather ask for all of them early."""
        return tuple(dict.fromkeys(signature.key_name for signature in self._found))

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        self._hashes.feed(chunk)

    async def verify(self, dns: Dns) -> tuple[DkimOutcome, ...]:
        """What became of the signatures that were looked at, from the top of the header. The body is over."""
        return tuple([await self._outcome(candidate, dns) for candidate in self._candidates])

    def _choose(self) -> list[_Candidate]:
        """At most max_signatures, rather those that can be verified and are of the author's domain."""
        fields = self._header.values(FIELD_NAME)[:MAX_PARSED]
        candidates = [_candidate(number, value) for number, value in enumerate(fields)]
        most = self._limits.max_signatures
        if len(candidates) > most:
            authors = _author_domains(self._header)
            candidates.sort(key=lambda candidate: _rank(candidate.signature, authors))
            candidates = sorted(candidates[:most], key=lambda candidate: candidate.number)
        return candidates

    async def _outcome(self, candidate: _Candidate, dns: Dns) -> DkimOutcome:
        signature = candidate.signature
        if signature is None:
            return _malformed(candidate)
        check = self._check_locally(signature)
        if check.result is Result.PASS:
            check = await check_key(
                dns, signature, self._signed_octets(candidate.number, signature), self._limits
            )
        body = self._hashes.result(signature.body_form, signature.length)
        return DkimOutcome(
            result=check.result,
            domain=signature.domain,
            selector=signature.selector,
            identity=signature.identity,
            algorithm=signature.algorithm,
            reason=check.reason and f"the signature of {signature.domain} {check.reason}",
            is_partial=body.hashed_bytes < body.total_bytes,
            key_bits=check.key_bits,
            testing=check.testing,
            signed_fields=tuple(name.decode("ascii") for name in signature.signed_fields),
            signature=_shown_signature(signature),
            unsigned_copies=self._unsigned_copies(signature),
        )

    def _check_locally(self, signature: Signature) -> Check:
        if not self._header.is_whole:
            return Check(Result.POLICY, "is of a header that is longer than we read")
        check = check_times(signature, self._now_s, self._limits)
        if check.result is not Result.PASS:
            return check
        return check_body(signature, self._hashes.result(signature.body_form, signature.length))

    def _signed_octets(self, number: int, signature: Signature) -> bytes:
        form = signature.header_form
        fields = self._header.signed_octets(signature.signed_fields, form)
        return fields + self._header.unsigned(FIELD_NAME, number, form)

    def _unsigned_copies(self, signature: Signature) -> tuple[str, ...]:
        return tuple(
            name.decode("ascii")
            for name in SINGLE_FIELDS
            if (count := self._header.count(name)) > 1 and 0 < signature.signed_fields.count(name) < count
        )


def _candidate(number: int, value: bytes) -> _Candidate:
    tags: Mapping[str, str] = _NO_TAGS
    try:
        tags = tags_of(value)
        return _Candidate(number, parse_signature(tags))
    except SignatureError as error:
        return _Candidate(number, None, str(error), tags)


def _malformed(candidate: _Candidate) -> DkimOutcome:
    """RFC 6376 §6.1.1: the signature fails for good, whatever the message."""
    domain = shown(candidate.tags.get("d", ""))
    subject = f"the signature of {domain}" if domain else "a signature"
    return DkimOutcome(
        result=Result.PERMERROR,
        domain=domain,
        selector=shown(candidate.tags.get("s", "")),
        algorithm=shown(candidate.tags.get("a", "")),
        reason=f"{subject} {candidate.error}",
    )


def _author_domains(header: SignedHeader) -> tuple[str, ...]:
    values = header.values(b"from")[:1]
    return tuple(
        author.mailbox.domain
        for value in values
        for author in parse_address_list(decoded(unfold(value))).mailboxes
    )


def _rank(signature: Signature | None, author_domains: tuple[str, ...]) -> int:
    """Lower is looked at rather: of the author's domain, of one above or below it, of another, malformed."""
    if signature is None:
        return 3
    domain = signature.domain
    if domain in author_domains:
        return 0
    related = any(
        author.endswith(f".{domain}") or domain.endswith(f".{author}") for author in author_domains if author
    )
    return 1 if related else 2


def _shown_signature(signature: Signature) -> str:
    return binascii.b2a_base64(signature.signature[:SHOWN_SIGNATURE_BYTES], newline=False).decode("ascii")
