"""The study of a content: total, bounded, and the same for the copy on disk and what came over the wire."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.study import ContentStudy
from clement.server.check_wire import MOST_ANSWER_BYTES, STUDY
from clement.server.study import body_hash, study

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
