"""Types told by first octets: those that matter, and those that must not be mistaken for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.attachment import Category
from clement.message.attachments.magic import UNKNOWN, kind_of
from tests.message.attachments.furnish import PDF, PE, PNG, zipped

EXECUTABLE, SCRIPT, SHORTCUT = Category.EXECUTABLE, Category.SCRIPT, Category.SHORTCUT
IMAGE, DISK, ARCHIVE, DOCUMENT = Category.IMAGE, Category.DISK_IMAGE, Category.ARCHIVE, Category.DOCUMENT

LNK = bytes.fromhex("4c0000000114020000000000c000000000000046") + bytes(60)
FAT = b"\xeb\x3c\x90MSDOS5.0" + bytes(43) + b"FAT12   " + bytes(448) + b"\x55\xaa"


@pytest.mark.parametrize(
    ("octets", "category"),
    [
        (PE, EXECUTABLE),
        (b"MZ" + bytes(100), EXECUTABLE),
        (b"\x7fELF\x02\x01\x01", EXECUTABLE),
        (b"\xcf\xfa\xed\xfe\x07\x00\x00\x01", EXECUTABLE),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x02", EXECUTABLE),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34", EXECUTABLE),
        (b"!<arch>\ndebian-binary", EXECUTABLE),
        (b"@echo off\r\nformat c:\r\n", SCRIPT),
        (b"\xff\xfe" + "Windows Registry Editor Version 5.00\r\n".encode("utf-16-le"), SCRIPT),
        (b'<?xml version="1.0"?>\n<job><script language="JScript">', SCRIPT),
        (LNK, SHORTCUT),
        (b"[InternetShortcut]\r\nURL=http://x.example/\r\n", SHORTCUT),
        (b"\xef\xbb\xbf[Desktop Entry]\nExec=sh\n", SHORTCUT),
        (bytes(32769) + b"CD001\x01", DISK),
        (bytes(32769) + b"BEA01\x01", DISK),
        (b"vhdxfile", DISK),
        (b"conectix", DISK),
        (FAT, DISK),
        (zipped({"a": b"b"}), ARCHIVE),
        (b"Rar!\x1a\x07\x01\x00", ARCHIVE),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", ARCHIVE),
        (b"BZh91AY&SY", ARCHIVE),
        (bytes(257) + b"ustar\x0000", ARCHIVE),
        (bytes(7) + b"**ACE**", ARCHIVE),
        (b"\x1c\x2b-lh5-", ARCHIVE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", DOCUMENT),
        (b"{\\rt{\\object", DOCUMENT),
        (PDF, DOCUMENT),
        (b"\n\njunk before " + PDF, DOCUMENT),
        (PNG, IMAGE),
        (b"\xff\xd8\xff\xe0", IMAGE),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">', IMAGE),
        (b"\x00\x00\x00\x18ftypmp42", Category.MEDIA),
        (b"<!DOCTYPE html><html>", Category.TEXT),
        (b"#!/bin/sh\nrm -rf /\n", Category.TEXT),
        (b"MZ is how Mark signs his letters, always with a comma.\n", Category.TEXT),
        (b"BM is short for Bureau of Meteorology\n", Category.TEXT),
        ("Grüße aus Zürich\n".encode("latin-1"), Category.TEXT),
    ],
)
def test_a_file_is_told_by_its_first_octets(octets: bytes, category: Category) -> None:
    assert kind_of(octets).category is category


def test_what_nothing_is_known_of_has_no_type() -> None:
    assert kind_of(b"\x00\x01\x02\x03" * 10) is UNKNOWN
    assert kind_of(b"") is UNKNOWN


@given(
    st.binary(max_size=600), st.sampled_from([b"", b"MZ", b"<", b"RIFF", b"\xff\xfe", b"\xca\xfe\xba\xbe"])
)
def test_any_octets_have_a_kind(octets: bytes, start: bytes) -> None:
    kind_of(start + octets)
