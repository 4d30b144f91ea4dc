"""Counters that receivers share: each adds its own, all see the sum, and a dead one's share is given back."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from ipaddress import ip_address
from multiprocessing import get_context

from hypothesis import given
from hypothesis import strategies as st

from clement.server.census import SLOTS, Census, slot_of
from tests.fixtures.places import ROOT

ANNA = slot_of(ip_address("192.0.2.1"))
BRUNO = next(slot for host in range(2, 250) if (slot := slot_of(ip_address(f"192.0.2.{host}"))) != ANNA)


def test_receivers_see_the_sum() -> None:
    census = Census(3)
    first, second, third = (census.region(number) for number in range(3))
    first.enter(ANNA)
    second.enter(ANNA)
    second.enter(BRUNO)
    for region in (first, second, third):
        assert (region.sessions(), region.sessions_of(ANNA), region.sessions_of(BRUNO)) == (3, 2, 1)
    second.leave(ANNA)
    assert first.sessions_of(ANNA) == 1


def test_the_share_of_a_dead_receiver_is_given_back() -> None:
    census = Census(2)
    first, second = census.region(0), census.region(1)
    first.enter(ANNA)
    second.enter(ANNA)
    assert census.region(1).sessions() == 1
    assert first.sessions_of(ANNA) == 1


def test_nothing_goes_below_none() -> None:
    region = Census(1).region(0)
    region.leave(ANNA)
    region.enter(ANNA)
    assert region.sessions() == 1


def test_a_network_of_one_customer_is_one_client() -> None:
    assert slot_of(ip_address("2001:db8::1")) == slot_of(ip_address("2001:db8::ffff"))
    neighbours = {slot_of(ip_address(f"2001:db8:0:{number:x}::1")) for number in range(100)}
    assert len(neighbours) > 90


def test_who_shares_a_slot_differs_from_start_to_start() -> None:
    seen = {slots_with_key("1"), slots_with_key("2"), slots_with_key("random"), slots_with_key("0")}
    assert len(seen) == 4
    assert slots_with_key("0") == slots_with_key("0")


def slots_with_key(seed: str) -> str:
    """The slots of some clients, in a process whose hashes have this key."""
    program = (
        "from ipaddress import ip_address as a; from clement.server.census import slot_of; "
        "print([slot_of(a(f'192.0.2.{host}')) for host in range(9)])"
    )
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def test_receivers_agree_on_the_slot_of_a_client() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as forked:
        assert forked.submit(slot_of, ip_address("192.0.2.1")).result() == ANNA


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_every_client_has_a_slot_that_is_not_the_totals(client: object) -> None:
    assert 0 < slot_of(client) < SLOTS  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 1), st.ip_addresses(v=4)), max_size=30))
def test_whoever_entered_and_left_is_forgotten(visits: list[tuple[int, object]]) -> None:
    census = Census(2)
    regions = [census.region(0), census.region(1)]
    for number, client in visits:
        regions[number].enter(slot_of(client))  # type: ignore[arg-type]
    assert regions[0].sessions() == len(visits)
    slots = Counter(slot_of(client) for _, client in visits)  # type: ignore[arg-type]
    for _, client in visits:
        assert regions[1].sessions_of(slot_of(client)) == slots[slot_of(client)]  # type: ignore[arg-type]
    for number, client in visits:
        regions[number].leave(slot_of(client))  # type: ignore[arg-type]
    assert regions[1].sessions() == 0
