"""rbldnsd serves the zone that `clement banned export` writes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import dns.message
import dns.query
import dns.rcode
import pytest

from clement.policy.list_text import ListLine, rbldnsd

PROGRAM = shutil.which("rbldnsd", path="/usr/sbin:/usr/bin")
ZONE = "banned.example"

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(PROGRAM is None, reason="rbldnsd is not installed"),
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("rbldnsd")
    folder.chmod(0o755)
    lines = [
        ListLine(network=ip_network("192.0.2.7/32"), why="30 viruses since 2026-11-01"),
        ListLine(network=ip_network("198.51.100.0/24")),
        ListLine(network=ip_network("2001:db8:7::/48")),
    ]
    (folder / "zone").write_text("\n".join(rbldnsd(lines)) + "\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        chosen = int(probe.getsockname()[1])
    assert PROGRAM is not None
    served = f"{ZONE}:combined:zone"
    words = [PROGRAM, "-n", "-b", f"127.0.0.1/{chosen}", "-w", str(folder), "-u", "nobody", served]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s and not _answers(chosen):
            time.sleep(0.05)
        assert running.poll() is None, (folder / "log").read_text()
        yield chosen
    finally:
        running.terminate()
        running.wait(10)


def _answers(port: int) -> bool:
    try:
        return asked(port, "127.0.0.2") != []
    except (dns.exception.Timeout, OSError):
        return False


def asked(port: int, address: str, kind: str = "A") -> list[str]:
    reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    question = dns.message.make_query(f"{reverse}.{ZONE}", kind)
    answer = dns.query.udp(question, "127.0.0.1", timeout=1, port=port)
    return [str(record) for found in answer.answer for record in found]


@pytest.mark.parametrize(
    "address", ["192.0.2.7", "198.51.100.200", "2001:db8:7:1::5", "127.0.0.2", "::ffff:7f00:2"]
)
def test_what_is_banned_is_listed(port: int, address: str) -> None:
    assert asked(port, address) == ["127.0.0.2"]


@pytest.mark.parametrize("address", ["192.0.2.8", "198.51.101.1", "2001:db8:8::1", "127.0.0.1"])
def test_nobody_else_is(port: int, address: str) -> None:
    assert asked(port, address) == []


def test_the_text_says_who_and_why(port: int) -> None:
    assert asked(port, "192.0.2.7", "TXT") == ['"192.0.2.7 is banned: 30 viruses since 2026-11-01"']
    assert asked(port, "198.51.100.200", "TXT") == ['"198.51.100.200 is banned"']
