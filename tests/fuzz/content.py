"""Fuzz target: whatever octets a message consists of, it is walked and read without an exception, each part
lies within its source and within its parent, every text is bounded and printable, and no more work is done
than its length and the limits allow.

.venv/bin/python -m tests.fuzz.content [SECONDS [SEED]]

Coverage-guided where atheris is installed, else random.

Findings are written to the present folder as crash-*; each becomes a seed in tests/fuzz/corpus_content.
"""

from __future__ import annotations

import importlib.util
import math
import random
import sys
import time
from hashlib import sha256
from pathlib import Path

from clement.message.mime.decode import decoded
from clement.message.mime.defects import MimeDefect
from clement.message.mime.limits import ReadLimits, WalkLimits
from clement.message.mime.part import Part, Walk
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from clement.message.text import visible

CORPUS = Path(__file__).parent / "corpus_content"
MAX_OCTETS = 8192
# An input that is slower than this is a finding; the slowest that are known take a hundredth of it.
MAX_CPU_S = 5.0
TIGHT = WalkLimits(
    depth=5, parts=20, header_bytes=400, content_fields=6, boundary_bytes=80, delimiter_lines=30
)
NARROW = ReadLimits(texts=4, text_bytes=300, total_bytes=500, html_bytes=600, total_html_bytes=900, links=5)

WORDS = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b'Content-Type: multipart/alternative;\r\n\tboundary="b"; boundary=c\r\n',
    b"Content-Type: text/html; charset=iso-2022-jp\r\n",
    b"Content-Type: text/plain; charset=utf-7; name*0*=utf-8''a%41; name*1=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: application/ms-tnef; name=winmail.dat\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: x-uuencode, base64\r\n",
    b'Content-Disposition: attachment; filename="=?utf-8?b?w6k=?=.exe"\r\n',
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\r\n--c\r\n",
    b"\r--b\r",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"begin 644 a.exe\r\n#86)C\r\nend\r\n",
    b"=ybegin line=128 size=3 name=a\r\n\x8b\x8c=\x7d\r\n=yend size=3\r\n",
    b"\x78\x9f\x3e\x22\x01\x00",
    b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\r\n",
    b"=3D=\r\n",
    b"<a href='http://a.test/?b&amp;c'>",
    b'<div style="display:none;color:#fff">',
    b"<!-- x --!>",
    b"<script>",
    b"</script>",
    b"<base href=//b.test><img src=c>",
    b'<a x="',
    b"http://www.a.test/b).",
    b"\xe2\x80\x8b\xc2\xad",
    b'\x1b$B$"\x1b(B',
    b"(\\",
    b'"',
    b";",
    b"*=",
    b"=?utf-8?q?",
    b"?=",
]


def check(octets: bytes) -> None:
    """The invariant, for one input; its first octet chooses the limits."""
    tight = bool(octets) and octets[0] % 2 == 0
    limits, read_limits = (TIGHT, NARROW) if tight else (WalkLimits(), ReadLimits())
    started_s = time.process_time()
    structure = walk(octets, limits)
    reading = read(octets, structure, read_limits)
    assert time.process_time() - started_s < MAX_CPU_S
    check_structure(octets, structure, limits)
    assert len(reading.texts) <= read_limits.texts
    assert sum(len(text.text) for text in reading.texts) <= read_limits.total_bytes
    assert len(reading.links) <= read_limits.links
    for link in reading.links:
        assert is_visible(link.target)
        assert len(link.target) <= read_limits.link_chars
        assert len(link.text) <= read_limits.link_text_chars
    assert all(sign.isascii() and sign == sign.lower() for sign in reading.signs)


def check_structure(octets: bytes, structure: Walk, limits: WalkLimits) -> None:
    """What holds of every walk."""
    assert 1 <= len(structure.parts) <= limits.parts
    for index, part in enumerate(structure.parts):
        source = part.within or octets
        assert 0 <= part.header[0] <= part.header[1] <= part.body[1] <= len(source)
        assert part.header[0] <= part.body[0] <= part.body[1]
        assert part.depth <= limits.depth + 1
        assert part.parent < index
        assert set(part.defects) <= set(MimeDefect)
        assert set(part.defects) <= set(structure.defects)
        assert all(name and is_visible(name) and len(name) <= 250 for name in part.names)
        assert is_visible(part.type)
        assert is_visible(part.content_id)
        check_place(structure.parts, part)
        assert len(decoded(octets, part, 100)) <= 100


def is_visible(text: str) -> bool:
    return visible(text, 10_000) == text


def check_place(parts: tuple[Part, ...], part: Part) -> None:
    """A part lies within the part around it, or within what that was decoded to."""
    if part.parent < 0:
        assert part.depth == 0
        return
    around = parts[part.parent]
    assert part.depth > around.depth or "~" in part.number
    if part.within == around.within:
        assert around.header[0] <= part.header[0]
        assert part.body[1] <= around.body[1]


def mutate(octets: bytes, source: random.Random) -> bytes:
    """`octets` with a few places changed."""
    result = bytearray(octets)
    for _ in range(source.randint(1, 8)):
        at = source.randint(0, len(result))
        match source.randrange(5):
            case 0:
                result[at : at + source.randint(1, 40)] = b""
            case 1 | 2:
                result[at:at] = source.choice(WORDS)
            case 3:
                result[at : at + 1] = source.randbytes(1)
            case _:
                start = source.randint(0, len(result))
                result[at:at] = result[start : start + source.randint(1, 200)] * source.choice((1, 1, 1, 5))
    return bytes(result[:MAX_OCTETS])


def run_at_random(seconds: float, seed: int | None = None, inputs: float = math.inf) -> int:
    """Mutate the corpus until time is up or so many inputs were tried; their number."""
    source = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    tried = 0
    end = time.monotonic() + seconds
    while tried < inputs and time.monotonic() < end:
        octets = mutate(source.choice(seeds), source)
        try:
            check(octets)
        except Exception:
            name = f"crash-{sha256(octets).hexdigest()[:16]}"
            Path(name).write_bytes(octets)
            print(f"found {name}: {octets!r}", file=sys.stderr)
            raise
        tried += 1
        if tried % 50 == 0 and len(seeds) < 5000:
            seeds.append(octets)
    return tried


def main() -> None:
    """Run as a program."""
    if importlib.util.find_spec("atheris") is not None:
        atheris = importlib.import_module("atheris")
        atheris.instrument_all()
        atheris.Setup([*sys.argv[:1], str(CORPUS), *sys.argv[1:]], check)
        atheris.Fuzz()
    else:
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else None
        print(f"{run_at_random(seconds, seed)} inputs, no finding")


if __name__ == "__main__":
    main()
