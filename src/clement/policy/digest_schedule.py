"""When a digest is due: times of day and weekdays in a time zone. Pure; the clock is passed in.

    schedule = [ weekdays SP ] times SP zone        "mon-fri 08:00,17:30 Europe/Zurich"
    weekdays = range *("," range)                   range = day [ "-" day ]
    times    = time *("," time)                     time  = HH ":" MM
    zone     = a name of the IANA time zone database

A time that a change of clocks skips is moved behind it; one that comes twice counts the first time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
MOST_TIMES = 24

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}")


class ScheduleUnusable(ValueError):
    """What was given is no schedule; the text says why, for a person."""


class Schedule(msgspec.Struct, frozen=True):
    """times: minutes since midnight, rising. weekdays: 0 is Monday. zone: of the IANA database."""

    times: tuple[int, ...]
    weekdays: frozenset[int] = EVERY_DAY
    zone: str = "UTC"

    def __str__(self) -> str:
        days = "" if self.weekdays == EVERY_DAY else ",".join(_ranges(self.weekdays)) + " "
        times = ",".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in self.times)
        return f"{days}{times} {self.zone}"


def parse_schedule(text: str) -> Schedule:
    """The schedule that a person has written. Raises ScheduleUnusable."""
    words = text.split()
    if len(words) == 2 and _TIME.match(words[0]):
        words.insert(0, "mon-sun")
    if len(words) != 3:
        raise ScheduleUnusable('write it like "mon-fri 08:00,17:30 Europe/Zurich"')
    days, times, zone = words
    find_zone(zone)
    return Schedule(_times(times), _weekdays(days.lower()), zone)


def next_due_s(schedule: Schedule, after_s: float) -> float:
    """The first time after `after_s` (Unix time) at which the schedule is due."""
    zone = find_zone(schedule.zone)
    day = datetime.fromtimestamp(after_s, zone).date() - timedelta(days=1)
    while True:
        if day.weekday() in schedule.weekdays:
            for at_s in _instants(schedule, day, zone):
                if at_s > after_s:
                    return at_s
        day += timedelta(days=1)


def _instants(schedule: Schedule, day: date, zone: ZoneInfo) -> list[float]:
    moments = (
        datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
        for minutes in schedule.times
    )
    return sorted(moment.astimezone(UTC).timestamp() for moment in moments)


@lru_cache(maxsize=64)
def find_zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises ScheduleUnusable."""
    if not _ZONE.fullmatch(name):
        raise ScheduleUnusable("a time zone has a name such as Europe/Zurich or UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleUnusable(f"this machine knows no time zone {name}") from None


def _times(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for word in text.split(","):
        match = _TIME.fullmatch(word)
        if match is None:
            raise ScheduleUnusable(f"{word!r} is no time of day such as 08:00")
        found.add(int(match[1]) * 60 + int(match[2]))
    if len(found) > MOST_TIMES:
        raise ScheduleUnusable(f"at most {MOST_TIMES} times a day")
    return tuple(sorted(found))


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for word in text.split(","):
        first, dash, last = word.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ScheduleUnusable(
                f"{word!r}: weekdays are {', '.join(DAYS)}, or ranges of them such as mon-fri"
            )
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(found)


def _ranges(weekdays: frozenset[int]) -> list[str]:
    found: list[str] = []
    day = 0
    while day < 7:
        if day in weekdays:
            last = day
            while last + 1 in weekdays:
                last += 1
            found.append(DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}")
            day = last
        day += 1
    return found
