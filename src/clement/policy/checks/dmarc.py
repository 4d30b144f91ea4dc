"""Does the domain that people see as the author stand behind the message?  RFC 7489.

What its owner asks for counts, unless a sealer that this site trusts saw the message when it was still whole.
"""

from __future__ import annotations

from clement.message.authentication.arc_trust import voucher_for_author
from clement.message.authentication.dmarc import DmarcOutcome
from clement.message.authentication.dmarc_record import Policy
from clement.policy.facts import ContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import ContentIdentity
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.reason import Reason

NAME = "dmarc"
MAX_DETAIL_CHARS = 290

_REASONS = {Policy.REJECT: Reason.DMARC_REJECT, Policy.QUARANTINE: Reason.DMARC_QUARANTINE}
_WEIGHTS = {Policy.NONE: 0.5, Policy.QUARANTINE: 1.5, Policy.REJECT: 3.0}


def check(content: ContentFacts) -> Answer:
    """What DMARC says of the author, or of the worst of several."""
    return None if content.identity is None else settled(_judge(content.identity))


async def _judge(identity: ContentIdentity) -> Finding:
    dmarc = await identity.dmarc
    if dmarc.result is Result.PASS:
        how = f"{dmarc.aligned_by} of {dmarc.aligned_domain}"
        return Finding(NAME, Result.PASS, detail=f"{dmarc.domain} by {how}", weight=-0.5)
    if dmarc.result is not Result.FAIL:
        detail = f"{dmarc.domain}: {dmarc.reason or 'no record'}"
        return Finding(NAME, dmarc.result, detail=detail.lstrip(": "))
    sealer = await _voucher(identity, dmarc)
    if sealer:
        detail = f"{_words(dmarc)}; but {sealer} vouches for it (ARC)"
        return Finding(NAME, Result.FAIL, detail=detail[-MAX_DETAIL_CHARS:])
    return Finding(
        NAME,
        Result.FAIL,
        _REASONS.get(dmarc.disposition),
        _words(dmarc)[:MAX_DETAIL_CHARS],
        _WEIGHTS[dmarc.disposition],
    )


async def _voucher(identity: ContentIdentity, dmarc: DmarcOutcome) -> str:
    trusted = identity.envelope.rules.trusted_sealers
    if not trusted or len(identity.author_domains) != 1:
        return ""
    return voucher_for_author(await identity.arc, trusted, dmarc.domain)


def _words(dmarc: DmarcOutcome) -> str:
    """Which domain asks for what, and why neither SPF nor DKIM ties the message to it."""
    if not dmarc.domain:
        return f"The message {dmarc.reason.removeprefix('it ')}"
    where = "" if dmarc.record_domain == dmarc.domain else f" (DMARC record of {dmarc.record_domain})"
    return f"{dmarc.domain} asks to {_ASKED[dmarc.policy]} mail that is not its own{where}: {dmarc.reason}"


_ASKED = {Policy.NONE: "report", Policy.QUARANTINE: "quarantine", Policy.REJECT: "reject"}
