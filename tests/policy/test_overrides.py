"""What a domain says otherwise than its group holds for it alone, and nothing unknown spoils its policy."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from clement.policy.directory import Directory, Fallback, Greylisting, GroupPolicy, Local, Relayed
from clement.policy.overrides import GROUP_ONLY, SettingUnusable, overridden, said_in, setting, written
from tests.policy.samples import CONTENTS


def directory_saying(name: str, text: str) -> Directory:
    domains = tuple(replace(each, policy=text) if each.name == name else each for each in CONTENTS.domains)
    return Directory(replace(CONTENTS, domains=domains))


def test_the_route_of_a_domain_carries_its_own_policy() -> None:
    directory = directory_saying("local.example", '{"spf_fail":"quarantine","tag_at":2}')
    ours, other = directory.route("anna", "local.example"), directory.route("x", "all.example")
    assert isinstance(ours, Local)
    assert isinstance(other, Local)
    assert ours.group.policy == replace(GroupPolicy(), spf_fail=Fallback.QUARANTINE, tag_at=2.0)
    assert other.group.policy == GroupPolicy()
    assert directory.group_of(ours.domain).policy.tag_at == 2.0


def test_a_relayed_alias_has_the_policy_of_the_domain_it_leads_to() -> None:
    directory = directory_saying("relay.example", '{"verify_recipients":false}')
    route = directory.route("boss", "local.example")
    assert isinstance(route, Relayed)
    assert not route.group.policy.verify_recipients


def test_one_domain_alone_may_ask_strangers_to_come_back() -> None:
    assert not Directory(CONTENTS).greylists
    directory = directory_saying("local.example", '{"greylisting":"all"}')
    assert directory.greylists
    route = directory.route("anna", "local.example")
    assert isinstance(route, Local)
    assert route.group.policy.greylisting is Greylisting.ALL


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"of_a_later_version":1}',
        '{"spf_fail":"of a later version"}',
        '{"size_limit_bytes":"many"}',
        "\x00",
    ],
)
def test_what_is_not_understood_leaves_the_policy_of_the_group(text: str) -> None:
    assert overridden(GroupPolicy(), text) == GroupPolicy()


def test_what_is_understood_counts_beside_what_is_not() -> None:
    text = '{"spf_fail":"refuse","of_a_later_version":1}'
    assert overridden(GroupPolicy(), text).spf_fail is Fallback.REFUSE


def test_settings_are_read_as_people_type_them_and_as_they_are_stored() -> None:
    said = {
        name: setting(GroupPolicy, name, value) for name, value in [("tag_at", "2.5"), ("spf_fail", "defer")]
    }
    assert said == {"tag_at": 2.5, "spf_fail": Fallback.DEFER}
    assert said_in(GroupPolicy, written(said)) == said
    assert written({}) == ""
    with pytest.raises(SettingUnusable):
        setting(GroupPolicy, "spf_fail", "perhaps")


def test_what_only_the_group_may_say_exists() -> None:
    assert set(GroupPolicy.__struct_fields__) >= GROUP_ONLY
