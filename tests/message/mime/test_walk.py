"""The structure of ordinary and of broken messages, in all their readings."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.mime.decode import decoded, encoded_body, header_block
from clement.message.mime.defects import MimeDefect
from clement.message.mime.limits import WalkLimits
from clement.message.mime.part import Walk
from clement.message.mime.walk import walk
from tests.fuzz.content import check_structure


def message(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


def shown(octets: bytes, structure: Walk) -> list[tuple[str, str, bytes]]:
    """Number, type and decoded body of every part that is no multipart."""
    return [
        (part.number, part.type, decoded(octets, part, 1000))
        for part in structure.parts
        if not part.type.startswith("multipart/")
    ]


def numbers(structure: Walk) -> list[str]:
    return [part.number for part in structure.parts]


ORDINARY = message(
    "From: a@a.test",
    'Content-Type: multipart/mixed; boundary="out"',
    "",
    "preamble",
    "--out",
    "Content-Type: multipart/alternative; boundary=in",
    "",
    "--in",
    "",
    "plain",
    "--in",
    "Content-Type: text/html; charset=UTF-8",
    "",
    "<b>html</b>",
    "--in--",
    "--out",
    'Content-Type: application/pdf; name="a.pdf"',
    "Content-Transfer-Encoding: base64",
    'Content-Disposition: attachment; filename="a.pdf"',
    "Content-ID: <x@a.test>",
    "",
    "QUJD",
    "--out",
    "Content-Type: message/rfc822",
    "",
    "Subject: inside",
    "",
    "forwarded",
    "--out--",
    "epilogue",
)


def test_parts_are_numbered_as_in_imap_and_stand_in_order() -> None:
    structure = walk(ORDINARY)
    assert numbers(structure) == ["", "1", "1.1", "1.2", "2", "3", "3.1"]
    assert [part.parent for part in structure.parts] == [-1, 0, 1, 1, 0, 0, 5]
    assert [part.depth for part in structure.parts] == [0, 1, 2, 2, 1, 1, 2]
    assert structure.defects == ()
    assert structure.over_budget == ""
    assert shown(ORDINARY, structure) == [
        ("1.1", "text/plain", b"plain"),
        ("1.2", "text/html", b"<b>html</b>"),
        ("2", "application/pdf", b"ABC"),
        ("3", "message/rfc822", b"Subject: inside\r\n\r\nforwarded"),
        ("3.1", "text/plain", b"forwarded"),
    ]


def test_a_part_says_what_its_header_says() -> None:
    part = walk(ORDINARY).parts[4]
    assert (part.encoding, part.disposition, part.names) == ("base64", "attachment", ("a.pdf",))
    assert part.content_id == "x@a.test"
    assert header_block(ORDINARY, part).startswith(b"Content-Type: application/pdf")
    assert encoded_body(ORDINARY, part) == b"QUJD"
    assert walk(ORDINARY).parts[3].charset == "utf-8"


def test_a_memoryview_is_walked_like_octets() -> None:
    assert walk(memoryview(ORDINARY)) == walk(ORDINARY)
    assert walk(memoryview(b"x" + ORDINARY)[1:]) == walk(ORDINARY)


def test_a_multipart_inside_a_message_has_the_number_of_its_text() -> None:
    octets = message(
        "Content-Type: message/rfc822", "", "Content-Type: multipart/digest; boundary=b", "", "--b", "",
        "Subject: x", "", "y", "--b--",
    )  # fmt: skip
    structure = walk(octets)
    assert [(part.number, part.type) for part in structure.parts] == [
        ("", "message/rfc822"),
        ("1.TEXT", "multipart/digest"),
        ("1.1", "message/rfc822"),
        ("1.1.1", "text/plain"),
    ]


def test_line_feeds_alone_end_lines_too() -> None:
    assert [part.type for part in walk(ORDINARY.replace(b"\r\n", b"\n")).parts] == [
        part.type for part in walk(ORDINARY).parts
    ]


def multipart(field: str, *body: str) -> bytes:
    return message(f"Content-Type: multipart/mixed; {field}", "", *body)


A = ("--a", "", "one", "--a--")
B = ("--b", "", "two", "--b--")


@pytest.mark.parametrize(
    "field",
    [
        "boundary=a; boundary=b",
        'boundary="a"; boundary="b"',
        "boundary*=a; boundary=b",
        "boundary(c)=a; boundary=b",
        "boundary=a boundary=b",
        "boundary*0=a; boundary=b",
        'boundary="a" ; x:y=1; boundary="b',
        "boundary==?us-ascii?q?a?=; boundary=b",
        "Boundary=a; bOUNDARY=b",
    ],
)
def test_every_boundary_cuts(field: str) -> None:
    octets = multipart(field, *A, *B)
    bodies = [body for _number, _kind, body in shown(octets, walk(octets))]
    assert b"one" in bodies
    assert b"two" in bodies


@pytest.mark.parametrize(
    "field", ["boundary*0=a; boundary*1=b", 'boundary="a\\b"', "boundary*=us-ascii''a%62", "boundary='ab'"]
)
def test_a_boundary_is_found_however_it_is_written(field: str) -> None:
    octets = multipart(field, "--ab", "", "one", "--ab--")
    assert (b"one") in [body for _number, _kind, body in shown(octets, walk(octets))]


def test_parts_of_another_reading_have_a_tilde() -> None:
    octets = multipart("boundary=a; boundary=b", *A, *B)
    structure = walk(octets)
    assert numbers(structure) == ["", "1", "~2.1"]
    assert MimeDefect.BOUNDARIES_DIFFER in structure.defects


@pytest.mark.parametrize(
    ("body", "defect"),
    [
        (("--a", "", "one"), MimeDefect.NO_END),
        (("--a", "", "one", "--a--", "--a", "", "two"), MimeDefect.AFTER_END),
        (("--x", "Content-Type: text/plain", "", "one", "--x--"), MimeDefect.BOUNDARY_NOT_FOUND),
        (("--a", "", "one", "--a more", "", "two", "--a--"), MimeDefect.BOUNDARY_SIMILAR),
        (("--a", "", "x", "--a--", "", "Content-Type: text/plain", "", "y"), MimeDefect.CONTENT_IN_EPILOGUE),
        (("Content-Type: text/plain", "", "one", "--a", "", "zero", "--a--"), MimeDefect.CONTENT_IN_PREAMBLE),
        (("--a", "", "zero", "--a--", "begin 644 x.exe", "#86)C", "end"), MimeDefect.CONTENT_IN_EPILOGUE),
        (("--a", "", "zero", "--a--", *["QUJD" * 16] * 3), MimeDefect.CONTENT_IN_EPILOGUE),
        (("no part at all",), MimeDefect.BOUNDARY_NOT_FOUND),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_multipart_is_named(body: tuple[str, ...], defect: MimeDefect) -> None:
    structure = walk(multipart("boundary=a", *body))
    assert defect in structure.defects
    assert len(structure.parts) > 1


def test_delimiters_may_stand_after_bare_carriage_returns() -> None:
    octets = multipart("boundary=a", "--a", "", "one\r--a\r\rtwo\r--a--\r")
    structure = walk(octets)
    assert MimeDefect.BARE_CR_BOUNDARY in structure.defects
    assert [body for _number, _kind, body in shown(octets, structure)][:1] == [b"one"]


def test_without_a_boundary_the_lines_before_fields_are_boundaries() -> None:
    octets = message(
        "Content-Type: multipart/mixed", "", "--x", "Content-Type: text/html", "", "one", "--x--"
    )
    structure = walk(octets)
    assert MimeDefect.BOUNDARY_MISSING in structure.defects
    assert ("1", "text/html", b"one") in shown(octets, structure)


def test_a_boundary_of_an_inner_part_may_begin_like_the_outer_one() -> None:
    octets = multipart(
        "boundary=a",
        "--a", "Content-Type: multipart/mixed; boundary=a-1", "", "--a-1", "", "one", "--a-1--", "--a--",
    )  # fmt: skip
    assert numbers(walk(octets)) == ["", "1", "1.1"]
    assert walk(octets).defects == ()


def test_parts_of_an_inner_multipart_with_the_same_boundary_are_parts_of_the_outer_one() -> None:
    octets = multipart(
        "boundary=a", "--a", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "one", "--a--"
    )
    structure = walk(octets)
    assert MimeDefect.BOUNDARY_OF_OUTER in structure.defects
    assert ("2", "text/plain", b"one") in shown(octets, structure)


def test_the_end_of_the_outer_multipart_ends_the_inner_one() -> None:
    octets = multipart(
        "boundary=a", "--a", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--a--"
    )
    structure = walk(octets)
    assert numbers(structure) == ["", "1", "1.1"]
    assert MimeDefect.NO_END in structure.defects


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", "LS1hDQoNCmhpZGRlbg0KLS1hLS0NCg=="),
        ("quoted-printable", "--a\r\n\r\nin the open\r\n=2D-a\r\n\r\nhidden\r\n=2D-a--\r\n"),
    ],
)
def test_an_encoded_multipart_is_walked_as_it_stands_and_decoded(encoding: str, body: str) -> None:
    octets = message(
        "Content-Type: multipart/mixed; boundary=a", f"Content-Transfer-Encoding: {encoding}", "", body
    )
    structure = walk(octets)
    assert MimeDefect.COMPOSITE_ENCODED in structure.defects
    found = [(part.within != b"", decoded(octets, part, 100)) for part in structure.parts[1:]]
    assert (True, b"hidden") in found
    assert encoding == "base64" or any(not within and b"in the open" in body for within, body in found)


def test_an_encoded_message_is_walked() -> None:
    octets = message(
        "Content-Type: message/rfc822",
        "Content-Transfer-Encoding: base64",
        "",
        "U3ViamVjdDogeA0KDQpib2R5DQo=",
    )
    structure = walk(octets)
    assert [(part.number, part.type) for part in structure.parts] == [
        ("", "message/rfc822"),
        ("1.1", "text/plain"),
    ]
    assert decoded(octets, structure.parts[1], 100) == b"body\r\n"


HEADER_READINGS = {
    "two types": (
        ("Content-Type: text/plain", "Content-Type: text/html"),
        {"text/plain", "text/html"},
        MimeDefect.SEVERAL_TYPES,
    ),
    "a type behind a line that is no field": (
        ("Subject: x", "no field", "Content-Type: text/html"),
        {"text/html", "text/plain"},
        MimeDefect.NOT_A_FIELD,
    ),
    "a type behind a bare carriage return": (
        ("Subject: x\rContent-Type: text/html",),
        {"text/html"},
        MimeDefect.HEADER_BARE_CR,
    ),
    "a type behind NUL": (("\0Content-Type: text/html",), {"text/html"}, MimeDefect.NOT_A_FIELD),
    "a type with NUL inside": (("Content-Type: text/html", "Content\0-Type: image/gif"), {"text/html"}, None),
}


@pytest.mark.parametrize("name", HEADER_READINGS)
def test_every_reading_of_a_header_counts(name: str) -> None:
    lines, types, defect = HEADER_READINGS[name]
    octets = message(*lines, "", "<b>x</b>")
    structure = walk(octets)
    assert types <= {part.type for part in structure.parts}
    assert defect is None or defect in structure.defects


def test_a_hidden_multipart_type_cuts_as_well() -> None:
    octets = message(
        "Content-Type: text/plain", "Content-Type: multipart/mixed; boundary=a", "", "--a",
        "Content-Type: application/x-msdownload; name=a.exe", "", "MZ", "--a--",
    )  # fmt: skip
    structure = walk(octets)
    assert any(part.names == ("a.exe",) for part in structure.parts)


@pytest.mark.parametrize(
    ("fields", "encodings"),
    [
        (("Content-Transfer-Encoding: base64, quoted-printable",), {"base64", "quoted-printable"}),
        (("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit"), {"base64", "7bit"}),
        (("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: base64"), {"base64", "7bit"}),
        (("Content-Transfer-Encoding: x-unknown",), {"7bit", "base64"}),
        (("Content-Transfer-Encoding: base64 (really)",), {"base64"}),
        (("Content-Transfer-Encoding: Base64;",), {"base64"}),
        (("Content-Transfer-Encoding: quoted printable",), {"quoted-printable"}),
        (("Content-Transfer-Encoding: x-uue",), {"x-uuencode"}),
    ],
)
def test_every_transfer_encoding_counts(fields: tuple[str, ...], encodings: set[str]) -> None:
    octets = message("Content-Type: application/octet-stream", *fields, "", *["QUJD" * 18] * 3)
    assert encodings == {part.encoding for part in walk(octets).parts}


def test_text_that_claims_to_be_base64_is_read_as_text_too() -> None:
    octets = message(
        "Content-Transfer-Encoding: base64", "", "buy this now and do not ask any more questions"
    )
    structure = walk(octets)
    assert {part.encoding for part in structure.parts} == {"base64", "7bit"}
    assert MimeDefect.BASE64_ILLEGAL in structure.defects or MimeDefect.BASE64_TRUNCATED in structure.defects


@pytest.mark.parametrize(
    ("encoding", "body", "defect"),
    [
        ("base64", "QU*JD", MimeDefect.BASE64_ILLEGAL),
        ("base64", "QQ==QQ==", MimeDefect.BASE64_AFTER_PADDING),
        ("base64", "QUJDQ", MimeDefect.BASE64_TRUNCATED),
        ("base64", "QUI", MimeDefect.BASE64_TRUNCATED),
        ("quoted-printable", "a=zb", MimeDefect.QUOTED_PRINTABLE_BAD),
        ("7bit", "caf\xe9", MimeDefect.EIGHT_BIT_UNDECLARED),
        ("7bit", "a\rb", MimeDefect.BARE_CR),
        ("7bit", "a\0b", MimeDefect.NUL),
        ("7bit", "a" * 1001, MimeDefect.LINE_TOO_LONG),
        ("7bit", "begin 644 a.txt\r\n#86)C\r\nend", MimeDefect.UUENCODE),
        ("7bit", "=ybegin line=128 size=1 name=a\r\nx\r\n=yend size=1", MimeDefect.YENC),
        ("mystery", "text", MimeDefect.ENCODING_UNKNOWN),
    ],
)
def test_what_is_wrong_with_a_body_is_named(encoding: str, body: str, defect: MimeDefect) -> None:
    assert defect in walk(message(f"Content-Transfer-Encoding: {encoding}", "", body)).defects


@pytest.mark.parametrize("body", ["QUJD\r\nQQ==\r\n", "QUJD", "QUI=\r\n\r\n", " QUJD \r\n"])
def test_good_base64_has_no_defect(body: str) -> None:
    assert walk(message("Content-Transfer-Encoding: base64", "", body)).defects == ()


@pytest.mark.parametrize(
    ("kind", "defect"),
    [("message/partial", MimeDefect.PARTIAL), ("message/external-body", MimeDefect.EXTERNAL_BODY)],
)
def test_what_is_somewhere_else_is_named(kind: str, defect: MimeDefect) -> None:
    assert defect in walk(message(f"Content-Type: {kind}", "", "x")).defects


def test_files_in_a_text_are_parts() -> None:
    octets = message(
        "", "see", "begin 644 a.exe", "#86)C", "`", "end",
        "=ybegin line=128 size=3 name=b.bin", "\x8b\x8c\x8d",
        "=yend size=3",
    )  # fmt: skip
    structure = walk(octets)
    assert [(part.number, part.names, decoded(octets, part, 10)) for part in structure.parts[1:]] == [
        ("~u1", ("a.exe",), b"abc"),
        ("~u2", ("b.bin",), b"abc"),
    ]


def test_prose_that_begins_is_no_file() -> None:
    assert (
        len(walk(message("", "begin 644 reasons", "to go on with this, and more than that", "end")).parts)
        == 1
    )


def tnef_attribute(level: int, identity: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, identity, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


TNEF = (
    b"\x78\x9f\x3e\x22\x01\x00"
    + tnef_attribute(1, 0x0002800C, b"the text")
    + tnef_attribute(2, 0x00069002, bytes(14))
    + tnef_attribute(2, 0x00018010, b"A~1.EXE\0")
    + tnef_attribute(2, 0x0006800F, b"MZ program")
    + tnef_attribute(
        2,
        0x00069005,
        struct.pack("<HHII", 0x001F, 0x3707, 1, 22) + "a long.exe\0".encode("utf-16-le") + b"\0\0",
    )
)


def test_files_in_a_winmail_dat_are_parts() -> None:
    octets = b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n" + TNEF
    structure = walk(octets)
    assert MimeDefect.TNEF in structure.defects
    assert MimeDefect.TNEF_DAMAGED not in structure.defects
    assert [(part.number, part.names, decoded(octets, part, 99)) for part in structure.parts[1:]] == [
        ("~t0", (), b"the text"),
        ("~t1", ("a long.exe", "A~1.EXE"), b"MZ program"),
    ]


@pytest.mark.parametrize("cut", range(5, len(TNEF), 7))
def test_a_damaged_winmail_dat_gives_what_it_has(cut: int) -> None:
    octets = b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n" + TNEF[:cut]
    check_structure(octets, walk(octets), WalkLimits())


HOSTILE_OCTETS = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            (b"--a", b"--a--", b"--b", b"", b"x", b"Content-Type: multipart/mixed; boundary=a", b"no field",
             b"Content-Type: message/rfc822", b"Content-Transfer-Encoding: base64", b"LS1hDQoNCg==", b"\r")
        ),
        max_size=40,
    ).map(b"\r\n".join),
)  # fmt: skip


@given(HOSTILE_OCTETS)
def test_any_octets_give_ranges_that_lie_in_one_another(octets: bytes) -> None:
    check_structure(octets, walk(octets), WalkLimits())


@given(HOSTILE_OCTETS)
def test_what_stands_behind_the_message_in_a_multipart_changes_nothing_inside(octets: bytes) -> None:
    head, tail = b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n", b"\r\n--outer--\r\n"
    alone = walk(octets)
    inside = walk(head + octets + tail)
    wanted = [(part.type, part.encoding) for part in alone.parts if "~" not in part.number]
    got = [(part.type, part.encoding) for part in inside.parts[1:] if "~" not in part.number]
    assert got == wanted


@given(st.integers(min_value=1, max_value=40), st.integers(min_value=1, max_value=12))
def test_a_limit_that_is_exceeded_is_named(parts: int, depth: int) -> None:
    octets = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    octets += b"\r\n" + b"x\r\n--b%d\r\n\r\n" % (depth - 1) * (parts - 1)
    structure = walk(octets, WalkLimits(parts=30, depth=10))
    assert len(structure.parts) <= 30
    if depth > 10:
        assert structure.over_budget
    elif parts + depth <= 28:
        assert structure.over_budget == ""
