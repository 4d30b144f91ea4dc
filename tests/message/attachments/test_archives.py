"""Archives listed without unpacking them, and what they do against that."""

from __future__ import annotations

import base64
import io
import stat
import struct
import tarfile
import zipfile

import pytest

from clement.message.attachment import Attachment, Category
from clement.message.attachments.budget import ExamineLimits
from tests.message.attachments import bombs
from tests.message.attachments.furnish import PE, look, nested, raw_zip, zipped

UNREADABLE, ENCRYPTED, DISGUISED = Category.UNREADABLE, Category.ENCRYPTED, Category.DISGUISED
FILES = {"d/invoice.pdf.exe": b"MZ fake", "readme.txt": b"hello\n"}

# Made by 7-Zip 26.02 and ARJ 3.10 of the files above.
SEVEN_ZIP = base64.b64decode(
    "N3q8ryccAAQO6ZoGxQAAAAAAAAAiAAAAAAAAAH+JyhngE5QALF0AJpaABWGJSG4zdPWXT2omM93HpfHuwX4ZIaTVSKpFuGvPZV0m"
    "CtiBw1hiAAAAAACBMweuD9E9XiygkKB3XrpW9S7qsxpoWh52AOezO/gRL3tFZql9fiEK+argHoEIE9Exx6Xbv4P2OJmuPyWQgW9r"
    "X63QWTC0vQhf0NWRUjLob4M4gf6jYeBgFTWTs8fgaicTw18J0RfSVcOVhzMjQRProWP5i8HpLKSJkU36iu0b0WJ4p8iLc4NRB7en"
    "acAAABcGNAEJgJEABwsBAAEjAwEBBV0AEAAADIDOCgGz3vEHAAA="
)
SEVEN_ZIP_NAMES_HIDDEN = base64.b64decode(
    "N3q8ryccAASxlnDkwAAAAAAAAAA+AAAAAAAAAITh5DcbyaZS4jdPmo1+FvVVFI8a+LT4NTg4MpdEIaYV7ch9NyHWLSNGm5gDfUOa"
    "1uZKmdhQcoRngNW/cYmxhYhPIHmoZ4axoaFYpGxn9uDBSx+q1X/8iT6vyxjpFgbuXSv4W5qnCnwOiUHEW2IGuW60kWThok0oUSBa"
    "N3uq0tdfos87PnQ4TS2L5qOyzRTq2klq8QI1FDXBm2Gak/jg+XCiDe1NC1GCL0Qa5cmSYLwuVgiJgD4IxSrR4HOFYZJ9hOH4gqcX"
    "BiABCYCgAAcLAQACJAbxBwESUw9UZcwsXlNUziH5EY4SZSWGIwMBAQVdABAAAAEADICZgMIKAcAq7UAAAA=="
)
SEVEN_ZIP_ENCRYPTED = base64.b64decode(
    "N3q8ryccAAS8N1IiEAAAAAAAAAByAAAAAAAAAMS3ihqwMDGUnt7e7F7+0zbh9gJPAQQGAAEJEAAHCwEAAiQG8QcBElMP5qfriiCY"
    "yEu8wJnF45hPwCEhAQABAAwKBgAICgEgMDo2AAAFARkBABEXAHIAZQBhAGQAbQBlAC4AdAB4AHQAAAAZBAAAAAAUCgEAYLSuXEZ9"
    "3QEVBgEAIICkgQAA"
)
ARJ = base64.b64decode(
    "YOopACILAQIQAAJjyowHa8qMB2sAAAAAAAAAAAAAAAAAAAAAAAB0LmFyagAAdgrc/AAAYOo6AC4LAQIQAADKyIwHawYAAAAGAAAA"
    "IDA6NgAApBEAAAAAAADIjAdryIwHawAAAAByZWFkbWUudHh0AACWJerbAABoZWxsbwpg6kEALgsBAgAAAMrIjAdrBwAAAAcAAAAh"
    "4e04AgCkEQAAAAAAAMiMB2vIjAdrAAAAAGQvaW52b2ljZS5wZGYuZXhlAACgaHkbAABNWiBmYWtlYOoAAA=="
)
ZIP_AES = base64.b64decode(
    "UEsDBBQAAAAAAGMMel0AAAAAAAAAAAAAAAACAAAAZC9QSwMEMwABAGMAYwx6XQAAAAAjAAAABwAAABEACwBkL2ludm9pY2UucGRm"
    "LmV4ZQGZBwACAEFFAwAA11DLK34NMDbg3eXnAoQo6FxYW3ezI2L//AFW3o24igJ0HWlQSwMEMwABAGMAYwx6XQAAAAAiAAAABgAA"
    "AAoACwByZWFkbWUudHh0AZkHAAIAQUUDAACbgMKWMAdjPgzyEnuSJmkmeEWpRkErlvnjenOAGEIY1kyEUEsBAj8DFAAAAAAAYwx6"
    "XQAAAAAAAAAAAAAAAAIAJAAAAAAAAAAQgO1BAAAAAGQvCgAgAAAAAAABABgAYLSuXEZ93QEAAAAAAAAAAAAAAAAAAAAAUEsBAj8D"
    "MwABAGMAYwx6XQAAAAAjAAAABwAAABEALwAAAAAAAAAggKSBIAAAAGQvaW52b2ljZS5wZGYuZXhlCgAgAAAAAAABABgAYLSuXEZ9"
    "3QEAAAAAAAAAAAAAAAAAAAAAAZkHAAIAQUUDAABQSwECPwMzAAEAYwBjDHpdAAAAACIAAAAGAAAACgAvAAAAAAAAACCApIF9AAAA"
    "cmVhZG1lLnR4dAoAIAAAAAAAAQAYAGC0rlxGfd0BAAAAAAAAAAAAAAAAAAAAAAGZBwACAEFFAwAAUEsFBgAAAAADAAMAKQEAANIA"
    "AAAAAA=="
)


