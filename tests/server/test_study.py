"""The study of a content: total, bounded, and the same for the copy on disk and what came over the wire."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.delivery.held_mail import body_hash_of
from clement.policy.study import ContentStudy
from clement.server.check_wire import MOST_ANSWER_BYTES, STUDY
from clement.server.study import body_hash, study, study_if_harmless
from clement.spool.content import Content

MESSAGE = (
    b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b'--x\r\nContent-Type: text/html\r\n\r\n<p>See <a href="https://c.example/">here</a></p>\r\n'
    b'--x\r\nContent-Type: application/octet-stream; name="a.exe"\r\n\r\nMZ\x90\0\r\n--x--\r\n'
)


def test_everything_is_found_out_in_one_go() -> None:
    found = study(MESSAGE, b"k" * 16)
    assert found.part_count == 3
    assert [link.target for link in found.reading.links] == ["https://c.example/"]
    assert [each.path for each in found.attachments] == ["a.exe"]
    assert found.features.hashes
    assert not found.over_budget


@given(st.binary(max_size=300) | st.lists(st.sampled_from(MESSAGE.split(b"\r\n"))).map(b"\r\n".join))
def test_any_octets_have_a_study_that_survives_the_way_back(octets: bytes) -> None:
    found = study(octets, b"key")
    assert isinstance(found, ContentStudy)
    assert STUDY.decode(msgspec.msgpack.encode(found)) == found


@pytest.mark.parametrize(
    "content",
    [
        MESSAGE + b"<p>word</p> http://a.example/ " * 100_000,
        b"Subject: " + b"=?utf-8?b?eA==?= " * 20_000 + b"\r\n\r\n",
        b"Content-Type: text/html\r\n\r\n" + b"<a href=x>y</a>" * 100_000,
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + b"\xf0\x9f\x98\x80 " * 300_000,
    ],
    ids=["text", "words", "links", "wide"],
)
def test_a_study_is_bounded(content: bytes) -> None:
    assert len(msgspec.msgpack.encode(study(content, b"key"))) < MOST_ANSWER_BYTES // 4


@given(st.lists(st.sampled_from([b"", b"a", b"From: x"])))
def test_the_body_has_one_hash_whatever_ends_its_lines(lines: list[bytes]) -> None:
    assert body_hash(b"\r\n".join(lines)) == body_hash(b"\n".join(lines))


def test_the_header_is_no_part_of_it() -> None:
    one, other = b"Received: x\r\nA: b\r\n\r\nbody\r\n", b"A: b\r\n\r\nbody\r\n"
    assert body_hash(one) == body_hash(other) == body_hash(b"\r\nbody\r\n")
    assert body_hash(one) != body_hash(b"A: b\r\n\r\nbodi\r\n")
    assert body_hash(b"A: b\r\n") == body_hash(b"")


@pytest.mark.parametrize("octets", [MESSAGE, b"\r\nbody\r\n", b"A: b\r\n", b"A: b\r\n\r\n", b"no field"])
def test_what_is_held_is_known_again_by_the_same_hash(octets: bytes) -> None:
    assert body_hash(octets) == body_hash_of(Content.in_memory(octets))


def of_type(kind: str, body: bytes = b"Hello\r\n", more: str = "") -> bytes:
    return f"From: a@b.example\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


@pytest.mark.parametrize(
    "content",
    [
        b"From: a@b.example\r\n\r\nHello\r\n",
        of_type("text/html; charset=utf-8", "<p>Grüße</p>\r\n".encode()),
        of_type("text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe\r\n"),
        of_type("multipart/alternative; boundary=b", b"--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n"),
    ],
    ids=["bare", "html", "latin", "alternative"],
)
def test_short_texts_are_harmless(content: bytes) -> None:
    assert study_if_harmless(content, b"key") == study(content, b"key")


@pytest.mark.parametrize(
    "content",
    [
        MESSAGE,
        of_type("application/zip", b"PK\3\4"),
        of_type("text/plain; name=a.zip"),
        of_type("text/plain", more="Content-Disposition: attachment\r\n"),
        of_type("message/rfc822", b"Subject: x\r\n\r\ny\r\n"),
        of_type("application/ms-tnef", b'x\x9f>"'),
        of_type("text/plain", b"begin 644 a.zip\r\n#0V%T\r\n`\r\nend\r\n"),
        of_type("text/plain; charset=utf-8", b"\xff\xfe must be guessed \xe4"),
        of_type("text/plain; charset=big5", b"\xa4\xa4"),
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(60)),
    ],
    ids=["exe", "zip", "name", "attached", "enclosed", "tnef", "uuencode", "guess", "charset", "deep"],
)
def test_what_must_be_unpacked_or_guessed_is_not(content: bytes) -> None:
    assert study_if_harmless(content, b"key") is None
