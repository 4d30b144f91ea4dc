"""`clement banned` and `clement trusted`, as a person uses them."""

from pathlib import Path

import pytest

from tests.cli.conftest import Shell


def test_what_is_added_by_hand_is_listed_shown_and_removed(shell: Shell) -> None:
    shell.run("banned", "add", "192.0.2.7", "--expires", "7d", "--note", "sends viruses")
    (row,) = shell.json("banned", "list")
    assert (row["network"], row["origin"], row["state"]) == ("192.0.2.7/32", "hand", "effective")
    assert "sends viruses" in shell.out("banned", "show", "192.0.2.7")
    assert shell.json("network", "list")[-1]["standing"] == "banned"
    assert "no longer banned" in shell.out("banned", "remove", "192.0.2.7")
    assert shell.json("banned", "list") == []


def test_who_is_not_banned_can_be_pardoned_beforehand(shell: Shell) -> None:
    assert "pardoned" in shell.out("banned", "remove", "192.0.2.0/24", "--until", "never", "--note", "ours")
    assert "192.0.2.0/24" in shell.out("banned", "show", "192.0.2.7")


def test_of_a_stranger_nothing_is_known(shell: Shell) -> None:
    assert "nothing is known of 192.0.2.9/32" in shell.refusal("banned", "show", "192.0.2.9", code=3)
    assert "expected an address" in shell.refusal("trusted", "add", "mx.example", code=2)
    assert "cannot read none.csv: No such file" in shell.refusal(
        "banned", "import", "none.csv", "--format", "csv", code=2
    )
    assert "no trusted server" in shell.refusal("trusted", "remove", "192.0.2.9", code=3)


@pytest.mark.parametrize("written_as", ["nftables", "rbldnsd", "csv", "json"])
def test_a_list_moves_from_one_server_to_another(shell: Shell, written_as: str) -> None:
    for server in ("192.0.2.7", "198.51.100.0/24", "2001:db8:5::/48"):
        shell.run("banned", "add", server)
    exported = shell.out("banned", "export", "--format", written_as)
    (shell.folder / "list").write_text(exported)
    for server in ("192.0.2.7", "198.51.100.0/24", "2001:db8:5::/48"):
        shell.run("banned", "remove", server)
    shell.run("banned", "preview", "-", "--format", written_as, stdin=exported)
    assert shell.out("banned", "import", "list", "--format", written_as).startswith("3 added")
    assert [row["network"] for row in shell.json("banned", "list")] == [
        "192.0.2.7/32",
        "198.51.100.0/24",
        "2001:db8:5::/48",
    ]


def wrong_list(folder: Path) -> None:
    (folder / "wrong.csv").write_text("192.0.2.7\n0.0.0.0/0\n10.1.2.3\n127.0.0.1\n198.51.100.1\nnonsense\n")


def test_nothing_is_imported_while_a_line_is_wrong_and_all_are_named(shell: Shell) -> None:
    shell.run("network", "add", "10.0.0.0/8", "relayable")
    shell.run("trusted", "add", "198.51.100.0/24")
    wrong_list(shell.folder)
    for verb in ("preview", "import"):
        told = shell.refusal("banned", verb, "wrong.csv", "--format", "csv", code=1)
        for fault in (
            "wrong.csv:2: 0.0.0.0/0 is wider than /8",
            "wrong.csv:3: 10.1.2.3: 10.0.0.0/8 may relay",
            "wrong.csv:4: 127.0.0.1: 127.0.0.0/8 is this machine",
            "wrong.csv:5: 198.51.100.1: 198.51.100.0/24 is trusted",
            "wrong.csv:6: 'nonsense' is no address",
        ):
            assert fault in told
    assert shell.json("banned", "list") == []
    shell.run("banned", "import", "wrong.csv", "--format", "csv", "--skip-wrong")
    assert [row["network"] for row in shell.json("banned", "list")] == ["192.0.2.7/32"]


def test_a_preview_without_trials_says_so(shell: Shell) -> None:
    assert "No ban is on trial" in shell.run("banned", "preview").stderr


def test_only_what_the_log_knows_can_be_corrected(shell: Shell) -> None:
    assert "no transaction" in shell.refusal("correct", "06dzq3cm0h2v5x7k9npr-1", "--unwanted", code=3)
