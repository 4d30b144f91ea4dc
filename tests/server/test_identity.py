"""Session ids: of one length, sortable by time, readable aloud."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from clement.server.identity import ID_LENGTH, session_id

times = st.floats(0, 2**44 / 1000)


@given(times, st.integers(0, 2**55 - 1))
def test_form(now_s: float, number: int) -> None:
    name = session_id(now_s, lambda _bits: number)
    assert re.fullmatch(rf"[0-9a-hjkmnp-tv-z]{{{ID_LENGTH}}}", name)


@given(times, times)
def test_sorted_by_time(first_s: float, second_s: float) -> None:
    if int(first_s * 1000) < int(second_s * 1000):
        assert session_id(first_s, random.getrandbits) < session_id(second_s, random.getrandbits)


def test_different_in_the_same_instant() -> None:
    assert len({session_id(1e9, random.getrandbits) for _ in range(10_000)}) == 10_000
