"""Transfer encodings, as leniently as readers of mail decode them, and never more than was asked for."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.mime.decode import decode


def whole(encoding: str, octets: bytes, limit: int = 1 << 20) -> bytes:
    return decode(encoding, octets, 0, len(octets), limit)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"QUJD", b"ABC"),
        (b"QU\r\nJD", b"ABC"),
        (b"QUI", b"AB"),
        (b"QQ", b"A"),
        (b"QUJDQ", b"ABC"),
        (b"Q*U(J)D", b"ABC"),
        (b"QQ==\r\nQg==\r\n", b"AB"),
        (b"QUI=QUJD", b"ABABC"),
        (b"====QUJD", b"ABC"),
        (b"", b""),
        (b"\0QUJD\xff", b"ABC"),
    ],
)
def test_base64(encoded: bytes, expected: bytes) -> None:
    assert whole("base64", encoded) == expected


@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_base64_of_anything_comes_back_to_its_limit(octets: bytes, limit: int) -> None:
    assert whole("base64", base64.encodebytes(octets), limit) == octets[:limit]


@pytest.mark.parametrize("junk", [b"", b"\r\n", b"*"])
def test_long_base64_is_decoded_in_pieces_to_its_limit(junk: bytes) -> None:
    octets = bytes(range(256)) * 4000
    encoded = base64.b64encode(octets)
    encoded = junk.join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    for limit in (1, 1000, 200_001, 600_000, len(octets), len(octets) + 1):
        assert whole("base64", encoded, limit) == octets[:limit]


def test_long_base64_goes_on_behind_padding() -> None:
    encoded = base64.b64encode(b"x" * 400_000) + base64.b64encode(b"y" * 400_001)
    assert whole("base64", encoded, 500_000) == b"x" * 400_000 + b"y" * 100_000


@given(st.binary(max_size=500).map(lambda octets: octets.translate(None, b"\r\n")), st.integers(0, 600))
def test_quoted_printable_of_anything_comes_back_to_its_limit(octets: bytes, limit: int) -> None:
    assert whole("quoted-printable", quopri.encodestring(octets), limit) == octets[:limit]


def uuencoded(octets: bytes) -> bytes:
    lines = [binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45)]
    return b"begin 644 name\n" + b"".join(lines) + b"`\nend\n"


@given(st.binary(max_size=500), st.integers(1, 600))
def test_uuencode_of_anything_comes_back_to_its_limit(octets: bytes, limit: int) -> None:
    assert whole("x-uuencode", uuencoded(octets), limit) == octets[:limit]


def test_uuencode_whose_lines_lost_their_end_gives_what_is_there() -> None:
    assert whole("x-uuencode", b"begin 644 a\n#86\n#86)C\nend\n")[-3:] == b"abc"


def test_base64_in_the_frame_of_uuencode() -> None:
    assert whole("x-uuencode", b"begin-base64 644 a\nQUJD\n====\n") == b"ABC"


def yencoded(octets: bytes) -> bytes:
    encoded = bytearray()
    for octet in octets:
        shifted = (octet + 42) % 256
        if shifted in b"\0\n\r=":
            encoded += bytes((61, (shifted + 64) % 256))
        else:
            encoded.append(shifted)
    return b"=ybegin line=128 size=%d name=a\r\n%s\r\n=yend size=%d\r\n" % (len(octets), encoded, len(octets))


@given(st.binary(max_size=500).filter(lambda octets: not octets.startswith(b"\x13\x4f")))
def test_yenc_of_anything_comes_back(octets: bytes) -> None:
    assert whole("x-yenc", yencoded(octets)) == octets


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary", "", "x-unknown"])
def test_what_is_no_encoding_leaves_the_octets(encoding: str) -> None:
    assert whole(encoding, b"a=3Db", 4) == b"a=3D"


@given(
    st.sampled_from(("base64", "quoted-printable", "x-uuencode", "x-yenc", "7bit")),
    st.binary(max_size=300),
    st.integers(0, 50),
)
def test_any_octets_decode_to_no_more_than_the_limit(encoding: str, octets: bytes, limit: int) -> None:
    assert len(whole(encoding, octets, limit)) <= limit
