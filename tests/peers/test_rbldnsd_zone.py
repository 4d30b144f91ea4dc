"""rbldnsd serves the zone that `clement banned export` writes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import dns.message
import dns.query
import pytest

from clement.policy.list_text import ListLine, rbldnsd
from tests.fixtures.dns_lists import run_rbldnsd

ZONE = "banned.example"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("rbldnsd")
    folder.chmod(0o755)
    lines = [
        ListLine(network=ip_network("192.0.2.7/32"), why="30 viruses since 2026-11-01"),
        ListLine(network=ip_network("198.51.100.0/24")),
        ListLine(network=ip_network("2001:db8:7::/48")),
    ]
    running = run_rbldnsd(folder, {ZONE: ("combined", "\n".join(rbldnsd(lines)) + "\n")})
    yield running.port
    running.program.stop()


def asked(port: int, address: str, kind: str = "A") -> list[str]:
    reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    question = dns.message.make_query(f"{reverse}.{ZONE}", kind)
    answer = dns.query.udp(question, "127.0.0.1", timeout=20, port=port)
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
