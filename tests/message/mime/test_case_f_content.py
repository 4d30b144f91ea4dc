"""Hostile cases 100 to 104, as far as reading a message goes: what breaks parsers, and what hides from them.

Time is not measured here: walks count what they do, and must stay within what their limits allow.
"""

from __future__ import annotations

import base64
import binascii

import pytest

from clement.message.mime.content_type import content_type, disposition
from clement.message.mime.decode import decoded
from clement.message.mime.defects import AMBIGUOUS, MimeDefect
from clement.message.mime.limits import ReadLimits, WalkLimits
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from tests.fuzz.content import check_structure

MIXED = b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n"
PROGRAM = b"MZ\x90\0 this program"
ENCODED = base64.b64encode(PROGRAM)
LONG = b"x" * 10_240

MONSTERS = {
    "1000 multiparts": (b"".join(MIXED % b"b%d" % n + b"--b%d\r\n" % n for n in range(1000)), "depth"),
    "20 000 parts": (MIXED % b"b" + b"--b\r\n\r\nx\r\n" * 20_000, "parts"),
    "10 000 messages": (b"Content-Type: message/rfc822\r\n\r\n" * 10_000, "depth"),
    "a boundary of 10 KiB": (MIXED % LONG + (b"--" + LONG + b"\r\n\r\nx\r\n") * 50, "boundary"),
    "a header of 1 MiB": (b"Content-Type: text/plain; a=b\r\n" * 40_000 + b"\r\nx", "header"),
    "a million delimiters": (MIXED % b"b" + b"--b\r\n" * 1_000_000, "delimiters"),
    "encoded messages in one another": (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" * 3000,
        "work",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MONSTERS)
def test_case_100_a_monster_ends_at_a_named_limit(name: str) -> None:
    octets, limit = MONSTERS[name]
    structure = walk(octets)
    assert structure.over_budget == limit
    check_structure(octets, structure, WalkLimits())
    assert max(part.depth for part in structure.parts) <= 51


def test_case_100_what_work_a_walk_may_do_grows_with_the_message_only() -> None:
    nested = b"Content-Type: multipart/mixed; boundary=b; boundary=c; boundary=d\r\n\r\n--b\r\n--c\r\n--d\r\n"
    octets = nested * 2000
    assert walk(octets, WalkLimits(work=1, depth=10_000, parts=10_000_000)).over_budget == "work"


@pytest.mark.parametrize(
    ("field", "defect"),
    [
        ("", MimeDefect.BOUNDARY_MISSING),
        ('; boundary=""', MimeDefect.BOUNDARY_EMPTY),
        ("; boundary=a; boundary=b", MimeDefect.BOUNDARIES_DIFFER),
        (f"; boundary={'x' * 71}", MimeDefect.BOUNDARY_LONG),
        ('; boundary="a\x7fb"', MimeDefect.BOUNDARY_SYNTAX),
    ],
)
def test_case_100_a_boundary_that_is_none_is_named(field: str, defect: MimeDefect) -> None:
    octets = f"Content-Type: multipart/mixed{field}\r\n\r\nbody\r\n".encode("latin-1")
    assert defect in walk(octets).defects


# A program, in each of the ways in which one reader finds it and another does not.
HIDING = {
    "the second encoding": b"Content-Transfer-Encoding: quoted-printable, base64\r\n\r\n" + ENCODED,
    "the second encoding field": (
        b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED
    ),
    "an unknown encoding": b"Content-Transfer-Encoding: base_64\r\n\r\n" + ENCODED,
    "the second Content-Type": (
        b"Content-Type: text/plain\r\n" + MIXED % b"a"
        + b"--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--a--\r\n"
    ),
    "the second boundary": (
        b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\nhello\r\n--a--\r\n"
        b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--b--\r\n"
    ),
    "a boundary in sections": (
        b"Content-Type: multipart/mixed; boundary=a; boundary*0=b; boundary*1=c\r\n\r\n"
        b"--a\r\n\r\nhello\r\n--a--\r\n"
        b"--bc\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--bc--\r\n"
    ),
    "a parameter that cannot be read": (
        b"Content-Type: multipart/mixed; \xff; x:y=1; boundary=a\r\n\r\n"
        b"--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--a--\r\n"
    ),
    "no end": MIXED % b"a" + b"--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED,
    "the epilogue": (
        MIXED % b"a" + b"--a\r\n\r\nhello\r\n--a--\r\nContent-Type: application/x-msdownload\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n"
    ),
    "behind the end": (
        MIXED % b"a"
        + b"--a\r\n\r\nhello\r\n--a--\r\n--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED
    ),
    "the preamble": (
        MIXED % b"a"
        + b"Content-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--a\r\n\r\nhello\r\n--a--\r\n"
    ),
    "a header without its blank line": (
        b"Subject: x\r\nno field\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED
    ),
    "base64 behind padding": b"Content-Transfer-Encoding: base64\r\n\r\nQQ==\r\n" + ENCODED,
    "an encoded message": (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"Content-Transfer-Encoding: base64\r\n\r\n" + ENCODED)
    ),
    "an encoded multipart": (
        b"Content-Type: multipart/mixed; boundary=a\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED + b"\r\n--a--")
    ),
    "uuencode": b"\r\nbegin 644 a.exe\n" + binascii.b2a_uu(PROGRAM) + b"end\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HIDING)
def test_case_101_nothing_hides_in_the_reading_that_is_not_the_first(name: str) -> None:
    octets = HIDING[name]
    structure = walk(octets)
    assert any(b"MZ" in decoded(octets, part, 1000)[:40] for part in structure.parts), structure
    assert structure.over_budget == ""


# Every reader finds it in these, or shows it in its text.
CLEAR = {
    "no end",
    "uuencode",
    "a parameter that cannot be read",
    "an unknown encoding",
    "a boundary in sections",
}


@pytest.mark.parametrize("name", sorted(HIDING.keys() - CLEAR))
def test_case_101_an_ambiguous_message_is_known_as_one(name: str) -> None:
    assert set(walk(HIDING[name]).defects) & AMBIGUOUS


NAMES = {
    b"=?utf-7?Q?+AGEALgBl-?=": ("=?utf-7?Q?+AGEALgBl-?=",),
    b"=?utf-8?B?YS5leGU=?=": ("a.exe",),
    "invoice\u202efdp.exe".encode(): ("invoice\\u202efdp.exe",),
    b"a.exe. ": ("a.exe.",),
    b"a.exe\0.txt": ("a.exe\\x00.txt", "a.exe"),
    b"../../etc/passwd": ("../../etc/passwd",),
    b"a\tb\x1b[2J.exe": ("a\\x09b\\x1b[2J.exe",),
}


@pytest.mark.parametrize("name", NAMES)
def test_case_102_a_file_name_is_shown_for_what_it_is(name: bytes) -> None:
    assert disposition(b'attachment; filename="' + name + b'"').names == NAMES[name]


def test_case_102_a_name_of_64_kib_keeps_its_end() -> None:
    (name,) = disposition(b'attachment; filename="' + b"a" * 65_000 + b'.exe"').names
    assert len(name) == 250
    assert name.endswith("aaa.exe")
    assert MimeDefect.NAME_LONG in disposition(b"attachment; filename=" + b"a" * 300).defects


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"attachment; filename*0=a; filename*1=.txt; filename=b.exe", ("a.txt", "b.exe")),
        (b"attachment; filename*=utf-8''%61.exe; filename=a.txt", ("a.exe", "a.txt")),
        (b"attachment; filename*1=.exe; filename*0=a", ("a.exe", ".exea")),
        (b"attachment; filename*0=a; filename*2=.exe", ("a.exe", "a")),
        (b"attachment; filename=a.txt; filename=b.exe", ("a.txt", "b.exe")),
        (b'attachment; filename="a.txt;b.exe', ("a.txt;b.exe", "a.txt")),
        (b"attachment; filename=a b.exe", ("a b.exe",)),
        (b'attachment; filename="C:\\a.exe"', ("C:a.exe", "C:\\a.exe")),
        (b'attachment; filename="a.t(x)t.exe"', ("a.t(x)t.exe",)),
    ],
)
def test_case_102_every_reading_of_a_name_counts(value: bytes, names: tuple[str, ...]) -> None:
    assert disposition(value).names == names


