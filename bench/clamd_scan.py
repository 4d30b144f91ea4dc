"""What a scan costs us: CPU of this process for each, and scans a second, against a real clamd.

    python bench/clamd_scan.py --clamd unix:/run/clamav/clamd.ctl [--size BYTES] [--at-once 1 4 8]

Every body is unique, since clamd remembers clean content. "bare" is the same exchange on a blocking socket:
what the kernel alone takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial

import uvloop

from clement.net.clamd import ClamdScanner
from clement.net.clamd_connection import END_OF_STREAM, INSTREAM, chunk_header
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.policy.ports import Clean

HEADER = b"From: a@bench.example\r\nTo: b@bench.example\r\nSubject: bench\r\n\r\n"


def bodies(count: int, size_bytes: int) -> Iterator[bytes]:
    for _ in range(count):
        line = os.urandom(36).hex().encode() + b"\r\n"
        yield HEADER + line * (size_bytes // len(line))


def report(name: str, contents: list[bytes], scan: Callable[[list[bytes]], None]) -> None:
    wall_s, cpu_s, count = time.perf_counter(), time.process_time(), len(contents)
    scan(contents)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(
        f"{name:24} {count / wall_s:7.0f} scans/s   {1e6 * cpu_s / count:7.1f} us CPU of ours each",
        flush=True,
    )


def bare(address: ClamdAddress, contents: list[bytes]) -> None:
    for content in contents:
        family = socket.AF_UNIX if address.path else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.connect(address.path or (address.host, address.port))
            connection.sendmsg((INSTREAM, chunk_header(len(content)), content, END_OF_STREAM))
            while connection.recv(1024):
                pass


async def scan_all(address: ClamdAddress, contents: list[bytes], at_once: int) -> None:
    scanner = ClamdScanner(ClamdSettings(addresses=(address,), scans_at_once=at_once))
    waiting = iter(contents)

    async def work() -> None:
        for content in waiting:
            stream = scanner.begin()
            await stream.feed(content)
            if await stream.finish() != Clean():
                raise SystemExit("clamd did not call it clean")

    await asyncio.gather(*(work() for _ in range(at_once)))


def in_loop(run: Callable[..., None], address: ClamdAddress, at_once: int, contents: list[bytes]) -> None:
    run(scan_all(address, contents, at_once))


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU and rate of clamd scans")
    parser.add_argument("--clamd", type=ClamdAddress.parse, required=True)
    parser.add_argument("--size", type=int, default=10_000, help="bytes of a body")
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 4, 8])
    options = parser.parse_args()

    def fresh() -> list[bytes]:
        return list(bodies(options.scans, options.size))

    report("bare, 1 at once", fresh(), partial(bare, options.clamd))
    for name, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
        for at_once in options.at_once:
            scan = partial(in_loop, run, options.clamd, at_once)
            report(f"{name}, {at_once} at once", fresh(), scan)


if __name__ == "__main__":
    main()
