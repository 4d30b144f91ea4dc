"""What we write on top of a message of those who sent it: Authentication-Results, and a relay's ARC set.

Everything in it has been found out by then; nothing here asks. RFC 8601 §2.7, RFC 8617 §5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clement.message.authentication.arc import ArcOutcome
from clement.message.authentication.arc_sealing import ArcSealer
from clement.message.authentication.authentication_results import (
    FIELD_NAME,
    MethodResult,
    authentication_results_value,
)
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.dkim import DkimOutcome
from clement.message.authentication.dmarc import DmarcOutcome
from clement.message.authentication.forged_results import without_forged_results
from clement.message.authentication.received_spf import received_spf_field
from clement.message.authentication.result import Result
from clement.message.foreign_fields import ForeignFields
from clement.policy.identity import ContentIdentity, EnvelopeIdentity
from clement.policy.proven_domains import speaks_for_whole
from clement.server.authentication import Authentication, body_feed
from clement.spool.content import HEADER_LIMIT_BYTES, Content


def without_forgeries(content: Content, authserv_id: str, foreign: ForeignFields | None = None) -> Content:
    """The same message without the results that pretend to be ours (RFC 8601 §5); itself if it has none.

    foreign: the fields in which others have judged it, which go as well.
    """
    block, rest = content.header_block, b""
    if len(block) == HEADER_LIMIT_BYTES:
        # Cut off: half a line must not be taken away from its other half.
        end = block.rfind(b"\n") + 1
        block, rest = block[:end], block[end:]
    kept = without_forged_results(block, authserv_id)
    if foreign is not None:
        kept = foreign.taken_out(kept)
    return content if kept is block else content.with_header_block(kept + rest)


async def trace_of(
    authentication: Authentication,
    identity: ContentIdentity,
    content: Content,
    received: bytes,
    now_s: Callable[[], float],
    *,
    seals: bool,
) -> bytes:
    """The fields above the message.

    Received is the lowest of them: a message whose first line begins with white space would go on with it.
    seals: the message is handed on, and sealed where the site has a key for it. Raises StorageFailure.
    """
    hostname = identity.envelope.rules.hostname
    results = authentication_results_value(hostname, list(method_results(identity)))
    trace = f"{FIELD_NAME}: {results}\r\n".encode() + received
    if authentication.received_spf:
        trace = _received_spf(identity.envelope) + trace
    chain = identity.arc.found
    if not seals or authentication.sealer is None or chain is None:
        return trace
    hashes = BodyHashes()
    sealer = ArcSealer(trace + content.header_block, hashes=hashes)
    waiting = body_feed(content, authentication.workers)(hashes)
    if waiting is not None:
        await waiting
    return sealer.seal(chain, results, authentication.sealer, now_s=now_s()) + trace


def _received_spf(identity: EnvelopeIdentity) -> bytes:
    """RFC 7208 §9.1: for the identity that was judged, the reverse-path or else the HELO name."""
    spf, envelope = identity.spf.found, identity.envelope
    if spf is None:
        return b""
    return received_spf_field(
        spf,
        address=str(envelope.address),
        identity="mailfrom" if identity.has_reverse_path else "helo",
        mail_from=str(envelope.reverse_path),
        hello=envelope.hello,
        receiver=identity.rules.hostname,
    )


def verified_client_name(identity: ContentIdentity | None) -> str:
    """The name of the client's address that has this address, for Received; "" when there is none."""
    reverse_name = None if identity is None else identity.envelope.reverse_name.found
    return reverse_name.name if reverse_name is not None and reverse_name.result is Result.PASS else ""


def method_results(identity: ContentIdentity) -> Iterator[MethodResult]:
    """All results that have been found, in the order in which they build on each other."""
    envelope = identity.envelope
    yield from _reverse_name(envelope)
    yield from _spf(envelope)
    dkim, arc, dmarc = identity.dkim.found, identity.arc.found, identity.dmarc.found
    if dkim is not None:
        yield from map(_dkim, dkim)
        if not dkim:
            yield MethodResult("dkim", Result.NONE)
    if arc is not None and arc.result is not Result.NONE:
        yield _arc(arc, str(envelope.envelope.address))
    if dmarc is not None:
        yield _dmarc(dmarc)


def _reverse_name(envelope: EnvelopeIdentity) -> Iterator[MethodResult]:
    outcome = envelope.reverse_name.found
    if outcome is not None:
        address = (("policy.iprev", str(envelope.envelope.address)),)
        yield MethodResult("iprev", outcome.result, address, outcome.name)


def _spf(envelope: EnvelopeIdentity) -> Iterator[MethodResult]:
    spf, hello_spf = envelope.spf.found, envelope.hello_spf.found
    if spf is not None and envelope.has_reverse_path:
        path = (("smtp.mailfrom", str(envelope.envelope.reverse_path)),)
        yield MethodResult("spf", spf.result, path, spf.problem if spf.result is not Result.NONE else "")
    if hello_spf is not None and (hello_spf.result is not Result.NONE or not envelope.has_reverse_path):
        yield MethodResult("spf", hello_spf.result, (("smtp.helo", envelope.envelope.hello),))


def _dkim(outcome: DkimOutcome) -> MethodResult:
    """A signature that does not speak for all that readers see is not told as a pass (RFC 8601 §2.4)."""
    result, comment = outcome.result, outcome.reason
    if result is Result.PASS and not speaks_for_whole(outcome):
        result, comment = Result.POLICY, "covers a part of the message"
    properties = (
        ("header.d", outcome.domain),
        ("header.i", outcome.identity),
        ("header.s", outcome.selector),
        ("header.a", outcome.algorithm),
        ("header.b", outcome.signature),
    )
    return MethodResult("dkim", result, properties, comment)


def _arc(arc: ArcOutcome, address: str) -> MethodResult:
    properties = (("header.oldest-pass", str(arc.oldest_pass)), ("smtp.remote-ip", address))
    if arc.result is not Result.PASS:
        return MethodResult("arc", arc.result, (), arc.reason)
    return MethodResult("arc", arc.result, properties, " ".join(arc.chain))


def _dmarc(dmarc: DmarcOutcome) -> MethodResult:
    properties = [("header.from", dmarc.domain)]
    if dmarc.result is Result.FAIL:
        properties.append(("policy.dmarc", dmarc.disposition.word))
    comment = f"p={dmarc.policy.word}" if dmarc.record_domain else ""
    return MethodResult("dmarc", dmarc.result, tuple(properties), comment)
