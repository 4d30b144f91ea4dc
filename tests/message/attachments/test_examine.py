"""Parts of a message as attachments: which there are, what they are, and where name and content disagree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clement.message.attachment import Category
from clement.message.attachments.budget import ExamineLimits
from clement.message.mime.walk import walk
from tests.message.attachments.furnish import PDF, PE, PNG, examined, look, message, zipped
from tests.message.attachments.test_archives import ARJ, SEVEN_ZIP, cabinet, rar4, rar5, tar
from tests.message.attachments.test_documents import compound

EXECUTABLE, DISGUISED, UNREADABLE = Category.EXECUTABLE, Category.DISGUISED, Category.UNREADABLE


@pytest.mark.parametrize(
    ("name", "octets", "declared"),
    [
        ("invoice.pdf", PE, "application/pdf"),
        ("photo.jpg", b"\x7fELF\x02\x01\x01" + bytes(50), "image/jpeg"),
        ("photo.png", zipped({"a": b"b"}), "image/png"),
        ("scan", zipped({"a": b"b"}), "image/png"),
        ("letter.docx", bytes(32769) + b"CD001" + bytes(100), "application/octet-stream"),
        ("notes.txt", SEVEN_ZIP, "text/plain"),
    ],
)
def test_a_name_or_type_that_says_something_else_is_a_disguise(
    name: str, octets: bytes, declared: str
) -> None:
    assert DISGUISED in look(name, octets, declared)[0].categories


@pytest.mark.parametrize(
    ("name", "octets", "declared"),
    [
        ("setup.exe", PE, "application/octet-stream"),
        ("data.bin", PE, "application/octet-stream"),
        ("letter.docx", zipped({"[Content_Types].xml": b"", "word/a.xml": b""}), "application/msword"),
        ("letter.doc", zipped({"[Content_Types].xml": b"", "word/a.xml": b""}), "application/msword"),
        ("table.xls", b"<html><table><tr><td>1</table>", "application/vnd.ms-excel"),
        ("photo.jpg", PNG, "image/jpeg"),
        ("book.epub", zipped({"mimetype": b"application/epub+zip"}), "application/epub+zip"),
        ("fix.bat.txt", b"@echo off\r\n", "text/plain"),
        ("a.zip", zipped({"a": b"b"}), "application/x-zip-compressed"),
        ("winmail.dat", b"\x78\x9f\x3e\x22" + bytes(10), "application/ms-tnef"),
    ],
)
def test_honest_files_are_no_disguise(name: str, octets: bytes, declared: str) -> None:
    assert all(DISGUISED not in each.categories for each in look(name, octets, declared))


def test_text_that_is_shown_as_text_is_no_attachment() -> None:
    assert examined(b"Subject: x\r\n\r\nhello\r\n") == ()
    assert examined(b"Content-Type: text/html\r\n\r\n<script>1</script>\r\n") == ()
    named = examined(b'Content-Type: text/html; name="a.html"\r\n\r\n<script>1</script>\r\n')
    assert named[0].categories == (Category.ACTIVE_PAGE, Category.TEXT)


def test_a_message_that_is_only_a_file_is_an_attachment() -> None:
    found = examined(b"Content-Type: application/x-msdownload\r\n\r\n" + PE)
    assert EXECUTABLE in found[0].categories
    assert found[0].path == "(no name)"


def test_of_several_readings_of_a_name_the_worst_counts() -> None:
    octets = (
        b'Content-Type: application/octet-stream; name="a.txt"\r\n'
        b'Content-Disposition: attachment; filename="a.exe"\r\n\r\nx\r\n'
    )
    assert EXECUTABLE in examined(octets)[0].categories


def test_a_fragment_of_a_message_cannot_be_read() -> None:
    octets = b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nFrom: x\r\n\r\nMZ\r\n"
    assert UNREADABLE in examined(octets)[0].categories


def test_files_inside_enclosed_messages_are_attachments_too() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\n" + message(("a.exe", PE))
    assert any(EXECUTABLE in each.categories for each in examined(octets))


def test_what_is_no_base64_does_not_hide_what_is() -> None:
    octets = message(("a.bin", PE)).replace(b"base64\r\n\r\n", b"base64\r\n\r\n" + b"*" * 50_000 + b"\r\n")
    assert EXECUTABLE in examined(octets)[0].categories


def test_more_parts_than_are_looked_at_are_counted() -> None:
    found = examined(message(*[(f"{number}.txt", b"x") for number in range(30)]), ExamineLimits(entries=20))
    assert found[-1].path == "(10 more)"
    assert found[-1].categories == (UNREADABLE,)


def test_a_file_larger_than_is_decoded_whole_cannot_be_read() -> None:
    found = look("a.zip", zipped({"a": bytes(range(256)) * 100}), limits=ExamineLimits(whole_bytes=100))
    assert UNREADABLE in found[0].categories


def test_what_is_read_of_overlapping_parts_is_bounded() -> None:
    files = [(f"{number}.zip", zipped({"a": bytes(range(256)) * 20})) for number in range(4)]
    found = examined(message(*files), ExamineLimits(read_bytes=400))
    assert [UNREADABLE in each.categories for each in found if each.path.endswith(".zip")][-1]


def test_sizes_are_those_of_the_files() -> None:
    (found,) = look("a.pdf", PDF + bytes(5000))
    assert found.size_bytes == len(PDF) + 5000
    (large,) = look("a.jpg", b"\xff\xd8\xff\xe0" + bytes(100_000))
    assert abs(large.size_bytes - 100_004) < 200


SEEDS = [
    PE, PNG, PDF, ARJ, SEVEN_ZIP, zipped({"a.exe": PE, "b/c.txt": b"x" * 50}), message(("a.exe", PE)),
    tar(), tar("gz"), tar("bz2"), tar("xz"), rar4(b"a.exe"), rar5(b"a.exe", encrypted=True),
    cabinet(b"a.exe"), compound(("WordDocument", b"\xec\xa5")),
    zipped({"[Content_Types].xml": b"x", "word/_rels/a.rels": b"<Relationship>"}),
]  # fmt: skip
NAMES = ["a.zip", "a.doc", "a.pdf", "a.eml", "a.html", "a.csv", "a.7z", "a", "a.txt"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of some kind with octets changed, cut and inserted."""
    octets = bytearray(draw(st.sampled_from(SEEDS)))
    for _change in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(octets) - 1, 0)))
        match draw(st.integers(0, 3)):
            case 0:
                octets[at : at + 4] = draw(st.sampled_from([b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"]))
            case 1:
                octets[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2:
                octets[at:at] = draw(st.binary(max_size=40))
            case _:
                del octets[at : at + draw(st.integers(1, 60))]
    return bytes(octets)


@settings(max_examples=150, deadline=None)
@given(
    damaged() | st.binary(max_size=300), st.sampled_from(NAMES), st.sampled_from(["image/png", "text/html"])
)
def test_any_octets_are_examined_within_bounds(octets: bytes, name: str, declared: str) -> None:
    found = look(name, octets, declared)
    assert found
    for each in found:
        assert not any(octet in each.path for octet in "\r\n\0\x1b\u202e")
        assert len(each.path) <= 300
        assert each.categories
        assert all(text.isprintable() and len(text) < 200 for text in each.why)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_message_is_examined(octets: bytes) -> None:
    walked = walk(octets)
    assert len(examined(octets)) <= len(walked.parts) * 2
