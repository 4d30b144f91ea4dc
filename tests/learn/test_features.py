"""What the filter goes by, and what it must not go by."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.learn.evaluation import features_of
from clement.learn.features import MAX_NAMES, MAX_NAMES_BYTES, extract, of_findings
from clement.learn.hashing import Expert, experts_of, hasher
from clement.message.attachment import Attachment, Category
from clement.message.mime.part import Part, Walk
from clement.message.reading import Link, Origin, Reading, Text
from clement.policy.finding import Finding, Result
from clement.policy.reason import Reason
from clement.policy.study import Features
from tests.learn.mail import KEY

HEADER = (
    b"From: Bob <bob@sender.example>\r\nTo: anna@local.example\r\nSubject: Cheap =?utf-8?q?p=C3=A9n?= now\r\n"
)


def names(found: Features) -> list[str]:
    return found.names.decode().split("\0")


def hashes(found: Features) -> np.ndarray:
    return np.frombuffer(found.hashes, "<u4")


def test_words_are_told_by_the_field_they_stand_in() -> None:
    found = names(features_of(HEADER + b"\r\nBUY now!\r\n"))
    assert {"subject:cheap", "subject:pén", "subject:now", "from-name:bob", "from-domain:sender.example"} <= {
        *found
    }
    assert {"buy", "now!"} <= {*found}


def test_names_stand_for_the_first_hashes() -> None:
    found = features_of(HEADER + b"\r\nbuy now\r\n")
    expected = hasher(b"evaluation").names([name.encode() for name in names(found)])
    assert (hashes(found)[: len(expected)] == expected).all()


def test_each_feature_stands_once() -> None:
    found = hashes(features_of(HEADER + b"\r\n" + b"spam spam spam eggs and spam\r\n" * 40))
    assert len(np.unique(found)) == len(found)


def test_all_three_experts_have_something_to_go_by() -> None:
    found = experts_of(hashes(features_of(HEADER + b"\r\nbuy now\r\n")))
    assert {*found.tolist()} == {*Expert}


@pytest.mark.parametrize(
    "field",
    [
        "X-Spam-Status: No, score=-2.6 required=5.0",
        "X-Spam-Flag: YES",
        "X-Bogosity: Spam, tests=bogofilter",
        "X-Rspamd-Score: 12",
        "X-Virus-Scanned: by something",
        "X-MS-Exchange-Organization-SCL: 9",
        "X-Forefront-Antispam-Report: CIP:192.0.2.1",
        "Authentication-Results: mx.example; spf=fail",
        "Received-SPF: fail",
        "Return-Path: <x@trap.example>",
        "Delivered-To: anna@local.example",
        "Envelope-To: anna@local.example",
        "Archived-At: <https://archive.example/1>",
        "X-Mozilla-Status: 0001",
        "Status: RO",
        "X-UID: 5",
        "Lines: 5",
    ],
)
def test_what_others_wrote_on_the_way_to_the_reader_is_no_feature(field: str) -> None:
    assert features_of(field.encode() + b"\r\n" + HEADER + b"\r\nhello\r\n") == features_of(
        HEADER + b"\r\nhello\r\n"
    )


def test_the_time_of_a_message_is_no_feature() -> None:
    def at(date: bytes) -> Features:
        trace = b"Received: from a.example by b.example with SMTP id 77; " + date + b"\r\n"
        return features_of(trace + HEADER + b"Date: " + date + b"\r\n\r\nhello\r\n")

    assert at(b"Mon, 26 Aug 2002 15:13:38 +0100") == at(b"Tue, 03 Sep 2024 01:02:03 +0100")


def test_disguises_of_a_word_are_that_word() -> None:
    walk = Walk((Part("", "text/plain", "", "", "", (), "", (0, 0), (0, 0), -1, 0),))

    def found(text: str) -> Features:
        return extract(b"", walk, Reading((Text("1", False, text),)), (), KEY)

    assert "viagra" in names(found("vi\u200bag\u00adra"))
    assert "viagra" in names(found("\uff36\uff29\uff21\uff27\uff32\uff21"))
    assert {"便", "宜"} <= {*names(found("便宜"))}


def test_links_and_attachments_are_features() -> None:
    walk = Walk((Part("", "text/plain", "", "", "", (), "", (0, 0), (0, 0), -1, 0),))
    reading = Reading((), (Link("https://user@login.bank.example:8080/a/pay?x=1", "bank", Origin.ANCHOR),))
    attached = Attachment(
        "2", "bill.pdf.exe", 9, "application/x-dosexec", "application/pdf", (Category.EXECUTABLE,)
    )
    found = {*names(extract(b"", walk, reading, (attached,), KEY))}
    assert {"host:login.bank.example", "domain:bank.example", "path:pay", "query", "link:anchor"} <= found
    assert {"is:executable", "extension:exe", "declared:application/pdf", "file:bill"} <= found


def test_findings_of_other_checks_are_features() -> None:
    findings = [
        Finding("spf", Result.FAIL),
        Finding("spf", Result.FAIL),
        Finding("dns-list", Result.FAIL, reason=next(iter(Reason))),
    ]
    assert of_findings(findings) == ("spf=fail", "dns-list=fail", f"dns-list:{next(iter(Reason))}")


def test_the_key_of_the_site_decides_which_features_share_a_place() -> None:
    chance = Random(1)
    words = [chance.randbytes(8).hex().encode() for _ in range(20_000)]
    mask = np.uint32((1 << 22) - 1)

    def collisions(key: bytes) -> set[tuple[int, int]]:
        first: dict[int, int] = {}
        return {
            (first[place], n)
            for n, place in enumerate((hasher(key).names(words) & mask).tolist())
            if first.setdefault(place, n) != n
        }

    one, other = collisions(b"one key"), collisions(b"other key")
    expected = len(words) ** 2 / 2 / (1 << 22)
    assert 0.5 * expected < len(one) < 1.7 * expected
    assert len(one & other) <= 2


@given(st.binary(max_size=400))
def test_any_octets_have_features(octets: bytes) -> None:
    found = features_of(octets, KEY)
    assert len(found.hashes) % 4 == 0
    assert found == features_of(octets, KEY)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_header_and_any_body_have_features(header: bytes, body: bytes) -> None:
    found = features_of(HEADER + header + b"\r\n\r\n" + body, KEY)
    assert len(found.names.split(b"\0")) <= len(found.hashes) // 4


def test_hostile_case_100_features_are_bounded_whatever_is_sent() -> None:
    walk = Walk((Part("", "text/plain", "", "", "", (), "", (0, 9_000_000), (0, 0), -1, 0),))
    octets = b"".join(b"x-%d: y@z%d.example (\r\n" % (n, n) for n in range(200_000))
    reading = Reading(
        (Text("1", False, " ".join(f"w{n}" for n in range(500_000))),) * 3,
        tuple(Link(f"http://h{n}.example/" + "a/" * 2000, "", Origin.TEXT) for n in range(50_000)),
    )
    found = extract(octets, walk, reading, (), KEY)
    assert len(found.hashes) < 4 * 40_000
    assert len(found.names) <= MAX_NAMES_BYTES
    assert found.names.count(b"\0") < 2 * MAX_NAMES
