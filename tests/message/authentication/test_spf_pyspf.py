"""pyspf on the same zones: every difference is one of those argued here.

pyspf asks `spf.DNSLookup`, a global of its module, and blocks. Its limit of void look-ups counts questions
where ours counts terms (RFC 7208 §11.1), so that limit is lifted on both sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.message.authentication.result import Result
from clement.message.authentication.spf import SpfLimits, SpfOutcome, check_host
from tests.fixtures.zones import Zones

spf = pytest.importorskip("spf")

MANY = 1000
HOSTS = ["example.org", "b.example.org", "c.example", "gone.example", "silent.example"]
CLIENTS = ["192.0.2.1", "192.0.2.77", "203.0.113.9", "2001:db8::1", "2001:db8:7::1", "::ffff:192.0.2.1"]
Zone = dict[str, dict[str, list[str]]]


@pytest.fixture(autouse=True)
def _lifted_void_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spf, "MAX_VOID_LOOKUPS", MANY)


def answers(zones: Zones, name: str, kind: str) -> Iterator[Any]:
    """What `spf.DNSLookup` gives: pairs of a question and a record."""
    name = name.removesuffix(".").lower()
    if not zones.silent.isdisjoint({name, f"{kind} {name}".lower()}):
        raise spf.TempError(f"{kind} of {name}")
    for text in zones.records.get(name, {}).get(kind, ()):
        record: Any = text
        if kind == "MX":
            preference, _, host = text.partition(" ")
            record = (int(preference), host)
        elif kind == "TXT":
            record = (text.encode("latin-1", "replace"),)
        yield (name, kind), record


def theirs(zones: Zones, address: str, identity: str, hello: str) -> tuple[str, str]:
    """The result of pyspf and what it says."""
    original = spf.DNSLookup
    spf.DNSLookup = lambda name, kind, *_: list(answers(zones, name, kind))
    try:
        query = spf.query(i=address, s=identity, h=hello, receiver="mx.local.example")
        query.set_default_explanation("")
        result, _code, text = query.check()
    finally:
        spf.DNSLookup = original
    return str(result), str(text)


def ours(zones: Zones, address: str, identity: str, hello: str) -> SpfOutcome:
    return asyncio.run(
        check_host(
            zones,
            address=ip_address(address),
            domain=identity.rpartition("@")[2],
            identity=identity,
            hello=hello,
            receiver="mx.local.example",
            now_s=1.7e9,
            limits=SpfLimits(void_lookups=MANY),
        )
    )


# --- generated zones ---------------------------------------------------------------------------------------

MACROS = """
    %{d} %{o} %{h} %{ir}.x.example %{l}.u.example %{d2} %{dr}.example %{L1r-}.u.example %{i}.%{v}.example %{p}
    a%%b.example %{l-+}.u.example %{lr+}.example %{D} %{o1}.example %{s}.example %{l2r+-}.u.example
    %{d99r}.example a%_b%-c.example
"""
ODD_TERMS = """
    all:x all/8 ip4 include exists moo - ip4:1.2.3 ip4:192.0.2.256 v=spf1 x=% 1x=y redirect:c.example
    ip6:2001:db8:7 a/33 a//129 a/024 a/ a: exists:a.example/24 a:example a:1.2.3.4 a:a..example mx:x.-org
    a:x.org. include: exp= redirect= %{d} a:%{c}.example a:%x.example a:%{d}x a:%{d}. a:%{da}.example = ++a
    ip4:192.0.2.1//24 ip6:::ffff:192.0.2.1 ip6:::/0 ip4:0.0.0.0/0 a:foo/24.example/24 exp=%{r}.example ALL
    a:%% a:x%%_ ptr/24 ip4:192.0.2.1/24/24 Include:c.example a:.example mx:a:b.example a:x.1-1 a:x.-1 a:x.1a
    a:x.a- ip6:2001:DB8::1%eth0 ip6:1:2:3:4:5:6:7:: a:%{} x=%{y} a:%{l+r}.example exists:%{d0}.example
    a:%{d.} a:%{d2.+-,/_=} all=x redirect exp -exp=c.example a=b.example ptr: mx/0//0
