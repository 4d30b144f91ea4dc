"""rspamd's cases for SPF, DKIM, DMARC and ARC; skipped where the material is missing.

DIFFERS has each case in which the RFCs want something else of us, and why.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from clement.message.grammar import examine
from clement.policy.identity import Envelope, Identification, IdentityRules
from clement.server.authentication import feed_all
from clement.smtp import NULL_REVERSE_PATH, ReversePath, parse_mailbox
from clement.spool.content import Content
from tests.policy.identity.rspamd_suite import Case, FakeDns, cases, symbols

ALL = list(cases())  # the module is skipped where there are none
NOWHERE = "203.0.113.99"
NOW_S = 1_700_000_000.0
_NO_KEY = "The key is in no zone of the material: rspamd asks the living DNS for it. RFC {} wants a key."
_BODY_FIRST = (
    "The body is not the one that was signed, and the key is bad too. Both are PERMFAIL (RFC 6376 §6.1.2, "
    "§6.1.3); we look at the body first, which spares a question, and rspamd at the key."
)
DIFFERS: dict[str, tuple[str, str]] = {
    "SPF FAIL UNRESOLVEABLE INCLUDE": (
        "R_SPF_PERMFAIL",
        "An included domain without a record is a permerror (RFC 7208 §5.2, the table), not a miss.",
    ),
    "SPF ALLOW DNS REQUESTS AT LIMIT": (
        "R_SPF_PERMFAIL",
        "The record has thirty terms that ask the DNS; ten are the limit (RFC 7208 §4.6.4).",
    ),
    "SPF EXTERNAL RELAY": (
        "R_SPF_NA",
        "It is the client's address that SPF judges (RFC 7208 §4.1), never one that a Received field tells.",
    ),
    "ARC ALLOW CHECK": ("ARC_INVALID", _NO_KEY.format("8617 §5.2")),
    "DKIM Ignore Unknown Tags": ("R_DKIM_PERMFAIL", _NO_KEY.format("6376 §6.1.2")),
    "DKIM Signatures At Limit Are Still Checked": ("R_DKIM_PERMFAIL", _NO_KEY.format("6376 §6.1.2")),
    "DKIM Verify Unknown Key Type": ("R_DKIM_REJECT", _BODY_FIRST),
    "DKIM Reject Oversized Key Record": ("R_DKIM_REJECT", _BODY_FIRST),
    "DKIM Reject Oversized Key Modulus": ("R_DKIM_REJECT", _BODY_FIRST),
    "DKIM Verify Revoked Key (missing p=)": ("R_DKIM_REJECT", _BODY_FIRST),
}


def test_all_cases_are_here() -> None:
    assert len(ALL) == 72
    assert DIFFERS.keys() <= {case.case for case in ALL}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.case)
def test_results_are_those_of_the_suite_or_argued(case: Case) -> None:
    found = asyncio.run(_symbols_of(case))
    wanted = {symbol.partition("|")[0] for symbol in case.expect}
    agrees = wanted <= found and not found & set(case.absent)
    if case.case in DIFFERS:
        instead, _why = DIFFERS[case.case]
        assert not agrees, "it agrees by now"
        assert instead in found, found
    else:
        assert agrees, found


async def _symbols_of(case: Case) -> set[str]:
    rules = IdentityRules(hostname="mx.local.example")
    identification = Identification(FakeDns(), rules, lambda: 0.0)
    content = Content.in_memory(case.content)
    envelope = identification.of_envelope(
        Envelope(ip_address(case.ip or NOWHERE), case.helo, _path(case.mail_from), NOW_S)
    )
    message = examine(content.header_block)
    identity = identification.of_content(
        envelope, message, content.header_block, lambda hashes: feed_all(content, hashes), case.case
    )
    spf, dkim, arc, dmarc = await envelope.spf, await identity.dkim, await identity.arc, await identity.dmarc
    disposition = (dmarc.result, dmarc.disposition)
    return symbols(spf.result, {outcome.result for outcome in dkim}, arc.result, disposition)


def _path(text: str) -> ReversePath:
    text = text.strip("<>")
    return parse_mailbox(text.encode()) if text else NULL_REVERSE_PATH


def test_an_argument_is_given_for_every_difference() -> None:
    assert all(len(why) > 40 for _instead, why in DIFFERS.values())
