"""Encoded words, as mail readers decode them."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.encoded_words import decode_words, known_charset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?a_b=21?=", "a b!"),
        ("=?UTF-8?B?w6k=?=", "é"),
        ("=?utf-8?b?w6k?=", "é"),  # padding forgotten, as some senders do
        ("=?iso-8859-1?Q?=E9?= =?iso-8859-1?Q?t=E9?=", "été"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # a character split between two words
        ("=?utf-8?q?a?=  b =?utf-8?q?c?=", "a  b c"),
        ("x =?utf-8?q?a?= y", "x a y"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        ("=?utf-8*en?q?hello?=", "hello"),
        ("=?shift_jis?b?k/qWe4zq?=", "日本語"),
        ("=?ks_c_5601-1987?b?x9GxuQ==?=", "한국"),
        ("=?utf-8?b?!!!!?=", "=?utf-8?b?!!!!?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?a", "=?utf-8?q?a"),
        ("=?zip?q?a?=", "=?zip?q?a?="),
        ("=?punycode?q?a?=", "=?punycode?q?a?="),
        ("=??q?a?=", "=??q?a?="),
        ("=?=?utf-8?q?a?=", "=?a"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert decode_words(text) == expected


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80))
def test_what_the_standard_library_encodes_is_decoded(text: str) -> None:
    encoded = Header(text, "utf-8", maxlinelen=60).encode(linesep="")
    assert decode_words(encoded) == text


@given(st.text(alphabet="=?_ utf-8qb\r\n\tABé", max_size=200))
def test_any_text_is_decoded_to_something(text: str) -> None:
    assert isinstance(decode_words(text), str)


@pytest.mark.parametrize("charset", ["iso-8859-12", "iso-8859-99", "latin-9", "cp1259"])
def test_a_charset_that_nobody_has_leaves_the_word_as_it_stands(charset: str) -> None:
    word = f"=?{charset}?Q?=E9?="
    assert decode_words(word) == word


@pytest.mark.parametrize(
    ("charset", "name"), [("windows-874", "cp874"), ("windows-932", "cp932"), ("cp-950", "cp950")]
)
def test_windows_charsets_go_by_their_numbers(charset: str, name: str) -> None:
    assert known_charset(charset) == name
