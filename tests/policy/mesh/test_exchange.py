"""The words of an exchange: any octets are a command or none, and pages lead forward or are no pages."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.mesh.exchange import (
    Entry,
    ExchangeMalformed,
    HelloCommand,
    Page,
    ProveCommand,
    PullCommand,
    PushCommand,
    parse_command,
    parse_page,
    parse_proven,
    parse_welcome,
)
from clement.policy.mesh.key import KeyId
from clement.policy.mesh.snapshot import (
    LoggedEntry,
    MeshSnapshot,
    SnapshotUnreadable,
    decode_snapshot,
    encode_snapshot,
)

KEY, NONCE, SIGNATURE = "a" * 26, "n" * 22, "s" * 86
printable = st.characters(min_codepoint=33, max_codepoint=126)
positions = st.integers(0, 10**18 - 1)
entries = st.builds(Entry, positions, st.integers(0, 9), st.text(printable, min_size=1, max_size=440))


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (f"HELLO 1 {KEY} {NONCE}", HelloCommand("1", KeyId(KEY), NONCE)),
        (f"hello 2 {KEY} {NONCE}", HelloCommand("2", KeyId(KEY), NONCE)),
        (f"PROVE {SIGNATURE}", ProveCommand(SIGNATURE)),
        ("PULL 0", PullCommand(0)),
        ("PUSH 17 1 1 something", PushCommand(Entry(17, 1, "1 something"))),
    ],
)
def test_commands_are_read(line: str, command: object) -> None:
    assert parse_command(line.encode()) == command


@pytest.mark.parametrize(
    "line", ["", "HELLO", "PULL", "PULL -1", "PULL 01", f"PULL {10**18}", "PULL 0 ", "PUSH 1 10 x", "LIST"]
)
def test_what_is_no_command_is_refused(line: str) -> None:
    with pytest.raises(ExchangeMalformed):
        parse_command(line.encode())


@given(st.binary(max_size=600))
def test_any_octets_are_a_command_or_none(octets: bytes) -> None:
    with suppress(ExchangeMalformed):
        parse_command(octets)


@given(entries)
def test_entries_survive_the_way(entry: Entry) -> None:
    assert parse_command(f"PUSH {entry.encode()}".encode()) == PushCommand(entry)
    if entry.position:
        page = Page((entry,), entry.position, has_more=False)
        assert parse_page(page.lines(), 0) == page


@given(st.lists(st.text(max_size=60), max_size=40), positions)
def test_any_lines_are_a_page_or_none(lines: list[str], after: int) -> None:
    with suppress(ExchangeMalformed):
        page = parse_page(lines, after)
        assert page.until >= after
    for line in lines:
        with suppress(ExchangeMalformed):
            parse_welcome(line)
        with suppress(ExchangeMalformed):
            parse_proven(line)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["7 0 text"],
        ["7 0 text", "6 END"],
        ["5 0 text", "7 END"],
        ["7 0 text", "7 0 text", "8 END"],
        ["5 MORE"],
        [*(f"{number} 0 text" for number in range(6, 40)), "40 END"],
    ],
    ids=["nothing", "no end", "ends before", "told before", "twice", "leads nowhere", "too many"],
)
def test_a_page_leads_forward(lines: list[str]) -> None:
    with pytest.raises(ExchangeMalformed):
        parse_page(lines, 5)


@given(st.binary(max_size=300))
def test_any_octets_are_a_snapshot_or_none(octets: bytes) -> None:
    with suppress(SnapshotUnreadable):
        decode_snapshot(octets)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"), st.sampled_from("abc")), max_size=120))
def test_pages_tell_every_entry_that_may_be_told_once(told: list[tuple[int, str, str]]) -> None:
    """In order, each once, and nothing that the asking peer has said or handed over."""
    logged = tuple(
        LoggedEntry(position, hops, KeyId(origin), handed_by, f"1 {position}")
        for position, (hops, origin, handed_by) in enumerate(told, 1)
    )
    snapshot = decode_snapshot(encode_snapshot(MeshSnapshot(logged, until=len(told) + 5)))
    asking, after, found = KeyId("a"), 0, []
    while True:
        page = snapshot.page(asking, after)
        found += page.entries
        after = page.until
        if not page.has_more:
            break
    wanted = [
        entry.position
        for entry in logged
        if "a" not in (entry.origin, entry.handed_by) and entry.hops + 1 <= 3
    ]
    assert [entry.position for entry in found] == wanted
    assert after == len(told) + 5
