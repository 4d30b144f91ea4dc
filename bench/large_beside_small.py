"""How much small messages notice of large ones that are scanned and read beside them.

    .venv/bin/python bench/large_beside_small.py [--seconds 5] [--rounds 3] [--rate 40] [--large 4]

A whole Clement with a real clamd and cut-through to a next hop, everything on. Messages of 10 kB (HTML and
text) come at a steady rate, each in a connection of its own; told is the time from the last dot to the reply,
first alone ("quiet"), then while some senders send messages of 25 MB one after the other ("beside"). Rounds
take turns; medians are told. The senders work on the same cores; those of large messages are nice to others.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.calling_gateway import Served, answer, wait_for  # noqa: E402
from bench.relay_delivery import run_sink  # noqa: E402

from tests.fixtures.clamd import run_clamd  # noqa: E402

LARGE_BYTES = 25_000_000
PROXIED = b"PROXY TCP4 198.18.0.7 127.0.0.1 4000 25\r\n"


def small_message() -> bytes:
    """10 kB: what a shop writes, as text and as HTML. Each has words of its own, or clamd would know it."""
    words = [base64.b32encode(os.urandom(4)).decode().lower()[:6] for _ in range(650)]
    lines = [" ".join(words[at : at + 10]) for at in range(0, len(words), 10)]
    text = "\r\n".join(lines)
    page = "".join(
        f"<p class='x'>{line} <a href='https://shop.test/{line[:6]}'>more</a></p>\r\n" for line in lines[:40]
    )
    return (
        "From: Shop <a@gen.test>\r\nTo: u1@bench.test\r\nSubject: offers\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>{page}</body></html>\r\n--b--\r\n"
    ).encode()


def large_message() -> bytes:
    """25 MB: a few lines, and an attachment that nothing compresses."""
    encoded = base64.encodebytes(os.urandom(LARGE_BYTES * 54 // 74)).replace(b"\n", b"\r\n")
    return (
        b"From: A <a@gen.test>\r\nTo: u1@bench.test\r\nSubject: a film\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHere it is.\r\n--b\r\n'
        b'Content-Type: video/mp4; name="film.mp4"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + encoded
        + b"\r\n--b--\r\n"
    )


async def send(port: int, content: bytes) -> float:
    """One message in a connection of its own; seconds from the final dot to the reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PROXIED)
    await answer(reader)
    for line in ("EHLO c7.gen.test", "MAIL FROM:<a@gen.test>", "RCPT TO:<u1@bench.test>", "DATA"):
        writer.write(line.encode() + b"\r\n")
        await answer(reader)
    for at in range(0, len(content), 1 << 16):
        writer.write(content[at : at + (1 << 16)])
        await writer.drain()
    began_s = time.monotonic()
    writer.write(b".\r\n")
    said = await answer(reader)
    took_s = time.monotonic() - began_s
    if not said.startswith(b"250"):
        raise SystemExit(f"not accepted: {said!r}")
    writer.write(b"QUIT\r\n")
    writer.close()
    return took_s


def send_large(port: int, over: Event, sent: multiprocessing.Queue) -> None:
    """One large message after the other, until told."""
    os.nice(10)
    content, took_s = large_message(), []
    while not over.is_set():
        took_s.append(uvloop.run(send(port, content)))
    sent.put(took_s)


async def send_small(port: int, seconds: float, rate: float) -> list[float]:
    """Messages at a steady rate, however long the answers take."""
    contents = [small_message() for _ in range(int(seconds * rate))]
    tasks = []
    began_s = time.monotonic()
    for number, content in enumerate(contents):
        await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(send(port, content)))
    return list(await asyncio.gather(*tasks))


def beside_large(
    port: int, count: int, measure: Callable[[], list[float]]
) -> tuple[list[float], list[float]]:
    """What `measure` finds while large messages are sent, and how long those took."""
    over, sent = multiprocessing.Event(), multiprocessing.Queue()
    senders = [multiprocessing.Process(target=send_large, args=(port, over, sent)) for _ in range(count)]
    for sender in senders:
        sender.start()
    time.sleep(2)
    found = measure()
    over.set()
    large = [took_s for _ in senders for took_s in sent.get(timeout=120)]
    for sender in senders:
        sender.join()
    return found, large


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=40, help="small messages a second")
    parser.add_argument("--large", type=int, default=4, help="senders of large messages")
    asked = parser.parse_args()
    ports: multiprocessing.Queue = multiprocessing.Queue()
    sink = multiprocessing.Process(target=run_sink, args=(ports,), daemon=True)
    sink.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        (folder / "clamd").mkdir(mode=0o755)
        clamd = run_clamd(folder / "clamd")
        os.environ.update(BENCH_READING="1", BENCH_SIZE_LIMIT="50000000")
        served = Served(
            folder / "clement",
            calling=False,
            backend_port=ports.get(timeout=10),
            clamd=str(clamd.unix_socket),
            dns="127.0.0.1:9",
        )
        try:
            wait_for(served.port)
            compare(served.port, asked)
        finally:
            served.stop()
            clamd.program.stop()


def compare(port: int, asked: argparse.Namespace) -> None:
    def measure() -> list[float]:
        return uvloop.run(send_small(port, asked.seconds, asked.rate))

    measure()
    quiet: list[list[float]] = []
    beside: list[list[float]] = []
    large: list[float] = []
    for _round in range(asked.rounds):
        quiet.append(measure())
        small, took_s = beside_large(port, asked.large, measure)
        beside.append(small)
        large += took_s
    for name, rounds in (("quiet", quiet), ("beside", beside)):
        told = [
            1000 * statistics.median(quantile(each, part) for each in rounds) for part in (0.5, 0.95, 0.99)
        ]
        print(f"{name:8} p50 {told[0]:7.1f} ms   p95 {told[1]:7.1f} ms   p99 {told[2]:7.1f} ms")
    ratios = [quantile(loud, 0.99) / quantile(still, 0.99) for still, loud in zip(quiet, beside, strict=True)]
    print(f"large    {len(large)} of 25 MB, median {statistics.median(large):.2f} s from dot to reply")
    print(f"p99 beside / quiet: {statistics.median(ratios):.2f} (goal 3)")


if __name__ == "__main__":
    main()
