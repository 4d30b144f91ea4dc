"""Records and macros of SPF by themselves: what each mistake is called, and the examples of RFC 7208 §7.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.spf_macros import (
    MAX_NAME_CHARS,
    SpfSyntaxError,
    host_domain,
    parse_domain_spec,
    parse_explanation,
    query_name,
)
from clement.message.authentication.spf_record import MAX_TERM_CHARS, is_spf_record, parse_record


@pytest.mark.parametrize(
    ("term", "problem"),
    [
        ("ip4:192.0.2.256", "no IPv4 network"),
        ("ip4:192.0.2.01", "no IPv4 network"),
        ("ip4:192.0.2.0/024", "no IPv4 network"),
        ("ip4:192.0.2.0/33", "a prefix length above 32"),
        ("ip6:2001:db8::1%eth0", "no IPv6 network"),
        ("ip6:192.0.2.1", "no IPv6 network"),
        ("ip6:::/129", "a prefix length above 128"),
        ("a/24/64", "neither a domain name nor a prefix length"),
        ("a:192.0.2.1", "an address stands behind ip4:, not here"),
        ("mx:example", "no fully qualified domain name"),
        ("mx:", "a domain name is missing"),
        ("include", "a domain name is missing"),
        ("ptr/24", "no prefix length is allowed here"),
        ("exists:%{x}.example", "the macro letter x is not allowed here"),
        ("exists:%{T}.example", "the macro letter t is not allowed here"),
        ("exists:%{d0}.example", "a macro that keeps no part"),
        ("exists:%(d).example", "a malformed macro"),
        ("exists:x%%_", "no fully qualified domain name"),
        ("a:exa\tmple.org", "a character that is not allowed"),
        ("-all:x", "all takes no argument"),
        ("redirect:example.org", "unknown mechanism"),
        ("ipv4:192.0.2.1", "unknown mechanism"),
        ("all.", "not a term of SPF"),
        ("=x", "not a term of SPF"),
    ],
)
def test_every_mistake_has_its_words_and_shows_the_term(term: str, problem: str) -> None:
    shown = term.replace("\t", r"\x09")
    for text in (f"v=spf1 {term}", f"v=spf1 +all {term} -all"):
        assert parse_record(text).problem == f"{problem}: {shown}"


def test_redirect_and_exp_stand_once() -> None:
    assert parse_record("v=spf1 exp=a.example EXP=b.example").problem == "exp appears twice: EXP=b.example"
    assert not parse_record("v=spf1 x=a x=b").problem


def test_a_record_outside_ascii_is_wrong_as_a_whole() -> None:
    assert parse_record("v=spf1 +all \ufffd").problem == "the SPF record has characters outside ASCII"


@pytest.mark.parametrize("text", ["v=spf1", "V=SPF1 ", "v=spf1 -all"])
def test_these_are_records_of_spf(text: str) -> None:
    assert is_spf_record(text)


@pytest.mark.parametrize(
    "text", ["", " v=spf1", "v=spf1\t-all", "v=spf10", "v=spf1,a", "v=spf", "v=ſpf1 -all"]
)
def test_these_are_not(text: str) -> None:
    assert not is_spf_record(text)


@given(st.text(max_size=60))
def test_any_text_gives_a_record_and_a_bounded_problem(text: str) -> None:
    problem = parse_record("v=spf1 " + text).problem
    assert problem.isprintable()
    assert len(problem) <= MAX_TERM_CHARS + 60


# RFC 7208 §7.4
VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "p": "mx.example.org",
    "v": "in-addr",
    "h": "mx.example.org",
}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2R}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{p2}.trusted-domains.example.net", "example.org.trusted-domains.example.net"),
        ("%{d99999999999999999999}", "email.example.com"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{s1@}", ""),
        ("%{s1-@}", ""),
        ("a%%%%b%_%-.example", "a%%b %20.example"),
    ],
)
def test_macros_expand_as_the_rfc_shows(text: str, expanded: str) -> None:
    if not expanded:
        with pytest.raises(SpfSyntaxError):
            parse_explanation(text)
        return
    assert parse_explanation(text).expand(VALUES, 500) == expanded
    assert parse_domain_spec(text).target_name(VALUES) == expanded.lower()


@given(st.text(st.sampled_from("ab.-1 "), max_size=400))
def test_names_are_cut_on_the_left_until_they_fit(text: str) -> None:
    name = query_name(text)
    whole = text.removesuffix(".")
    assert len(name) <= MAX_NAME_CHARS
    assert whole.endswith(name)
    if name and name != whole:
        labels_left = whole.removesuffix("." + name).rpartition(".")[2]
        assert len(name) + 1 + len(labels_left) > MAX_NAME_CHARS
    assert all(0 < len(label) <= 63 for label in name.split(".")) or not name


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Example.ORG.", "example.org"),
        ("_spf.example.xn--p1ai", "_spf.example.xn--p1ai"),
        ("example", ""),
        ("example.1", ""),
        ("example.-a", ""),
        ("[192.0.2.1]", ""),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("a" * 64 + ".example", ""),
        ("a." * 125 + "org", "a." * 125 + "org"),
        ("a." * 126 + "org", ""),
    ],
)
def test_a_host_domain_is_fully_qualified(text: str, domain: str) -> None:
    assert host_domain(text) == domain
