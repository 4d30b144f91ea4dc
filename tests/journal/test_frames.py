"""Frames: whatever happened to a segment, what is found is a part of what was written, in order."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from clement.journal.frames import HEADER, HEADER_BYTES, MAGIC, MAX_PAYLOAD_BYTES, split, whole_frames
from tests.journal.samples import framed, payloads_in

# Payloads that look like frames or like parts of one, among plain ones.
payloads = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=60),
        st.sampled_from([MAGIC, MAGIC[:2], MAGIC + b"\0\0\0\1", MAGIC * 5, b"\0" * 40]),
    ),
    max_size=12,
)


def is_subsequence(part: list[bytes], whole: list[bytes]) -> bool:
    rest = iter(whole)
    return all(any(candidate == each for candidate in rest) for each in part)


@given(payloads)
def test_what_is_sealed_is_found(written: list[bytes]) -> None:
    found = split(framed(written), at_end=True, at_most=1000)
    assert [frame.payload for frame in found.frames] == written
    assert (found.consumed, found.damages) == (len(framed(written)), 0)


@given(payloads, st.integers(0, 2000))
def test_a_torn_end_loses_only_what_is_torn(written: list[bytes], kept: int) -> None:
    content = framed(written)[:kept]
    found = split(content, at_end=True, at_most=1000)
    survivors = [frame.payload for frame in found.frames]
    assert survivors == written[: len(survivors)]
    assert len(framed(written[: len(survivors) + 1])) > len(content) or survivors == written
    assert found.consumed == len(content)


@given(payloads, st.lists(st.tuples(st.integers(0, 1500), st.binary(min_size=1, max_size=30)), max_size=4))
def test_damage_anywhere_leaves_a_part_of_the_records(
    written: list[bytes], damages: list[tuple[int, bytes]]
) -> None:
    content = bytearray(framed(written))
    for at, octets in damages:
        content[at : at + len(octets)] = octets
    # A damage can plant a payload of MAGIC only where its CRC is right too, so nothing is ever made up.
    assert is_subsequence(payloads_in(bytes(content)), written)


@given(payloads, st.data())
def test_octets_put_in_or_taken_out_leave_a_part_of_the_records(
    written: list[bytes], data: st.DataObject
) -> None:
    content = framed(written)
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    assert is_subsequence(
        payloads_in(content[:start] + data.draw(st.binary(max_size=40)) + content[end:]), written
    )


@given(st.binary(max_size=300))
def test_any_octets_are_read_without_an_exception(content: bytes) -> None:
    found = split(content, at_end=True, at_most=1000)
    assert found.consumed == len(content)


@given(payloads, st.binary(max_size=30), payloads)
def test_records_after_a_damage_are_found_again(
    before: list[bytes], noise: bytes, after: list[bytes]
) -> None:
    noise = noise.replace(MAGIC[:1], b"x")
    found = split(framed(before) + noise + framed(after), at_end=True, at_most=1000)
    assert [frame.payload for frame in found.frames] == before + after
    assert found.damaged_bytes == len(noise)


@given(payloads, st.lists(st.integers(1, 50), min_size=1), st.binary(max_size=8))
def test_reading_as_it_grows_equals_reading_at_once(
    written: list[bytes], steps: list[int], noise: bytes
) -> None:
    content = framed(written[:3]) + noise + framed(written[3:])
    seen: list[bytes] = []
    position = visible = 0
    while visible < len(content):
        for step in steps:
            visible = min(visible + step, len(content))
            found = split(content[position:visible], at_end=False, at_most=2)
            seen += [frame.payload for frame in found.frames]
            position += found.consumed
    seen += payloads_in(content[position:])
    assert seen == payloads_in(content)


def test_a_growing_segment_waits_for_the_rest_of_a_frame() -> None:
    content = framed([b"one", b"two"])
    for cut in range(len(framed([b"one"])), len(content)):
        found = split(content[:cut], at_end=False, at_most=10)
        assert [frame.payload for frame in found.frames] == [b"one"]
        assert found.consumed == len(framed([b"one"]))


def test_a_length_beyond_the_limit_is_no_frame() -> None:
    liar = HEADER.pack(MAGIC, MAX_PAYLOAD_BYTES + 1, 0)
    assert payloads_in(liar + framed([b"after"])) == [b"after"]


def test_a_changed_length_does_not_pass_the_check() -> None:
    # The shorter payload with its own plain CRC-32: only the length tells them apart.
    forged = HEADER.pack(MAGIC, 4, zlib.crc32(b"true")) + b"true"
    assert payloads_in(forged) == []


def test_hostile_text_cannot_hold_a_magic() -> None:
    assert MAGIC not in "\u00c1CJ\x01".encode()
    try:
        MAGIC.decode("utf-8")
    except UnicodeDecodeError:
        return
    raise AssertionError("the magic is text")


@given(payloads, st.integers(0, 1500))
def test_whole_frames_ends_at_a_frame(written: list[bytes], limit: int) -> None:
    content = framed(written)
    end = whole_frames(content, min(limit, len(content)))
    assert end in {len(framed(written[:count])) for count in range(len(written) + 1)}
    assert end <= limit
    assert limit - end < HEADER_BYTES + 60 or end == len(content)
