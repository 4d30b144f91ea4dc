"""What telling attachments costs: ordinary messages in CPU time, archive bombs in memory as well.

    python bench/attachments.py [--profile]

A bomb is examined in a process of its own, so that the memory shown is what it has cost alone.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import resource
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clement.message.attachments.examine import attachments_of
from clement.message.mime.walk import walk
from tests.message.attachments import bombs
from tests.message.attachments.furnish import PDF, PNG, message, zipped

NOISE = Random(1).randbytes(700_000)  # as packed data looks
TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(120_000))


def pdf(size_bytes: int) -> bytes:
    """A PDF of streams that are packed, and a few objects between them."""
    pieces = [PDF]
    while sum(map(len, pieces)) < size_bytes:
        packed = zlib.compress(NOISE[:20_000], 0)
        head = b"7 0 obj\n<</Length %d/Filter/FlateDecode>>\nstream\n" % len(packed)
        pieces.append(head + packed + b"\nendstream\n")
    return b"".join(pieces)


def office() -> bytes:
    """A small text document."""
    parts = {"[Content_Types].xml": b"<Types/>" * 100, "word/document.xml": b"<w:p>text</w:p>" * 900}
    parts |= {f"word/_rels/{number}.rels": b"<Relationships/>" * 20 for number in range(4)}
    parts |= {f"word/{number}.xml": b"<w:styles/>" * 200 for number in range(8)}
    return zipped(parts)


ORDINARY: dict[str, tuple[tuple[str, bytes], ...]] = {
    "no attachment, 10 kB": (),
    "PNG of 5 kB": (("logo.png", PNG + NOISE[:5000]),),
    "PDF of 5 kB": (("letter.pdf", pdf(5000)),),
    "zip of one text, 5 kB": (("a.zip", zipped({"a.txt": NOISE[:5000]})),),
    "docx of 14 parts": (("letter.docx", office()),),
    "PDF of 700 kB": (("report.pdf", pdf(700_000)),),
    "JPEG of 700 kB": (("photo.jpg", b"\xff\xd8\xff\xe0" + NOISE),),
    "zip of one file, 700 kB": (("a.zip", zipped({"a.bin": NOISE})),),
    "zip of 40 files, 700 kB": (
        ("a.zip", zipped({f"{number}.txt": NOISE[number * 17_000 :][:17_000] for number in range(40)})),
    ),
    "gzip of 3 MB of text": (("log.txt.gz", zlib.compress(TEXT, 6, 31)),),
}
BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "42.zip, 16^5 archives": lambda: ("42.zip", bombs.forty_two()),
    "full overlap, 250 x 20 MB": lambda: ("f.zip", bombs.overlapping()),
    "quoted overlap, 250 x 20 MB": lambda: ("q.zip", bombs.quoting()),
    "zip in zip, 40 deep": lambda: ("r.zip", bombs.endless(40)),
    "300 000 entries": lambda: ("m.zip", bombs.many_entries(300_000)),
    "gzip of 1 GB of zeros": lambda: ("z.gz", bombs.gzip_of_zeros(1 << 30)),
    "gzip of that, 3 times": lambda: ("z.gz", bombs.layered_gzip(1 << 30, 3)),
    "bzip2 of 256 MB of zeros": lambda: ("z.bz2", bombs.bzip2_of_zeros(256 << 20)),
    "xz of 256 MB of zeros": lambda: ("z.xz", bombs.xz_of_zeros(256 << 20)),
    "bzip2 of 40 MB of noise": lambda: ("n.bz2", bombs.bzip2_of_noise(40 << 20)),
    "zip of 600 bzip2 files": lambda: ("b.zip", bombs.many_bzip2(600)),
    "1000 parts": lambda: ("", b""),
}


def main() -> None:
    for name, files in ORDINARY.items():
        octets = message(*files) if files else b"Subject: x\r\n\r\n" + b"x" * 70 * 140
        measure(name, octets)
    for name, make in BOMBS.items():
        file = make()
        octets = message(file) if file[0] else message(*[(f"{n}.txt", b"x") for n in range(1000)])
        measure_apart(name, octets)


def measure(name: str, octets: bytes) -> None:
    walked = walk(octets)
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    rounds = 5 if len(octets) > 100_000 else 100
    spent = []
    if profile:
        profile.enable()
    for _batch in range(20):
        started_s = time.process_time()
        for _round in range(rounds):
            attachments_of(octets, walked)
        spent.append((time.process_time() - started_s) / rounds * 1e3)
    print(f"{name:32} {len(octets):>9} octets  {min(spent):8.3f} ms CPU")
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(15)


def measure_apart(name: str, octets: bytes) -> None:
    """In a child, which gives back by its exit what it used."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        walked = walk(octets)
        started_s = time.process_time()
        found = attachments_of(octets, walked)
        spent_ms = (time.process_time() - started_s) * 1e3
        more_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
        worst = sorted({category.value for each in found for category in each.categories})
        spent = f"{spent_ms:8.1f} ms CPU  {more_mb:6.1f} MB"
        print(f"{name:32} {len(octets):>9} octets  {spent}  {' '.join(worst)}")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
