"""DMARC records: RFC 7489 §6.3, §6.4 and §6.6.3, item 6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.dmarc_record import (
    DmarcRecord,
    Policy,
    PublicSuffixDomain,
    RecordError,
    claims_to_be_dmarc,
    parse_record,
)


@pytest.mark.parametrize(
    "text", ["v=DMARC1; p=none", "v=DMARC1;p=none", "v = DMARC1 ; p=none", "v=DMARC1", " v=DMARC1;"]
)
def test_a_record_begins_with_its_version(text: str) -> None:
    assert claims_to_be_dmarc(text)


@pytest.mark.parametrize(
    "text",
    ["", "p=none; v=DMARC1", "v=DMARC", "v=DMARC12; p=none", "v=dmarc1; p=none", "v=spf1 -all", "xv=DMARC1;"],
)
def test_what_begins_otherwise_is_no_record(text: str) -> None:
    assert not claims_to_be_dmarc(text)


def test_all_tags_are_read() -> None:
    policies = "p=reject; sp=quarantine; np=none; adkim=s; aspf=s"
    assert parse_record(f"v=DMARC1; {policies}; pct=20; t=y; psd=n; rua=mailto:a@b.example") == DmarcRecord(
        policy=Policy.REJECT,
        subdomain_policy=Policy.QUARANTINE,
        nonexistent_policy=Policy.NONE,
        strict_dkim=True,
        strict_spf=True,
        percent=20,
        testing=True,
        psd=PublicSuffixDomain.NO,
        reports=True,
    )


def test_what_is_not_said_is_relaxed_and_whole() -> None:
    assert parse_record("v=DMARC1; p=quarantine") == DmarcRecord(policy=Policy.QUARANTINE)


def test_upper_case_and_white_space_mean_nothing() -> None:
    record = parse_record("v=DMARC1 ;\tP = Reject ; ADKIM= S;;")
    assert (record.policy, record.strict_dkim) == (Policy.REJECT, True)


@pytest.mark.parametrize("pct", ["", "101", "-1", "half", "50%", "1e1"])
def test_a_percentage_that_is_none_means_all(pct: str) -> None:
    assert parse_record(f"v=DMARC1; p=reject; pct={pct}").percent == 100


@pytest.mark.parametrize("rest", ["colour=red", "garbage", "adkim=x; aspf=?", "=", "fo=1:d; rf=afrf; ri=1"])
def test_what_is_wrong_in_the_rest_is_passed_over(rest: str) -> None:
    assert parse_record(f"v=DMARC1; p=reject; {rest}") == DmarcRecord(policy=Policy.REJECT)


@pytest.mark.parametrize("tags", ["", "p=maybe", "p=", "p=reject; sp=maybe", "sp=reject"])
def test_a_policy_that_says_nothing_is_none_where_reports_are_wanted(tags: str) -> None:
    wanted = DmarcRecord(policy=Policy.NONE, reports=True)
    assert parse_record(f"v=DMARC1; {tags}; rua=mailto:r@example.org!10m") == wanted
    for rua in ("", "rua=", "rua=r@example.org"):
        with pytest.raises(RecordError):
            parse_record(f"v=DMARC1; {tags}; {rua}")


def test_a_tag_that_stands_twice_spoils_the_record() -> None:
    with pytest.raises(RecordError, match="p= stands there twice"):
        parse_record("v=DMARC1; p=none; p=reject")


def test_a_huge_record_is_none() -> None:
    with pytest.raises(RecordError):
        parse_record("v=DMARC1; p=reject; " + "x=1;" * 2000)
    with pytest.raises(RecordError):
        parse_record("v=DMARC1; p=reject; x=" + "1" * 10_000)


@given(st.text(alphabet="v=DMARC1; psnorejct\x00é\ufffd\t", max_size=60))
def test_any_text_gives_a_record_or_its_fault(text: str) -> None:
    try:
        parse_record(text)
    except RecordError:
        return
