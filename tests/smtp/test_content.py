"""Content, into the wire and out of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.smtp import BareLineEndings, ContentDefects, ContentWriter
from clement.smtp.content import ChunkReader, DataReader, has_stray

PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\0", b"\xe4", b"z" * 997, b"z" * 999])
CONTENT = st.lists(PIECES, max_size=12).map(b"".join)
SEGMENTS = st.lists(CONTENT, max_size=6)


def read_data(*segments: bytes, **settings: object) -> tuple[bytes, DataReader]:
    reader = DataReader(**settings)  # type: ignore[arg-type]
    content = b""
    for segment in segments:
        if not reader.finished:
            content += reader.feed(segment)
    assert len(content) == reader.size_bytes
    return content, reader


def written(segments: list[bytes], **settings: bool) -> bytes:
    writer = ContentWriter(**settings)
    return b"".join([writer.write(segment) for segment in segments]) + writer.finish()


def model(content: bytes) -> bytes:
    """What a next hop should see: every line break a CRLF, and one at the end."""
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    return content if not content or content.endswith(b"\r\n") else content + b"\r\n"


@given(SEGMENTS)
def test_what_is_written_is_read_again(segments: list[bytes]) -> None:
    wire = written(segments)
    content, reader = read_data(wire)
    assert reader.finished
    assert reader.rest == b""
    assert content == model(b"".join(segments))
    assert not reader.defects & (ContentDefects.BARE_CR | ContentDefects.BARE_LF)


@given(SEGMENTS)
def test_what_is_written_has_one_end(segments: list[bytes]) -> None:
    wire = b"\r\n" + written(segments)
    assert wire.count(b"\r\n.\r\n") == 1
    assert wire.endswith(b"\r\n.\r\n")
    assert not has_stray(wire)


@given(SEGMENTS)
def test_chunks_are_not_stuffed(segments: list[bytes]) -> None:
    assert written(segments, stuff_dots=False) == model(b"".join(segments))


@given(CONTENT)
def test_reading_agrees_with_a_slow_reading(octets: bytes) -> None:
    wire = b"\r\n" + octets
    end = wire.find(b"\r\n.\r\n")
    if end < 0:
        assert not read_data(octets)[1].finished
        return
    lines = wire[2 : end + 2]
    expected = re.sub(rb"(\A|\r\n)\.", rb"\1", lines)
    content, reader = read_data(octets)
    assert content == expected
    assert reader.rest == wire[end + 5 :]
    strays = re.sub(rb"\r\n", b"", lines)
    assert bool(reader.defects & ContentDefects.BARE_CR) == (b"\r" in strays)
    assert bool(reader.defects & ContentDefects.BARE_LF) == (b"\n" in strays)
    assert bool(reader.defects & ContentDefects.NUL) == (b"\0" in lines)
    if not strays.count(b"\r") and not strays.count(b"\n"):
        longest = max((len(line) for line in content.split(b"\r\n")), default=0)
        assert bool(reader.defects & ContentDefects.LINE_TOO_LONG) == (longest > 998)


@given(CONTENT, st.data())
def test_mended_content_has_only_whole_line_ends(octets: bytes, data: st.DataObject) -> None:
    wire = octets + b"\r\n.\r\n"
    settings = {"bare_line_endings": BareLineEndings.NORMALISE}
    content, reader = read_data(wire, **settings)
    assert not has_stray(content)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=4)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    again, again_reader = read_data(*pieces, **settings)
    assert (again, again_reader.defects) == (content, reader.defects)


def test_mended_dots_are_transparency_behind_any_line_break() -> None:
    settings = {"bare_line_endings": BareLineEndings.NORMALISE}
    assert read_data(b"a\n..b\r..c\n.\r\n.\r\n", **settings)[0] == b"a\r\n.b\r\n.c\r\n\r\n"


@pytest.mark.parametrize("limit", [1, 5, 6, 7, 100])
def test_content_beyond_the_limit_is_cut_there(limit: int) -> None:
    wire = b"abcd\r\nefgh\r\n.\r\n"
    for cut in range(len(wire)):
        content, reader = read_data(wire[:cut], wire[cut:], size_limit_bytes=limit)
        assert content == b"abcd\r\nefgh\r\n"[:limit]
        assert reader.is_too_large == (limit < 12)
        assert reader.finished


@pytest.mark.parametrize(("length", "too_long"), [(998, False), (999, True)])
@pytest.mark.parametrize("before", [b"", b"x\r\n", b"x\r\n" * 500])
def test_lines_are_measured(length: int, too_long: bool, before: bytes) -> None:
    wire = before + b"y" * length + b"\r\nz\r\n.\r\n"
    for cut in {
        0,
        1,
        len(before),
        len(before) + 500,
        len(before) + length,
        len(before) + length + 1,
        len(wire) - 3,
    }:
        reader = read_data(wire[:cut], wire[cut:])[1]
        assert bool(reader.defects & ContentDefects.LINE_TOO_LONG) == too_long


def test_the_stuffed_dot_does_not_count() -> None:
    assert read_data(b".." + b"y" * 997 + b"\r\n.\r\n")[1].defects is ContentDefects.NONE


def test_eight_bit_content_must_be_declared() -> None:
    assert read_data(b"\xe4\r\n.\r\n")[1].defects is ContentDefects.NONE
    assert read_data(b"\xe4\r\n.\r\n", eight_bit=False)[1].defects is ContentDefects.EIGHT_BIT_UNDECLARED


def test_chunks_join_across_their_border() -> None:
    reader = ChunkReader()
    reader.expect(2, last=False)
    assert reader.feed(b"a\r") == b"a"
    reader.expect(3, last=True)
    assert reader.feed(b"\nb") == b"\r\nb"
    assert reader.feed(b"\r") == b"\r"
    assert reader.defects is ContentDefects.BARE_CR


def test_much_content_is_never_kept() -> None:
    reader = DataReader()
    segment = (b"x" * 76 + b"\r\n") * 800
    for _ in range(200):
        assert len(segment) - 5 <= len(reader.feed(segment)) <= len(segment) + 5
    assert len(reader._carry) <= 4
