"""What the study of a content costs: CPU of each of its parts, and of handing it to a checker and back.

    .venv/bin/python bench/content_study.py [--batches 30]

Goals: features and their weighing under 1.5 ms of CPU for a message of 10 kB, under 15 ms for one of 1 MB.
The least of many batches is told, since what else runs on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clement.cli.authentication import load_public_suffixes  # noqa: E402
from clement.learn.features import extract  # noqa: E402
from clement.message.attachments.examine import attachments_of  # noqa: E402
from clement.message.mime.read import read  # noqa: E402
from clement.message.mime.walk import walk  # noqa: E402
from clement.policy.study import ContentStudy  # noqa: E402
from clement.server.check_wire import STUDY, Kind  # noqa: E402
from clement.server.checker import serve_checks  # noqa: E402
from clement.server.checking import Lane  # noqa: E402
from clement.server.study import body_hash, study  # noqa: E402

KEY = b"k" * 16
PARTS = ("walk", "read", "attached", "features", "hash", "study", "encode", "decode")
HEADER = (
    "Received: from mail.gen.test (mail.gen.test [198.18.0.7]) by mx.bench.test with ESMTPS id 1;"
    " Sun, 22 Nov 2026 10:58:54 +0000\r\n"
    "From: A Sender <a@gen.test>\r\nTo: u1@bench.test\r\nSubject: about the garden\r\n"
    "Message-ID: <1@gen.test>\r\nDate: Sun, 22 Nov 2026 10:58:54 +0000\r\nMIME-Version: 1.0\r\n"
)
CHANCE = random.Random(1)
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def words(octets: int) -> str:
    """Lines of words, as long and as varied as those of a language."""
    known = ["".join(CHANCE.choices(LETTERS, k=CHANCE.randint(2, 9))) for _ in range(1500)]
    lines, size = [], 0
    while size < octets:
        lines.append(" ".join(CHANCE.choices(known, k=11)))
        size += len(lines[-1]) + 2
    return "\r\n".join(lines) + "\r\n"


def plain(octets: int) -> bytes:
    return (HEADER + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words(octets - len(HEADER))).encode()


def page(octets: int) -> str:
    rows = words(octets // 2).split("\r\n")
    return "".join(
        f'<tr><td style="padding:4px"><a href="https://shop.test/{number % 20}">{row}</a></td></tr>\r\n'
        for number, row in enumerate(rows)
    )


def alternative(octets: int) -> bytes:
    return (
        f'{HEADER}Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words(octets // 3)}\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><table>{page(octets * 2 // 3)}"
        "</table></body></html>\r\n--b--\r\n"
    ).encode()


def attached(octets: int, kind: str = "application/pdf", begins: bytes = b"%PDF-1.7\n") -> bytes:
    encoded = base64.encodebytes(begins + os.urandom(octets * 54 // 74)).replace(b"\n", b"\r\n")
    inner = alternative(10_000).partition(b"MIME-Version: 1.0\r\n")[2]
    return (
        f'{HEADER}Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n'.encode()
        + inner
        + f'\r\n--m\r\nContent-Type: {kind}; name="bill.pdf"\r\n'.encode()
        + b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n"
        + encoded
        + b"\r\n--m--\r\n"
    )


def least_us(call: Callable[[], object], batches: int) -> float:
    """CPU of one call, in microseconds."""
    began = time.process_time_ns()
    call()
    times = max(1, 20_000_000 // max(1, time.process_time_ns() - began))
    found = []
    for _batch in range(batches):
        began = time.process_time_ns()
        for _ in range(times):
            call()
        found.append((time.process_time_ns() - began) / times / 1000)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=20)
    batches = parser.parse_args().batches
    load_public_suffixes()
    contents = {
        "10 kB plain": plain(10_000),
        "10 kB HTML": alternative(10_000),
        "100 kB HTML": alternative(100_000),
        "1 MB attachment": attached(1_000_000),
        "1 MB plain": plain(1_000_000),
        "1 MB HTML": alternative(1_000_000),
    }
    print(f"{'CPU in us':16}" + "".join(f"{name:>9}" for name in PARTS))
    for name, octets in contents.items():
        print(f"{name:16}" + "".join(f"{each:9.0f}" for each in parts(octets, batches)), flush=True)
    print(f"\n{'handing over':18}{'receiver':>9}{'both':>9}{'octets back':>13}")
    for name, octets in contents.items():
        ours, both, back = handed_over(octets)
        print(f"{name:18}{ours:9.0f}{both:9.0f}{back:13}", flush=True)


def parts(octets: bytes, batches: int) -> list[float]:
    structure = walk(octets)
    reading = read(octets, structure)
    attachments = attachments_of(octets, structure)
    found = study(octets, KEY)
    encoded = msgspec.msgpack.encode(found)
    return [
        least_us(call, batches)
        for call in (
            lambda: walk(octets),
            lambda: read(octets, structure),
            lambda: attachments_of(octets, structure),
            lambda: extract(octets, structure, reading, attachments, KEY),
            lambda: body_hash(octets),
            lambda: study(octets, KEY),
            lambda: msgspec.msgpack.encode(found),
            lambda: STUDY.decode(encoded),
        )
    ]


def handed_over(octets: bytes, times: int = 300) -> tuple[float, float, int]:
    """CPU of a receiver, and of both sides, for a question whose answer is known; octets of the answer."""
    found = study(octets, KEY)

    def at_once(_octets: bytes, _key: bytes) -> ContentStudy:
        return found

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = Path(folder) / "checker.sock"
        listening.bind(str(path))
        listening.listen()
        checker = os.fork()
        if checker == 0:
            serve_checks(listening, study=at_once)
            os._exit(0)
        ours = uvloop.run(_ask(Lane(path), octets, times))
        os.kill(checker, signal.SIGTERM)
        _pid, _status, usage = os.wait4(checker, 0)
    theirs = (usage.ru_utime + usage.ru_stime) / times * 1e6
    return ours, ours + theirs, len(msgspec.msgpack.encode(found))


async def _ask(lane: Lane, octets: bytes, times: int) -> float:
    async def ask() -> ContentStudy:
        _outcome, answer = await lane.ask(Kind.CONTENT, len(octets), octets, key=KEY)
        return STUDY.decode(answer)

    await ask()
    before = _cpu_s()
    for _ in range(times):
        await ask()
    return (_cpu_s() - before) / times * 1e6


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