BOMBS = [
    b"=?a=?" * 15_000,
    b"(" * 20_000,
    b'"' + b"\\a" * 15_000,
    b"a=" * 30_000,
    b'a="' * 20_000,
    b";" * 60_000,
    b"name*0=" * 9000,
    b"(\\" * 30_000,
    b"a" * 60_000,
    b"boundary" * 8000,
    b"boundary=" * 7000,
    b" " * 60_000,
    b"*=" * 30_000,
]


@pytest.mark.parametrize("bomb", range(len(BOMBS)))
@pytest.mark.parametrize("head", [b"", b"text/plain; ", b"multipart/mixed; boundary="])
def test_case_103_a_field_made_to_hang_parsers_is_parsed(head: bytes, bomb: int) -> None:
    kind = content_type(head + BOMBS[bomb])
    assert len(kind.type) <= 100
    assert len(disposition(head + BOMBS[bomb]).names) <= 8


PAGES = {
    "elements": b"<div>" * 100_000,
    "attributes": b"<a " + b" ".join(b"x%d=1" % number for number in range(60_000)) + b">",
    "an attribute": b'<a href="' + b"x" * 500_000 + b'">',
    "an unclosed comment": b"<!--" * 100_000,
    "unclosed tags": b"<a " * 150_000,
    "unclosed quotes": b'<a b="' * 80_000,
    "end tags": b"<div>" * 20_000 + b"</x>" * 80_000,
    "colours": b"<font color=#000000><font color=#ffffff>" * 12_000,
    "ampersands": b"&" * 500_000,
    "links": b"http://a.test/ " * 30_000,
    "a style": b'<p style="' + b"/*" * 200_000 + b'">',
    "formatting": b"<p>" + b"".join(b"<b a=%d>" % number for number in range(20_000)) + b"<p>" * 80_000,
}


@pytest.mark.parametrize("name", PAGES)
def test_case_103_a_page_made_to_hang_browsers_is_read(name: str) -> None:
    octets = b"Content-Type: text/html\r\n\r\n" + PAGES[name]
    reading = read(octets, walk(octets))
    limits = ReadLimits()
    assert sum(len(text.text) for text in reading.texts) <= limits.total_bytes
    assert len(reading.links) <= limits.links


def test_case_104_line_ends_never_get_into_what_is_read_of_a_header() -> None:
    octets = (
        b'Content-Type: text/plain; name="a\r\n b\rX: y\r\n\tc"; charset="utf-8\r\n X"\r\n'
        b"Content-ID: <a\rb>\r\nContent-Disposition: attachment;\r\n filename==?utf-8?q?a=0D=0AX?=\r\n\r\nx"
    )
    for part in walk(octets).parts:
        for text in (part.type, part.charset, part.disposition, part.content_id, *part.names):
            assert "\r" not in text
            assert "\n" not in text


def test_case_104_folds_without_end_are_linear() -> None:
    octets = b"Content-Type: text/plain;" + b"\r\n " * 80_000 + b"name=a\r\n\r\nx"
    assert walk(octets).parts[0].names == ("a",)