"""
qualifiers = st.sampled_from(["", "+", "-", "~", "?"])
lengths = st.sampled_from(["", "", "/24", "/0", "/32", "//64", "//0", "/16//48"])
specs = st.sampled_from([*HOSTS, *HOSTS, *MACROS.split()])
address_terms = st.sampled_from(["a", "mx"])
valid_terms = st.one_of(
    st.builds("{}{}{}".format, qualifiers, address_terms, lengths),
    st.builds("{}{}:{}{}".format, qualifiers, address_terms, specs, lengths),
    st.builds("{}{}:{}".format, qualifiers, st.sampled_from(["exists", "include", "include", "ptr"]), specs),
    st.builds(
        "{}ip4:192.0.2.{}{}".format, qualifiers, st.integers(0, 255), st.sampled_from(["", "/24", "/31"])
    ),
    st.builds(
        "{}ip6:2001:db8:{}{}".format, qualifiers, st.sampled_from([":1", "7::"]), st.sampled_from(["", "/32"])
    ),
    st.sampled_from(["ptr", "-ptr", "PTR", "~mx", "x.y-z_1=%{d}", "X="]),
    st.builds("{}={}".format, st.sampled_from(["redirect", "exp"]), specs),
)
odd_terms = st.sampled_from(ODD_TERMS.split())
record_texts = st.builds(
    lambda terms, odd, at, end: " ".join(["v=spf1", *terms[:at], *odd, *terms[at:]]) + end,
    st.lists(valid_terms, max_size=5),
    st.one_of(st.just([]), st.just([]), st.lists(odd_terms, min_size=1, max_size=1)),
    st.integers(0, 5),
    st.sampled_from(["", " ", " -all", " -all", " ~all", "  ?all"]),
)
ip4s = st.lists(st.sampled_from(["192.0.2.1", "192.0.2.200", "198.51.100.1"]), max_size=2, unique=True)
ip6s = st.lists(st.sampled_from(["2001:db8::1", "2001:db8:7::2"]), max_size=2, unique=True)
exchangers = st.lists(st.sampled_from([f"10 {host}" for host in HOSTS[:4]]), max_size=3, unique=True)
names = st.lists(st.sampled_from(HOSTS[:4]), max_size=3, unique=True)
record_lists = st.lists(record_texts, min_size=1, max_size=1)
texts = st.sampled_from([[], ["why"], ["%{s} %{c}"], ["a", "b"], ["%{zz}"], ["v=spf1 -all", "v=spf1 a"]])


@st.composite
def zones_of(draw: st.DrawFn) -> Zones:
    zone: Zone = {}
    for host in HOSTS[:3]:
        kinds = {"TXT": draw(st.one_of(record_lists, record_lists, texts)),
                 "A": draw(ip4s), "AAAA": draw(ip6s), "MX": draw(exchangers)}  # fmt: skip
        zone[host] = {kind: found for kind, found in kinds.items() if found}
    for client in CLIENTS[:5]:
        zone[ip_address(client).reverse_pointer] = {"PTR": draw(names)}
    zone["user.u.example"] = {"A": ["127.0.0.2"]}
    return Zones(zone, silent=["silent.example"])


# --- what differs, and why ---------------------------------------------------------------------------------

THEIR_WORDS = {
    "MUST appear at most once": "§6: redirect and exp may stand once each; other modifiers may be repeated",
    "include has trivial recursion": "§4.6: only syntax is checked first, this include is never reached",
    "invalid-macro-char : %%": "§7.1: a domain-spec may end in %%",
}
OUR_WORDS = {
    "a malformed macro: ": "§7.1: transformers stand before delimiters, and nothing else stands there",
    "a macro that keeps no part: ": "§7.3: a number of parts MUST be nonzero",
}


def argued(outcome: SpfOutcome, result: str, text: str) -> str:
    """Why the results differ; "" when nothing excuses it."""
    for words, reason in THEIR_WORDS.items():
        if result == Result.PERMERROR and words in text:
            return reason
    if outcome.result is Result.PERMERROR:
        for words, reason in OUR_WORDS.items():
            if outcome.problem.startswith(words):
                return reason
        if result == Result.TEMPERROR and "(SPF record of " in outcome.problem:
            return "§4.6: the syntax of the whole record is checked before anything is asked"
    return ""


@settings(max_examples=200, deadline=None)
@given(zones_of(), st.sampled_from(CLIENTS), st.sampled_from(["user", "a-b+c", "Post.master", "x_y"]))
def test_pyspf_agrees_on_generated_zones(zones: Zones, address: str, local_part: str) -> None:
    identity = f"{local_part}@example.org"
    result, text = theirs(zones, address, identity, "mail.c.example")
    outcome = ours(zones, address, identity, "mail.c.example")
    if outcome.result != result:
        assert argued(outcome, result, text), (outcome, result, text)
    elif result == Result.FAIL and outcome.explanation:
        assert outcome.explanation == text


macro_texts = st.builds(
    "%{{{}{}{}{}}}".format,
    st.sampled_from("slSL"),  # pyspf joins the parts of other letters by what parted them; §7.3 wants a dot
    st.sampled_from(["", "1", "2", "3", "12", "127"]),
    st.sampled_from(["", "r"]),
    st.text(".-+,/_=", max_size=3),
) | st.builds(
    "%{{{}{}{}}}".format,
    st.sampled_from("odivchODIVCH"),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "r"]),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(macro_texts | st.sampled_from(["%%", "%_", "%-", " ", "a.b", "why?"]), min_size=1, max_size=3),
    st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="@"), min_size=1, max_size=12
    ),
    st.sampled_from(CLIENTS),
)
def test_pyspf_expands_macros_alike(parts: list[str], local_part: str, address: str) -> None:
    # pyspf takes a final %% for an error, knows no R, and cuts what is longer than a name.
    text = "".join(parts) + "."
    zones = Zones({"example.org": {"TXT": ["v=spf1 -all exp=why.example"]}, "why.example": {"TXT": [text]}})
    identity = f"{local_part}@example.org"
    result, explanation = theirs(zones, address, identity, "mail.c.example")
    assert result == Result.FAIL
    assert ours(zones, address, identity, "mail.c.example").explanation == explanation
