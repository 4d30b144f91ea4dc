"""Exported lists in a real packet filter, in a network of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from ipaddress import ip_network

import pytest

from clement.policy.list_text import ELEMENTS_A_COMMAND, ListLine, in_effect, nftables
from tests.cli.conftest import Shell
from tests.fixtures.programs import find_program, need, need_root

pytestmark = pytest.mark.peer

NOW_S = 1_790_000_000
YEAR_S = 365 * 86_400


class PacketFilter:
    """nftables of a network namespace that nobody else is in."""

    def __init__(self, process_id: int) -> None:
        self._enter = ["nsenter", f"--net=/proc/{process_id}/ns/net"]

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._enter, *command], input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def load(self, text: str, *, fails: bool = False) -> None:
        done = self.run("nft", "-f", "-", stdin=text)
        assert (done.returncode != 0) is fails, done.stderr[-2000:]

    def listed(self, name: str) -> str:
        done = self.run("nft", "list", "set", "inet", "clement", name)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    def has(self, name: str, address: str) -> bool:
        return self.run("nft", "get", "element", "inet", "clement", name, f"{{ {address} }}").returncode == 0


@pytest.fixture
def packet_filter() -> Iterator[PacketFilter]:
    need("nftables")
    need_root("nft")
    find_program("nft")
    argv = ["unshare", "--net", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kept:
        assert kept.stdin is not None
        assert kept.stdout is not None
        try:
            if kept.stdout.readline() != "ready\n":
                pytest.skip("no network namespace can be made here")
            found = PacketFilter(kept.pid)
            tried = found.run("nft", "add table inet tried")
            if tried.returncode != 0:
                pytest.skip(f"the kernel has no nftables here: {tried.stderr.strip()}")
            yield found
        finally:
            kept.stdin.close()


def exported(*lines: ListLine, trusted: Sequence[ListLine] = ()) -> str:
    return "\n".join(nftables(in_effect(lines, trusted), NOW_S)) + "\n"


def line(network: str, left_s: int = 0, why: str = "") -> ListLine:
    return ListLine(network=ip_network(network), expires_at_s=NOW_S + left_s if left_s else 0, why=why)


def test_what_is_banned_is_in_the_sets_and_what_is_trusted_is_not(
    shell: Shell, packet_filter: PacketFilter
) -> None:
    for words in (
        ("banned", "add", "192.0.2.7", "--expires", "7d", "--note", "sends viruses"),
        ("banned", "add", "198.51.100.0/24"),
        ("banned", "add", "2001:db8:5::/48", "--expires", "2h"),
        ("trusted", "add", "198.51.100.77"),
    ):
        shell.run(*words)
    packet_filter.load(shell.out("banned", "export", "--format", "nftables"))
    for name, address, is_in in (
        ("banned4", "192.0.2.7", True),
        ("banned4", "192.0.2.8", False),
        ("banned4", "198.51.100.78", True),
        ("banned4", "198.51.100.77", False),
        ("banned6", "2001:db8:5::25", True),
        ("banned6", "2001:db8:6::25", False),
    ):
        assert packet_filter.has(name, address) is is_in, address
    assert "expires 6d23h" in packet_filter.listed("banned4")
    packet_filter.load(shell.out("trusted", "export", "--format", "nftables"))
    assert packet_filter.has("trusted4", "198.51.100.77")


def test_an_export_replaces_the_one_before_wholly_or_not_at_all(packet_filter: PacketFilter) -> None:
    packet_filter.load(exported(line("192.0.2.1/32"), line("192.0.2.2/32", 3600)))
    packet_filter.load(exported(line("192.0.2.2/32"), line("192.0.2.3/32")))
    assert "elements = { 192.0.2.2, 192.0.2.3 }" in packet_filter.listed("banned4")
    packet_filter.load(
        exported(line("192.0.2.4/32")) + "add element inet clement nowhere { 192.0.2.5 }\n", fails=True
    )
    assert "elements = { 192.0.2.2, 192.0.2.3 }" in packet_filter.listed("banned4")
    packet_filter.load(exported())
    assert "elements" not in packet_filter.listed("banned4")


@pytest.mark.parametrize("name", ["banned", "trusted"])
def test_the_rules_that_an_export_names_can_be_made_and_outlive_the_next(
    packet_filter: PacketFilter, name: str
) -> None:
    text = "\n".join(nftables([line("192.0.2.1/32")], NOW_S, name)) + "\n"
    packet_filter.load(text)
    rules = [said.removeprefix("#   ") for said in text.splitlines() if said.startswith("#   nft ")]
    assert len(rules) == 3
    for rule in rules:
        done = packet_filter.run("sh", "-c", rule)
        assert done.returncode == 0, done.stderr
    packet_filter.load(text)
    chain = packet_filter.run("nft", "list", "chain", "inet", "clement", "input").stdout
    assert f"tcp dport 25 ip saddr @{name}4" in chain
    assert f"tcp dport 25 ip6 saddr @{name}6" in chain


@pytest.mark.parametrize("left_s", [1, 86_400, 3 * YEAR_S, 10**8 - 1, 10**8, 30 * YEAR_S, 8000 * YEAR_S])
def test_any_end_can_be_loaded(packet_filter: PacketFilter, left_s: int) -> None:
    # Beside one that is still there when the second is over.
    packet_filter.load(exported(line("192.0.2.1/32", left_s), line("192.0.2.2/32")))
    assert packet_filter.has("banned4", "192.0.2.2")


def test_a_long_list_with_hostile_reasons_can_be_loaded(packet_filter: PacketFilter) -> None:
    count = 2 * ELEMENTS_A_COMMAND + 1
    hostile = '" }; add table inet intruder; {\\\n#\u202e é' + "x" * 300
    lines = [line(f"10.{number >> 8}.{number & 255}.0/24", 3600 + number, hostile) for number in range(count)]
    lines += [line(f"2001:db8:{number:x}::/48", why=hostile) for number in range(count)]
    packet_filter.load(exported(*lines))
    assert packet_filter.listed("banned4").count("timeout 1h") == count
    assert packet_filter.listed("banned6").count("/48") == count
    assert "intruder" not in packet_filter.run("nft", "list", "tables").stdout
