"""What the letters of Clement say of this site, and the links in them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec

from clement.policy.digest_schedule import ScheduleUnusable, find_zone, parse_schedule
from clement.queue.digest.links import Deed, HeldLink, sign

DAY_S = 86_400


class LetterSite(msgspec.Struct, frozen=True):
    """This site.

    author: whom letters come from. url: how people reach the web pages, "" when they cannot. key: gives the
    secret that signs links; blocks, and raises when SQL is away.
    """

    hostname: str
    author: str
    url: str
    key: Callable[[], bytes]
    links_days: int

    def links_until_s(self, now_s: float) -> float:
        """Until when links work that are made now, in Unix seconds."""
        return now_s + self.links_days * DAY_S

    def linking(self, address: str, until_s: float) -> Callable[[Deed, str], str]:
        """Makes the URL of a deed on what has this name; "" where there are no pages. Blocks like `key`."""
        if not self.url:
            return lambda _deed, _name: ""
        key = self.key()

        def link(deed: Deed, name: str) -> str:
            return f"{self.url}/held/{sign(HeldLink(deed, name, address, int(until_s)), key)}"

        return link


def zone_of(schedule: str) -> ZoneInfo:
    """The time zone of somebody's schedule of digests; UTC where there is none that this machine knows."""
    try:
        return find_zone(parse_schedule(schedule).zone)
    except ScheduleUnusable:
        return find_zone("UTC")