def everything(found: tuple[Attachment, ...]) -> set[Category]:
    return {category for each in found for category in each.categories}


def why(found: tuple[Attachment, ...]) -> str:
    return "; ".join(text for each in found for text in each.why)


def tar(kind: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, octets in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(octets)
            archive.addfile(entry, io.BytesIO(octets))
    return made.getvalue()


def rar4(name: bytes, *, flags: int = 0, archive_flags: int = 0) -> bytes:
    head = struct.pack("<IIBIIBBHI", 7, 7, 3, 0, 0, 29, 0x30, len(name), 0x20) + name
    main = struct.pack("<HBHH", 0, 0x73, archive_flags, 13) + bytes(6)
    file = struct.pack("<HBHH", 0, 0x74, 0x8000 | flags, 7 + len(head)) + head + b"MZ fake"
    return b"Rar!\x1a\x07\x00" + main + file + struct.pack("<HBHH", 0, 0x7B, 0, 7)


def rar5(name: bytes, *, encrypted: bool = False, names_hidden: bool = False) -> bytes:
    start = b"Rar!\x1a\x07\x01\x00" + bytes(4) + b"\x03\x01\x00\x00"
    if names_hidden:
        return start + bytes(4) + b"\x04\x04\x00\x00\x00"
    extra = b"\x02\x01\x00" if encrypted else b""
    body = bytes([2, 3 if extra else 2, *([len(extra)] if extra else []), 7])
    body += bytes([0, 7, 0, 0, 0, len(name)]) + name + extra
    return start + bytes(4) + bytes([len(body)]) + body + b"MZ fake" + bytes(4) + b"\x03\x05\x00\x00"


def cabinet(*names: bytes) -> bytes:
    files = b"".join(struct.pack("<IIHHHH", 7, 0, 0, 0, 0, 0x20) + name + b"\0" for name in names)
    return b"MSCF" + bytes(12) + struct.pack("<IIBBHHHHH", 36, 0, 3, 1, 1, len(names), 0, 0, 0) + files


def lzh(name: bytes, level: int) -> bytes:
    if level == 2:
        extended = struct.pack("<HB", 3 + len(name), 1) + name + b"\0\0"
        return (
            struct.pack("<H5sIIIBBHB", 24 + len(extended), b"-lh0-", 1, 1, 0, 0x20, 2, 0, 0x55)
            + extended
            + b"x\0"
        )
    rest = struct.pack("<5sIIIBBB", b"-lh0-", 1, 1, 0, 0x20, level, len(name)) + name + b"\0\0"
    rest += b"U\0\0" if level else b""
    return bytes([len(rest), 0]) + rest + b"x\0"


def _id(value: str | bytes) -> str:
    return value if isinstance(value, str) else "octets"


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.zip", zipped(FILES)),
        ("a.zip", zipped(FILES, zipfile.ZIP_STORED)),
        ("a.zip", zipped(FILES, zipfile.ZIP_BZIP2)),
        ("a.tar", tar()),
        ("a.tar.gz", tar("gz")),
        ("a.tar.bz2", tar("bz2")),
        ("a.txz", tar("xz")),
        ("a.7z", SEVEN_ZIP),
        ("a.arj", ARJ),
        ("a.rar", rar4(b"d\\invoice.pdf.exe")),
        ("a.rar", rar5(b"d/invoice.pdf.exe")),
        ("a.cab", cabinet(b"d\\invoice.pdf.exe", b"readme.txt")),
        ("a.lzh", lzh(b"invoice.pdf.exe", 0)),
        ("a.lzh", lzh(b"invoice.pdf.exe", 1)),
        ("a.lzh", lzh(b"invoice.pdf.exe", 2)),
        ("a.dat", zipped(FILES)),
        ("no extension", tar("gz")),
    ],
    ids=_id,
)
def test_what_lies_in_an_archive_is_told(name: str, octets: bytes) -> None:
    found = look(name, octets)
    program = [each for each in found if each.path.endswith("invoice.pdf.exe")]
    assert len(program) == 1, found
    assert {Category.EXECUTABLE, DISGUISED} <= set(program[0].categories)
    assert UNREADABLE not in everything(found), found


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.zip", raw_zip([(b"a.txt", bytes(20), 8, 1)])),
        ("a.zip", ZIP_AES),
        ("a.7z", SEVEN_ZIP_ENCRYPTED),
        ("a.7z", SEVEN_ZIP_NAMES_HIDDEN),
        ("a.rar", rar4(b"a.txt", flags=4)),
        ("a.rar", rar4(b"a.txt", archive_flags=0x80)),
        ("a.rar", rar5(b"a.txt", encrypted=True)),
        ("a.rar", rar5(b"", names_hidden=True)),
        ("a.zip", zipped({"inner.zip": ZIP_AES})),
    ],
    ids=_id,
)
def test_case_105_archives_with_a_password_are_told(name: str, octets: bytes) -> None:
    assert ENCRYPTED in everything(look(name, octets))


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("42.zip", bombs.forty_two(), "files"),
        ("f.zip", bombs.overlapping(count=40, size_bytes=5_000_000), "overlap"),
        ("q.zip", bombs.quoting(count=40, size_bytes=5_000_000), "overlap"),
        ("r.zip", bombs.endless(30), "5 deep"),
        ("m.zip", bombs.many_entries(3000), "more than 1000 files"),
        ("m.tar", bombs.many_files(1200), "more than 1000 files"),
        ("z.gz", bombs.gzip_of_zeros(8 << 20), "100 times"),
        ("z.bz2", bombs.bzip2_of_zeros(8 << 20), "100 times"),
        ("z.xz", bombs.xz_of_zeros(8 << 20), "100 times"),
        ("z.gz", bombs.layered_gzip(8 << 20, 3), "100 times"),
        ("z.zip", zipped({"a": bytes(8 << 20)}), "100 times"),
        ("big.zip", raw_zip([(b"a.bin", b"x" * 2_000_000, 190_000_000, 0)]), "190 MB"),
        ("cut.zip", zipped(FILES)[:60], "no central directory"),
        ("cut.tar.gz", tar("gz")[:-40], "cut off"),
        ("a.ace", bytes(7) + b"**ACE**" + bytes(40), "not read"),
        ("a.zip", b"\x00\x01junk" * 20, "damaged"),
    ],
    ids=_id,
)
def test_case_105_what_cannot_be_looked_into_says_so(name: str, octets: bytes, said: str) -> None:
    found = look(name, octets)
    assert UNREADABLE in everything(found), found
    assert said in why(found)
    assert len(found) <= ExamineLimits().listed + 2


