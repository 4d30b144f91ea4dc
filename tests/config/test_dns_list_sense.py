"""What `clement check` warns of where DNS lists are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from clement.config.dns_list_sense import find_list_cautions
from clement.config.load import load_with_blame

BASE = '[site]\nhostname = "mail.example.org"\n[[listener]]\nkind = "mx"\naddress = "127.0.0.1:25"\n'
BLOCK = '[[dns_list]]\nzone = "bl.example"\n'
ALLOW = '[[dns_list]]\nzone = "wl.example"\nkind = "allow"\n'


def warnings(folder: Path, text: str, resolv_conf: str = "nameserver 127.0.0.1\n") -> list[str]:
    path, resolvers = folder / "clement.toml", folder / "resolv.conf"
    path.write_text(BASE + text)
    resolvers.write_text(resolv_conf)
    settings, blame = load_with_blame(path)
    find_list_cautions(settings, blame, resolvers)
    return [str(each).removeprefix(f"{path}:") for each in blame.warnings]


def test_a_list_that_works_is_not_warned_of(tmp_path: Path) -> None:
    assert warnings(tmp_path, BLOCK + ALLOW) == []


def test_lists_that_can_never_refuse_are_warned_of(tmp_path: Path) -> None:
    light = "[dns]\nlist_threshold = 5\n" + BLOCK + 'codes = ["127.0.0.2=2", "127.0.0.3=4"]\n'
    (told,) = warnings(tmp_path, light)
    assert "dns.list_threshold: 5: all lists together reach 4 at most, so nothing is ever refused" in told
    assert warnings(tmp_path, light + 'asks = ["client", "hello"]\n') == []


def test_allow_lists_alone_are_warned_of(tmp_path: Path) -> None:
    (told,) = warnings(tmp_path, ALLOW)
    assert "there are only allow lists" in told


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "9.9.9.9", "2606:4700:4700::1111"])
def test_a_resolver_for_everybody_is_warned_of_wherever_it_is_named(tmp_path: Path, address: str) -> None:
    (told,) = warnings(tmp_path, BLOCK, f"# here\nnameserver\nnameserver {address}\n")
    assert f"{address} is a resolver for everybody" in told
    host = f"[{address}]" if ":" in address else address
    (told,) = warnings(tmp_path, f'[dns]\nservers = ["{host}:53"]\n' + BLOCK)
    assert warnings(tmp_path, f'[dns]\nservers = ["{host}:53"]\n') == [], "nobody asks lists through it"


def test_a_machine_without_resolv_conf_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "clement.toml"
    path.write_text(BASE + BLOCK)
    settings, blame = load_with_blame(path)
    find_list_cautions(settings, blame, tmp_path / "missing")
    assert blame.warnings == []
