"""What handing a message to a next hop costs us: deliveries a second, CPU of each, on kept connections.

    .venv/bin/python bench/relay_delivery.py --parallel 20 --size 10000 --seconds 3

The next hop is a process of its own that says yes to everything; `--to HOST:PORT` takes another one, such as
smtp-sink.
"""

import argparse
import asyncio
import multiprocessing
import resource
import time

import uvloop

from clement.delivery.relay import RelayTransport
from clement.delivery.transport import Destination, Envelope
from clement.net.hop_connection import TlsContexts
from clement.net.hop_pool import PoolLimits
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import Domain, Group, Mode, NextHop, Relayed, TlsUse
from clement.smtp import Mailbox
from clement.spool.content import Content
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers

ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"RSET": b"250 ok\r\n",
}


class Sink(asyncio.Protocol):
    """A next hop without opinions."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.octets, self.in_content = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, octets: bytes) -> None:
        self.octets += octets
        answers = []
        while True:
            mark = b"\r\n.\r\n" if self.in_content else b"\r\n"
            line, found, rest = self.octets.partition(mark)
            if not found:
                if self.in_content:
                    self.octets = self.octets[-len(mark) :]  # the rest of a large content is not kept
                break
            self.octets = rest
            answers.append(b"250 kept\r\n" if self.in_content else ANSWERS.get(line[:4], b"221 bye\r\n"))
            self.in_content = line[:4] == b"DATA" and not self.in_content
        self.transport.write(b"".join(answers))


def run_sink(ports: multiprocessing.Queue) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def load(hop: NextHop, arguments: argparse.Namespace) -> str:
    workers = Workers(1)
    limits = PoolLimits(connections=arguments.parallel, messages=10**9)
    client = SmtpClient("bench.example", time.monotonic, TlsContexts.standard(), limits=limits)
    transport = RelayTransport(client, OsFileSystem(), workers, time.monotonic)
    route = Relayed(Group(1, "bench", Mode.RELAY, next_hops=(hop,)), Domain(1, "x.example", 1), "u@x.example")
    target = Destination(Mailbox("u", "x.example"), route)
    envelope = Envelope("bench-1", Mailbox("from", "elsewhere.example"), b"Received: from a by b; date\r\n")
    line = b"The quick brown fox jumps over the lazy dog, and the next hop takes the mail.\r\n"
    octets = b"Subject: bench\r\n\r\n" + line * (arguments.size // len(line))
    ends_at_s = time.monotonic() + arguments.seconds
    took_s: list[float] = []

    async def deliver() -> None:
        while time.monotonic() < ends_at_s:
            began_s = time.monotonic()
            delivery = transport.start(envelope, [target])
            await delivery.prepare(Content.in_memory(octets))
            (placement,) = await delivery.commit()
            if not placement.reply.is_positive:
                raise SystemExit(str(placement.reply))
            took_s.append(time.monotonic() - began_s)

    before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    await asyncio.gather(*(deliver() for _ in range(arguments.parallel)))
    after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began_s
    client.close()
    workers.stop()
    took_s.sort()
    count = len(took_s)
    user_us = (after.ru_utime - before.ru_utime) * 1e6 / count
    system_us = (after.ru_stime - before.ru_stime) * 1e6 / count
    return (
        f"{count / seconds:7.0f}/s  CPU {user_us:.0f} + {system_us:.0f} us  "
        f"p50 {took_s[count // 2] * 1e3:.2f} ms  p99 {took_s[count * 99 // 100] * 1e3:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parallel", type=int, default=20)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--to", default="", help="HOST:PORT of a next hop that is running already")
    arguments = parser.parse_args()
    sink = None
    if arguments.to:
        host, _, port = arguments.to.rpartition(":")
        hop = NextHop(host, int(port), tls=TlsUse.NEVER)
    else:
        ports: multiprocessing.Queue = multiprocessing.Queue()
        sink = multiprocessing.Process(target=run_sink, args=(ports,), daemon=True)
        sink.start()
        hop = NextHop("127.0.0.1", ports.get(), tls=TlsUse.NEVER)
    print(uvloop.run(load(hop, arguments)))
    if sink is not None:
        sink.terminate()


if __name__ == "__main__":
    main()
