"""Whether a signature holds: its hashes, its times, its key.  RFC 6376 §6.1.2, §6.1.3; RFC 8301 §3.2.

DKIM and ARC ask the same of a signature, and take the answer differently.
"""

from __future__ import annotations

import msgspec

from clement.message.authentication.body_hashes import BodyHash
from clement.message.authentication.dkim_key import KeyRecord, KeyRecordError, parse_key_record
from clement.message.authentication.dkim_signature import RSA_SHA256, Signature
from clement.message.authentication.result import Result
from clement.message.dns import Dns, DnsTemporaryFailure


class DkimLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted of signatures, and how much is done for them.

    max_signatures: of one message. min_rsa_bits: RFC 8301 §3.2; max_rsa_bits bounds the work.
    clock_skew_s: how far a signer's clock may be from ours. max_key_records: tried under one name.
    """

    max_signatures: int = 5
    min_rsa_bits: int = 1024
    max_rsa_bits: int = 4096
    clock_skew_s: int = 3600
    max_key_records: int = 4


DEFAULT_LIMITS = DkimLimits()


class Check(msgspec.Struct, frozen=True, gc=False):
    """How a check of a signature went. reason: goes on after "the signature of …"."""

    result: Result
    reason: str = ""
    key_bits: int = 0
    testing: bool = False


PASSED = Check(Result.PASS)


def check_times(signature: Signature, now_s: float, limits: DkimLimits) -> Check:
    """Whether the signature was made before now and holds still.  §3.5 (t=, x=)."""
    signed_at_s, expires_at_s = signature.signed_at_s, signature.expires_at_s
    if signed_at_s is not None and signed_at_s > now_s + limits.clock_skew_s:
        return Check(Result.POLICY, "was made in the future (t=)")
    if expires_at_s is not None and expires_at_s < now_s - limits.clock_skew_s:
        return Check(Result.PERMERROR, "has expired (x=)")
    return PASSED


def check_body(signature: Signature, body: BodyHash) -> Check:
    """Whether the body is the one that was signed.  §6.1.3."""
    if signature.length is not None and body.total_bytes < signature.length:
        return Check(Result.PERMERROR, "is for a longer body (l=)")
    if body.digest != signature.body_hash:
        return Check(Result.FAIL, "does not match the body, which was changed on the way (bh=)")
    return PASSED


async def check_key(dns: Dns, signature: Signature, octets: bytes, limits: DkimLimits) -> Check:
    """Whether a key of the signer's made the signature of these octets.  §6.1.2, §6.1.3."""
    try:
        answer = await dns.txt(signature.key_name)
    except DnsTemporaryFailure:
        return Check(
            Result.TEMPERROR, f"cannot be checked now: the DNS gives no answer for {signature.key_name}"
        )
    if not answer.records:
        return Check(Result.PERMERROR, f"has no key: there is no TXT record at {signature.key_name}")
    best = Check(Result.NONE)
    for text in answer.records[: limits.max_key_records]:
        check = _check_record(text, signature, octets, limits)
        if check.result is Result.PASS:
            return check
        # A key that could be tried tells more than a record that could not be read.
        if best.result is Result.NONE or (check.result is Result.FAIL and best.result is not Result.FAIL):
            best = check
    return best


def _check_record(text: str, signature: Signature, octets: bytes, limits: DkimLimits) -> Check:
    try:
        record = parse_key_record(text)
    except KeyRecordError as error:
        return Check(Result.PERMERROR, f"has no usable key: {signature.key_name} {error}")
    unfit = _unfit(record, signature, limits)
    if unfit is None and record.made(signature.signature, octets):
        return Check(Result.PASS, "", record.bits, record.testing)
    result, reason = unfit or (Result.FAIL, "does not match the signed header fields (b=)")
    return Check(result, reason, record.bits, record.testing)


def _unfit(record: KeyRecord, signature: Signature, limits: DkimLimits) -> tuple[Result, str] | None:
    """Why this key may not have made this signature."""
    is_rsa = record.kind == "rsa"
    if is_rsa is not (signature.algorithm == RSA_SHA256):
        return Result.PERMERROR, f"is of {signature.algorithm}, its key of {record.kind}"
    if record.strict and signature.identity_domain != signature.domain:
        return Result.PERMERROR, "is for a subdomain, which its key forbids (t=s)"
    if is_rsa and record.bits < limits.min_rsa_bits:
        return Result.POLICY, f"has a key of {record.bits} bits; {limits.min_rsa_bits} are the least"
    if is_rsa and record.bits > limits.max_rsa_bits:
        return Result.POLICY, f"has a key of {record.bits} bits; {limits.max_rsa_bits} are the most"
    return None
