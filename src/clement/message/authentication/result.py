"""The words in which every kind of authentication, and every check, tells how it went.  RFC 8601 §2.7."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """A result of RFC 8601 §2.7; each method uses those that its RFC names."""

    PASS = "pass"  # noqa: S105 - the word of RFC 8601
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
