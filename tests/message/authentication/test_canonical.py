"""The canonical forms: the examples of RFC 6376, and a line-by-line reading of it beside our sweeps."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.canonical import (
    CanonicalBody,
    Canonicalisation,
    relaxed_field,
    single_spaced,
    with_crlf,
)

SIMPLE, RELAXED = Canonicalisation.SIMPLE, Canonicalisation.RELAXED
PIECES = st.sampled_from(
    [b" ", b"\t", b"\r\n", b"\n", b"\r", b"a", b"b ", b"  ", b"     ", b"\r\n\r\n", b" \r\n", b"\x0b", b"\0"]
)
BODIES = st.lists(PIECES, max_size=40).map(b"".join)


class Taken(bytearray):
    def update(self, octets: bytes, /) -> None:
        self.extend(octets)


def canonical(form: Canonicalisation, *chunks: bytes) -> bytes:
    taken = Taken()
    body = CanonicalBody(form, (taken,))
    for chunk in chunks:
        body.feed(chunk)
    body.finish()
    return bytes(taken)


def by_lines(form: Canonicalisation, body: bytes) -> bytes:
    """RFC 6376 §3.4.3 and §3.4.4, word for word."""
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    if form is RELAXED:
        lines = [single_spaced(line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        del lines[-1]
    if not lines:
        return b"" if form is RELAXED else b"\r\n"
    return b"".join(line + b"\r\n" for line in lines)


def test_the_example_of_section_3_4_5_in_relaxed_form() -> None:
    assert relaxed_field(b"A", b" X") == b"a:X"
    assert relaxed_field(b"B", b" Y\t\r\n\tZ  ") == b"b:Y Z"
    assert canonical(RELAXED, b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


def test_the_example_of_section_3_4_5_in_simple_form() -> None:
    assert canonical(SIMPLE, b" C \r\nD \t E\r\n\r\n\r\n") == b" C \r\nD \t E\r\n"


@pytest.mark.parametrize("form", Canonicalisation)
def test_an_empty_body_is_as_sections_3_4_3_and_3_4_4_say(form: Canonicalisation) -> None:
    hashes = BodyHashes()
    hashes.want(form)
    expected = b"\r\n" if form is SIMPLE else b""
    assert canonical(form) == canonical(form, b"\r\n\r\n") == expected
    assert hashes.result(form).digest == hashlib.sha256(expected).digest()


def test_white_space_alone_is_nothing_in_relaxed_form_and_something_in_simple() -> None:
    assert canonical(RELAXED, b" \t\r\n \r\n") == b""
    assert canonical(RELAXED, b" ") == b""
    assert canonical(SIMPLE, b" ") == b" \r\n"


def test_a_line_without_end_gets_one() -> None:
    assert canonical(SIMPLE, b"a") == canonical(RELAXED, b"a ") == b"a\r\n"


def test_a_bare_line_feed_ends_a_line_and_a_bare_carriage_return_does_not() -> None:
    assert canonical(SIMPLE, b"a\nb\r", b"c\n") == b"a\r\nb\rc\r\n"
    assert canonical(RELAXED, b"a \nb \r", b"\n\n") == b"a\r\nb\r\n"
    assert with_crlf(b"a\nb\r\nc\r") == b"a\r\nb\r\nc\r"


@given(BODIES, st.lists(st.integers(0, 80), max_size=6), st.sampled_from(Canonicalisation))
def test_any_body_cut_anywhere_is_as_the_rfc_reads(
    body: bytes, cuts: list[int], form: Canonicalisation
) -> None:
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]
    assert canonical(form, *chunks) == by_lines(form, body)


@given(BODIES, st.integers(0, 90), st.sampled_from(Canonicalisation))
def test_a_limited_hash_is_of_the_first_octets_of_the_canonical_form(
    body: bytes, limit: int, form: Canonicalisation
) -> None:
    hashes = BodyHashes()
    hashes.want(form, limit)
    hashes.want(form)
    hashes.feed(body)
    whole = by_lines(form, body)
    limited = hashes.result(form, limit)
    assert limited.digest == hashlib.sha256(whole[:limit]).digest()
    assert (limited.hashed_bytes, limited.total_bytes) == (min(limit, len(whole)), len(whole))
    assert hashes.result(form).digest == hashlib.sha256(whole).digest()


def test_a_body_of_empty_lines_costs_no_memory_until_something_follows() -> None:
    taken = Taken()
    body = CanonicalBody(RELAXED, (taken,))
    for _chunk in range(100):
        body.feed(b" \t\r\n" * 5_000)
    assert not taken
    body.feed(b"x")
    assert len(taken) == 2 * 500_000 + 1


def test_nothing_may_be_wanted_once_the_body_is_being_hashed() -> None:
    hashes = BodyHashes()
    hashes.want(SIMPLE)
    hashes.feed(b"x")
    with pytest.raises(RuntimeError):
        hashes.want(RELAXED)
