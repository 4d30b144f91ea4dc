"""Line endings do not depend on where content was cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clement.delivery.line_endings import chunks_with_lf, with_lf

TEXT = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0", b"\xff"]), max_size=40).map(
    b"".join
)


@given(TEXT, st.lists(st.integers(0, 60), max_size=8))
def test_cutting_changes_nothing(octets: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    chunks = [octets[a:b] for a, b in pairwise(borders)]
    assert b"".join(chunks_with_lf(chunks)) == octets.replace(b"\r\n", b"\n") == with_lf(octets)
