"""Identities of a message: shared outcomes, one budget, several authors, and what none of them proves."""

from __future__ import annotations

import pytest

from clement.message.authentication.dkim import DkimOutcome
from clement.message.authentication.dmarc_record import Policy
from clement.message.authentication.result import Result
from clement.policy.identity import IdentityRules, dkim_identifier
from clement.policy.once import Once
from clement.policy.proven_domains import authenticated_domains, proves, speaks_for_whole
from tests.policy.identity.world import STRANGER, Message, Zones, author_zones, mail, run, signed


def outcome(message: Message) -> tuple[Result, Policy]:
    async def main() -> tuple[Result, Policy]:
        dmarc = await message.identity.dmarc
        return dmarc.result, dmarc.disposition

    found: tuple[Result, Policy] = run(main())
    return found


PASSED = (Result.PASS, Policy.NONE)
REFUSED = (Result.FAIL, Policy.REJECT)


def test_all_that_rests_on_the_dns_is_asked_for_once() -> None:
    zones = Zones(author_zones())
    message = Message(zones, signed(mail()))

    async def main() -> None:
        message.envelope.start()
        await message.identity.dmarc
        await message.envelope.spf
        await message.identity.dkim
        await message.identity.arc

    run(main())
    for question in (("TXT", "author.example"), ("TXT", "s1._domainkey.author.example")):
        assert zones.asked.count(question) == 1
    assert authenticated_domains(message.identity) == ("author.example",)


def test_nothing_is_asked_for_before_somebody_wants_to_know() -> None:
    zones = Zones(author_zones())
    message = Message(zones, signed(mail()))
    assert authenticated_domains(message.identity) == ()
    assert not zones.asked


def test_an_unsigned_message_is_not_hashed() -> None:
    message = Message(Zones(author_zones()), mail())
    message.identity._feed = None  # type: ignore[assignment] - whoever called it would raise
    assert outcome(message) == PASSED


def test_case_091_a_greedy_spf_record_cannot_hide_the_dmarc_record() -> None:
    """Hostile case 91, from the other side: the questions of SPF are not those of DMARC."""
    zones = author_zones()
    zones["TXT", "greedy.example"] = ["v=spf1 " + "mx " * 9 + "-all"]
    zones["MX", "greedy.example"] = [f"10 m{n}.greedy.example" for n in range(10)]
    zones |= {("A", f"m{n}.greedy.example"): ["192.0.2.9"] for n in range(10)}
    rules = IdentityRules(hostname="mx.local.example", questions=40)
    message = Message(Zones(zones), mail(), client=STRANGER, reverse_path="x@greedy.example", rules=rules)

    async def main() -> Result:
        return (await message.envelope.spf).result

    assert run(main()) is Result.TEMPERROR
    assert outcome(message) == REFUSED


def test_case_091_a_greedy_hello_name_cannot_hide_the_spf_record() -> None:
    """The questions about a HELO name of the client's choice are not those about whom he pretends to be."""
    zones = author_zones()
    zones["TXT", "greedy.example"] = ["v=spf1 " + "mx " * 9 + "-all"]
    zones["MX", "greedy.example"] = [f"10 m{n}.greedy.example" for n in range(10)]
    zones |= {("A", f"m{n}.greedy.example"): ["192.0.2.9"] for n in range(10)}
    zones["PTR", STRANGER] = [f"m{n}.greedy.example" for n in range(10)]
    message = Message(Zones(zones), mail(), client=STRANGER, hello="greedy.example")

    async def main() -> Result:
        await message.envelope.hello_spf
        await message.envelope.reverse_name
        return (await message.envelope.hello_spf).result

    assert run(main()) is Result.TEMPERROR
    assert outcome(message) == REFUSED


def test_case_097_the_hello_name_is_no_reverse_path() -> None:
    """Hostile case 97: a HELO name that passes proves neither the reverse-path's domain nor the author's."""
    zones = author_zones()
    zones["TXT", "evil.example"] = [f"v=spf1 ip4:{STRANGER} -all"]
    message = Message(Zones(zones), mail(), client=STRANGER, hello="evil.example")
    assert outcome(message) == REFUSED
    assert authenticated_domains(message.identity) == ()
    bounce = Message(Zones(zones), mail(), client=STRANGER, hello="evil.example", reverse_path="")
    assert outcome(bounce) == REFUSED


