"""The kinds of plain value a setting may have. `description` is what an error says was expected."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

MOST_COUNTED = 2**31 - 1
MOST_BYTES = 2**63 - 1
MOST_DAYS = 36_500
"""A hundred years: times beyond lie outside of what databases and calendars know."""
MOST_SECONDS = MOST_DAYS * 86_400

Count = Annotated[int, Meta(ge=1, le=MOST_COUNTED, description="a whole number of at least 1")]
CountOrAuto = Annotated[int, Meta(ge=0, le=MOST_COUNTED, description="a whole number, 0 to choose by itself")]
CountOrNone = Annotated[int, Meta(ge=0, le=MOST_COUNTED, description="a whole number, 0 for none")]
Recipients = Annotated[
    int, Meta(ge=100, le=MOST_COUNTED, description="a whole number of at least 100 (RFC 5321 §4.5.3.1.8)")
]
CommandLine = Annotated[
    int, Meta(ge=512, le=MOST_COUNTED, description="a whole number of at least 512 (RFC 5321 §4.5.3.1.4)")
]
Size = Annotated[
    int,
    Meta(ge=65536, le=MOST_BYTES, description="a number of bytes of at least 65536 (RFC 5321 §4.5.3.1.7)"),
]
Bytes = Annotated[int, Meta(ge=0, le=MOST_BYTES, description="a number of bytes")]
Seconds = Annotated[float, Meta(gt=0, le=MOST_SECONDS, description="a number of seconds greater than 0")]
Days = Annotated[
    float, Meta(gt=0, le=MOST_DAYS, description=f"a number of days greater than 0, at most {MOST_DAYS}")
]
WholeDays = Annotated[
    int, Meta(ge=1, le=MOST_DAYS, description=f"a whole number of days from 1 to {MOST_DAYS}")
]
WholeDaysOrNone = Annotated[
    int, Meta(ge=0, le=MOST_DAYS, description=f"a whole number of days from 0 to {MOST_DAYS}")
]
Hours = Annotated[
    float, Meta(ge=0, le=MOST_DAYS * 24, description=f"a number of hours from 0 to {MOST_DAYS * 24}")
]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
Delay = Annotated[float, Meta(ge=0, le=60, description="a number of seconds from 0 to 60")]
Rate = Annotated[float, Meta(ge=0, le=MOST_COUNTED, description="a number, 0 for no limit")]
Weight = Annotated[float, Meta(ge=0, le=100, description="a weight from 0 to 100")]
Code = Annotated[
    str, Meta(pattern=r"\A127(\.(0|[1-9][0-9]{0,2})){3}\Z", description='a code such as "127.0.0.255"')
]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
Mode = Annotated[int, Meta(ge=0, le=0o777, description="file permissions such as 0o700")]
UserId = Annotated[int, Meta(ge=0, le=2**32 - 2, description="a numeric id")]
HostName = Annotated[
    str,
    Meta(
        pattern=r"\A(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        r"(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z",
        description='a host name such as "mail.example.org"',
    ),
]
NodeName = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9._-]{0,64}\Z", description="at most 64 letters, digits, dots and hyphens")
]
FieldName = Annotated[
    str,
    Meta(
        pattern=r"\A(X-[A-Za-z0-9-]{1,60})?\Z",
        description='a header field\'s name that begins with X-, such as "X-Spam-Flag", or ""',
    ),
]
FieldPattern = Annotated[
    str,
    Meta(
        pattern=r"\A[Xx]-[A-Za-z0-9-]{1,60}\*?\Z",
        description='a header field\'s name that begins with X-, perhaps with a * at its end: "X-Spam-*"',
    ),
]
SubjectPrefix = Annotated[
    str, Meta(pattern=r"\A[ -~]{0,40}\Z", description="at most 40 printable ASCII characters")
]
