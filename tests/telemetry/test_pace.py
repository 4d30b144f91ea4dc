"""What lasts is said again only after a while, with how often it was left out."""

from clement.telemetry.pace import KEYS_MAX, Pace


class Clock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_each_thing_is_said_once_in_a_while() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    assert pace.due("disk")
    assert pace.due("hop")
    assert not any(pace.due("disk") for _ in range(5))
    clock.at_s = 60
    assert pace.due("disk")
    assert pace.held_back("disk") == 5
    assert pace.held_back("disk") == 0
    assert pace.held_back("hop") == 0


def test_what_was_over_is_said_at_once() -> None:
    pace = Pace(60, Clock())
    assert pace.due("disk")
    assert not pace.due("disk")
    pace.over("disk")
    assert pace.due("disk")
    assert pace.held_back("disk") == 0


def test_the_memory_is_bounded() -> None:
    pace = Pace(60, Clock())
    for number in range(KEYS_MAX * 3):
        pace.due(str(number))
        pace.due(str(number))
    assert len(pace._said_at_s) <= KEYS_MAX
    assert len(pace._held_back) <= KEYS_MAX
