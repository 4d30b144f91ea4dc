"""Server lists in the forms of other programs: written, read back, and hostile ones refused."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.list_parsing import MOST_FAULTS, ListFormat, parse
from clement.policy.list_text import ListLine, comma_separated, in_effect, nftables, rbldnsd
from clement.policy.network import ListOrigin

NOW_S = 1_790_000_000
HISTORY = ListOrigin.HISTORY


def line(network: str, **fields: object) -> ListLine:
    return ListLine(network=ip_network(network), **fields)  # type: ignore[arg-type]


LINES = [
    line("192.0.2.7/32", expires_at_s=NOW_S + 3600, why='30 viruses, since "2026"', note="a, note"),
    line("198.51.100.0/24"),
    line("203.0.113.0/24", expires_at_s=NOW_S + 30 * 365 * 86_400 + 5),
    line("2001:db8:7::/48", expires_at_s=NOW_S + 86_400),
]


def read(text: list[str], written_as: ListFormat) -> list[tuple[str, int]]:
    parsed = parse(text, written_as, NOW_S)
    assert parsed.faults == []
    return [(str(each.network), each.expires_at_s) for each in parsed.entries]


def test_nftables_gets_time_outs_and_both_families() -> None:
    text = list(nftables(LINES, NOW_S))
    assert (
        'add element inet clement banned4 { 192.0.2.7 timeout 3600s comment "30 viruses, since  2026 ",'
        " 198.51.100.0/24, 203.0.113.0/24 timeout 10950d5s }"
    ) in text
    assert "add set inet clement banned6 { type ipv6_addr; flags interval, timeout; }" in text


def test_nftables_and_csv_come_back_as_they_went() -> None:
    expected = [(str(each.network), each.expires_at_s) for each in LINES]
    assert read(list(nftables(LINES, NOW_S)), ListFormat.NFTABLES) == expected
    assert read(list(comma_separated(LINES)), ListFormat.CSV) == expected


def test_a_zone_comes_back_without_its_test_points() -> None:
    found = read(list(rbldnsd(LINES)), ListFormat.RBLDNSD)
    assert [network for network, _end in found] == [str(each.network) for each in LINES]


def test_times_as_nft_lists_them_are_read() -> None:
    text = ["add element inet clement banned4 { 192.0.2.1 timeout 1d2h3m4s expires 2h, 192.0.2.2 }"]
    assert read(text, ListFormat.NFTABLES) == [
        ("192.0.2.1/32", NOW_S + 86_400 + 7200 + 184),
        ("192.0.2.2/32", 0),
    ]


@pytest.mark.parametrize(
    ("written_as", "text", "fault"),
    [
        (ListFormat.CSV, "0.0.0.0/0", "half the Internet"),
        (ListFormat.CSV, "::/0", "half the Internet"),
        (ListFormat.CSV, "128.0.0.0/1", "half the Internet"),
        (ListFormat.CSV, "2000::/3", "half the Internet"),
        (ListFormat.CSV, "::ffff:0:0/96", "half the Internet"),
        (ListFormat.CSV, "192.0.2.1/24", "bits beyond its length"),
        (ListFormat.CSV, "mx.example", "no address"),
        (ListFormat.CSV, "192.0.2.1,,,,tomorrow", "no moment"),
        (ListFormat.CSV, '192.0.2.1,"', "no line of CSV"),
        (ListFormat.JSON, '{"network": 7}', "no entry in JSON"),
        (ListFormat.JSON, '{"network": "192.0.2.1", "expires_at_s": -1}', "no moment"),
        (ListFormat.JSON, "[", "no entry in JSON"),
        (ListFormat.RBLDNSD, "!192.0.2.1", "exclusion"),
        (ListFormat.RBLDNSD, "0/0 :2:all", "no address"),
        (ListFormat.NFTABLES, "table inet clement {", "expected `add element"),
        (ListFormat.NFTABLES, "add element inet t s { 192.0.2.1-192.0.2.9 }", "no element"),
        (ListFormat.NFTABLES, "add element inet t s { 192.0.2.1 timeout soon }", "no time"),
        (ListFormat.NFTABLES, "add element inet t s { 192.0.2.1 timeout 99999999999999s }", "no moment"),
    ],
)
def test_wrong_lines_are_named_with_their_number(written_as: ListFormat, text: str, fault: str) -> None:
    parsed = parse(["", text], written_as, NOW_S)
    assert parsed.entries == []
    (found,) = parsed.faults
    assert found.line == 2
    assert fault in found.text


@given(st.sampled_from(ListFormat), st.lists(st.text(max_size=80), max_size=5))
def test_any_text_leads_to_entries_or_faults(written_as: ListFormat, text: list[str]) -> None:
    parse(text, written_as, NOW_S)


def test_faults_are_bounded() -> None:
    assert len(parse(["x"] * 10_000, ListFormat.CSV, NOW_S).faults) == MOST_FAULTS


def banned_by(lines: list[ListLine], address: str) -> bool:
    return any(
        each.network.version == ip_address(address).version and ip_address(address) in each.network
        for each in lines
    )


def test_who_is_trusted_is_cut_out_of_what_is_banned_as_at_a_look_up() -> None:
    banned = [
        line("192.0.2.0/24", origin=HISTORY),
        line("192.0.2.9/32", origin=HISTORY),
        line("198.51.100.7/32", origin=HISTORY),
        line("203.0.113.0/24"),
    ]
    trusted = [line("192.0.2.77/32"), line("198.51.100.0/24"), line("203.0.113.5/32", origin=HISTORY)]
    found = in_effect(banned, trusted)
    assert not banned_by(found, "192.0.2.77")
    assert banned_by(found, "192.0.2.78")
    assert banned_by(found, "192.0.2.9")
    assert not banned_by(found, "198.51.100.7")
    assert banned_by(found, "203.0.113.5")  # a person's ban wins over trust that was earned
    networks = [each.network for each in found]
    assert not any(a != b and a.version == b.version and a.overlaps(b) for a in networks for b in networks)
