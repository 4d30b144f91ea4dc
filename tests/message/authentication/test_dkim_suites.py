"""The messages, keys and expected results of dkimpy and chasquid; skipped where they are not.

Where a suite expects something else than we find, DISAGREEMENTS says which clause settles it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from clement.message.authentication.dkim_key import KeyRecordError, parse_key_record
from clement.message.authentication.result import Result
from clement.message.headers import split_content
from tests.fixtures.places import shared
from tests.message.authentication.dkim_world import Zone, verify

# chasquid's words for what RFC 6376 §6.1 calls them, and ours (RFC 8601 §2.7.1).
STATES = {
    "SUCCESS": {Result.PASS},
    "TEMPFAIL": {Result.TEMPERROR},
    "PERMFAIL": {Result.FAIL, Result.PERMERROR},
}
CHASQUID = [
    "01-rfc8463",
    "02-too_many_headers",
    "03-bad_message",
    "04-bad_dkim_signature_header",
    "05-dns_temp_error",
    "06-dns_perm_error",
    "07-algo_mismatch",
    "08-our_signature",
    "09-limited_body",
    "10-strict_domain_check_pass",
    "11-strict_domain_check_fail",
]
DISAGREEMENTS = {
    "03-bad_message": "chasquid refuses to look at a message that begins with white space. RFC 6376 §6.1 "
    "lets a verifier look at whatever it gets; there is no signature, so nothing is verified or wrong.",
    "06-dns_perm_error": "chasquid's resolver can fail for good. RFC 6376 §6.1.2 step 3 knows that as a key "
    "that does not exist, which our port of the DNS answers then: the same PERMFAIL by another way.",
}


def chasquid_zone(path: Path) -> Zone:
    records: dict[str, list[str]] = {}
    silent: list[str] = []
    if path.exists():
        for line in path.read_text().replace("\\\n", "").splitlines():
            name, colon, text = line.partition(":")
            if not colon:
                continue
            if text.strip() == "TEMPERROR":
                silent.append(name)
            elif text.strip() != "PERMERROR":
                records.setdefault(name, []).append(text.strip())
    return Zone(records, silent)


@pytest.mark.parametrize("name", CHASQUID)
def test_chasquid_and_we_find_the_same(name: str) -> None:
    folder = shared("material/dkim_chasquid/testdata")
    outcomes = verify((folder / f"{name}.msg").read_bytes(), chasquid_zone(folder / f"{name}.dns"))
    results = folder / f"{name}.result"
    if name == "03-bad_message":
        assert not results.exists()
        assert outcomes == ()
        return
    expected = json.loads(results.read_text())["Results"]
    assert len(outcomes) == len(expected)
    for outcome, wanted in zip(outcomes, expected, strict=True):
        assert outcome.result in STATES[wanted["State"]], outcome
        assert bool(outcome.reason) is (outcome.result is not Result.PASS)
        if wanted["Domain"]:
            assert (outcome.domain, outcome.selector) == (wanted["Domain"], wanted["Selector"])
            assert wanted["B"].startswith(outcome.signature)


def test_every_case_of_chasquid_is_among_them() -> None:
    folder = shared("material/dkim_chasquid/testdata")
    assert sorted(path.stem for path in folder.glob("*.msg")) == CHASQUID
    assert DISAGREEMENTS.keys() <= set(CHASQUID)


def test_a_signature_of_part_of_the_body_is_told_from_one_of_all() -> None:
    folder = shared("material/dkim_chasquid/testdata")
    outcomes = verify(
        (folder / "09-limited_body.msg").read_bytes(), chasquid_zone(folder / "09-limited_body.dns")
    )
    assert [outcome.is_partial for outcome in outcomes] == [True, False, False]


def dkimpy(name: str) -> bytes:
    return (shared("material/dkim_dkimpy/data") / name).read_bytes()


GMAIL_2012 = (
    "k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Kd87/UeJjenpabgbFwh+eBCsSTrqmwIYYvywlbhbqoo2Dymnd"
    "FkbjOVIPIldNs/m40KF+yzMn1skyoxcTUGCQs8g3FgD2Ap3ZB5DekAo5wMmk4wimDO+U8QzI3SD07y2+07wlNWwIt8svnxgdxGkVbb"
    "hzY8i+RQ9DpSVpPbF7ykQxtKXkv/ahW3KjViiAH+ghvvIhkx4xYSIc9oSwVmAl5OctMEeWUwg8Istjqz8BZeTWbf41fbNhte7Y+YqZ"
    "Owq1Sd0DbvYAD9NOZK9vlfuac0598HY+vtSBczUiKERHv1yRbcaQtZFh5wtiRrN04BLUTD21MycBX5jYchHjPY/wIDAQAB"
)


def test_degenerate_folding_is_legal() -> None:
    (outcome,) = verify(dkimpy("test2.message"), Zone({"20120113._domainkey.gmail.com": GMAIL_2012}))
    assert outcome.result is Result.PASS, outcome


def test_the_message_that_exim_signed_with_ed25519_passes() -> None:
    key = dkimpy("eximtest.dns").decode().strip()
    (outcome,) = verify(dkimpy("ed25519test2.msg"), Zone({"sed._domainkey.test.ex": key}))
    assert outcome.result is Result.PASS, outcome


def test_the_example_of_rfc_8463_passes_with_both_keys() -> None:
    records = {
        "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; "
        "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "test._domainkey.football.example.com": dkimpy("test.txt").decode().strip(),
    }
    outcomes = verify(dkimpy("rfc6376.signed.msg"), Zone(records))
    assert [outcome.result for outcome in outcomes] == [Result.PASS, Result.PASS], outcomes


def test_a_signature_whose_key_is_gone_is_no_pass() -> None:
    (outcome,) = verify(dkimpy("message.mbox"), Zone({}))
    assert outcome.result is Result.PERMERROR
    assert outcome.reason == (
        "the signature of kitterman.com has no key: "
        "there is no TXT record at 2007-00._domainkey.kitterman.com"
    )


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("badk.txt", "of an unknown kind"),
        ("badversion.txt", "not of DKIM"),
        ("test_bad.txt", "no RSA key|no base64"),
        ("test_tlsrpt.txt", "not for mail"),
    ],
)
def test_key_records_that_dkimpy_refuses_are_refused(file: str, reason: str) -> None:
    with pytest.raises(KeyRecordError, match=reason):
        parse_key_record(dkimpy(file).decode().strip())


@pytest.mark.parametrize("file", ["test.txt", "test2.txt", "ed25519test.dns", "eximtest.dns"])
def test_key_records_that_dkimpy_takes_are_taken(file: str) -> None:
    assert parse_key_record(dkimpy(file).decode().strip()).bits in {256, 1024}


def test_every_file_of_dkimpy_is_used_here_or_in_the_tests_of_signing() -> None:
    used = Path(__file__).read_text() + (Path(__file__).parent / "test_dkim_signing.py").read_text()
    for path in shared("material/dkim_dkimpy/data").iterdir():
        assert re.search(rf'"{re.escape(path.name)}"', used), path.name


def test_every_message_of_dkimpy_can_be_read() -> None:
    for name in ("test_extra.message", "message.mbox"):
        block, _ = split_content(dkimpy(name))
        assert block.count(b"Received:") > 1
