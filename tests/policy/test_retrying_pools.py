"""Who retries from many addresses: proven names and networks, as others have reported them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from clement.policy.retrying_pools import NAMES, NETWORKS, pool_of

NOBODY = ip_address("203.0.113.1")


def test_a_name_counts_with_all_below_it() -> None:
    assert pool_of(NOBODY, ["mail-ej1-f51.google.com"]) == "google.com"
    assert pool_of(NOBODY, ["nothing.example", "outlook.com"]) == "outlook.com"
    assert pool_of(NOBODY, ["notgoogle.com", "google.com.evil.example", "com", ""]) == ""
    assert pool_of(NOBODY, []) == ""


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_network_counts_to_its_last_address(network: object) -> None:
    found = ip_network(str(network))
    assert pool_of(found[0], []) == str(found)
    assert pool_of(found[-1], []) == str(found)
    assert pool_of(found[0] - 1, []) != str(found)
    assert pool_of(found[-1] + 1, []) != str(found)


def test_every_entry_is_a_fact_that_was_reported() -> None:
    """Names may stand for patterns of hosts below them."""
    facts = Path(__file__).parents[3] / "shared/material/greylist_postgrey/postgrey_whitelist_clients"
    if not facts.is_file():
        pytest.skip("the facts of Postgrey are not at hand")
    reported = [line.strip() for line in facts.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    plain = " ".join(reported).replace("\\.", ".")
    networks = {ip_network(line) for line in reported if "/" in line and line[0] != "/"}
    assert set(NETWORKS) <= networks
    assert not [name for name in NAMES if name not in plain]
