"""What knowing the caller costs a gateway: the same load with and without identities and DNS lists.

    .venv/bin/python bench/calling_gateway.py [--messages 2000] [--rounds 3]

A whole Clement with clamd in the session and cut-through to a next hop, fed with 10 kB messages that bear a
valid DKIM signature (RSA, 2048 bits) and an ARC chain of one seal, one message a connection, 20 at a time,
from changing addresses (PROXY protocol). "with": SPF, DKIM, DMARC, ARC, the client's name, three DNS lists,
all answered by an unbound on loopback. "without": none of them. Rounds take turns; medians are told. The
generator is a Python process on the same cores, which makes the ratio look better than it is, by a little:
CPU of Clement for each message is told too, and that is ours alone.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.relay_delivery import run_sink  # noqa: E402

from clement.message.authentication.arc import ArcOutcome  # noqa: E402
from clement.message.authentication.arc_sealing import ArcSealer  # noqa: E402
from clement.message.authentication.dkim_signing import DkimSigner  # noqa: E402
from clement.message.authentication.result import Result  # noqa: E402
from clement.message.authentication.signing_key import SigningIdentity, SigningKey  # noqa: E402
from tests.fixtures.clamd import run_clamd  # noqa: E402
from tests.fixtures.dns_lists import run_unbound  # noqa: E402
from tests.fixtures.programs import choose_port  # noqa: E402

CLIENTS = 100
LISTS = ("one.lists.test", "two.lists.test", "three.lists.test")
AT_ONCE = 20
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def key_and_record() -> tuple[SigningKey, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = "".join(public.decode().splitlines()[1:-1])
    halves = " ".join(f'"{part}"' for part in (f"v=DKIM1; k=rsa; p={text[:200]}", text[200:]))
    return SigningKey.from_pem(pem), f"s._domainkey.gen.test. 3600 IN TXT {halves}"


def records(of_key: str) -> list[str]:
    found = [
        "gen.test. 3600 IN MX 10 mail.gen.test.",
        'gen.test. 3600 IN TXT "v=spf1 ip4:198.18.0.0/24 -all"',
        '_dmarc.gen.test. 3600 IN TXT "v=DMARC1; p=reject"',
        of_key,
    ]
    for number in range(1, CLIENTS + 1):
        found.append(f"{number}.0.18.198.in-addr.arpa. 3600 IN PTR c{number}.gen.test.")
        found.append(f"c{number}.gen.test. 3600 IN A 198.18.0.{number}")
    for zone in LISTS:
        found.append(f"2.0.0.127.{zone}. 3600 IN A 127.0.0.2")
        found.append(f"{zone}. 3600 IN SOA ns.{zone}. root.{zone}. 1 3600 600 86400 3600")
    return found


def messages(key: SigningKey, count: int) -> Iterator[bytes]:
    identity = SigningIdentity("gen.test", "s", key)
    for number in range(count):
        unique = os.urandom(35).hex().encode()
        body = (unique + b"\r\n") * 140
        header = (
            f"From: A <a@gen.test>\r\nTo: u{number % 100}@bench.test\r\nSubject: hello {number}\r\n"
            f"Message-ID: <{number}.{unique[:16].decode()}@gen.test>\r\n"
            "Date: Sun, 22 Nov 2026 10:58:54 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
        ).encode()
        signer = DkimSigner(header)
        signer.feed(body)
        header = signer.sign(identity, now_s=time.time()) + header
        sealer = ArcSealer(header)
        sealer.feed(body)
        results = "mail.gen.test; dkim=pass header.d=gen.test"
        header = sealer.seal(ArcOutcome(result=Result.NONE), results, identity, now_s=time.time()) + header
        yield header + b"\r\n" + body


def generate(port: int, contents: list[bytes], answers: multiprocessing.Queue) -> None:
    """20 connections at a time, one message each; puts (seconds, refused) when all are answered."""
    uvloop.run(_generate(port, contents, answers))


async def _generate(port: int, contents: list[bytes], answers: multiprocessing.Queue) -> None:
    waiting, refused = iter(enumerate(contents)), 0

    async def work() -> None:
        nonlocal refused
        for number, content in waiting:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            client = number % CLIENTS + 1
            writer.write(f"PROXY TCP4 198.18.0.{client} 127.0.0.1 4000 25\r\n".encode())
            await answer(reader)
            for line in (
                f"EHLO c{client}.gen.test",
                "MAIL FROM:<a@gen.test>",
                f"RCPT TO:<u{number % 100}@bench.test>",
                "DATA",
            ):
                writer.write(line.encode() + b"\r\n")
                await answer(reader)
            writer.write(content + b".\r\n")
            refused += not (await answer(reader)).startswith(b"250")
            writer.write(b"QUIT\r\n")
            writer.close()

    began_s = time.monotonic()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    answers.put((time.monotonic() - began_s, refused))


async def answer(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    while line[3:4] == b"-":
        line = await reader.readline()
    return line


class Served:
    """A Clement of its own, from start to end. calling: whether identities and lists are asked."""

    def __init__(self, folder: Path, *, calling: bool, backend_port: int, clamd: str, dns: str) -> None:
        self.port = choose_port()
        folder.mkdir()
        environment = {
            **os.environ,
            "BENCH_PROFILE": "P2",
            "BENCH_DIR": str(folder),
            "BENCH_PORT": str(self.port),
            "BENCH_DOMAIN": "bench.test",
            "BENCH_USERS": "100",
            "BENCH_BACKEND_PORT": str(backend_port),
            "BENCH_CLAMD": clamd,
            "BENCH_RESOLVER": dns,
            "BENCH_LISTS": " ".join(LISTS) if calling else "",
            "BENCH_IDENTITIES": "1" if calling else "",
            "BENCH_BALANCER": "127.0.0.1",
        }
        self._program = subprocess.Popen(
            [sys.executable, str(ROOT / "bench" / "profiles.py")],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=(folder / "stderr").open("wb"),
        )

    def cpu_s(self) -> float:
        return sum(_cpu_s(process) for process in _family(self._program.pid))

    def stop(self) -> None:
        self._program.send_signal(signal.SIGTERM)
        self._program.wait(30)


def _family(process: int) -> Iterator[int]:
    yield process
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield from _family(int(child))


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def play(served: Served, contents: list[bytes]) -> tuple[float, int]:
    answers: multiprocessing.Queue = multiprocessing.Queue()
    generator = multiprocessing.Process(target=generate, args=(served.port, contents, answers))
    generator.start()
    seconds, refused = answers.get(timeout=300)
    generator.join()
    return seconds, refused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    key, of_key = key_and_record()
    ports: multiprocessing.Queue = multiprocessing.Queue()
    sink = multiprocessing.Process(target=run_sink, args=(ports,), daemon=True)
    sink.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        for name in ("clamd", "unbound"):
            (folder / name).mkdir(mode=0o755)
        clamd, unbound = run_clamd(folder / "clamd"), run_unbound(folder / "unbound", records(of_key), {})
        found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        backend_port = ports.get(timeout=10)
        for number in range(asked.rounds):
            for calling in (True, False):
                served = Served(
                    folder / f"{number}-{calling}",
                    calling=calling,
                    backend_port=backend_port,
                    clamd=str(clamd.unix_socket),
                    dns=unbound.address,
                )
                found[calling].append(one_round(served, key, asked.messages))
        clamd.program.stop()
        unbound.program.stop()
    rates = {calling: statistics.median(rate for rate, _cpu in found[calling]) for calling in found}
    costs = {calling: statistics.median(cpu for _rate, cpu in found[calling]) for calling in found}
    for calling, name in ((True, "with"), (False, "without")):
        print(f"{name:8} {rates[calling]:6.0f} messages/s   {costs[calling] * 1e6:6.0f} us CPU each")
    print(f"with / without: {rates[True] / rates[False]:.2f} (goal 0.70)")


def one_round(served: Served, key: SigningKey, count: int) -> tuple[float, float]:
    """Messages a second, and CPU seconds of each, once caches are warm and lists are trusted."""
    wait_for(served.port)
    play(served, list(messages(key, 300)))
    contents = list(messages(key, count))
    before_s = served.cpu_s()
    seconds, refused = play(served, contents)
    time.sleep(2)  # the recorder's share
    cpu_s = served.cpu_s() - before_s
    served.stop()
    if refused:
        sys.exit(f"{refused} of {count} were not accepted")
    return count / seconds, cpu_s / count


def wait_for(port: int) -> None:
    async def greeted() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.write(b"PROXY TCP4 198.18.0.1 127.0.0.1 4000 25\r\n")
        line = await reader.readline()
        writer.close()
        return line.startswith(b"220")

    until_s = time.monotonic() + 30
    while not asyncio.run(greeted()):
        if time.monotonic() > until_s:
            sys.exit("Clement does not answer")
        time.sleep(0.2)
    time.sleep(1)


if __name__ == "__main__":
    main()
