"""What others say of a message goes, in whatever spelling; everything else stays octet for octet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.config.settings import TaggingSettings
from clement.message.foreign_fields import ForeignFields
from clement.message.headers import fields

FOREIGN = ForeignFields(TaggingSettings().remove)
KEPT = b"Received: by x\r\n\tat once\r\nSubject: X-Spam-Flag: YES\r\nX-Mailer: y\r\n"


@pytest.mark.parametrize(
    "field",
    [
        b"X-Spam-Flag: NO\r\n",
        b"x-spam-flag:NO\r\n",
        b"X-Spam-Status \t: No,\r\n\tscore=-9\r\n  tests=NONE\r\n",
        b"X-CLEMENT-Score: -8\n",
        b"X-Spam: no\r\n",
        b"X-Bogosity: Ham\r\n",
        b"X-MS-Exchange-Organization-SCL: -1\r\n",
        b"X-Rspamd-Score: -3\r\n",
    ],
)
def test_a_judgement_of_others_goes_wherever_it_stands(field: bytes) -> None:
    lines = KEPT.splitlines(keepends=True)
    for block in (field + KEPT, KEPT + field, b"".join(lines[:2]) + field + b"".join(lines[2:])):
        assert FOREIGN.taken_out(block) == KEPT
    # The last line of a header block has no line end of its own.
    assert FOREIGN.taken_out(KEPT + field.rstrip()) == KEPT


@pytest.mark.parametrize(
    "block",
    [
        KEPT,
        b"",
        b"X-Bogosity-Not: kept\r\n",
        b"X-Spa: kept\r\n",
        b"Subject: x\r\n X-Spam-Flag: a folded line of the subject\r\n",
        b"A X-Spam-Flag: no field at all\r\n",
    ],
)
def test_what_says_nothing_of_the_kind_is_left_alone(block: bytes) -> None:
    assert FOREIGN.taken_out(block) is block or FOREIGN.taken_out(block) == block


def test_a_site_may_want_none_taken_out() -> None:
    block = b"X-Spam-Flag: YES\r\n"
    assert ForeignFields().taken_out(block) is block


names = st.sampled_from(
    [b"X-Spam-Flag", b"x-spamd-result", b"X-Spam", b"From", b"X-Mailer", b"", b" ", b"X-"]
)
lines = st.lists(
    st.tuples(
        names,
        st.sampled_from([b":", b" :", b"", b"\t: "]),
        st.binary(max_size=12),
        st.sampled_from([b"\r\n", b"\n"]),
    ),
    max_size=8,
).map(lambda several: b"".join(b"".join(parts) for parts in several))


@given(lines)
def test_whatever_the_header_no_reader_finds_one_afterwards(block: bytes) -> None:
    left = FOREIGN.taken_out(block)
    assert FOREIGN.taken_out(left) == left
    assert not any(field.name.lower().startswith(b"x-spam") for field in fields(left))


def test_a_header_full_of_them_is_emptied_in_one_go() -> None:
    block = b"X-Spam-Flag: NO\r\n" * 14_000 + b"X-Spam" * 1000
    assert FOREIGN.taken_out(block) == b"X-Spam" * 1000