@pytest.mark.parametrize("path", ['"a@author.example"@evil.example', "@author.example:a@evil.example"])
def test_case_097_the_domain_is_the_one_behind_the_last_at_sign(path: str) -> None:
    zones = author_zones()
    zones["TXT", "evil.example"] = ["v=spf1 +all"]
    message = Message(Zones(zones), mail(), client=STRANGER, reverse_path=path)
    assert outcome(message) == REFUSED

    async def main() -> str:
        return (await message.envelope.spf).domain

    assert run(main()) == "evil.example"


def test_a_null_reverse_path_is_judged_by_the_hello_name() -> None:
    zones = author_zones()
    zones["TXT", "mail.author.example"] = ["v=spf1 a -all"]
    message = Message(Zones(zones), mail(), reverse_path="")
    assert outcome(message) == PASSED
    assert authenticated_domains(message.identity) == ()


EVIL = "From: ed@evil.example\r\n"


@pytest.mark.parametrize(
    "authors",
    [
        "From: ed@author.example\r\n" + EVIL,
        EVIL + "From: ed@author.example\r\n",
        "From: <ed@evil.example>, <ed@author.example>\r\n",
        "From: <ed@evil.example>:<ed@author.example>\r\n",
        "From: staff: ed@evil.example, ed@author.example;\r\n",
        "From : ed@author.example\r\n",
        "From: ed@author.example\0\r\n",
        "From:\r\n \r\n ed@author.example\r\n",
        "From: =?utf-8?q?ed=40evil.example?= <ed@author.example>\r\n",
        "From: " + ", ".join(f"<a@d{n}.example>" for n in range(5)) + "\r\n",
        "From: " + "x" * 1200 + " <ed@author.example>\r\n",
    ],
)
def test_case_096_no_author_that_a_reader_may_see_is_left_out(authors: str) -> None:
    """Hostile case 96: whichever author a reader shows, his domain has been asked for."""
    zones = author_zones()
    zones["TXT", "evil.example"] = [f"v=spf1 ip4:{STRANGER} -all"]
    message = Message(Zones(zones), mail(authors), client=STRANGER, reverse_path="ed@evil.example")
    assert outcome(message) == REFUSED


def test_case_096_several_authors_pass_when_each_of_them_does() -> None:
    zones = author_zones()
    both = mail("From: ed@author.example, ann@mail.author.example\r\n")
    assert outcome(Message(Zones(zones), both)) == PASSED


@pytest.mark.parametrize("authors", ["", "From: \r\n", "From: undisclosed\r\n", "From: ed@[192.0.2.1]\r\n"])
def test_a_message_without_an_author_s_domain_has_no_dmarc(authors: str) -> None:
    assert outcome(Message(Zones(author_zones()), mail(authors))) == (Result.NONE, Policy.NONE)


def test_case_095_a_field_put_above_the_signed_one_takes_the_proof_away() -> None:
    """Hostile case 95: a signature below another Subject speaks for what no reader sees."""
    message = Message(Zones(author_zones()), b"Subject: Urgent\r\n" + signed(mail()), client=STRANGER)
    # Signed with DkimSigner, which signs Subject once more than it is there: the signature fails.
    assert outcome(message) == REFUSED


def test_case_095_a_pass_below_an_unsigned_copy_is_one_of_a_part() -> None:
    outcome = DkimOutcome(result=Result.PASS, domain="author.example", unsigned_copies=("subject",))
    assert not speaks_for_whole(outcome)
    assert dkim_identifier(outcome).is_partial


def test_no_half_of_a_long_name_is_taken_for_a_domain() -> None:
    """What is recorded has a bound, and the rest of a cut name could be the name of somebody else."""
    names = [f"{letter * 60}.{letter * 60}.{letter * 60}.example" for letter in "abc"]
    outcomes = tuple(DkimOutcome(result=Result.PASS, domain=name) for name in names)
    message = Message(Zones({}), mail())
    message.identity.dkim = Once.of(outcomes)
    assert message.identity.dkim.known == outcomes
    assert authenticated_domains(message.identity) == tuple(names[:2])


def test_case_098_a_signature_of_a_top_level_domain_proves_nobody() -> None:
    """Hostile case 98: d= of a public suffix."""
    assert not proves("example", "author.example")
    assert not proves("co.uk", "author.co.uk")
    assert proves("author.co.uk", "news.author.co.uk")
    assert not proves("news.author.co.uk", "author.co.uk")
