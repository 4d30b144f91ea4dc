"""What the checks make of identities: evidence, reasons, and words that let a postmaster act."""

from __future__ import annotations

import pytest

from clement.message.authentication.arc import ArcInstance, ArcOutcome
from clement.policy.checks import arc, dkim, dmarc, hello, reverse_name, spf
from clement.policy.finding import Finding, Result
from clement.policy.identity import IdentityRules
from clement.policy.once import Once
from clement.policy.reason import Reason
from tests.policy.identity.world import CLIENT, STRANGER, Message, Zones, author_zones, mail, signed
from tests.policy.samples import content

TRUSTING = IdentityRules(hostname="mx.local.example", trusted_sealers=frozenset({"lists.example"}))


def found(finding: Finding | None) -> tuple[Result, Reason | None, str]:
    assert finding is not None
    return finding.result, finding.reason, finding.detail


def sealed(*reports: str, result: Result = Result.PASS, domain: str = "lists.example") -> Once[ArcOutcome]:
    instances = tuple(
        ArcInstance(domain=domain, selector="s", authentication_results=report) for report in reports
    )
    return Once.of(ArcOutcome(result=result, instances=instances, newest_instance=len(reports)))


@pytest.mark.parametrize(
    "check",
    [
        spf.check,
        spf.check_hello,
        dkim.check,
        arc.check,
        dmarc.check,
        reverse_name.check,
        hello.check_resolves,
    ],
)
def test_nobody_is_judged_whose_identity_is_not_looked_at(check) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    assert check(content()) is None


# --- SPF


def test_an_allowed_client_is_told_with_the_term_that_allows_it() -> None:
    told = found(Message(Zones(author_zones()), mail()).finding(spf.check))
    assert told == (Result.PASS, None, f"author.example allows {CLIENT} (ip4:{CLIENT})")


def test_a_fail_names_domain_and_address_and_what_the_domain_says() -> None:
    zones = author_zones()
    zones["TXT", "author.example"] = ["v=spf1 -all exp=why.author.example"]
    zones["TXT", "why.author.example"] = ["%{i} is not one of ours"]
    told = found(Message(Zones(zones), mail(), client=STRANGER).finding(spf.check))
    words = f"SPF of author.example does not allow {STRANGER}"
    assert told == (
        Result.FAIL,
        Reason.SPF_FAIL,
        f"{words}; author.example says: {STRANGER} is not one of ours",
    )


@pytest.mark.parametrize("signer", ["author.example", "news.author.example"])
def test_a_fail_gives_no_reason_while_the_organization_has_signed(signer: str) -> None:
    zones = author_zones()
    zones["TXT", f"s1._domainkey.{signer}"] = zones["TXT", "s1._domainkey.author.example"]
    message = Message(Zones(zones), signed(mail(), signer), client=STRANGER)
    result, reason, detail = found(message.finding(spf.check))
    assert (result, reason) == (Result.FAIL, None)
    assert detail.endswith(f"; but {signer} has signed it")


def test_the_signature_of_a_stranger_helps_no_fail() -> None:
    zones = author_zones()
    zones["TXT", "s1._domainkey.evil.example"] = zones["TXT", "s1._domainkey.author.example"]
    message = Message(Zones(zones), signed(mail(), "evil.example"), client=STRANGER)
    assert found(message.finding(spf.check))[1] is Reason.SPF_FAIL


def test_a_fail_gives_no_reason_while_a_trusted_sealer_vouches() -> None:
    message = Message(Zones(author_zones()), mail(), client=STRANGER, rules=TRUSTING)
    message.identity.arc = sealed("lists.example; spf=pass smtp.mailfrom=ed@author.example")
    assert found(message.finding(spf.check))[1] is None


def test_a_broken_record_is_told_in_words() -> None:
    zones = author_zones()
    zones["TXT", "author.example"] = ["v=spf1 include:nowhere.example -all"]
    result, reason, detail = found(Message(Zones(zones), mail()).finding(spf.check))
    assert (result, reason) == (Result.PERMERROR, Reason.SPF_PERMERROR)
    assert "nowhere.example" in detail


def test_case_090_a_dns_that_fails_is_no_reason() -> None:
    zones = Zones(author_zones(), failing=["author.example", CLIENT, "mail.author.example"])
    message = Message(zones, mail())
    for check in (spf.check, reverse_name.check, hello.check_resolves, dmarc.check):
        result, reason, _ = found(message.finding(check))
        assert (result, reason) == (Result.TEMPERROR, None)


def test_the_hello_name_is_evidence_only() -> None:
    zones = author_zones()
    zones["TXT", "mail.author.example"] = ["v=spf1 -all"]
    result, reason, detail = found(Message(Zones(zones), mail()).finding(spf.check_hello))
    assert (result, reason) == (Result.FAIL, None)
    assert detail.startswith("HELO: SPF of mail.author.example")
    assert Message(Zones(zones), mail(), reverse_path="").finding(spf.check_hello) is None
    assert Message(Zones(author_zones()), mail()).finding(spf.check_hello) is None


# --- DKIM, ARC


def test_signatures_are_told_one_by_one() -> None:
    content = signed(mail())
    message = Message(Zones(author_zones()), content)
    words = "author.example has signed it (ed25519-sha256, s=s1)"
    assert found(message.finding(dkim.check)) == (Result.PASS, None, words)
    broken = Message(Zones(author_zones()), content + b"more\r\n")
    result, reason, detail = found(broken.finding(dkim.check))
    assert (result, reason) == (Result.FAIL, None)
    assert "body" in detail
    unsigned = Message(Zones(author_zones()), mail())
    assert found(unsigned.finding(dkim.check)) == (Result.NONE, None, "no signature")


