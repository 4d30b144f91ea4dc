"""When a digest is due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.digest_schedule import Schedule, ScheduleUnusable, next_due_s, parse_schedule

ZURICH = ZoneInfo("Europe/Zurich")


def at(text: str, zone: ZoneInfo = ZURICH, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("08:00 UTC", "08:00 UTC"),
        ("mon-fri 8:00,17:30 Europe/Zurich", "mon-fri 08:00,17:30 Europe/Zurich"),
        ("sat-mon 12:00 UTC", "mon,sat-sun 12:00 UTC"),
        (
            "Mon,wed,THU 06:00 America/Argentina/Buenos_Aires",
            "mon,wed-thu 06:00 America/Argentina/Buenos_Aires",
        ),
        ("mon-sun 17:30,08:00,08:00 UTC", "08:00,17:30 UTC"),
    ],
)
def test_a_schedule_is_read_as_people_write_it_and_shown_in_one_form(text: str, shown: str) -> None:
    schedule = parse_schedule(text)
    assert str(schedule) == shown
    assert parse_schedule(shown) == schedule


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "write it like"),
        ("08:00", "write it like"),
        ("mon 24:00 UTC", "no time of day"),
        ("mon 08:60 UTC", "no time of day"),
        ("monday 08:00 UTC", "weekdays are"),
        ("mon- 08:00 UTC", "weekdays are"),
        ("mon 08:00 Mars/Olympus", "no time zone"),
        ("mon 08:00 ../../etc/passwd", "time zone has a name"),
        ("mon " + ",".join(f"08:{minute:02d}" for minute in range(25)) + " UTC", "at most 24"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_word_at_fault(text: str, told: str) -> None:
    with pytest.raises(ScheduleUnusable, match=told):
        parse_schedule(text)


def test_the_next_time_is_today_tomorrow_or_after_the_weekend() -> None:
    schedule = parse_schedule("mon-fri 08:00,17:30 Europe/Zurich")
    friday = "2026-11-27"
    assert next_due_s(schedule, at(f"{friday} 07:59")) == at(f"{friday} 08:00")
    assert next_due_s(schedule, at(f"{friday} 08:00")) == at(f"{friday} 17:30")
    assert next_due_s(schedule, at(f"{friday} 17:30")) == at("2026-11-30 08:00")


def test_a_time_that_the_change_of_clocks_skips_comes_behind_it_and_one_that_comes_twice_counts_once() -> (
    None
):
    schedule = parse_schedule("02:30 Europe/Zurich")
    spring = next_due_s(schedule, at("2026-03-28 12:00"))
    assert datetime.fromtimestamp(spring, ZURICH).isoformat() == "2026-03-29T03:30:00+02:00"
    autumn = next_due_s(schedule, at("2026-10-24 12:00"))
    assert autumn == at("2026-10-25 02:30", fold=0)
    assert next_due_s(schedule, autumn) == at("2026-10-26 02:30")


@given(
    st.lists(st.integers(0, 1439), min_size=1, max_size=5, unique=True),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(["UTC", "Europe/Zurich", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.floats(0, 4e9),
)
def test_the_next_time_lies_ahead_by_little_more_than_a_week_and_on_a_chosen_day(
    times: list[int], weekdays: frozenset[int], zone: str, after_s: float
) -> None:
    schedule = Schedule(tuple(sorted(times)), weekdays, zone)
    due_s = next_due_s(schedule, after_s)
    assert after_s < due_s <= after_s + 9 * 86_400
    assert parse_schedule(str(schedule)) == schedule
    local = datetime.fromtimestamp(due_s, ZoneInfo(zone))
    skipped = local.hour * 60 + local.minute not in times
    assert skipped or local.weekday() in weekdays
