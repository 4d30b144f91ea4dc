"""What it costs to walk and read a message, in CPU time.

    python bench/mime.py [--profile]

An ordinary multipart/alternative of 10 kB, a message of 1 MB with an attachment, and hostile ones. The least
of many short batches is what the work costs; the rest is what others took.
"""

from __future__ import annotations

import base64
import cProfile
import pstats
import random
import sys
import time
from collections.abc import Callable

from clement.message.mime.read import read
from clement.message.mime.walk import walk

SOURCE = random.Random(1)
HEADER = b"".join(
    b"Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n\tby mx.example.net with ESMTPS\r\n"
    b"\tid %d for <u@example.net>; Sun, 22 Nov 2026 10:58:5%d +0000\r\n" % (hop, hop, hop, hop, hop)
    for hop in range(4)
) + (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; c=relaxed/relaxed; h=from:to:subject:date;\r\n"
    b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + b"A" * 344 + b"\r\n"
    b"From: News <news@example.org>\r\nTo: u@example.net\r\n"
    b"Subject: =?utf-8?q?Les_nouvelles_de_l'=C3=A9t=C3=A9?=\r\n"
    b"Message-ID: <1@example.org>\r\nDate: Sun, 22 Nov 2026 10:58:54 +0000\r\nMIME-Version: 1.0\r\n"
)
WORDS = ["offer", "week", "walk", "along", "the", "river", "with", "friends", "who", "know", "good", "wine"]


def sentence(words: int) -> str:
    return " ".join(SOURCE.choices(WORDS, k=words)).capitalize() + "."


def plain_text(octets: int) -> bytes:
    lines = []
    while sum(map(len, lines)) < octets:
        lines.append(sentence(11) + "\r\n")
    return "".join(lines).encode()


def page(rows: int) -> bytes:
    """A newsletter of one table, quoted-printable."""
    cells = "".join(
        f'<tr><td style=3D"padding:8px;font-family:Arial;color:#333333"><a href=3D"https://example.org/a/=\r\n'
        f'{row}?utm_source=3Dnews"><b>{sentence(4)}</b></a><p>{sentence(12)}&nbsp;{sentence(8)}</p></td></tr>\r\n'
        for row in range(rows)
    )
    head = (
        "<!DOCTYPE html><html><head><title>News</title><style>p {margin: 0}</style></head><body><table>\r\n"
    )
    return (head + cells + "</table></body></html>\r\n").encode()


def alternative() -> bytes:
    return (
        HEADER
        + b'Content-Type: multipart/alternative; boundary="=_b1"\r\n\r\n'
        + b"--=_b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + plain_text(2800)
        + b"\r\n--=_b1\r\nContent-Type: text/html; charset=utf-8\r\n"
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + page(18)
        + b"\r\n--=_b1--\r\n"
    )


def attachment() -> bytes:
    return (
        HEADER
        + b'Content-Type: multipart/mixed; boundary="=_b0"\r\n\r\n'
        + b"--=_b0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + plain_text(2800)
        + b'\r\n--=_b0\r\nContent-Type: application/pdf; name="a.pdf"\r\n'
        + b"Content-Transfer-Encoding: base64\r\n"
        + b'Content-Disposition: attachment; filename="a.pdf"\r\n\r\n'
        + base64.encodebytes(SOURCE.randbytes(755_000)).replace(b"\n", b"\r\n")
        + b"\r\n--=_b0--\r\n"
    )


def page_of(html: bytes) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + html


def hostile() -> dict[str, bytes]:
    mixed = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n'
    deep = b"".join(mixed % (b"b%d" % depth) + b"--b%d\r\n" % depth for depth in range(1000))
    long = b"x" * 10_240
    return {
        "1000 multiparts deep": deep,
        "20 000 parts": mixed % b"b" + b"--b\r\n\r\nx\r\n" * 20_000,
        "10 000 messages deep": b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
        "boundary of 10 KiB": mixed % long + (b"--" + long + b"\r\n\r\nx\r\n") * 100,
        "100 000 elements deep": page_of(b"<div>" * 100_000),
        "100 000 attributes": b"Content-Type: text/html\r\n\r\n<a "
        + b" ".join(b"x%d=1" % n for n in range(60_000)),
        "25 MB of dashes": mixed % b"b" + b"--b\r\n" * 5_000_000,
    }


def least_ms(work: Callable[[], object], batches: int, rounds: int) -> float:
    spent = []
    for _batch in range(batches):
        started_s = time.process_time()
        for _round in range(rounds):
            work()
        spent.append((time.process_time() - started_s) / rounds)
    return min(spent) * 1000


def main() -> None:
    for name, octets, rounds in (
        ("alternative, 10 kB", alternative(), 40),
        ("attachment, 1 MB", attachment(), 4),
    ):
        structure = walk(octets)
        walked_ms = least_ms(lambda octets=octets: walk(octets), 60, rounds)
        read_ms = least_ms(lambda octets=octets, structure=structure: read(octets, structure), 60, rounds)
        print(f"{name} ({len(octets)} octets): walk {walked_ms:.3f} ms, read {read_ms:.3f} ms")
    for name, octets in hostile().items():
        started_s = time.process_time()
        structure = walk(octets)
        read(octets, structure)
        spent_ms = (time.process_time() - started_s) * 1000
        over = structure.over_budget or "nothing"
        print(f"{name}: {spent_ms:.0f} ms, {len(structure.parts)} parts, over {over}")


if __name__ == "__main__":
    if "--profile" in sys.argv:
        octets = alternative()
        profile = cProfile.Profile()
        profile.enable()
        for _round in range(500):
            read(octets, walk(octets))
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    else:
        main()
