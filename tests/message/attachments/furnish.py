"""Messages with attachments, and hostile archives, made by small generators."""

from __future__ import annotations

import base64
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from io import BytesIO

from clement.message.attachment import Attachment
from clement.message.attachments.budget import ExamineLimits
from clement.message.attachments.examine import attachments_of
from clement.message.mime.walk import walk

PE = b"MZ\x90\x00" + b"\x00" * 56 + b"\x40\x00\x00\x00PE\x00\x00L\x01" + bytes(200)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def message(*files: tuple[str, bytes], declared: str = "application/octet-stream") -> bytes:
    """A message with a text and the given files."""
    parts = [b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nSee there.\r\n']
    for name, octets in files:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        head = f'Content-Type: {declared}\r\nContent-Disposition: attachment; filename="{quoted}"\r\n'
        head += "Content-Transfer-Encoding: base64\r\n\r\n"
        parts.append(b"--b\r\n" + head.encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n"))
    return b"".join(parts) + b"--b--\r\n"


def examined(octets: bytes, limits: ExamineLimits | None = None) -> tuple[Attachment, ...]:
    return attachments_of(octets, walk(octets), limits or ExamineLimits())


def look(
    name: str,
    octets: bytes,
    declared: str = "application/octet-stream",
    limits: ExamineLimits | None = None,
) -> tuple[Attachment, ...]:
    return examined(message((name, octets), declared=declared), limits)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, octets in files.items():
            archive.writestr(name, octets)
    return made.getvalue()


def nested(octets: bytes, name: str, times: int) -> bytes:
    for layer in range(times):
        octets = zipped({name: octets})
        name = f"layer{layer}.zip"
    return octets


def raw_zip(members: Iterable[tuple[bytes, bytes, int, int]], *, count: int | None = None) -> bytes:
    """A zip file of entries that claim what they please: name, stored octets, claimed size, flags."""
    local, central = b"", b""
    entries = list(members)
    for name, octets, size, flags in entries:
        fields = (flags, 0, 0, 0, zlib.crc32(octets), len(octets), size, len(name), 0)
        central += (
            struct.pack(
                "<4s6H3I5H2I", b"PK\1\2", 20, 20, *fields[:4], *fields[4:8], 0, 0, 0, 0, 0, len(local)
            )
            + name
        )
        local += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *fields) + name + octets
    number = len(entries) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, number, number, len(central), len(local), 0)
    return local + central + end
