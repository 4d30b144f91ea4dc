"""check_host of RFC 7208: what the suites of openspf.org leave out, and what hostile domains try."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.authentication.result import Result
from clement.message.authentication.spf import RFC_LIMITS, SpfLimits, SpfOutcome, check_host
from tests.fixtures.zones import Zones

CLIENT = "192.0.2.1"
Records = Mapping[str, Mapping[str, Iterable[str]]]


def spf(text: str) -> dict[str, list[str]]:
    return {"TXT": [text]}


def check(
    records: Records | Zones,
    *,
    address: str = CLIENT,
    identity: str = "user@example.org",
    domain: str = "",
    hello: str = "mail.example.org",
    limits: SpfLimits = RFC_LIMITS,
) -> SpfOutcome:
    return asyncio.run(
        check_host(
            records if isinstance(records, Zones) else Zones(records),
            address=ip_address(address),
            domain=domain or identity.rpartition("@")[2],
            identity=identity,
            hello=hello,
            receiver="mx.local.example",
            now_s=1_700_000_000.9,
            limits=limits,
        )
    )


def test_an_outcome_names_the_domain_the_term_and_the_look_ups() -> None:
    outcome = check(
        {
            "example.org": spf("v=spf1 a include:_spf.example.net ~all"),
            "_spf.example.net": spf("v=spf1 ip4:192.0.2.0/24"),
        },
        domain="Example.ORG.",
    )
    assert outcome == SpfOutcome(
        result=Result.PASS, domain="example.org", mechanism="include:_spf.example.net", lookups=2
    )


def test_no_match_is_neutral_and_names_no_term() -> None:
    outcome = check({"example.org": spf("v=spf1 ip4:198.51.100.0/24")})
    assert (outcome.result, outcome.mechanism, outcome.problem) == (Result.NEUTRAL, "", "")


@pytest.mark.parametrize(
    "domain",
    [
        "localhost",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "192.0.2.1",
        "a..example.org",
        ".example.org",
        "example.org..",
        "exämple.org",
        "example.org\0",
        "exam\r\nple.org",
        "a" * 64 + ".example.org",
        ".".join(["a" * 50] * 6),
        "x" * 100_000,
        ".",
    ],
)
def test_a_domain_that_is_none_is_none_without_a_question(domain: str) -> None:
    zones = Zones()
    outcome = check(zones, domain=domain)
    assert outcome.result is Result.NONE
    assert outcome.problem == "not a fully qualified domain name"
    assert len(outcome.domain) <= 255
    assert outcome.domain.isprintable()
    assert not zones.asked


def test_a_domain_without_a_record_is_none() -> None:
    assert check({"example.org": {"TXT": ["v=spf10 -all", "v=spf1-all", "v=spf2.0/pra -all"]}}) == SpfOutcome(
        result=Result.NONE, domain="example.org", problem="no SPF record"
    )


# --- hostile.md 90-93 and 97 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "records",
    [
        {},
        {"example.org": spf("v=spf1 a:silent.example -all")},
        {"example.org": spf("v=spf1 mx:silent.example -all")},
        {"example.org": {"TXT": ["v=spf1 mx -all"], "MX": ["10 silent.example"]}},
        {"example.org": spf("v=spf1 exists:silent.example -all")},
        {"example.org": spf("v=spf1 include:silent.example -all")},
        {"example.org": spf("v=spf1 redirect=silent.example")},
    ],
)
def test_case_090_a_dns_that_does_not_answer_is_temperror(records: Records) -> None:
    outcome = check(Zones(records, silent=["silent.example", *(() if records else ("example.org",))]))
    assert outcome.result is Result.TEMPERROR
    assert outcome.problem.startswith("the DNS does not answer: ")


def test_case_090_a_failing_reverse_look_up_only_fails_to_match() -> None:
    """RFC 7208 §5.5: the client owns its reverse names, they can neither pass nor break a policy."""
    reverse = "1.2.0.192.in-addr.arpa"
    records = {"example.org": spf("v=spf1 ptr -all")}
    assert check(Zones(records, silent=[reverse])).result is Result.FAIL
    records[reverse] = {"PTR": ["silent.example.org", "mail.example.org"]}
    records["mail.example.org"] = {"A": [CLIENT]}
    assert check(Zones(records, silent=["silent.example.org"])).result is Result.PASS


def test_case_091_ten_look_ups_are_borne_and_eleven_are_not() -> None:
    hosts = {f"h{number}.example.org": {"A": ["198.51.100.1"]} for number in range(11)}
    for count, result, problem in ((10, Result.PASS, ""), (11, Result.PERMERROR, "more than 10 look-ups")):
        terms = " ".join(f"a:h{number}.example.org" for number in range(count))
        outcome = check({**hosts, "example.org": spf(f"v=spf1 {terms} ip4:{CLIENT}")})
        assert (outcome.result, outcome.problem, outcome.lookups) == (result, problem, 10)


def test_case_091_look_ups_of_includes_and_redirects_count_together() -> None:
    chain = {
        f"d{number}.example.org": spf(f"v=spf1 redirect=d{number + 1}.example.org") for number in range(20)
    }
    outcome = check(chain, identity="user@d0.example.org")
    assert (outcome.result, outcome.problem) == (Result.PERMERROR, "more than 10 look-ups")
    nested = {
        f"d{number}.example.org": spf(f"v=spf1 include:d{number + 1}.example.org") for number in range(20)
    }
    zones = Zones(nested)
    assert check(zones, identity="user@d0.example.org").result is Result.PERMERROR
    assert len(zones.asked) == 11


def test_case_091_three_terms_without_an_answer_are_too_many() -> None:
    two = "a:none1.example.org exists:none2.example.org"
    assert check({"example.org": spf(f"v=spf1 {two} ?all")}).result is Result.NEUTRAL
    outcome = check({"example.org": spf(f"v=spf1 {two} mx ?all")})
    assert (outcome.result, outcome.problem) == (Result.PERMERROR, "more than 2 look-ups without an answer")


def test_case_091_exchangers_without_an_address_of_the_clients_kind_count_once() -> None:
    """RFC 7208 §11.1 limits terms: three exchangers with IPv4 only must not undo a policy for IPv6."""
    records: dict[str, dict[str, list[str]]] = {
        "example.org": {
            "TXT": ["v=spf1 mx ip6:2001:db8::/32 -all"],
            "MX": [f"10 mx{number}.example.org" for number in range(4)],
        }
    }
    records |= {f"mx{number}.example.org": {"A": ["198.51.100.1"]} for number in range(4)}
    assert check(records, address="2001:db8::1").result is Result.PASS


def test_case_091_two_records_are_permerror() -> None:
    outcome = check({"example.org": {"TXT": ["v=spf1 +all", "V=SPF1 +all"]}})
    assert (outcome.result, outcome.problem) == (Result.PERMERROR, "2 SPF records at example.org")


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("include:example.org", "", "include loop: example.org leads back to example.org"),
        ("include:b.example", "include:example.org", "include loop: b.example leads back to example.org"),
        ("redirect=b.example", "redirect=example.org", "redirect loop: b.example leads back to example.org"),
        ("include:b.example", "redirect=b.example", "redirect loop: b.example leads back to b.example"),
    ],
)
def test_case_091_a_loop_is_told_at_its_first_turn(first: str, second: str, problem: str) -> None:
    zones = Zones({"example.org": spf(f"v=spf1 {first}"), "b.example": spf(f"v=spf1 {second}")})
    outcome = check(zones)
    assert (outcome.result, outcome.problem) == (Result.PERMERROR, problem)
    assert len(zones.asked) <= 2


def test_case_091_a_record_may_be_included_twice_side_by_side() -> None:
    records = {
        "example.org": spf("v=spf1 include:b.example include:b.example -all"),
        "b.example": spf("v=spf1 ip4:198.51.100.1 -all"),
    }
    assert check(records).result is Result.FAIL


def test_case_091_exchangers_are_limited_to_ten_and_their_addresses_are_not() -> None:
    records: dict[str, dict[str, list[str]]] = {
        f"mx{number}.example.org": {"A": [f"198.51.100.{octet}" for octet in range(10)]}
        for number in range(11)
    }
    for count, result in ((10, Result.FAIL), (11, Result.PERMERROR)):
        records["example.org"] = {
            "TXT": ["v=spf1 mx -all"],
            "MX": [f"10 mx{number}.example.org" for number in range(count)],
        }
        zones = Zones(records)
        assert check(zones).result is result
        assert len(zones.asked) <= 12


def test_case_091_names_of_the_client_are_limited_to_ten() -> None:
    names = [f"h{number}.example.org" for number in range(11)]
    records: dict[str, dict[str, list[str]]] = {name: {"A": ["198.51.100.1"]} for name in names[:10]}
    records[names[10]] = {"A": [CLIENT]}
    records["1.2.0.192.in-addr.arpa"] = {"PTR": names}
    records["example.org"] = spf("v=spf1 ptr -all")
    assert check(records).result is Result.FAIL
    records["example.org"] = spf("v=spf1 exists:%{p}.ok.example -all")
    zones = Zones(records)
    assert check(zones).result is Result.FAIL
    assert zones.asked[-1] == "A unknown.ok.example"


@pytest.mark.parametrize(
    ("identity", "asked"),
    [
        ('"quoted local"@example.org', 'A "quoted local".l.example'),
        ('"a@good.example"@example.org', 'A "a@good.example".l.example'),
        ('"a\\"b"@example.org', 'A "a\\"b".l.example'),
        ("@example.org", "A postmaster.l.example"),
        ("%{d}@example.org", "A %{d}.l.example"),
    ],
)
def test_case_091_a_local_part_goes_into_names_as_it_is(identity: str, asked: str) -> None:
    zones = Zones({"example.org": spf("v=spf1 exists:%{l}.l.example -all")})
    assert check(zones, identity=identity).result is Result.FAIL
    assert zones.asked == ["TXT example.org", asked]


@pytest.mark.parametrize("local_part", ["a..b", ".", "a" * 64, "gr\xfc\xdfe", "a\r\nb", "a\0b"])
def test_case_091_a_local_part_that_makes_no_name_matches_nothing(local_part: str) -> None:
    """RFC 7208 §4.8 leaves it open; RFC 8616 §4 has it so for letters outside ASCII."""
    zones = Zones({"example.org": spf("v=spf1 exists:%{l}.l.example a:%{L}.%{s}.example ?all")})
    outcome = check(zones, identity=f"{local_part}@example.org")
    assert outcome.result is Result.NEUTRAL
    assert all(name.isprintable() and "\xfc" not in name for name in zones.asked)


def test_case_092_records_of_any_length_are_borne() -> None:
    long = "v=spf1 " + "a:" + "x" * 60_000
    outcome = check({"example.org": spf(long)})
    assert outcome.result is Result.PERMERROR
    assert outcome.problem == "an SPF record of 60009 characters at example.org"
    outcome = check({"example.org": spf("v=spf1 " + "ip4:192.0.2.2 " * 500 + "-all")})
    assert outcome.result is Result.FAIL
    assert check({"example.org": {"TXT": ["x" * 60_000, "v=spf1 +all"]}}).result is Result.PASS


@pytest.mark.parametrize(
    "term", ["a:" + "a" * 8_000, "a:" + "1." * 4_000, "exp=" + "%{l}." * 1_500, "a" * 8_000]
)
def test_case_092_hostile_terms_are_shown_in_part(term: str) -> None:
    outcome = check({"example.org": spf(f"v=spf1 {term}")})
    assert outcome.result is Result.PERMERROR
    assert len(outcome.problem) < 400


def test_case_092_expansions_are_cut_to_a_name() -> None:
    macros = "%{s}." * 1_000
    zones = Zones({"example.org": spf(f"v=spf1 a:{macros}example.net -all")})
    assert check(zones).result is Result.FAIL
    assert len(zones.asked[-1]) <= 255
    assert zones.asked[-1].endswith(".user@example.org.example.net")


def test_case_092_alias_loops_and_names_that_vanish_end() -> None:
    records = {
        "example.org": spf("v=spf1 a:loop.example -all"),
        "loop.example": {"CNAME": ["loop.example"]},
    }
    assert check(records).result is Result.TEMPERROR
    assert check({"example.org": spf("v=spf1 include:gone.example -all")}).problem == (
        "example.org includes gone.example, which has no SPF record"
    )


@pytest.mark.parametrize("name", ["<script>.example.org", "a\r\nb.example.org", "x" * 300, "", "-"])
def test_case_093_a_hostile_name_of_the_client_is_only_a_name(name: str) -> None:
    records = {
        "example.org": spf("v=spf1 ptr:nowhere.example -all exp=exp.example.org"),
        "exp.example.org": {"TXT": ["%{p}"]},
        "1.2.0.192.in-addr.arpa": {"PTR": [name]},
        name: {"A": [CLIENT]},
    }
    outcome = check(records)
    assert outcome.result is Result.FAIL
    assert outcome.explanation.isprintable()
    assert len(outcome.explanation) <= 500


def test_case_097_the_identity_of_hello_has_results_of_its_own() -> None:
    """The null reverse-path is judged by what the client called itself, whatever the From field says."""
    records = {"mail.example.org": spf("v=spf1 ip4:192.0.2.9 -all"), "example.org": spf("v=spf1 +all")}
    outcome = check(records, identity="postmaster@mail.example.org")
    assert (outcome.result, outcome.domain) == (Result.FAIL, "mail.example.org")
    assert check(records, identity="postmaster@OEMCOMPUTER").result is Result.NONE


def test_case_097_the_domain_stands_behind_the_last_at_sign() -> None:
    records = {
        "evil.example": spf("v=spf1 exists:%{o}.seen.example -all"),
        "good.example": spf("v=spf1 +all"),
    }
    zones = Zones(records)
    outcome = check(zones, identity='"a@good.example"@evil.example')
    assert (outcome.result, outcome.domain) == (Result.FAIL, "evil.example")
    assert zones.asked[-1] == "A evil.example.seen.example"


# --- exp= ----------------------------------------------------------------------------------------------


def explained(text: str, **arguments: object) -> str:
    records = {"example.org": spf("v=spf1 -all exp=why.example.org"), "why.example.org": {"TXT": [text]}}
    return check(records, **arguments).explanation  # type: ignore[arg-type]


def test_an_explanation_knows_all_macros() -> None:
    text = "%{s} %{l} %{o} %{d} %{i} %{p} %{v} %{h} %{c} %{r} %{t} 100%% a%_b%-c"
    assert explained(text) == (
        "user@example.org user example.org example.org 192.0.2.1 unknown in-addr mail.example.org "
        "192.0.2.1 mx.local.example 1700000000 100% a b%20c"
    )


def test_an_explanation_is_asked_for_only_when_it_is_wanted() -> None:
    records = {"example.org": spf("v=spf1 ~all exp=why.example.org"), "why.example.org": {"TXT": ["no"]}}
    zones = Zones(records)
    assert check(zones).explanation == ""
    assert zones.asked == ["TXT example.org"]
    zones = Zones({**records, "example.org": spf("v=spf1 -all exp=why.example.org")})
    assert check(zones, limits=SpfLimits(explanation_chars=0)).explanation == ""
    assert zones.asked == ["TXT example.org"]


def test_an_explanation_is_bounded_and_printable() -> None:
    assert len(explained("%{l}" * 2_000)) == 500
    assert explained("%{l}", identity="a\r\n\x1b\xfc@example.org") == "a????"
    assert explained("a\r\nb") == ""
    assert explained("x" * 60_000) == ""


def test_names_for_an_explanation_do_not_count() -> None:
    """RFC 7208 §4.6.4: exp is asked for after the result stands."""
    records = {
        "example.org": spf("v=spf1 " + "a:h.example " * 10 + "-all exp=why.example.org"),
        "h.example": {"A": ["198.51.100.1"]},
        "why.example.org": {"TXT": ["%{p}"]},
    }
    outcome = check(records)
    assert (outcome.result, outcome.explanation, outcome.lookups) == (Result.FAIL, "unknown", 10)


# --- details of RFC 7208 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["mail.other.example", "mail.example.org", "example.org"], "example.org"),
        (["mail.other.example", "mail.example.org"], "mail.example.org"),
        (["mail.other.example", "liar.example.org"], "mail.other.example"),
        (["liar.example.org"], "unknown"),
    ],
)
def test_the_macro_p_prefers_names_of_the_domain(names: list[str], expected: str) -> None:
    records: dict[str, dict[str, list[str]]] = {
        "example.org": {"TXT": ["v=spf1 -all exp=why.example.org"], "A": [CLIENT]},
        "mail.example.org": {"A": [CLIENT]},
        "mail.other.example": {"A": [CLIENT]},
        "liar.example.org": {"A": ["198.51.100.1"]},
        "why.example.org": {"TXT": ["%{p}"]},
        "1.2.0.192.in-addr.arpa": {"PTR": names},
    }
    assert check(records).explanation == expected


def test_ptr_verifies_only_names_that_can_match() -> None:
    records = {
        "example.org": spf("v=spf1 ptr -all"),
        "1.2.0.192.in-addr.arpa": {"PTR": ["a.other.example", "notexample.org", "a.example.org"]},
        "a.example.org": {"A": [CLIENT]},
    }
    zones = Zones(records)
    assert check(zones).result is Result.PASS
    assert zones.asked[2:] == ["A a.example.org"]


def test_an_address_mapped_into_ipv6_is_an_ipv4_address() -> None:
    records = {"example.org": spf("v=spf1 -ip6:::/0 ip4:192.0.2.1 -all")}
    assert check(records, address="::ffff:192.0.2.1").result is Result.PASS


def test_a_zone_of_a_link_local_address_is_left_out() -> None:
    records = {
        "example.org": spf("v=spf1 ip6:fe80::1 -all"),
        "other.example": spf("v=spf1 -all exp=why.example"),
        "why.example": {"TXT": ["%{c}"]},
    }
    assert check(records, address="fe80::1%eth0").result is Result.PASS
    assert check(records, address="fe80::2%eth0", identity="a@other.example").explanation == "fe80::2"


def test_the_null_exchanger_is_no_host() -> None:
    zones = Zones({"example.org": {"TXT": ["v=spf1 mx -all"], "MX": ["0 ."]}})
    assert check(zones).result is Result.FAIL
    assert zones.asked == ["TXT example.org", "MX example.org"]


def test_include_of_a_name_that_is_no_domain_is_permerror() -> None:
    outcome = check({"example.org": spf("v=spf1 include:%{h} -all")}, hello="localhost")
    assert outcome.problem == "include of no domain name (SPF record of example.org)"


names = st.sampled_from(
    ["example.org", "b.example", "c.example", "none.example", "%{d}", "%{p}", "%{h}.x", "%{l}.y"]
)
terms = st.one_of(
    st.builds(
        "{}{}:{}".format, st.sampled_from(["", "-", "~", "?"]), st.sampled_from(["a", "mx", "ptr"]), names
    ),
    st.builds("include:{}".format, names),
    st.builds("exists:{}".format, names),
    st.builds("redirect={}".format, names),
    st.builds("exp={}".format, names),
    st.sampled_from(["a", "mx", "ptr", "ip4:192.0.2.0/30", "ip6::::/0", "ip6:::/0", "all", "-all", "x=%{s}"]),
    st.text(st.characters(max_codepoint=0x17F), max_size=8),
)
record_texts = st.builds(lambda parts: " ".join(["v=spf1", *parts]), st.lists(terms, max_size=8))


@given(
    st.lists(record_texts, min_size=3, max_size=3),
    st.text(max_size=30),
    st.text(max_size=30),
    st.one_of(
        st.builds(IPv4Address, st.integers(0, 2**32 - 1)), st.builds(IPv6Address, st.integers(0, 2**128 - 1))
    ),
)
def test_any_records_and_names_end_in_a_bounded_outcome(
    texts: list[str], local_part: str, hello: str, address: IPv4Address | IPv6Address
) -> None:
    zones = Zones(
        {
            "example.org": {"TXT": [texts[0]], "A": [CLIENT], "MX": ["1 b.example", "2 c.example"]},
            "b.example": {"TXT": [texts[1]], "AAAA": ["2001:db8::1"], "MX": ["1 b.example"]},
            "c.example": {"TXT": [texts[2]], "A": [CLIENT, "192.0.2.2"]},
        },
        silent=["MX c.example"],
    )
    outcome = check(zones, address=str(address), identity=f"{local_part}@example.org", hello=hello)
    assert outcome.lookups <= 10
    assert len(zones.asked) <= 1 + 10 * 11 + 12
    for text in (outcome.problem, outcome.mechanism, outcome.explanation):
        assert text.isprintable()
        assert len(text) <= 600
