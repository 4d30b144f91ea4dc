"""Server lists as other programs read them: nftables, rbldnsd, CSV. Pure: entries in, lines of text out.

What is in effect is more than a list of entries: a trusted server inside a banned
network is let in, so it is cut out of what is handed to a packet filter or a zone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from clement.policy.network import ListOrigin, Network

ELEMENTS_A_COMMAND: Final = 500
COMMENT_CHARS: Final = 100
MOST_TIMEOUT_DAYS: Final = 200_000
"""nftables refuses a whole file for a time-out that it cannot hold."""
CSV_COLUMNS: Final = ("network", "standing", "origin", "state", "expires", "final", "note", "evidence")
TEST_POINTS: Final = ("127.0.0.2", "::ffff:7f00:2")
"""What every list of addresses answers for, so that it can be seen to work (RFC 5782 §5)."""


class ListLine(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is written or read. expires_at_s: Unix seconds, 0 for never.

    note: of a person. why: what the server may be told. line: where it was read, from 1.
    """

    network: Network
    origin: ListOrigin = ListOrigin.HAND
    expires_at_s: int = 0
    note: str = ""
    why: str = ""
    state: str = "effective"
    standing: str = "banned"
    final: bool = False
    line: int = 0


def in_effect(banned: Sequence[ListLine], trusted: Sequence[ListLine]) -> list[ListLine]:
    """The banned networks, without those inside others, and without what is trusted inside them.

    As at a look-up: a person's word before the steward's, and of equals the smaller network.
    """
    friends = {line.network: line for line in trusted}
    kept: dict[Network, ListLine] = {}
    for line in sorted(banned, key=lambda each: (each.network.version, each.network.prefixlen)):
        if not any(above in kept for above in _above(line.network)) and not _is_spared(line, friends):
            kept[line.network] = line
    holes: dict[Network, list[Network]] = {}
    for friend in trusted:
        around = next((above for above in _above(friend.network) if above in kept), None)
        if around is not None and (_by_hand(friend) or not _by_hand(kept[around])):
            holes.setdefault(around, []).append(friend.network)
    found: list[ListLine] = []
    for network, line in kept.items():
        pieces = [network]
        for hole in holes.get(network, ()):
            pieces = [part for piece in pieces for part in _without(piece, hole)]
        found += [msgspec.structs.replace(line, network=piece) for piece in pieces]
    return sorted(found, key=lambda each: (each.network.version, int(each.network.network_address)))


def _by_hand(line: ListLine) -> bool:
    return line.origin is ListOrigin.HAND


def _is_spared(line: ListLine, friends: dict[Network, ListLine]) -> bool:
    """Whether a person trusts a network around what the steward banned, or the very same network."""
    spared = friends.get(line.network)
    if spared is not None and (_by_hand(spared) or not _by_hand(line)):
        return True
    around = [friends[above] for above in _above(line.network) if above in friends]
    return not _by_hand(line) and any(_by_hand(each) for each in around)


def _above(network: Network) -> Iterator[Network]:
    """The networks around one, itself not among them, the smallest first."""
    for bits in range(network.prefixlen - 1, -1, -1):
        yield network.supernet(new_prefix=bits)


def _without(network: Network, hole: Network) -> Iterable[Network]:
    if network.version != hole.version or not network.supernet_of(hole):  # type: ignore[arg-type]
        return [network]
    return network.address_exclude(hole)  # type: ignore[arg-type]


def nftables(lines: Iterable[ListLine], now_s: int, name: str = "banned") -> Iterator[str]:
    """Commands for `nft -f`: two sets in a table of their own, emptied and filled in one transaction.

    What has an end has a time-out, so that it goes also when the file is never made again.
    """
    deed = "reject" if name == "banned" else "accept"
    yield f"# Made by `clement {name} export`; `nft -f` loads it."
    yield "# Rules in this table, and no other, may name its sets:"
    yield "#   nft add chain inet clement input '{ type filter hook input priority filter; }'"
    yield f"#   nft add rule inet clement input tcp dport 25 ip saddr @{name}4 {deed}"
    yield f"#   nft add rule inet clement input tcp dport 25 ip6 saddr @{name}6 {deed}"
    yield "add table inet clement"
    by_version: dict[int, list[str]] = {4: [], 6: []}
    for line in lines:
        by_version[line.network.version].append(_element(line, now_s))
    for version, elements in by_version.items():
        yield f"add set inet clement {name}{version} {{ type ipv{version}_addr; flags interval, timeout; }}"
        yield f"flush set inet clement {name}{version}"
        for start in range(0, len(elements), ELEMENTS_A_COMMAND):
            some = ", ".join(elements[start : start + ELEMENTS_A_COMMAND])
            yield f"add element inet clement {name}{version} {{ {some} }}"


def _element(line: ListLine, now_s: int) -> str:
    until = f" timeout {_timeout(max(1, line.expires_at_s - now_s))}" if line.expires_at_s else ""
    comment = _plain(line.why)[:COMMENT_CHARS]
    return server_text(line.network) + until + (f' comment "{comment}"' if comment else "")


def _timeout(left_s: int) -> str:
    """As nft reads it: no number of more than eight digits."""
    days, rest_s = divmod(left_s, 86_400)
    return f"{left_s}s" if left_s < 10**8 else f"{min(days, MOST_TIMEOUT_DAYS)}d{rest_s}s"


def rbldnsd(lines: Iterable[ListLine], *, answer: str = "127.0.0.2", name: str = "banned") -> Iterator[str]:
    """A `combined` zone file of rbldnsd for addresses of both families, with the test points of RFC 5782."""
    yield f"# Made by `clement {name} export`. Serve it with: rbldnsd ... {name}.example.org:combined:FILE"
    by_version: dict[int, list[ListLine]] = {4: [], 6: []}
    for line in lines:
        by_version[line.network.version].append(line)
    for version, some in by_version.items():
        yield f"$DATASET ip{version}trie:{name}{version} @"
        yield f":{answer}:$ is {name}"
        yield f"{TEST_POINTS[version == 6]} :{answer}:This is the test entry of RFC 5782"
        for line in some:
            why = _plain(line.why)
            text = f" :{answer}:$ is {name}: {why}" if why else ""
            yield server_text(line.network) + text


def comma_separated(lines: Iterable[ListLine]) -> Iterator[str]:
    """CSV (RFC 4180, but for line ends) with a header line."""
    yield ",".join(CSV_COLUMNS)
    for line in lines:
        written = io.StringIO()
        csv.writer(written, lineterminator="").writerow(
            (
                str(line.network),
                line.standing,
                line.origin.value,
                line.state,
                instant_text(line.expires_at_s),
                "final" if line.final else "",
                line.note,
                line.why,
            )
        )
        yield written.getvalue()


def instant_text(at_s: int) -> str:
    """A moment as RFC 3339 writes it, "" for never."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at_s else ""


def server_text(network: Network) -> str:
    """A network as people write it: an address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _plain(text: str) -> str:
    """Words that neither nft nor rbldnsd could take for anything else."""
    return "".join(char if char.isascii() and (char.isalnum() or char in " ,.:/-") else " " for char in text)
