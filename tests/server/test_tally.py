"""Counts of what happened lately: never too low, forgotten in time, shared, and unharmed by a restart."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from clement.server.tally import Tally, shared_tally

WINDOW_S = 60.0


def tally(at_s: float = 0.0) -> Tally:
    made = Tally(shared_tally(), WINDOW_S)
    made.turn(at_s)
    return made


@settings(max_examples=30)
@given(st.lists(st.text(max_size=3), max_size=60))
def test_within_a_window_nobody_is_counted_too_low(keys: list[str]) -> None:
    counted = tally()
    for key in keys:
        counted.add(key)
    assert all(counted.count(key) >= times for key, times in Counter(keys).items())


def test_thousands_of_others_hardly_matter() -> None:
    counted = tally()
    for number in range(20_000):
        counted.add(f"192.0.2.{number}")
    strangers = [counted.count(f"2001:db8:{number:x}::/64") for number in range(1000)]
    assert sum(strangers) < 200
    assert max(strangers) <= 2


def test_what_is_a_window_old_is_forgotten_bit_by_bit() -> None:
    counted = tally(0.0)
    counted.add("anna", 60)
    for at_s, left in ((59.0, 60), (60.0, 60), (90.0, 30), (119.0, 1), (120.0, 0), (10_000.0, 0)):
        counted.turn(at_s)
        assert round(counted.count("anna"), 6) == left


def test_a_limit_is_not_met_twice_around_the_turn_of_a_window() -> None:
    counted = tally(59.0)
    counted.add("anna", 10)
    counted.turn(61.0)
    assert counted.count("anna") > 9


def test_the_wait_is_as_long_as_it_takes() -> None:
    for added_at_s, asked_at_s in ((0.0, 0.0), (50.0, 59.0), (50.0, 61.0), (59.9, 90.0)):
        counted = tally(added_at_s)
        counted.add("anna", 10)
        counted.turn(asked_at_s)
        wait_s = counted.wait_s("anna", 4)
        counted.turn(asked_at_s + wait_s)
        assert counted.count("anna") < 4
        counted.turn(max(asked_at_s, asked_at_s + wait_s - 2))
        assert counted.count("anna") >= 4 or wait_s <= 2


def test_receivers_share_their_counts_and_one_that_starts_again_loses_none() -> None:
    shared = shared_tally()
    first = Tally(shared, WINDOW_S)
    first.turn(1000.0)
    first.add("anna", 3)
    second = Tally(shared, WINDOW_S)
    second.turn(1001.0)
    second.add("anna")
    assert first.count("anna") == second.count("anna") == 4
    third = Tally(shared, WINDOW_S)
    third.turn(1010.0)
    assert third.count("anna") == 4


def test_cells_that_nobody_turned_for_long_hold_nothing() -> None:
    shared = shared_tally()
    before = Tally(shared, WINDOW_S)
    before.turn(30.0)
    before.add("anna", 5)
    after = Tally(shared, WINDOW_S)
    after.turn(30.0 + 3 * WINDOW_S)
    assert after.count("anna") == 0


def test_a_receiver_that_is_late_harms_nobody() -> None:
    shared = shared_tally()
    late, punctual = Tally(shared, WINDOW_S), Tally(shared, WINDOW_S)
    late.turn(59.0)
    punctual.turn(60.5)
    punctual.add("anna")
    late.add("bruno", 4)
    assert round(punctual.count("bruno")) == 4
    late.turn(61.0)
    assert punctual.count("anna") == late.count("anna") == 1
