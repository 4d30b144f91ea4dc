"""What a file is, by its first octets. Only what somebody may do by opening it is told apart finely.

The media types are those registered with IANA where there is one, else the customary `x-` ones.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from clement.message.attachment import Category

ENOUGH_BYTES: Final = 40 * 1024
"""The longest prefix that `kind_of` makes use of: volume descriptors stand at 32 KiB (ECMA-119 §8)."""

_TEXT_BYTES: Final = 4096
_PDF_BYTES: Final = 1024


class Kind(NamedTuple):
    """A media type and what such a file can do."""

    type: str
    category: Category


UNKNOWN: Final = Kind("", Category.OTHER)
ZIP: Final = Kind("application/zip", Category.ARCHIVE)
TAR: Final = Kind("application/x-tar", Category.ARCHIVE)
GZIP: Final = Kind("application/gzip", Category.ARCHIVE)
BZIP2: Final = Kind("application/x-bzip2", Category.ARCHIVE)
XZ: Final = Kind("application/x-xz", Category.ARCHIVE)
RAR4: Final = Kind("application/vnd.rar", Category.ARCHIVE)
RAR5: Final = Kind("application/vnd.rar; version=5", Category.ARCHIVE)
SEVEN_ZIP: Final = Kind("application/x-7z-compressed", Category.ARCHIVE)
CABINET: Final = Kind("application/vnd.ms-cab-compressed", Category.ARCHIVE)
LZH: Final = Kind("application/x-lzh-compressed", Category.ARCHIVE)
ARJ: Final = Kind("application/x-arj", Category.ARCHIVE)
TNEF: Final = Kind("application/ms-tnef", Category.ARCHIVE)
COMPOUND: Final = Kind("application/x-ole-storage", Category.DOCUMENT)
RTF: Final = Kind("text/rtf", Category.DOCUMENT)
PDF: Final = Kind("application/pdf", Category.DOCUMENT)
ONENOTE: Final = Kind("application/onenote", Category.DOCUMENT)
HTML: Final = Kind("text/html", Category.TEXT)
SVG: Final = Kind("image/svg+xml", Category.IMAGE)
XML: Final = Kind("text/xml", Category.TEXT)
PLAIN: Final = Kind("text/plain", Category.TEXT)
MIME: Final = Kind("message/rfc822", Category.TEXT)
PE: Final = Kind("application/vnd.microsoft.portable-executable", Category.EXECUTABLE)
DOS: Final = Kind("application/x-dosexec", Category.EXECUTABLE)
MACH_O: Final = Kind("application/x-mach-binary", Category.EXECUTABLE)
JAVA_CLASS: Final = Kind("application/java-vm", Category.EXECUTABLE)
SHEBANG: Final = Kind("text/x-script", Category.TEXT)
"""Run only after somebody made it executable: no danger at a click."""
BATCH: Final = Kind("text/x-msdos-batch", Category.SCRIPT)
SCRIPT: Final = Kind("text/x-script", Category.SCRIPT)
REGISTRY: Final = Kind("text/x-ms-regedit", Category.SCRIPT)
LNK: Final = Kind("application/x-ms-shortcut", Category.SHORTCUT)
URL: Final = Kind("application/x-mswinurl", Category.SHORTCUT)
DESKTOP: Final = Kind("application/x-desktop", Category.SHORTCUT)
ISO: Final = Kind("application/vnd.efi.iso", Category.DISK_IMAGE)
UDF: Final = Kind("application/x-udf-image", Category.DISK_IMAGE)
DISK: Final = Kind("application/vnd.efi.img", Category.DISK_IMAGE)
MP4: Final = Kind("video/mp4", Category.MEDIA)
HEIF: Final = Kind("image/heif", Category.IMAGE)


def _of(category: Category, *entries: tuple[bytes, str]) -> tuple[tuple[bytes, Kind], ...]:
    return tuple((octets, Kind(name, category)) for octets, name in entries)


_SIGNATURES: Final[tuple[tuple[bytes, Kind], ...]] = (
    *_of(
        Category.EXECUTABLE,
        (b"\x7fELF", "application/x-elf"),
        (b"dex\n", "application/vnd.android.dex"),
        (b"xar!", "application/x-xar"),
        (b"!<arch>\ndebian", "application/vnd.debian.binary-package"),
        (b"\xed\xab\xee\xdb", "application/x-rpm"),
        (b"ITSF\x03\x00\x00\x00", "application/vnd.ms-htmlhelp"),
        (b"\xa3\x48\x4b\xbe", "application/x-autoit"),
        (b"Cr24", "application/x-chrome-extension"),
    ),
    *((octets, MACH_O) for octets in (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe")),
    (b"\xcf\xfa\xed\xfe", MACH_O),
    # MS-SHLLINK §2.1: header size and class id.
    (b"L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F", LNK),
    *_of(
        Category.DISK_IMAGE,
        (b"conectix", "application/x-vhd"),
        (b"vhdxfile", "application/x-vhdx"),
        (b"KDMV", "application/x-vmdk"),
        (b"QFI\xfb", "application/x-qcow"),
        (b"MSWIM\x00\x00\x00", "application/x-ms-wim"),
        (b"hsqs", "application/vnd.squashfs"),
    ),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08PK", ZIP),
    (b"PK00PK\x03\x04", ZIP),
    (b"Rar!\x1a\x07\x00", RAR4),
    (b"Rar!\x1a\x07\x01\x00", RAR5),
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\x00", XZ),
    (b"MSCF\x00\x00\x00\x00", CABINET),
    (b"\x60\xea", ARJ),
    (b"\x78\x9f\x3e\x22", TNEF),
    *_of(
        Category.ARCHIVE,
        (b"\x28\xb5\x2f\xfd", "application/zstd"),
        (b"\x1f\x9d", "application/x-compress"),
        (b"\x1f\xa0", "application/x-compress"),
        (b"LZIP", "application/lzip"),
        (b"]\x00\x00\x80\x00", "application/x-lzma"),
        (b"ALZ\x01", "application/x-alz"),
        (b"EGGA", "application/x-egg"),
        (b"ZOO ", "application/x-zoo"),
        (b"!<arch>\n", "application/x-archive"),
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", COMPOUND),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", ONENOTE),
    # Word opens what begins with these five octets, whatever follows.
    (b"{\\rt", RTF),
    *_of(Category.DOCUMENT, (b"!BDN", "application/vnd.ms-outlook-pst"), (b"AT&TFORM", "image/vnd.djvu")),
    # Databases of Access carry forms and modules, and run them when opened.
    *_of(
        Category.MACRO,
        (b"\x00\x01\x00\x00Standard Jet DB", "application/vnd.ms-access"),
        (b"\x00\x01\x00\x00Standard ACE DB", "application/vnd.ms-access"),
        (b"ActiveMime", "application/x-mso"),
    ),
    *_of(
        Category.IMAGE,
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"8BPS\x00", "image/vnd.adobe.photoshop"),
        (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
        (b"\xd7\xcd\xc6\x9a", "image/wmf"),
        (b"\x00\x00\x00\x0cJXL ", "image/jxl"),
        (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    ),
    *_of(
        Category.MEDIA,
        (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"),
        (b"\xff\xf3", "audio/mpeg"),
        (b"OggS\x00", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"MThd\x00", "audio/midi"),
        (b"#!AMR", "audio/amr"),
        (b"\x1a\x45\xdf\xa3", "video/matroska"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
        (b"FLV\x01", "video/x-flv"),
        (b"\x00\x00\x01\xba", "video/mpeg"),
    ),
    *_of(
        Category.OTHER,
        (b"wOFF", "font/woff"),
        (b"OTTO\x00", "font/otf"),
        (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    ),
)

_BY_FIRST_OCTET: Final[dict[int, tuple[tuple[bytes, Kind], ...]]] = {
    first: tuple(each for each in _SIGNATURES if each[0][0] == first)
    for first in {octets[0] for octets, _kind in _SIGNATURES}
}

_RIFF: Final = {
    b"WEBP": Kind("image/webp", Category.IMAGE),
    b"WAVE": Kind("audio/wav", Category.MEDIA),
    b"AVI ": Kind("video/x-msvideo", Category.MEDIA),
    # Animated cursors are parsed by the kernel of Windows (MS07-017).
    b"ACON": Kind("application/x-navi-animation", Category.OTHER),
}

# Printable ASCII, white space, and every octet above it: UTF-8 and the one-octet charsets.
_TEXT_OCTETS: Final = bytes({*b"\t\n\v\f\r\x1b", *range(0x20, 0x7F), *range(0x80, 0x100)})

_PAGE: Final = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|form|meta|title|style|table|div|h1|br|p|a|img)[\s>/]",
    re.IGNORECASE,
)
_SVG: Final = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_SCRIPTED_XML: Final = re.compile(rb"<(?:package|job|scriptlet|component|registration)[\s>]", re.IGNORECASE)
_FIELD_NAME: Final = re.compile(
    rb"(?:mime-version|received|return-path|delivered-to|message-id|from|date|x-[a-z-]{1,40}):[ \t]",
    re.IGNORECASE,
)
_BATCH: Final = re.compile(rb"(?:::[^\n]{0,80}\n|rem [^\n]{0,80}\n|\s){0,8}@echo off", re.IGNORECASE)


def kind_of(prefix: bytes) -> Kind:
    """The kind of a file that begins with `prefix`, `UNKNOWN` when nothing is recognised. Never raises."""
    if not prefix:
        return UNKNOWN
    for octets, kind in _BY_FIRST_OCTET.get(prefix[0], ()):
        if prefix.startswith(octets):
            return kind
    return _by_structure(prefix) or _by_offset(prefix) or _by_text(prefix)


def is_textual(prefix: bytes) -> bool:
    """Whether no octet among the first is one that text never holds."""
    return not prefix[:_TEXT_BYTES].translate(None, _TEXT_OCTETS)


def _by_structure(prefix: bytes) -> Kind | None:
    """Formats whose first octets are too short to say it alone."""
    first = prefix[:4]
    if first[:2] in (b"MZ", b"ZM"):
        return _dos_or_pe(prefix)
    if first == b"\xca\xfe\xba\xbe" and len(prefix) >= 8:
        # A universal binary counts its architectures where a class has its version, 45 or more.
        return MACH_O if int.from_bytes(prefix[4:8], "big") < 45 else JAVA_CLASS
    if first == b"RIFF":
        return _RIFF.get(prefix[8:12])
    if prefix[4:8] == b"ftyp":
        return HEIF if prefix[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif") else MP4
    if first[:3] == b"BZh" and prefix[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return BZIP2
    if first[:2] == b"BM" and prefix[6:10] == b"\x00\x00\x00\x00":
        return Kind("image/bmp", Category.IMAGE)
    return None


def _dos_or_pe(prefix: bytes) -> Kind | None:
    if is_textual(prefix[:64]):
        return None
    at = int.from_bytes(prefix[0x3C:0x40], "little")
    return PE if prefix[at : at + 4] == b"PE\x00\x00" else DOS


def _by_offset(prefix: bytes) -> Kind | None:
    """Formats that say what they are further in."""
    if prefix[257:262] == b"ustar":
        return TAR
    if prefix[7:14] == b"**ACE**":
        return Kind("application/x-ace-compressed", Category.ARCHIVE)
    if prefix[2:5] in (b"-lh", b"-lz") and prefix[6:7] == b"-":
        return LZH
    if len(prefix) > 510 and prefix[510:512] == b"\x55\xaa" and _is_volume(prefix):
        return DISK
    if prefix[1080:1082] == b"\x53\xef" and not prefix[:1024].strip(b"\x00"):
        return DISK
    descriptor = prefix[32769:32774]
    if descriptor == b"CD001":
        return ISO
    if descriptor in (b"BEA01", b"NSR02", b"NSR03"):
        return UDF
    at = prefix.find(b"%PDF-", 0, _PDF_BYTES)
    return PDF if at >= 0 else None


def _is_volume(prefix: bytes) -> bool:
    """A boot sector with a file system of Windows, or a partition table."""
    if prefix[3:11] in (b"NTFS    ", b"EXFAT   ") or prefix[54:57] == b"FAT" or prefix[82:87] == b"FAT32":
        return True
    states = {prefix[at] for at in range(446, 510, 16)}
    return states <= {0x00, 0x80} and any(prefix[at + 4] for at in range(446, 510, 16))


def _by_text(prefix: bytes) -> Kind:
    text = _narrowed(prefix[:_TEXT_BYTES])
    if not is_textual(text):
        return UNKNOWN
    start = text.lstrip(b"\xef\xbb\xbf \t\r\n\f\v")
    if start.startswith(b"#!"):
        return SHEBANG
    if start.startswith(b"<"):
        return _markup(start)
    return _lines(start)


def _narrowed(prefix: bytes) -> bytes:
    """UTF-16 with a byte order mark as UTF-8, since shortcuts and pages are read so too."""
    if prefix[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return prefix.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return prefix


def _markup(start: bytes) -> Kind:
    if _SVG.search(start):
        return SVG
    if _SCRIPTED_XML.search(start, 0, 1024):
        return SCRIPT
    if start.startswith(b"<?xml") and b"<html" not in start.lower():
        return XML
    return HTML if start.startswith(b"<!--") or _PAGE.search(start) else XML


def _lines(start: bytes) -> Kind:
    low = start[:64].lower()
    if low.startswith(b"[internetshortcut") or b"\n[internetshortcut]" in start.lower():
        return URL
    if low.startswith(b"[desktop entry]"):
        return DESKTOP
    if low.startswith((b"windows registry editor version", b"regedit4")):
        return REGISTRY
    if low.startswith(b"#@~^"):
        return SCRIPT
    if _BATCH.match(start):
        return BATCH
    if _FIELD_NAME.match(start):
        return MIME
    return PLAIN if start else UNKNOWN
