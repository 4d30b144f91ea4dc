"""Hostile archives, made small and fast: what they would unpack to is never made."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zlib

from tests.message.attachments.furnish import raw_zip, zipped

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
DEFLATE = 8


def zeros(size_bytes: int) -> bytes:
    """So many zeros as one deflate stream, without holding them."""
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    pieces = [made.compress(block) for _block in range(size_bytes >> 20)]
    return b"".join(pieces) + made.compress(bytes(size_bytes & 0xFFFFF)) + made.flush()


def _entry(name: bytes, packed: int, size: int, at: int, method: int = DEFLATE) -> bytes:
    return (
        CENTRAL.pack(b"PK\1\2", 20, 20, 0, method, 0, 0, 0, packed, size, len(name), 0, 0, 0, 0, 0, at) + name
    )


def _head(name: bytes, packed: int, size: int, method: int = DEFLATE) -> bytes:
    return LOCAL.pack(b"PK\3\4", 20, 0, method, 0, 0, 0, packed, size, len(name), 0) + name


def _end(count: int, directory: bytes, at: int) -> bytes:
    return directory + END.pack(b"PK\5\6", 0, 0, min(count, 65535), min(count, 65535), len(directory), at, 0)


def forty_two(levels: int = 5, width: int = 16) -> bytes:
    """As 42.zip is built: archives of sixteen archives, and at the bottom a file that says it has 4 GiB."""
    data = zeros(1 << 20)
    name, size = b"0.dll", 0xFFFFFFFE
    inner = _head(name, len(data), size) + data
    octets = inner + _end(1, _entry(name, len(data), size, 0), len(inner))
    for level in range(levels):
        octets = zipped({f"lib {level}{number:x}.zip": octets for number in range(width)})
    return octets


def overlapping(count: int = 250, size_bytes: int = 20_000_000) -> bytes:
    """Fifield's full overlap: many entries of the directory share one compressed kernel."""
    data = zeros(size_bytes)
    name = b"A"
    body = _head(name, len(data), size_bytes) + data
    directory = b"".join(_entry(name, len(data), size_bytes, 0) for _entry_number in range(count))
    return body + _end(count, directory, len(body))


def quoting(count: int = 250, size_bytes: int = 20_000_000) -> bytes:
    """Fifield's quoted overlap: each file holds the headers of those after it in an unpacked block."""
    data = zeros(size_bytes)
    name = b"%03d"
    body = _head(name % count, len(data), size_bytes) + data
    at, packed, size = 0, len(data), size_bytes
    entries = [(name % count, packed, size, at)]
    for number in range(count - 1, 0, -1):
        quoted = LOCAL.size + 3
        block = struct.pack("<BHH", 0, quoted, quoted ^ 0xFFFF)
        packed, size = packed + quoted + 5, size + quoted
        head = _head(name % number, packed, size) + block
        body = head + body
        entries = [(each, p, s, a + len(head)) for each, p, s, a in entries]
        entries.append((name % number, packed, size, 0))
    directory = b"".join(_entry(*entry) for entry in reversed(entries))
    return body + _end(count, directory, len(body))


def many_entries(count: int) -> bytes:
    """A directory of so many files, each of no octets."""
    body = _head(b"a", 0, 0, 0)
    directory = b"".join(_entry(b"%07d" % number, 0, 0, 0, 0) for number in range(count))
    return body + _end(count, directory, len(body))


def many_files(count: int) -> bytes:
    """A tar archive of so many files of no octets."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(count):
            archive.addfile(tarfile.TarInfo(f"{number}"))
    return made.getvalue()


def gzip_of_zeros(size_bytes: int) -> bytes:
    """A ratio of a thousand to one."""
    end = struct.pack("<II", 0, size_bytes & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\3" + zeros(size_bytes) + end


def bzip2_of_zeros(size_bytes: int) -> bytes:
    """A ratio of a million to one."""
    return bz2.compress(bytes(size_bytes))


def xz_of_zeros(size_bytes: int) -> bytes:
    """A ratio of several thousand to one."""
    return lzma.compress(bytes(size_bytes), preset=0)


def layered_gzip(size_bytes: int, layers: int) -> bytes:
    """Gzip in gzip: each layer packs the zeros of the one before."""
    octets = gzip_of_zeros(size_bytes)
    for _layer in range(layers):
        octets = gzip.compress(octets, 9)
    return octets


def concatenated() -> bytes:
    """Two zip files one after the other: some readers show the first, others the second."""
    first = raw_zip([(b"readme.txt", b"nothing here", 12, 0)])
    second = raw_zip([(b"invoice.exe", b"MZ", 2, 0)])
    # Offsets in the directory of the second count from its own start, as those of SFX archives may.
    return second + first


def endless(count: int) -> bytes:
    """Archives in one another without an end, as r.zip is: deeper than anybody looks."""
    octets = b""
    for _layer in range(count):
        octets = zipped({"r/r.zip": octets})
    return octets


def bzip2_of_noise(size_bytes: int) -> bytes:
    """No bomb, but slow: bzip2 costs ten times what gzip does."""
    return bz2.compress(random.Random(1).randbytes(1 << 20) * (size_bytes >> 20), 9)


def many_bzip2(count: int) -> bytes:
    """Files that cost a whole block each before they give their first octet."""
    block = bz2.compress(random.Random(1).randbytes(40_000) * 22, 9)
    name = b"%04d"
    body, entries = b"", b""
    for number in range(count):
        entries += _entry(name % number, len(block), 880_000, len(body), 12)
        body += _head(name % number, len(block), 880_000, 12) + block
    return body + _end(count, entries, len(body))