def test_a_chain_is_told_and_the_lack_of_one_is_not() -> None:
    message = Message(Zones(author_zones()), mail())
    assert message.finding(arc.check) is None
    message.identity.arc = sealed("a; none", "b; none")
    detail = "sealed by lists.example → lists.example"
    assert found(message.finding(arc.check)) == (Result.PASS, None, detail)


# --- DMARC


def test_an_author_who_is_himself_passes() -> None:
    message = Message(Zones(author_zones()), signed(mail()))
    words = "author.example by dkim of author.example"
    assert found(message.finding(dmarc.check)) == (Result.PASS, None, words)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=DMARC1; p=reject", Reason.DMARC_REJECT),
        ("v=DMARC1; p=quarantine", Reason.DMARC_QUARANTINE),
        ("v=DMARC1; p=none", None),
    ],
)
def test_a_forger_is_worth_what_the_owner_asks_for(record: str, reason: Reason | None) -> None:
    message = Message(Zones(author_zones(dmarc=[record])), mail(), client=STRANGER)
    result, found_reason, detail = found(message.finding(dmarc.check))
    assert (result, found_reason) == (Result.FAIL, reason)
    assert "SPF of author.example: fail; no DKIM signature" in detail


def test_a_record_above_the_author_s_domain_is_named() -> None:
    message = Message(Zones(author_zones()), mail("From: x@news.author.example\r\n"), client=STRANGER)
    assert "(DMARC record of author.example)" in found(message.finding(dmarc.check))[2]


@pytest.mark.parametrize(
    ("report", "believed"),
    [
        ("lists.example; dmarc=pass header.from=author.example", True),
        ("lists.example; dkim=pass header.d=news.author.example", True),
        ("lists.example; spf=pass smtp.mailfrom=b@author.example", True),
        ("lists.example; dmarc=pass header.from=other.example", False),
        ("lists.example; dmarc=fail header.from=author.example; dkim=pass header.d=author.example", False),
        ('lists.example; spf=fail smtp.helo="; dmarc=pass header.from=author.example"', False),
        ("lists.example; none", False),
    ],
)
def test_a_trusted_sealer_is_believed_as_far_as_its_report_goes(report: str, *, believed: bool) -> None:
    message = Message(Zones(author_zones()), mail(), client=STRANGER, rules=TRUSTING)
    message.identity.arc = sealed(report)
    result, reason, detail = found(message.finding(dmarc.check))
    assert result is Result.FAIL
    assert (reason is None) == believed
    assert detail.endswith("; but lists.example vouches for it (ARC)") == believed


@pytest.mark.parametrize(
    "chain",
    [
        sealed("x; dmarc=pass header.from=author.example", result=Result.FAIL),
        sealed("x; dmarc=pass header.from=author.example", domain="notlists.example"),
        sealed(),
    ],
)
def test_nobody_else_is_believed(chain: Once[ArcOutcome]) -> None:
    message = Message(Zones(author_zones()), mail(), client=STRANGER, rules=TRUSTING)
    message.identity.arc = chain
    assert found(message.finding(dmarc.check))[1] is Reason.DMARC_REJECT


def test_no_sealer_speaks_for_one_of_several_authors() -> None:
    both = mail("From: ed@author.example, x@evil.example\r\n")
    message = Message(Zones(author_zones()), both, client=STRANGER, rules=TRUSTING)
    message.identity.arc = sealed("lists.example; dmarc=pass header.from=author.example")
    assert found(message.finding(dmarc.check))[1] is Reason.DMARC_REJECT


def test_too_many_authors_are_told() -> None:
    many = mail("From: " + ", ".join(f"a@d{n}.example" for n in range(6)) + "\r\n")
    told = found(Message(Zones(author_zones()), many).finding(dmarc.check))
    assert told == (Result.FAIL, Reason.DMARC_REJECT, "The message names authors of 6 domains")


# --- the client's names


def test_a_name_that_is_verified_both_ways() -> None:
    message = Message(Zones(author_zones()), mail())
    assert found(message.finding(reverse_name.check)) == (Result.PASS, None, "mail.author.example")
    assert found(message.finding(hello.check_resolves)) == (Result.PASS, None, "mail.author.example")


@pytest.mark.parametrize(
    ("names", "result", "words"),
    [
        ([], Result.PERMERROR, f"{STRANGER} has no name in the DNS"),
        (
            ["mail.author.example"],
            Result.FAIL,
            f"{STRANGER} calls itself mail.author.example, which does not have this address",
        ),
    ],
)
def test_a_name_that_is_missing_or_another_s(names: list[str], result: Result, words: str) -> None:
    zones = author_zones() | {("PTR", STRANGER): names}
    message = Message(Zones(zones), mail(), client=STRANGER)
    assert found(message.finding(reverse_name.check)) == (result, Reason.REVERSE_NAME_UNVERIFIED, words)
    assert found(message.finding(hello.check_resolves))[:2] == (Result.SOFTFAIL, None)


@pytest.mark.parametrize("name", ["[198.18.0.10]", "localhost"])
def test_a_greeting_that_is_no_name_is_not_asked_for(name: str) -> None:
    assert Message(Zones(author_zones()), mail(), hello=name).finding(hello.check_resolves) is None


def test_case_093_a_hostile_name_is_shown_escaped() -> None:
    """Hostile case 93: a PTR with controls, 300 octets and markup."""
    hostile = "<script>\x1b[2J\u202e" + "x" * 300
    zones = author_zones() | {("PTR", STRANGER): [hostile], ("A", hostile): [STRANGER]}
    detail = found(Message(Zones(zones), mail(), client=STRANGER).finding(reverse_name.check))[2]
    assert detail.isprintable()
    assert len(detail) <= 255