def test_case_105_a_zip_with_a_member_its_directory_does_not_name() -> None:
    found = look("a.zip", bombs.concatenated())
    assert DISGUISED in found[0].categories
    assert {each.path for each in found} == {"a.zip", "a.zip/readme.txt", "a.zip/invoice.exe"}
    assert Category.EXECUTABLE in everything(found)


def test_case_105_the_two_directories_of_a_zip_differ_about_a_name() -> None:
    octets = zipped({"invoice.pdf": b"MZ fake"}, zipfile.ZIP_STORED).replace(
        b"invoice.pdf", b"invoice.exe", 1
    )
    found = look("a.zip", octets)
    assert DISGUISED in found[0].categories
    assert Category.EXECUTABLE in everything(found)


def test_case_105_names_that_lead_out_of_the_folder_and_links() -> None:
    entry = zipfile.ZipInfo("link.txt")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
        archive.writestr("../../.bashrc", "x")
    found = look("a.zip", made.getvalue())
    assert "link" in found[1].why
    assert DISGUISED in found[2].categories


def test_case_105_octets_before_the_archive_do_not_hide_it() -> None:
    found = look("a.zip", b"\x00\x01\x02 something else" + zipped(FILES))
    assert any(each.path == "a.zip/d/invoice.pdf.exe" for each in found)


def test_case_105_five_archives_deep_is_read_and_six_is_not() -> None:
    assert UNREADABLE not in everything(look("a.zip", nested(PE, "a.exe", 5)))
    assert Category.EXECUTABLE in everything(look("a.zip", nested(PE, "a.exe", 5)))
    assert UNREADABLE in everything(look("a.zip", nested(PE, "a.exe", 6)))


def test_case_105_work_is_bounded_and_names_are_judged_all_the_same() -> None:
    files = {f"{number}.bin": bytes(range(256)) * 400 for number in range(50)} | {"last.exe": PE}
    limits = ExamineLimits(work_bytes=20_000)
    found = look("a.zip", zipped(files), limits=limits)
    assert UNREADABLE in everything(found)
    assert any(each.path.endswith("last.exe") and Category.EXECUTABLE in each.categories for each in found)


def test_of_too_many_the_harmless_are_left_out_first() -> None:
    files = {f"{number}.txt": b"x" for number in range(300)} | {"z.exe": PE}
    found = look("a.zip", zipped(files))
    assert len(found) == 201
    assert any(each.path == "a.zip/z.exe" for each in found)
    assert found[-1].path == "(102 more)"
    assert UNREADABLE not in everything(found)


def test_folders_and_documents_in_archives_are_no_trouble() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.mkdir("folder.exe")
        archive.writestr("folder.exe/letter.txt", "hello")
    found = look("a.zip", made.getvalue())
    assert everything(found) == {Category.ARCHIVE, Category.TEXT}
