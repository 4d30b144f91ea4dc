"""Small notations that people type in options: next hops, settings of a policy, sizes, durations."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from clement.cli.exit_codes import ExitCode, Failure
from clement.policy.directive import Scope
from clement.policy.directory import GroupPolicy, NextHop, TlsUse, Wire
from clement.policy.overrides import SettingUnusable, setting

if TYPE_CHECKING:
    from clement.policy.content_rule import Field
    from clement.store.records import Role

_DEFAULTS = msgspec.structs.asdict(GroupPolicy())
NEXT_HOP = "[smtp:|lmtp:]HOST[:PORT][,priority=N][,tls=never|offered|required]"

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)(i?)B?")
_SPAN = re.compile(r"([0-9]+)\s*(min|h|d|w)")
LONGEST_SPAN_S = 36_525 * 86_400
"""What lies beyond has no date in calendars and databases."""
_SPAN_S = {"min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAYS_BEHIND = {"today": 0, "yesterday": -1}
_DAYS_AHEAD = {"tomorrow": 1}
_HOST_PORT = re.compile(r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


def wrong(option: str, text: str) -> Failure:
    """The failure of an option whose value cannot be read."""
    return Failure(ExitCode.USAGE, f"{option}: {text}")


def next_hops(texts: Sequence[str], option: str = "--to") -> tuple[NextHop, ...]:
    """Next hops in `NEXT_HOP` notation, or paths of LMTP sockets. Raises Failure."""
    return tuple(_next_hop(text, option) for text in texts)


def _next_hop(text: str, option: str) -> NextHop:
    place, *words = text.split(",")
    kind, mark, rest = place.partition(":")
    wire = Wire.SMTP
    if mark and kind in ("smtp", "lmtp"):
        wire, place = Wire(kind), rest
    if place.startswith("/"):
        return _with_words(NextHop(host=place, port=0, wire=Wire.LMTP), words, option)
    found = _HOST_PORT.fullmatch(place)
    if found is None:
        raise wrong(option, f"expected {NEXT_HOP}, found {text}")
    port = int(found["port"] or (25 if wire is Wire.SMTP else 24))
    return _with_words(
        NextHop(host=found["bracketed"] or found["plain"], port=port, wire=wire), words, option
    )


def _with_words(hop: NextHop, words: Sequence[str], option: str) -> NextHop:
    for word in words:
        name, _, value = word.partition("=")
        if name == "priority" and value.isdecimal():
            hop = msgspec.structs.replace(hop, priority=int(value))
        elif name == "tls" and value in list(TlsUse):
            hop = msgspec.structs.replace(hop, tls=TlsUse(value))
        else:
            raise wrong(option, f"expected priority=N or tls={'|'.join(TlsUse)}, found {word}")
    return hop


def next_hop_text(hop: NextHop) -> str:
    """A next hop in the notation that `next_hops` reads."""
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    place = hop.host if hop.host.startswith("/") else f"{host}:{hop.port}"
    return f"{hop.wire.value}:{place},priority={hop.priority},tls={hop.tls.value}"


def group_policy(words: Sequence[str], before: GroupPolicy) -> GroupPolicy:
    """`before` with each `name=value` of `--policy` changed. Raises Failure."""
    changed: dict[str, object] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not mark or name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, n=1)
            hint = f"did you mean {near[0]}?" if near else "expected one of " + ", ".join(_DEFAULTS)
            raise wrong(
                "--policy", f"unknown policy {name}; {hint}" if mark else f"expected NAME=VALUE, found {word}"
            )
        # Without a value, what a setting that may be left to the site is by default: nothing.
        wanted = value or (None if _DEFAULTS[name] is None else value)
        try:
            changed[name] = setting(GroupPolicy, name, wanted)
        except SettingUnusable as fault:
            raise wrong("--policy", f"{name}: {fault}") from None
    return msgspec.structs.replace(before, **changed)


def policy_words(words: Sequence[str]) -> dict[str, object]:
    """What `name=value` of `--policy` says; a name without a value: None. Raises Failure."""
    said: dict[str, object] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not mark or name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise wrong("--policy", f"expected NAME=VALUE or NAME=, found {word}{hint}")
        said[name] = value or None
    return said


def policy_text(value: object) -> str:
    """A setting as `--policy` takes it; what is left to somebody wider is `-`."""
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def threshold(text: str | None, option: str) -> float | UnsetType | None:
    """A score; "" to have the wider scope's, UNSET when the option was not given. Raises Failure."""
    if text is None:
        return UNSET
    try:
        return float(text) if text else None
    except ValueError:
        raise wrong(option, f"expected a number such as 4.6, 0 for never, or nothing, found {text}") from None


