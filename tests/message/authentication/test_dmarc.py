"""DMARC: discovery, alignment, disposition (RFC 7489), and the tree walk of its successor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from clement.message.authentication.dmarc import (
    NO_SPF,
    DkimIdentifier,
    DmarcOutcome,
    SpfIdentifier,
    evaluate,
    strictest,
    too_many_authors,
)
from clement.message.authentication.dmarc_record import Policy
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.authentication.result import Result
from tests.message.authentication.dmarc_zone import Zone

REJECT = {"_dmarc.example.org": ["v=DMARC1; p=reject"]}
PASS, FAIL = Result.PASS, Result.FAIL


def run(
    zone: Zone,
    author: str = "example.org",
    spf: SpfIdentifier = NO_SPF,
    dkim: Sequence[DkimIdentifier] = (),
    *,
    roll: int = 0,
    tree_walk: bool = False,
) -> DmarcOutcome:
    return asyncio.run(evaluate(zone, author, spf, dkim, roll=roll, tree_walk=tree_walk))


def test_nothing_is_asked_for_where_there_is_no_record() -> None:
    outcome = run(Zone({"_dmarc.example.org": ["v=spf1 -all"]}))
    assert (outcome.result, outcome.disposition) == (Result.NONE, Policy.NONE)


@pytest.mark.parametrize("domain", ["example.org", "mail.example.org", "a.b.example.org"])
def test_a_signature_of_the_organization_is_enough(domain: str) -> None:
    outcome = run(Zone(REJECT), dkim=[DkimIdentifier(FAIL, "example.org"), DkimIdentifier(PASS, domain)])
    assert (outcome.result, outcome.aligned_by, outcome.aligned_domain) == (PASS, "dkim", domain)


def test_an_aligned_reverse_path_is_enough() -> None:
    outcome = run(Zone(REJECT), spf=SpfIdentifier(PASS, "Bounce.Example.ORG."))
    assert (outcome.result, outcome.aligned_by) == (PASS, "spf")


def test_a_pass_of_somebody_else_is_none() -> None:
    outcome = run(
        Zone(REJECT), spf=SpfIdentifier(PASS, "evil.example"), dkim=[DkimIdentifier(PASS, "notexample.org")]
    )
    assert (outcome.result, outcome.policy, outcome.disposition) == (FAIL, Policy.REJECT, Policy.REJECT)
    assert "SPF passes for evil.example, which is not example.org" in outcome.reason
    assert "DKIM passes for notexample.org, which is not example.org" in outcome.reason


def test_case_094_a_signature_of_a_part_ties_nothing() -> None:
    """Hostile case 94: `l=` leaves room for another's words behind the signer's."""
    outcome = run(Zone(REJECT), dkim=[DkimIdentifier(PASS, "example.org", is_partial=True)])
    assert (outcome.result, outcome.disposition) == (FAIL, Policy.REJECT)
    assert "covers a part (l=)" in outcome.reason


def test_strict_alignment_wants_the_very_domain() -> None:
    zone = Zone({"_dmarc.example.org": ["v=DMARC1; p=reject; adkim=s; aspf=s"]})
    below = run(zone, spf=SpfIdentifier(PASS, "m.example.org"), dkim=[DkimIdentifier(PASS, "m.example.org")])
    assert below.result is FAIL
    assert run(zone, dkim=[DkimIdentifier(PASS, "example.org")]).result is PASS
    assert run(zone, spf=SpfIdentifier(PASS, "example.org")).result is PASS


def test_the_organizations_record_holds_below_it() -> None:
    zone = Zone({"_dmarc.example.co.uk": ["v=DMARC1; p=none; sp=reject"]})
    outcome = run(zone, "a.b.example.co.uk")
    assert (outcome.result, outcome.policy, outcome.record_domain) == (FAIL, Policy.REJECT, "example.co.uk")
    assert zone.asked == ["_dmarc.a.b.example.co.uk", "_dmarc.example.co.uk"]
    assert run(zone, "example.co.uk").policy is Policy.NONE
    assert run(Zone(REJECT), "sub.example.org").policy is Policy.REJECT


def test_a_record_at_the_domain_itself_holds_before_the_organizations() -> None:
    zone = Zone({**REJECT, "_dmarc.news.example.org": ["v=DMARC1; p=none; sp=quarantine"]})
    assert run(zone, "news.example.org").disposition is Policy.NONE


def test_customers_of_a_private_suffix_are_strangers() -> None:
    assert organizational_domain("alice.github.io") == "alice.github.io"
    zone = Zone({"_dmarc.alice.github.io": ["v=DMARC1; p=reject"]})
    assert run(zone, "alice.github.io", dkim=[DkimIdentifier(PASS, "bob.github.io")]).result is FAIL


@pytest.mark.parametrize("name", ["org", "co.uk", "github.io"])
def test_a_public_suffix_is_its_own_organization(name: str) -> None:
    assert organizational_domain(name) == name


def test_pct_spares_its_share_by_one_step() -> None:
    zone = Zone({"_dmarc.example.org": ["v=DMARC1; p=reject; pct=30"]})
    rolled = [run(zone, roll=roll).disposition for roll in range(100)]
    assert rolled.count(Policy.REJECT) == 30
    assert rolled.count(Policy.QUARANTINE) == 70
    spared = run(Zone({"_dmarc.example.org": ["v=DMARC1; p=quarantine; pct=0"]}), roll=0)
    assert (spared.policy, spared.disposition) == (Policy.QUARANTINE, Policy.NONE)


def test_a_record_under_test_spares_everything_by_one_step() -> None:
    zone = Zone({"_dmarc.example.org": ["v=DMARC1; p=reject; t=y"]})
    assert run(zone).disposition is Policy.QUARANTINE


def test_several_records_are_a_permanent_error() -> None:
    outcome = run(Zone({"_dmarc.example.org": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}))
    assert (outcome.result, outcome.disposition) == (Result.PERMERROR, Policy.NONE)
    assert "2 DMARC records" in outcome.reason


def test_several_records_do_not_send_us_to_the_organization() -> None:
    zone = Zone({**REJECT, "_dmarc.a.example.org": ["v=DMARC1; p=none", "v=DMARC1; p=none"]})
    assert run(zone, "a.example.org").result is Result.PERMERROR
    assert zone.asked == ["_dmarc.a.example.org"]


def test_other_texts_beside_the_record_mean_nothing() -> None:
    zone = Zone({"_dmarc.example.org": ["hello", "v=DMARC1; p=reject", "v=spf1 -all"]})
    assert run(zone).disposition is Policy.REJECT


def test_case_090_a_record_that_cannot_be_asked_for_refuses_nothing() -> None:
    """Hostile case 90."""
    outcome = run(Zone(REJECT, failing=["_dmarc.example.org"]))
    assert (outcome.result, outcome.disposition) == (Result.TEMPERROR, Policy.NONE)


@pytest.mark.parametrize(
    ("spf", "dkim"),
    [
        (SpfIdentifier(Result.TEMPERROR, "example.org"), []),
        (NO_SPF, [DkimIdentifier(Result.TEMPERROR, "m.example.org")]),
    ],
)
def test_case_090_what_might_have_passed_refuses_nothing(
    spf: SpfIdentifier, dkim: list[DkimIdentifier]
) -> None:
    """Hostile case 90: the DNS failed for an identifier that is aligned."""
    outcome = run(Zone(REJECT), spf=spf, dkim=dkim)
    assert (outcome.result, outcome.disposition) == (Result.TEMPERROR, Policy.NONE)


def test_a_stranger_whose_dns_is_down_shields_nobody() -> None:
    spf, dkim = (
        SpfIdentifier(Result.TEMPERROR, "evil.example"),
        DkimIdentifier(Result.TEMPERROR, "evil.example"),
    )
    assert run(Zone(REJECT), spf=spf, dkim=[dkim]).disposition is Policy.REJECT


def test_the_strictest_of_several_authors_counts() -> None:
    passed = DmarcOutcome(result=PASS, domain="evil.example")
    failed = DmarcOutcome(result=FAIL, domain="bank.example", policy=Policy.REJECT, disposition=Policy.REJECT)
    noted = DmarcOutcome(result=FAIL, domain="shop.example")
    assert strictest([passed, failed, noted]) is failed
    assert strictest([passed, noted]) is noted
    assert too_many_authors(5).disposition is Policy.REJECT


# --- the tree walk


def test_a_walk_finds_the_organization_by_the_fewest_labels() -> None:
    zone = Zone({**REJECT, "_dmarc.c.example.org": ["v=DMARC1; p=none"]})
    outcome = run(zone, "a.b.c.example.org", dkim=[DkimIdentifier(PASS, "x.example.org")], tree_walk=True)
    assert (outcome.result, outcome.record_domain) == (PASS, "example.org")


def test_a_walk_ends_where_a_suffix_or_an_organization_says_so() -> None:
    suffix = {"_dmarc.bank": ["v=DMARC1; p=reject; psd=y"], "_dmarc.a.bank": ["v=DMARC1; p=none"]}
    assert run(Zone(suffix), "x.a.bank", tree_walk=True).record_domain == "a.bank"
    stranger = run(Zone(suffix), "b.bank", dkim=[DkimIdentifier(PASS, "a.bank")], tree_walk=True)
    assert (stranger.result, stranger.disposition, stranger.record_domain) == (FAIL, Policy.REJECT, "bank")
    own = {**REJECT, "_dmarc.unit.example.org": ["v=DMARC1; p=quarantine; psd=n"]}
    apart = run(Zone(own), "unit.example.org", dkim=[DkimIdentifier(PASS, "example.org")], tree_walk=True)
    assert apart.disposition is Policy.QUARANTINE


def test_a_walk_asks_no_more_than_eight_times() -> None:
    zone = Zone({})
    run(zone, ".".join("abcdefghijklmnop") + ".example.org", tree_walk=True)
    assert len(zone.asked) == 8
    assert zone.asked[1] == "_dmarc.l.m.n.o.p.example.org"


def test_names_that_do_not_exist_have_a_policy_of_their_own() -> None:
    txt = {"_dmarc.example.org": ["v=DMARC1; p=none; sp=quarantine; np=reject"]}
    assert run(Zone(txt), "ghost.example.org", tree_walk=True).disposition is Policy.REJECT
    present = Zone(txt, present=["real.example.org"])
    assert run(present, "real.example.org", tree_walk=True).disposition is Policy.QUARANTINE


def test_a_stranger_whose_records_cannot_be_asked_for_shields_nobody() -> None:
    zone = Zone(REJECT, failing=["_dmarc.evil.org", "_dmarc.org"])
    author = Zone({"_dmarc.bank.org": ["v=DMARC1; p=reject"]}, failing=["_dmarc.evil.org"])
    passed = [DkimIdentifier(PASS, "a.b.evil.org")]
    spf = SpfIdentifier(Result.TEMPERROR, "evil.org")
    assert run(zone, dkim=passed, spf=spf).disposition is Policy.REJECT
    walked = run(author, "bank.org", spf, passed, tree_walk=True)
    assert walked.disposition is Policy.REJECT
    assert all("evil" not in name for name in author.asked)


def test_a_walk_has_no_percentage() -> None:
    zone = Zone({"_dmarc.example.org": ["v=DMARC1; p=reject; pct=0"]})
    assert run(zone, roll=99, tree_walk=True).disposition is Policy.REJECT
