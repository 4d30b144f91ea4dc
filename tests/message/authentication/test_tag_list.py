"""Lists of tags as RFC 6376 §3.2 wants them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.tag_list import TagListError, parse_tag_list, without_white_space


def test_values_keep_their_inner_white_space_and_lose_the_outer() -> None:
    assert parse_tag_list(b" a = b c ;\r\n\td=\t; e=f=g==; ") == {"a": "b c", "d": "", "e": "f=g=="}


def test_the_order_of_tags_is_kept() -> None:
    assert list(parse_tag_list(b"v=1; b=2; a=3")) == ["v", "b", "a"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a=1; a=2", "the tag a= twice"),
        (b"a=1;; b=2", "no list of tags"),
        (b";a=1", "no list of tags"),
        (b"a", "no list of tags"),
        (b"", "no list of tags"),
        (b"1a=2", "no list of tags"),
        (b"a-b=2", "no list of tags"),
        ("ä=2".encode(), "no list of tags"),
        (b"a=\x00", "control character"),
        (b"a=\x7f", "control character"),
        (b"a=\xff", "no UTF-8"),
    ],
)
def test_what_is_no_list_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(TagListError, match=reason):
        parse_tag_list(text)


def test_tags_are_told_apart_by_case() -> None:
    assert parse_tag_list(b"a=1;A=2") == {"a": "1", "A": "2"}


def test_utf_8_may_stand_in_values() -> None:
    assert parse_tag_list("d=bücher.example".encode()) == {"d": "bücher.example"}


def test_white_space_can_be_taken_out() -> None:
    assert without_white_space("a\r\n b\tc") == "abc"


@given(st.binary(max_size=200))
def test_any_octets_are_a_list_or_refused(octets: bytes) -> None:
    with suppress(TagListError):
        assert parse_tag_list(octets)
