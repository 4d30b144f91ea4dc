"""The ARC test suite of ValiMail: 171 chains to validate, 17 messages to seal; skipped where it is not.

cv of a case is None, Pass or Fail. ENDED has the cases for which it is empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clement.message.authentication.arc import ArcOutcome, ArcValidator
from clement.message.authentication.arc_sealing import ArcSealer
from clement.message.authentication.body_hashes import BodyHashes
from clement.message.authentication.result import Result
from clement.message.authentication.signed_header import SignedHeader
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.authentication.tag_list import parse_tag_text, without_white_space
from clement.message.headers import fields, split_content
from tests.fixtures.places import shared
from tests.message.authentication.dkim_world import Zone

NOW_S = 1_484_000_000
ENDED = {
    "cv_fail_i1_as_cv_fail": "The newest seal says cv=fail. The suite, written for a draft, wants no result "
    "of a chain that ended before; RFC 8617 §5.2 wants fail then, and §4.4 knows no fourth state.",
    "cv_fail_i2_as2_fail": "Likewise.",
    "cv_fail_i2_as1_fail": "Seal 2 says cv=pass above a seal that says cv=fail. RFC 8617 §5.2: the first "
    "seal must say none and all others pass, or the chain fails.",
}


class Cases(yaml.SafeLoader):
    """Four cases stand in their scenario twice under one name, and differ; both are kept."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        while key in built:
            key += "'"
        built[key] = loader.construct_object(value_node, deep=True)
    return built


Cases.add_constructor("tag:yaml.org,2002:map", _mapping)


def cases(file: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    text = (shared("material/arc_valimail/tests") / file).read_text()
    for scenario in yaml.load_all(text, Cases):
        for name, case in scenario["tests"].items():
            yield name, case, scenario


def zone(scenario: dict[str, Any]) -> Zone:
    texts = scenario.get("txt-records") or {}
    return Zone({name: text.replace("\n", "") for name, text in texts.items()})


def evaluate(message: str, dns: Zone) -> tuple[SignedHeader, BodyHashes, ArcOutcome, ArcSealer]:
    content = message.encode().replace(b"\n", b"\r\n")
    block, start = split_content(content)
    header, hashes = SignedHeader(block), BodyHashes()
    validator = ArcValidator(header, now_s=NOW_S, hashes=hashes)
    sealer = ArcSealer(header, hashes=hashes)
    hashes.feed(content[start:])
    return header, hashes, asyncio.run(validator.validate(dns)), sealer


def test_all_171_chains_are_validated_as_expected() -> None:
    wrong: dict[str, str] = {}
    ended: set[str] = set()
    count = 0
    for name, case, scenario in cases("arc-draft-validation-tests.yml"):
        count += 1
        expected = str(case["cv"]).strip().lower()
        outcome = evaluate(case["message"], zone(scenario))[2]
        if not expected:
            ended.add(name)
            expected = "fail"
        if outcome.result != expected:
            wrong[name] = f"expected {expected}, found {outcome.result}: {outcome.reason}"
    assert wrong == {}
    assert ended == ENDED.keys()
    assert count == 171 + 4


def test_a_chain_that_ended_is_closed() -> None:
    for name, case, scenario in cases("arc-draft-validation-tests.yml"):
        if name in ENDED:
            outcome = evaluate(case["message"], zone(scenario))[2]
            assert outcome.is_closed is (name != "cv_fail_i2_as1_fail"), name


def payload_of(header: SignedHeader, authserv_id: str) -> str:
    """The Authentication-Results of one server made into one (README of the suite)."""
    found = [value.decode().partition(";") for value in header.values(b"authentication-results")]
    return "; ".join([authserv_id, *(rest.strip() for name, _, rest in found if name.strip() == authserv_id)])


def tags(text: str) -> dict[str, str]:
    return {name: without_white_space(value) for name, value in parse_tag_text(text).items()}


def test_all_17_messages_are_sealed_as_expected() -> None:
    sealed: list[str] = []
    for name, case, scenario in cases("arc-draft-sign-tests.yml"):
        header, _, outcome, sealer = evaluate(case["message"], zone(scenario))
        who = SigningIdentity(
            scenario["domain"], scenario["sel"], SigningKey.from_pem(scenario["privatekey"].encode())
        )
        added = sealer.seal(
            outcome,
            payload_of(header, case["srv-id"]),
            who,
            now_s=case["t"],
            names=case["sig-headers"].split(":"),
        )
        found = {field.name.decode(): field.unfolded.decode() for field in fields(added)}
        for tag, field in (("AS", "ARC-Seal"), ("AMS", "ARC-Message-Signature")):
            assert tags(found[field]) == tags(case[tag]) if case[tag] else field not in found, name
        results = found.get("ARC-Authentication-Results", "")
        assert without_white_space(results) == without_white_space(case["AAR"] or ""), name
        sealed.append(name)
    assert len(sealed) == 17


@pytest.mark.parametrize("name", ["i1_base", "i2_base"])
def test_a_message_sealed_as_the_suite_wants_it_passes(name: str) -> None:
    for found, case, scenario in cases("arc-draft-sign-tests.yml"):
        if found != name:
            continue
        header, _, outcome, sealer = evaluate(case["message"], zone(scenario))
        who = SigningIdentity(
            scenario["domain"], scenario["sel"], SigningKey.from_pem(scenario["privatekey"].encode())
        )
        added = sealer.seal(outcome, payload_of(header, case["srv-id"]), who, now_s=case["t"])
        again = evaluate(added.decode().replace("\r\n", "\n") + case["message"], zone(scenario))[2]
        assert again.result is Result.PASS, again
        assert again.newest_instance == outcome.newest_instance + 1
