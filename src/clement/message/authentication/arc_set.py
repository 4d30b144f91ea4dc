"""The sets of fields of which a chain is made, and whether their form is valid.  RFC 8617 §4, §5.2.

arc-info  =  instance [CFWS] ";" authres-payload      ; ARC-Authentication-Results
instance  =  [CFWS] "i" [CFWS] "=" [CFWS] 1*2DIGIT [CFWS]      ; 1 to 50
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.dkim_signature import (
    Signature,
    SignatureError,
    needed,
    parse_message_signature,
    parse_seal,
    shown,
    tags_of,
)
from clement.message.authentication.signed_header import SignedHeader
from clement.message.headers import unfold
from clement.message.text import decoded

RESULTS = b"arc-authentication-results"
MESSAGE_SIGNATURE = b"arc-message-signature"
SEAL = b"arc-seal"
MAX_INSTANCES = 50

_CFWS = rb"(?:[ \t\r\n]|\([^()]*\))*"
_RESULTS_INSTANCE = re.compile(
    rb"%(cfws)bi%(cfws)b=%(cfws)b([0-9]{1,2})%(cfws)b;" % {b"cfws": _CFWS}, re.IGNORECASE
)
_INSTANCE = re.compile(r"[0-9]{1,2}")


class ArcError(ValueError):
    """The form of the chain is not valid; the words say why."""


class ArcSet(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of one instance; numbers are their places among those of their name, from the top.

    message_signatures: the one there is, in each way it may be read. Without c= it is simple/simple by
    RFC 6376 §3.5, while those who make and test ARC took it for relaxed/relaxed.
    """

    instance: int
    authentication_results: str
    message_signatures: tuple[Signature, ...]
    seal: Signature
    validation: str
    results_number: int
    message_signature_number: int
    seal_number: int


class ArcChain(msgspec.Struct, frozen=True):
    """The sets from the oldest; none when their form is not valid, of which `reason` tells.

    newest_instance: the highest number seen. is_closed: its seal says cv=fail, and nobody may add another.
    """

    sets: tuple[ArcSet, ...] = ()
    reason: str = ""
    newest_instance: int = 0
    is_closed: bool = False


class _Found(msgspec.Struct):
    """Fields of the chain by instance: their places, and the tags of those that have some."""

    results: dict[int, int]
    signatures: dict[int, tuple[int, Mapping[str, str]]]
    seals: dict[int, tuple[int, Mapping[str, str]]]

    @property
    def newest_instance(self) -> int:
        return max((*self.results, *self.signatures, *self.seals), default=0)


def chain_of(header: SignedHeader) -> ArcChain:
    """The chain in a header, its form checked and nothing else."""
    if not any(header.count(name) for name in (RESULTS, MESSAGE_SIGNATURE, SEAL)):
        return ArcChain()
    found = _Found({}, {}, {})
    try:
        if not header.is_whole:
            raise ArcError("the header is longer than we read")
        _collect(header, found)
        newest = found.newest_instance
        return ArcChain(tuple(_set(header, found, instance) for instance in range(1, newest + 1)), "", newest)
    except ArcError as error:
        newest = found.newest_instance
        is_closed = newest in found.seals and found.seals[newest][1].get("cv", "").lower() == "fail"
        return ArcChain((), str(error), newest, is_closed)


def _collect(header: SignedHeader, found: _Found) -> None:
    error: ArcError | None = None
    for name, take in (
        (RESULTS, _take_results),
        (MESSAGE_SIGNATURE, _take_signature),
        (SEAL, _take_seal),
    ):
        values = header.values(name)
        if len(values) > MAX_INSTANCES:
            error = ArcError(f"the chain has more than {MAX_INSTANCES} links")
        for number, value in enumerate(values[:MAX_INSTANCES]):
            try:
                take(found, number, value)
            except ArcError as broken:
                error = error or broken
    if error is not None:
        raise error


def _take_results(found: _Found, number: int, value: bytes) -> None:
    match = _RESULTS_INSTANCE.match(value)
    if match is None:
        raise ArcError("an ARC-Authentication-Results field names no instance")
    instance = int(match[1])
    _check_instance(instance, found.results, "ARC-Authentication-Results")
    found.results[instance] = number


def _take_signature(found: _Found, number: int, value: bytes) -> None:
    tags, instance = _tags(value, "ARC-Message-Signature")
    _check_instance(instance, found.signatures, "ARC-Message-Signature")
    found.signatures[instance] = (number, tags)


def _take_seal(found: _Found, number: int, value: bytes) -> None:
    tags, instance = _tags(value, "ARC-Seal")
    _check_instance(instance, found.seals, "ARC-Seal")
    found.seals[instance] = (number, tags)


def _tags(value: bytes, name: str) -> tuple[Mapping[str, str], int]:
    try:
        tags = tags_of(value)
    except SignatureError as error:
        raise ArcError(f"an {name} {error}") from None
    text = tags.get("i", "")
    if _INSTANCE.fullmatch(text) is None:
        raise ArcError(f"an {name} names no instance (i={shown(text)})")
    return tags, int(text)


def _check_instance(instance: int, taken: Mapping[int, object], name: str) -> None:
    if not 1 <= instance <= MAX_INSTANCES:
        raise ArcError(f"an {name} is numbered {instance}")
    if instance in taken:
        raise ArcError(f"there are two {name} fields of instance {instance}")


def _set(header: SignedHeader, found: _Found, instance: int) -> ArcSet:
    for name, fields in (
        ("ARC-Authentication-Results", found.results),
        ("ARC-Message-Signature", found.signatures),
        ("ARC-Seal", found.seals),
    ):
        if instance not in fields:
            raise ArcError(f"there is no {name} of instance {instance}")
    signature_number, signature_tags = found.signatures[instance]
    seal_number, seal_tags = found.seals[instance]
    return ArcSet(
        instance=instance,
        authentication_results=_payload(header.values(RESULTS)[found.results[instance]]),
        message_signatures=_message_signatures(signature_tags, instance),
        seal=_seal(seal_tags, instance),
        validation=seal_tags["cv"],
        results_number=found.results[instance],
        message_signature_number=signature_number,
        seal_number=seal_number,
    )


def _message_signatures(tags: Mapping[str, str], instance: int) -> tuple[Signature, ...]:
    try:
        signature = parse_message_signature(tags)
        if SEAL in signature.signed_fields:
            raise SignatureError("signs ARC-Seal fields (h=)")
    except SignatureError as error:
        raise ArcError(f"the ARC-Message-Signature of instance {instance} {error}") from None
    if "c" in tags:
        return (signature,)
    relaxed = msgspec.structs.replace(
        signature, header_form=Canonicalisation.RELAXED, body_form=Canonicalisation.RELAXED
    )
    return (signature, relaxed)


def _seal(tags: Mapping[str, str], instance: int) -> Signature:
    try:
        validation = needed(tags, "cv")
        if validation == "fail":
            raise SignatureError("says that the chain was broken before (cv=fail)")
        if validation != ("none" if instance == 1 else "pass"):
            raise SignatureError(f"says cv={shown(validation)}")
        if "h" in tags:
            raise SignatureError("has an h=, which it must not have")
        return parse_seal(tags)
    except SignatureError as error:
        raise ArcError(f"the ARC-Seal of instance {instance} {error}") from None


def _payload(value: bytes) -> str:
    match = _RESULTS_INSTANCE.match(value)
    return decoded(unfold(value[match.end() if match else 0 :]))