def size_bytes(text: str, option: str) -> int:
    """`500MB`, `2GiB`, `0`. Raises Failure."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise wrong(option, f"expected a size such as 500MB or 2GiB, found {text}")
    power = " kMGT".index(found[2] or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def moment_s(text: str, option: str, now_s: float, *, is_future: bool) -> float:
    """Unix seconds of `30min`, `2h`, `7d`, `4w` from now (or ago), of an ISO 8601 date, or of a day.

    A day is when it begins: `today` or `yesterday` of what lies behind, `tomorrow` of what lies ahead. Raises
    Failure.
    """
    from datetime import datetime

    text = text.strip()
    days = _DAYS_AHEAD if is_future else _DAYS_BEHIND
    if text in days:
        return _beginning_of_day_s(now_s, days[text])
    found = _SPAN.fullmatch(text)
    if found is not None:
        span_s = int(found[1]) * _SPAN_S[found[2]]
        if span_s > LONGEST_SPAN_S:
            raise wrong(option, f"expected a time within a hundred years, found {text}")
        return now_s + span_s if is_future else now_s - span_s
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        expected = ", ".join(("30min", "2h", "7d", "4w", *days))
        raise wrong(option, f"expected {expected} or a date such as 2027-01-31T12:00, found {text}") from None


def _beginning_of_day_s(now_s: float, days_away: int) -> float:
    """Local midnight; days of 23 and 25 hours are counted as days."""
    from datetime import datetime, time, timedelta

    day = datetime.fromtimestamp(now_s).astimezone().date() + timedelta(days=days_away)
    return datetime.combine(day, time()).astimezone().timestamp()


def role(text: str, option: str) -> tuple[Role, str]:
    """`root`, `user`, `group:NAME` or `domain:NAME`. Raises Failure."""
    from clement.store.records import Role

    name, _, object_name = text.partition(":")
    needs_object = name in (Role.GROUP, Role.DOMAIN)
    if name not in list(Role) or bool(object_name) != needs_object:
        raise wrong(option, f"expected root, user, group:NAME or domain:NAME, found {text}")
    return Role(name), object_name


def scope(text: str, option: str) -> tuple[Scope, str]:
    """`site`, `group:NAME`, `domain:NAME`, or the address of a user. Raises Failure."""
    kind, mark, name = text.partition(":")
    if text == "site":
        return Scope.SITE, ""
    if mark and name and kind in ("group", "domain", "user"):
        return Scope[kind.upper()], name
    if "@" in text and not text.startswith("@"):
        return Scope.USER, text
    raise wrong(option, f"expected site, group:NAME, domain:NAME or an address, found {text}")


def rule_field(text: str, option: str) -> tuple[Field, str]:
    """`subject`, `body` …, or the name of a header field, with or without its colon. Raises Failure."""
    from clement.policy.content_rule import Field

    word = text.strip().lower()
    if word.endswith(":"):
        return Field.HEADER, word[:-1]
    if word in list(Field) and word != Field.HEADER:
        return Field(word), ""
    if "-" in word and word.replace("-", "").isalnum():
        return Field.HEADER, word
    expected = ", ".join(field for field in Field if field is not Field.HEADER)
    raise wrong(option, f"expected {expected}, or a header field such as X-Mailer:, found {text}")


def expiry_s(text: str, option: str, now_s: float) -> int:
    """Unix seconds at which something ends, still to come; 0 for `never`. Raises Failure."""
    if text.strip() == "never":
        return 0
    ends_at_s = round(moment_s(text, option, now_s, is_future=True))
    if ends_at_s <= now_s:
        raise wrong(option, f"expected a moment that lies ahead, found {text}")
    return ends_at_s
