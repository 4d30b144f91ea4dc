"""Where links lead, as browsers read them: a table of tricks, and properties for whatever else there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message import hosts
from clement.message.hosts import (
    BACKSLASHES,
    NUMBER,
    PERCENT,
    SLASHES,
    UNREADABLE,
    WHITE_SPACE,
    Target,
    is_address,
    named_host,
    read_host,
    read_target,
    registrable_domain,
)

TRICKS = {
    "http://a.example/x": ("a.example", ()),
    "HTTPS://A.Example": ("a.example", ()),
    "https://a.example.": ("a.example", ()),
    "https://a.example?x": ("a.example", ()),
    "https://a.example#@b.example": ("a.example", ()),
    "http:\\\\a.example\\x": ("a.example", (BACKSLASHES,)),
    "http:/\\a.example": ("a.example", (BACKSLASHES,)),
    "http:/a.example": ("a.example", (SLASHES,)),
    "http:a.example": ("a.example", (SLASHES,)),
    "http:////a.example": ("a.example", (SLASHES,)),
    "//a.example/x": ("a.example", ()),
    "\\\\a.example/x": ("a.example", (BACKSLASHES,)),
    "www.a.example/x": ("www.a.example", ()),
    " \x01\x1fhttp://a.example": ("a.example", ()),
    "ht\ttp://a.ex\nample/": ("a.example", (WHITE_SPACE,)),
    "http://b.example@a.example/": ("a.example", ()),
    "http://b.example:80@a.example:8080/": ("a.example", ()),
    "http://x@y@a.example": ("a.example", ()),
    "http://a.example\\@b.example/": ("a.example", (BACKSLASHES,)),
    "http://a.example/@b.example/": ("a.example", ()),
    "http://%61.ex%61mple/": ("a.example", (PERCENT,)),
    "http://a%2eexample/": ("a.example", (PERCENT,)),
    "http://a%2fb.example/": ("", (UNREADABLE,)),
    "http://a\u3002example/": ("a.example", ()),
    "http://\uff41\uff0e\uff45xample/": ("a.example", ()),
    "http://ex\u00adam\u200bple.com/": ("example.com", ()),
    "http://m\u00fcnchen.example/": ("xn--mnchen-3ya.example", ()),
    "http://MU\u0308NCHEN.example/": ("xn--mnchen-3ya.example", ()),
    "http://fa\u00df.de/": ("xn--fa-hia.de", ()),
    "http://xn--mnchen-3ya.example/": ("xn--mnchen-3ya.example", ()),
    "http://xn--a.example/": ("", (UNREADABLE,)),
    "http://2130706433/": ("127.0.0.1", (NUMBER,)),
    "http://0x7f.1/": ("127.0.0.1", (NUMBER,)),
    "http://017700000001/": ("127.0.0.1", (NUMBER,)),
    "http://0300.0250.1/": ("192.168.0.1", (NUMBER,)),
    "http://192.0.2.1./": ("192.0.2.1", ()),
    "http://\u2460.0.0.1/": ("1.0.0.1", ()),
    "http://1.2.3.4.5/": ("", (UNREADABLE,)),
    "http://256.1.1.1/": ("", (UNREADABLE,)),
    "http://08.0.0.1/": ("", (UNREADABLE,)),
    "http://[2001:DB8::0001]/": ("[2001:db8::1]", ()),
    "http://[::ffff:127.0.0.1]/": ("[::ffff:7f00:1]", ()),
    "http://[::1/": ("", (UNREADABLE,)),
    "http://a.example:99999/": ("", (UNREADABLE,)),
    "http://a.example:8a/": ("", (UNREADABLE,)),
    "http://a b.example/": ("", (UNREADABLE,)),
    "http:///": ("", ()),
    "/x": ("", ()),
    "x.html": ("", ()),
    "mailto:a@b.example": ("", ()),
    "javascript://a.example/%0aalert(1)": ("", ()),
    "": ("", ()),
}


@pytest.mark.parametrize("target", TRICKS)
def test_links_are_read_as_browsers_read_them(target: str) -> None:
    found = read_target(target)
    host, oddities = TRICKS[target]
    # IPv4 in IPv6 is written in one way or the other, by the version of Python.
    assert found.host in (host, "[::ffff:127.0.0.1]" if host == "[::ffff:7f00:1]" else host)
    assert found.oddities == oddities


def test_what_stands_before_the_host_and_the_port_are_told() -> None:
    assert read_target("https://bank.example:443@a.example:8443/x") == Target(
        "https", "a.example", 8443, "bank.example:443"
    )
    assert read_target("https://a.example:443").port == 0
    assert read_target("http://a.example:443").port == 443


@given(st.text(max_size=300))
def test_reading_never_raises_and_a_host_is_ascii(text: str) -> None:
    for read in (text, f"http://{text}", f"//{text}/", f"www.{text}"):
        host = read_target(read).host
        assert host.isascii()
        assert len(host) <= hosts.MAX_HOST_OCTETS
        assert not set(host) & set(" /\\?#@%<>")
        registrable_domain(host)
    named_host(text)


ALPHABET = st.sampled_from("aA.x0:19@/\\[]%2eE-\u3002\u00adß\u0430xn--\t ?#")


@given(st.text(ALPHABET, max_size=40))
def test_a_host_that_has_been_read_reads_as_itself(text: str) -> None:
    host = read_target(f"http://{text}").host
    if host:
        again = read_target(f"http://{host}/")
        assert (again.host, again.oddities) == (host, ())
        assert read_host(host) == (host, ())


@given(st.from_regex(r"https?://[a-z0-9.@:-]{1,12}\.[a-z]{1,4}[/?#:@x]?", fullmatch=True))
def test_the_short_way_agrees_with_the_whole(target: str) -> None:
    assert read_target(target) == hosts._read_whole(target)


def test_case_103_long_targets_and_texts_cost_no_more_than_their_length() -> None:
    for text in ("http://" + "a." * 200_000, "http://" + "@" * 400_000, "." * 400_000, "www." * 100_000):
        read_target(text)
        named_host(text)
    read_target("http://xn--" + "a-" * 200_000 + "/")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://bank.example/login", "bank.example"),
        ("Go to https://bank.example/login, now", "bank.example"),
        ("(www.bank.example).", "www.bank.example"),
        ("bank.com", "bank.com"),
        ("bank.com/login", "bank.com"),
        ("BANK.co.uk", "bank.co.uk"),
        ("Bank.example", "bank.example"),
        ("m\u00fcnchen.de", "xn--mnchen-3ya.de"),
        ("report.pdf", ""),
        ("setup.zip", ""),
        ("Node.js", ""),
        ("version 3.11.2", ""),
        ("192.0.2.1", ""),
        ("a@bank.com", ""),
        ("Read more. Now", ""),
        ("click here", ""),
    ],
)
def test_a_text_names_a_host_when_readers_would_say_so(text: str, host: str) -> None:
    assert named_host(text) == host


@pytest.mark.parametrize(
    ("host", "organization"),
    [
        ("www.shop.co.uk", "shop.co.uk"),
        ("alice.github.io", "alice.github.io"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("a.b.xn--p1ai", "b.xn--p1ai"),
    ],
)
def test_whose_a_host_is(host: str, organization: str) -> None:
    assert registrable_domain(host) == organization
    assert is_address(host) is (host == organization and not host.endswith("io"))
