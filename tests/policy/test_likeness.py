"""Names that look like ours, and names that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.confusables import folded, folded_word, mixes_scripts, passes_for_latin, skeleton
from clement.message.hosts import read_host
from clement.policy.likeness import LikenessIndex, looks_like

OURS = LikenessIndex(["example-bank.com", "mail.paypal.com", "abc.com", "kurz.de", "müller.example"])


@pytest.mark.parametrize(
    ("name", "domain", "how"),
    [
        ("paypa1.com", "paypal.com", "looks like"),
        ("paypai.com", "paypal.com", "looks like"),
        ("pay-pal.com", "paypal.com", "looks like"),
        ("examp1e-bank.com", "example-bank.com", "looks like"),
        ("exarnple-bank.com", "example-bank.com", "looks like"),
        ("paypa1.net", "paypal.com", "looks like"),
        ("paypal.net", "paypal.com", "is called like"),
        ("paypall.com", "paypal.com", "is one letter from"),
        ("payppal.com", "paypal.com", "is one letter from"),
        ("papyal.com", "paypal.com", "is one letter from"),
        ("paypel.com", "paypal.com", "is one letter from"),
        ("aypal.com", "paypal.com", "is one letter from"),
        (read_host("p\u0430yp\u0430l.com")[0], "paypal.com", "looks like"),
        (read_host("p\u00e1ypal.com")[0], "paypal.com", "looks like"),
    ],
)
def test_look_alikes_are_found(name: str, domain: str, how: str) -> None:
    found = OURS.find(name)
    assert found is not None
    assert (found.domain, found.how) == (domain, how)


@pytest.mark.parametrize(
    "name", ["paypal.com", "abd.com", "kurs.de", "kurz.com", "bank.com", "payments.com", "pal.com", "", "com"]
)
def test_our_own_and_mere_words_are_not(name: str) -> None:
    assert OURS.find(name) is None


def test_no_domains_are_like_nothing() -> None:
    assert LikenessIndex(()).find("paypal.com") is None


def test_a_name_of_ours_before_anothers_is_a_bait() -> None:
    assert OURS.bears("paypal.com.evil.test", "evil.test") == "paypal.com"
    assert OURS.bears("www.paypal.com.a.b.evil.test", "evil.test") == "paypal.com"
    assert OURS.bears("paypal.evil.test", "evil.test") == ""
    assert OURS.bears("evil.test", "evil.test") == ""


@given(st.text(st.sampled_from("abcd"), min_size=6, max_size=9), st.integers(0, 8), st.sampled_from("abcd"))
def test_one_wrong_letter_is_always_found(label: str, at: int, letter: str) -> None:
    at = min(at, len(label) - 1)
    index = LikenessIndex([f"{label}.test"])
    for other in (label[:at] + letter + label[at:], label[:at] + letter + label[at + 1 :]):
        found = index.find(f"{other}.test")
        assert (found is None) is (other == label)


@given(st.text(max_size=300))
def test_folding_is_bounded_and_settles(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    skeleton(text)
    looks_like(text, text.upper())
    OURS.find(text)


def test_scripts_that_are_mistaken_for_one_another() -> None:
    assert mixes_scripts(read_host("p\u0430ypal.com")[0])
    assert not mixes_scripts(read_host("\u043f\u043e\u0447\u0442\u0430.com")[0])
    assert not mixes_scripts(read_host("m\u00fcnchen.de")[0])
    assert passes_for_latin(read_host("\u0430\u0440\u0440\u04cf\u0435.com")[0])
    assert not passes_for_latin(read_host("\u043f\u043e\u0447\u0442\u0430\u0436.com")[0])
    assert folded_word("Ann4") == "ann4"
    assert folded_word("Sm1th") == "smlth"
    assert folded_word("2026") == "2026"
