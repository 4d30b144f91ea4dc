"""ARC validation: what those who handed a message on say of it, in a chain that each of them sealed.

RFC 8617 §5.2. Used as DkimVerifier is, and with the same SignedHeader and BodyHashes when both are wanted.
"""

from __future__ import annotations

import msgspec

from clement.message.authentication.arc_set import (
    MESSAGE_SIGNATURE,
    RESULTS,
    SEAL,
    ArcChain,
    ArcSet,
    chain_of,
)
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import Canonicalisation
from clement.message.authentication.dkim_signature import Signature
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

_RELAXED = Canonicalisation.RELAXED


class ArcInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One who handed the message on: d= and s= of the seal, and the authres-payload of the results (text)."""

    domain: str
    selector: str
    authentication_results: str


class ArcOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the chain.

    result: none, pass or fail (RFC 8617 §4.4); temperror while the DNS keeps a key from us.
    instances: from the oldest, of a chain whose form is valid. oldest_pass: the lowest instance since which
    the message is unchanged, 0 when it never changed (§5.2).
    newest_instance: the highest number seen, whatever the result. is_closed: the newest seal says cv=fail.
    is_partial: the newest signature used l= and more body follows.
    """

    result: Result
    reason: str = ""
    instances: tuple[ArcInstance, ...] = ()
    oldest_pass: int = 0
    newest_instance: int = 0
    is_closed: bool = False
    is_partial: bool = False

    @property
    def chain(self) -> tuple[str, ...]:
        """The domains that sealed, from the oldest."""
        return tuple(instance.domain for instance in self.instances)


class ArcValidator:
    """The chain of one message; see DkimVerifier for the parameters."""

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
        self._chain = chain_of(self._header)
        for arc_set in self._chain.sets:
            if _is_hashed(arc_set, self._chain):
                for signature in arc_set.message_signatures:
                    self._hashes.want(signature.body_form, signature.length)

    @property
    def wanted(self) -> bool:
        """Whether there is a chain for which the body must be hashed."""
        return bool(self._chain.sets)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Where the keys stand in the DNS, for whoever would rather ask for all of them early."""
        names = [arc_set.seal.key_name for arc_set in self._chain.sets]
        if self._chain.sets:
            names.append(self._chain.sets[-1].message_signatures[0].key_name)
        return tuple(dict.fromkeys(names))

    def feed(self, chunk: bytes) -> None:
        """The next octets of the body, cut anywhere."""
        self._hashes.feed(chunk)

    async def validate(self, dns: Dns) -> ArcOutcome:
        """What became of the chain. The body is over."""
        chain = self._chain
        if not chain.sets:
            return self._outcome(Result.FAIL if chain.reason else Result.NONE, chain.reason)
        newest = chain.sets[-1]
        check = await self._check_message(newest, dns)
        if check.result is not Result.PASS:
            return self._refused(check, f"the ARC-Message-Signature of {newest.message_signatures[0].domain}")
        for arc_set in reversed(chain.sets):
            check = await self._check_seal(arc_set, dns)
            if check.result is not Result.PASS:
                return self._refused(check, f"the ARC-Seal of {arc_set.seal.domain} (i={arc_set.instance})")
        return self._outcome(Result.PASS, oldest_pass=await self._oldest_pass(dns))

    def _refused(self, check: Check, what: str) -> ArcOutcome:
        result = Result.TEMPERROR if check.result is Result.TEMPERROR else Result.FAIL
        return self._outcome(result, f"{what} {check.reason}")

    def _outcome(self, result: Result, reason: str = "", oldest_pass: int = 0) -> ArcOutcome:
        chain = self._chain
        return ArcOutcome(
            result=result,
            reason=reason,
            instances=tuple(
                ArcInstance(
                    domain=arc_set.seal.domain,
                    selector=arc_set.seal.selector,
                    authentication_results=arc_set.authentication_results,
                )
                for arc_set in chain.sets
            ),
            oldest_pass=oldest_pass,
            newest_instance=chain.newest_instance,
            is_closed=chain.is_closed,
            is_partial=bool(chain.sets) and self._is_partial(chain.sets[-1].message_signatures[0]),
        )

    def _is_partial(self, signature: Signature) -> bool:
        body = self._hashes.result(signature.body_form, signature.length)
        return body.hashed_bytes < body.total_bytes

    async def _check_message(self, arc_set: ArcSet, dns: Dns) -> Check:
        """The ARC-Message-Signature, which is a DKIM-Signature in all but name.  §4.1.2."""
        check = Check(Result.NONE)
        for signature in arc_set.message_signatures:
            check = await self._check_signature(signature, arc_set.message_signature_number, dns)
            if check.result is Result.PASS:
                break
        return check

    async def _check_signature(self, signature: Signature, number: int, dns: Dns) -> Check:
        check = check_times(signature, self._now_s, self._limits)
        if check.result is Result.PASS:
            check = check_body(signature, self._hashes.result(signature.body_form, signature.length))
        if check.result is not Result.PASS:
            return check
        form = signature.header_form
        octets = self._header.signed_octets(signature.signed_fields, form)
        octets += self._header.unsigned(MESSAGE_SIGNATURE, number, form)
        return await check_key(dns, signature, octets, self._limits)

    async def _check_seal(self, arc_set: ArcSet, dns: Dns) -> Check:
        """The ARC-Seal, made of all sets up to its own, in their order.  §5.1.1."""
        pieces: list[bytes] = []
        for below in self._chain.sets[: arc_set.instance]:
            pieces.append(self._header.canonical(RESULTS, below.results_number, _RELAXED))
            pieces.append(self._header.canonical(MESSAGE_SIGNATURE, below.message_signature_number, _RELAXED))
            if below is not arc_set:
                pieces.append(self._header.canonical(SEAL, below.seal_number, _RELAXED))
        pieces.append(self._header.unsigned(SEAL, arc_set.seal_number, _RELAXED))
        return await check_key(dns, arc_set.seal, b"".join(pieces), self._limits)

    async def _oldest_pass(self, dns: Dns) -> int:
        for arc_set in reversed(self._chain.sets[:-1]):
            holds = _is_hashed(arc_set, self._chain)
            if not holds or (await self._check_message(arc_set, dns)).result is not Result.PASS:
                return arc_set.instance + 1
        return 0


def _is_hashed(arc_set: ArcSet, chain: ArcChain) -> bool:
    """Whether its signature counts: fifty lengths of a body would be fifty hashes of it."""
    return arc_set is chain.sets[-1] or arc_set.message_signatures[0].length is None
