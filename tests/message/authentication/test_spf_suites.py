"""The suites of openspf.org. All of RFC 7208's; of RFC 4408's, whatever RFC 7208 left as it was."""

from __future__ import annotations

import asyncio
from functools import cache
from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from clement.message.authentication.spf import SpfOutcome, check_host
from tests.fixtures.places import shared
from tests.fixtures.zones import Zones

RFC_7208 = "material/spf_openspf/rfc7208-tests.yml"
RFC_4408 = "material/spf_openspf/rfc4408-tests.yml"
RESULTS = {RFC_7208: 203, RFC_4408: 191}

# No result disagrees with the suite of RFC 4408; of the several that it allows, RFC 7208 leaves one.
SETTLED_BY_7208 = {
    "txtonly": ("fail", "§3.1: records are published as TXT"),
    "spfonly": ("none", "§3.1: type SPF is not asked for"),
    "spftimeout": ("fail", "§3.1: that type SPF does not answer is never noticed"),
    "txttimeout": ("temperror", "§4.4: TXT does not answer, whatever type SPF holds"),
    "nospftxttimeout": ("temperror", "§4.4: likewise"),
    "spfoverride": ("fail", "§3.1: TXT counts, type SPF overrides nothing"),
    "multitxt1": ("permerror", "§4.5: more than one record, as TXT"),
    "multispf2": ("pass", "§3.1: two records of type SPF are none, one TXT counts"),
    "exists-dnserr": ("temperror", "§5: a failure of the DNS ends the check so"),
    "cidr6-0-ip4": ("neutral", "§5: an IPv4 address matches no ip6"),
    "cidr6-ip4": ("neutral", "§5: nor does an IPv4-mapped one"),
    "mx-limit": ("permerror", "§4.6.4: more than ten MX records"),
}


@cache
def scenarios(suite: str) -> list[dict[str, Any]]:
    text = shared(suite).read_text(encoding="utf-8")
    return [scenario for scenario in yaml.safe_load_all(text) if scenario]


async def outcome_of(zones: Zones, case: dict[str, Any]) -> SpfOutcome:
    mail_from = case["mailfrom"]
    identity = mail_from or f"postmaster@{case['helo']}"
    return await check_host(
        zones,
        address=ip_address(case["host"]),
        domain=identity.rpartition("@")[2],
        identity=identity,
        hello=case["helo"],
        receiver="mx.local.example",
        now_s=1_700_000_000.0,
    )


def disagreements(suite: str) -> tuple[int, dict[tuple[str, str], str]]:
    """How many results were compared, and what differs."""
    compared = 0
    different: dict[tuple[str, str], str] = {}
    for scenario in scenarios(suite):
        zones = Zones.of_suite(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            compared += 1
            outcome = asyncio.run(outcome_of(zones, case))
            results = case["result"] if isinstance(case["result"], list) else [case["result"]]
            if outcome.result not in results:
                different[scenario["description"], name] = f"{outcome} is not {results}"
            explanation = case.get("explanation")
            if explanation is not None and outcome.explanation != explanation.replace("DEFAULT", ""):
                different[scenario["description"], name] = f"{outcome.explanation!r} is not {explanation!r}"
    return compared, different


def test_the_suite_of_rfc_7208_agrees_in_every_result() -> None:
    compared, different = disagreements(RFC_7208)
    assert not different
    assert compared == RESULTS[RFC_7208]


def test_the_suite_of_rfc_4408_agrees_in_every_result_too() -> None:
    compared, different = disagreements(RFC_4408)
    assert not different
    assert compared == RESULTS[RFC_4408]


def test_where_the_suite_of_rfc_4408_allows_several_results_ours_is_that_of_rfc_7208() -> None:
    settled = {}
    for scenario in scenarios(RFC_4408):
        zones = Zones.of_suite(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            if name in SETTLED_BY_7208:
                assert isinstance(case["result"], list)
                settled[name] = asyncio.run(outcome_of(zones, case)).result
    assert settled == {name: result for name, (result, _why) in SETTLED_BY_7208.items()}


@pytest.mark.parametrize("suite", [RFC_7208, RFC_4408])
def test_every_problem_is_told_in_printable_words(suite: str) -> None:
    for scenario in scenarios(suite):
        zones = Zones.of_suite(scenario["zonedata"])
        for case in scenario["tests"].values():
            outcome = asyncio.run(outcome_of(zones, case))
            assert bool(outcome.problem) == (outcome.result in {"permerror", "temperror", "none"})
            assert outcome.problem.isprintable()
            assert len(outcome.problem) < 700
            assert outcome.lookups <= 10
