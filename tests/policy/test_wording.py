"""Replies: words for every verdict there can be, on one bounded, printable line, telling nothing private."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.decide import decide, disposition_of, without_holding
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Fallback, GroupPolicy
from clement.policy.finding import Finding, Result
from clement.policy.reason import RULES, Disposition, Reason
from clement.policy.verdict import ACCEPTED, Defer, Drop, Quarantine, Reject, Verdict
from clement.policy.wording import reply_to
from clement.smtp import replies
from tests.policy.samples import policy_with

TRACE_ID = "7f3k2m9x4q1z-1"
KINDS: dict[Disposition, type[Defer | Reject | Drop]] = {
    Disposition.DEFER: Defer,
    Disposition.REJECT: Reject,
    Disposition.DROP: Drop,
}


TAKEN = {Disposition.ACCEPT, Disposition.QUARANTINE}


def gravity_without_holding(reason: Reason) -> Disposition:
    """Where nothing can be held, a reason that would be held for has words of its own too."""
    instead = without_holding(Quarantine(reason))
    return Disposition.DEFER if isinstance(instead, Defer) else Disposition.REJECT


def refusals() -> Iterator[tuple[Reason, Disposition]]:
    """Every reason with every disposition that its rule and the settings of a group allow it."""
    for reason, rule in RULES.items():
        settings = [{rule.setting: each} for each in Fallback] if rule.setting else [{}]
        policies = [policy_with(**setting) for setting in settings]
        possible = {disposition_of(reason, policy) for policy in policies} - TAKEN
        if Disposition.QUARANTINE in {disposition_of(reason, policy) for policy in policies}:
            possible.add(gravity_without_holding(reason))
        yield from ((reason, disposition) for disposition in sorted(possible))


ALL = list(refusals())
possible_verdicts = st.builds(
    lambda which, detail: KINDS[which[1]](which[0], detail), st.sampled_from(ALL), st.text(max_size=2000)
)


@pytest.mark.parametrize(("reason", "disposition"), ALL)
def test_every_verdict_has_words_and_a_code_of_its_kind(reason: Reason, disposition: Disposition) -> None:
    reply = reply_to(KINDS[disposition](reason, "a fact"), TRACE_ID)
    assert reply.is_transient if disposition is Disposition.DEFER else reply.is_permanent
    assert reply.enhanced.startswith("4." if disposition is Disposition.DEFER else "5.")
    assert reply.text[0].endswith(f" [{TRACE_ID}]")
    assert len(reply.text[0]) > len(f" [{TRACE_ID}]") + 5


@given(possible_verdicts)
def test_whatever_the_detail_the_reply_is_one_printable_line_with_its_id(verdict: Verdict) -> None:
    reply = reply_to(verdict, TRACE_ID)
    wire = reply.encode()
    assert wire.count(b"\n") == 1
    assert wire.endswith(b"\r\n")
    assert len(wire) <= 512
    assert all(0x20 <= octet <= 0x7E for octet in wire[:-2])
    assert wire.endswith(f"[{TRACE_ID}]\r\n".encode())


@pytest.mark.parametrize(("reason", "disposition"), ALL)
def test_no_place_for_a_detail_is_left_open(reason: Reason, disposition: Disposition) -> None:
    assert "{" not in reply_to(KINDS[disposition](reason, ""), TRACE_ID).text[0]


def test_case_025_hostile_details_cannot_start_a_reply_of_their_own() -> None:
    hostile = "x\r\n250 2.0.0 OK\x1b[2J{detail}"
    reply = reply_to(Reject(Reason.RECIPIENT_UNKNOWN, hostile), TRACE_ID)
    assert (
        reply.encode()
        == f"550 5.1.1 No such mailbox here: x??250 2.0.0 OK?[2J{{detail}} [{TRACE_ID}]\r\n".encode()
    )


def test_an_acceptance_says_what_its_stage_says() -> None:
    assert reply_to(ACCEPTED, TRACE_ID, replies.RECIPIENT_OK) is replies.RECIPIENT_OK


def test_a_scanner_s_trouble_is_for_the_log_alone() -> None:
    inside = "clamd at /run/clamav/clamd.ctl: connection refused"
    assert "clamd" not in str(reply_to(Defer(Reason.SCANNER_UNAVAILABLE, inside), TRACE_ID))


@pytest.mark.parametrize("scope", Scope)
def test_a_directive_is_not_told_apart_from_another(scope: Scope) -> None:
    directive = Directive(
        77, scope, "anna@local.example", Action.REFUSE, "ed@sender.example", note="he is a pest"
    )
    told = str(reply_to(decide([], directive, GroupPolicy()), TRACE_ID))
    assert told == f"550 5.7.1 Mail from this sender to this recipient is not accepted [{TRACE_ID}]"


def test_case_106_a_virus_is_named() -> None:
    findings = [Finding("virus", Result.FAIL, Reason.VIRUS, "Eicar-Test-Signature")]
    told = str(reply_to(decide(findings, None, GroupPolicy()), TRACE_ID))
    assert told == f"554 5.7.1 Virus found: Eicar-Test-Signature [{TRACE_ID}]"


@pytest.mark.parametrize(
    ("verdict", "useful"),
    [
        (Drop(Reason.NETWORK_BANNED, "203.0.113.0/24"), "203.0.113.0/24"),
        (
            Reject(Reason.SENDER_UNRESOLVABLE, "sender.example"),
            "sender.example could be answered: it has neither MX nor",
        ),
        (Reject(Reason.SENDER_REFUSES_MAIL, "sender.example"), "RFC 7505"),
        (Reject(Reason.TOO_LARGE, "10000000 octets"), "the limit is 10000000 octets"),
        (Reject(Reason.SEVERAL_AUTHORS, "2 From fields"), "2 From fields (RFC 5322 3.6"),
        (Reject(Reason.HELLO_IMPLAUSIBLE, "an address without brackets"), "RFC 5321 2.3.5"),
        (Defer(Reason.MIXED_VERDICTS), "send again"),
    ],
)
def test_a_reply_tells_a_postmaster_what_to_change(verdict: Verdict, useful: str) -> None:
    assert useful in reply_to(verdict, TRACE_ID).text[0]
