"""Client networks: the longest prefix wins, for both families, separately for relaying and reputation."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.network import (
    RELAYING,
    REPUTATION,
    Address,
    ClientNetwork,
    ListedServer,
    ListOrigin,
    NetworkIndex,
    Standing,
    client_address,
)
from tests.policy.samples import NOW_S


def entry(number: int, network: str, standing: Standing, *, expires_at: int = 0) -> ClientNetwork:
    return ClientNetwork(number, ip_network(network), standing, expires_at=expires_at)


OFFICE = NetworkIndex(
    (
        entry(1, "192.0.2.0/24", Standing.RELAYABLE),
        entry(2, "192.0.2.64/26", Standing.NOT_RELAYABLE),
        entry(3, "192.0.2.66/32", Standing.RELAYABLE),
        entry(4, "2001:db8::/48", Standing.RELAYABLE),
        entry(5, "2001:db8:0:5::/64", Standing.NOT_RELAYABLE),
    )
)


@pytest.mark.parametrize(
    ("client", "number"),
    [
        ("192.0.2.1", 1),
        ("192.0.2.65", 2),
        ("192.0.2.66", 3),
        ("192.0.2.127", 2),
        ("192.0.2.128", 1),
        ("192.0.3.1", 0),
        ("::ffff:192.0.2.1", 1),
        ("::ffff:192.0.2.65", 2),
        ("2001:db8::1", 4),
        ("2001:db8:0:5::1", 5),
        ("2001:db8:0:6::1", 4),
        ("2001:db9::1", 0),
        ("::192.0.2.1", 0),
    ],
)
def test_case_083_not_relayable_inside_a_relayable_range(client: str, number: int) -> None:
    found = OFFICE.relaying(client_address(client), NOW_S)
    assert (found.id if found is not None else 0) == number


def test_relaying_and_reputation_are_separate_questions() -> None:
    index = NetworkIndex(
        (entry(1, "192.0.2.0/24", Standing.RELAYABLE), entry(2, "192.0.2.7/32", Standing.BANNED))
    )
    relaying = index.relaying(client_address("192.0.2.7"), NOW_S)
    reputation = index.reputation(client_address("192.0.2.7"), NOW_S)
    assert relaying is not None
    assert reputation is not None
    assert (relaying.id, reputation.id) == (1, 2)


def test_an_entry_that_has_ended_gives_way_to_the_one_around_it() -> None:
    index = NetworkIndex(
        (
            entry(1, "198.51.100.0/24", Standing.BANNED),
            entry(2, "198.51.100.7/32", Standing.TRUSTED, expires_at=int(NOW_S)),
        )
    )
    found = index.reputation(client_address("198.51.100.7"), NOW_S)
    before = index.reputation(client_address("198.51.100.7"), NOW_S - 1)
    assert found is not None
    assert found.id == 1
    assert before is not None
    assert before.id == 2


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", IPv4Address("192.0.2.1")),
        ("::ffff:192.0.2.1", IPv4Address("192.0.2.1")),
        ("::FFFF:c000:201", IPv4Address("192.0.2.1")),
        ("2001:db8::1", IPv6Address("2001:db8::1")),
        ("::192.0.2.1", IPv6Address("::192.0.2.1")),
    ],
)
def test_a_mapped_address_is_the_one_it_carries(text: str, address: Address) -> None:
    assert client_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "192.0.2", "192.0.2.1/32", "[192.0.2.1]", "192.0.2.1 "])
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        client_address(text)


# Few distinct bits, so that prefixes meet.
numbers = st.integers(0, 15)
v4 = st.builds(lambda high, low: IPv4Address((192 << 24) + (high << 8) + low), numbers, numbers)
v6 = st.builds(lambda high, low: IPv6Address((0x20010DB8 << 96) + (high << 64) + low), numbers, numbers)


@st.composite
def entries(draw: st.DrawFn) -> tuple[ClientNetwork, ...]:
    found: dict[object, ClientNetwork] = {}
    for number in range(draw(st.integers(0, 12))):
        address = draw(v4 | v6)
        length = draw(st.integers(0, address.max_prefixlen))
        network = ip_network(f"{address}/{length}", strict=False)
        standing = draw(st.sampled_from(Standing))
        # As in the store, a network has one entry for each question.
        key = (network, standing in RELAYING)
        found[key] = ClientNetwork(
            number, network, standing, expires_at=draw(st.sampled_from([0, int(NOW_S) - 1, int(NOW_S) + 1]))
        )
    return tuple(found.values())


@given(entries(), v4 | v6)
def test_the_longest_prefix_wins(networks: tuple[ClientNetwork, ...], address: Address) -> None:
    index = NetworkIndex(networks)
    for standings, found in (
        (RELAYING, index.relaying(address, NOW_S)),
        (REPUTATION, index.reputation(address, NOW_S)),
    ):
        around = [
            each
            for each in networks
            if each.standing in standings
            and each.network.version == address.version
            and address in each.network
            and (not each.expires_at or each.expires_at > NOW_S)
        ]
        assert found == max(around, key=lambda each: each.network.prefixlen, default=None)


def concluded(number: int, network: str, standing: Standing = Standing.BANNED, end: int = 0) -> ListedServer:
    wanted = ip_network(network)
    return ListedServer(
        number, wanted.network_address.packed, wanted.prefixlen, standing, ListOrigin.HISTORY, end, "viruses"
    )


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:7::1"])
def test_what_the_steward_concluded_is_found_like_any_other_entry(address: str) -> None:
    whole = f"{address}/{24 if '.' in address else 48}"
    network = str(ip_network(whole, strict=False))
    index = NetworkIndex((), (concluded(3, network),))
    found = index.reputation(client_address(address), NOW_S)
    assert found is not None
    assert (found.id, str(found.network), found.origin, found.why) == (
        3,
        network,
        ListOrigin.HISTORY,
        "viruses",
    )


def test_a_person_s_word_wins_over_every_conclusion_however_small_its_network() -> None:
    index = NetworkIndex(
        (entry(1, "192.0.2.0/24", Standing.TRUSTED),),
        (concluded(2, "192.0.2.7/32"), concluded(3, "198.51.100.7/32")),
    )
    for address, number in (("192.0.2.7", 1), ("198.51.100.7", 3)):
        found = index.reputation(client_address(address), NOW_S)
        assert found is not None
        assert found.id == number


def test_of_conclusions_the_smaller_network_wins_and_the_expired_say_nothing() -> None:
    index = NetworkIndex(
        (),
        (
            concluded(1, "192.0.2.0/24"),
            concluded(2, "192.0.2.7/32", Standing.TRUSTED),
            concluded(3, "192.0.2.8/32", end=int(NOW_S) - 1),
        ),
    )
    for address, number in (("192.0.2.7", 2), ("192.0.2.8", 1)):
        found = index.reputation(client_address(address), NOW_S)
        assert found is not None
        assert found.id == number
