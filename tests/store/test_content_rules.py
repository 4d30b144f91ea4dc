"""Rules about content in the store: bounds, roles, tenants, the audit log, the snapshot."""

import time
from collections.abc import Callable

import pytest
from django.db import transaction
from msgspec.structs import replace

from clement.policy.content_rule import MAX_PROGRAM_OF_SCOPE, MAX_RULES_OF_SCOPE, Field, RuleAction
from clement.policy.directive import Scope
from clement.policy.directory import Fallback, GroupPolicy
from clement.policy.directory_codec import decode, encode
from clement.store import models
from clement.store.access import directory
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import ActionForbidden, ActionRefused, ChangedMeanwhile
from clement.store.actions.content_rule import (
    ContentRuleChange,
    NewContentRule,
    add_content_rule,
    change_content_rule,
    remove_content_rule,
)
from clement.store.actions.domain import DomainChange, change_domain, remove_domain
from clement.store.actions.group import GroupChange, change_group
from clement.store.snapshot import current_version, load_directory
from tests.store.directories import actors_of, build_people, build_site

ONE = "one.north.example"
SPAM = NewContentRule(
    scope=Scope.DOMAIN,
    scope_name=ONE,
    name="games",
    field=Field.SUBJECT,
    pattern="casino",
    action=RuleAction.REFUSE,
)


@pytest.fixture
def site(root: Actor) -> Actor:
    with transaction.atomic():  # one commit instead of fifty
        build_site(root)
        build_people(root)
    return root


def of(scope: Scope, name: str) -> NewContentRule:
    return replace(SPAM, scope=scope, scope_name=name)


REFUSALS: dict[str, tuple[NewContentRule, str]] = {
    "a pattern that is none": (replace(SPAM, pattern="ca[sino"), r"at character 3: missing \]"),
    "a pattern for everything": (replace(SPAM, pattern=".*"), "every message"),
    "a pattern that is too large": (replace(SPAM, pattern=r"\pL{30}"), "too large"),
    "a rule of a user": (of(Scope.USER, f"anna@{ONE}"), "the site's, a group's or a domain's"),
    "a header without a name": (replace(SPAM, field=Field.HEADER), "name of a header field"),
    "a header with a space": (replace(SPAM, field=Field.HEADER, header_name="X Y"), "name of a header field"),
    "a subject with a name": (replace(SPAM, header_name="X-Y"), "only a rule about a header field"),
    "no name": (replace(SPAM, name=" "), "1 to 64 characters"),
    "a name with a quote": (replace(SPAM, name='a"b'), "1 to 64 characters"),
    "weighing nothing": (replace(SPAM, action=RuleAction.WEIGH), "and not 0"),
    "weighing too much": (replace(SPAM, action=RuleAction.WEIGH, weight=21), "from -20 to 20"),
    "weighing not a number": (replace(SPAM, action=RuleAction.WEIGH, weight=float("nan")), "from -20 to 20"),
    "refusing by weight": (replace(SPAM, weight=1.0), "only a rule that weighs"),
    "an end before the beginning": (replace(SPAM, expires_at_s=-1), "Unix seconds"),
}


def test_what_can_be_no_rule_is_refused_with_its_reason(site: Actor) -> None:
    before = current_version()
    for new, said in REFUSALS.values():
        with pytest.raises(ActionRefused, match=said):
            add_content_rule(site, new)
    assert models.ContentRule.objects.count() == 0
    assert current_version() == before


def test_a_rule_reaches_receivers_while_it_is_in_force(site: Actor) -> None:
    before = current_version()
    row = add_content_rule(site, replace(SPAM, scope=Scope.GROUP, scope_name="north", note="x"))
    weighs = replace(SPAM, field=Field.HEADER, header_name="X-Mailer:", action=RuleAction.WEIGH, weight=-1.5)
    other = add_content_rule(site, weighs)
    assert current_version() == before + 2
    seen = load_directory()
    group = seen.group_of(seen.domain(ONE))  # type: ignore[arg-type]
    assert [
        (each.id, each.scope, each.scope_key, each.header_name) for each in seen.contents.content_rules
    ] == [
        (row.id, Scope.GROUP, str(group.id), ""),
        (other.id, Scope.DOMAIN, ONE, "x-mailer"),
    ]
    again = decode(encode(seen))
    assert again.contents.content_rules == seen.contents.content_rules
    assert len(again.rules.of(group.id, ONE)) == 2
    change_content_rule(site, row.id, ContentRuleChange(enabled=False))
    change_content_rule(site, other.id, ContentRuleChange(expires_at_s=int(time.time()) - 1))
    assert load_directory().contents.content_rules == ()


def test_rules_of_a_domain_rest_and_go_with_it(site: Actor) -> None:
    add_content_rule(site, SPAM)
    change_domain(site, ONE, DomainChange(enabled=False))
    assert load_directory().contents.content_rules == ()
    remove_domain(site, ONE, with_mailboxes=True)
    assert models.ContentRule.objects.count() == 0


def test_changes_are_checked_versioned_and_written_down(site: Actor) -> None:
    row = add_content_rule(site, SPAM)
    weighs = ContentRuleChange(action=RuleAction.WEIGH, weight=2.0, pattern="games?", name="play")
    changed = change_content_rule(site, row.id, weighs, version=1)
    assert (changed.weight, changed.pattern, changed.name, changed.version) == (2.0, "games?", "play", 2)
    with pytest.raises(ChangedMeanwhile):
        change_content_rule(site, row.id, weighs, version=1)
    with pytest.raises(ActionRefused, match="missing"):
        change_content_rule(site, row.id, ContentRuleChange(pattern="("))
    back = change_content_rule(site, row.id, ContentRuleChange(action=RuleAction.QUARANTINE))
    assert back.weight == 0
    remove_content_rule(site, row.id)
    with pytest.raises(NotFound):
        directory.content_rule(site, row.id)
    told = [(each.action, each.object_name) for each in directory.audit(site, limit=4)]
    assert told == [
        ("rule.remove", f"rule {row.id}"),
        ("rule.change", f"rule {row.id}"),
        ("rule.change", f"rule {row.id}"),
        ("rule.add", f"rule {row.id}"),
    ]


def test_case_103_the_rules_of_a_scope_are_bounded_together(site: Actor) -> None:
    large = replace(SPAM, pattern=r"\pL{3}x")
    for _ in range(5):
        add_content_rule(site, large)
    with pytest.raises(ActionRefused, match=f"of {MAX_PROGRAM_OF_SCOPE}"):
        add_content_rule(site, large)
    add_content_rule(site, replace(large, scope=Scope.SITE, scope_name=""))
    small = models.ContentRule.objects.first()
    assert small is not None
    models.ContentRule.objects.all().delete()
    models.ContentRule.objects.bulk_create(
        [
            models.ContentRule(
                **{
                    field.attname: getattr(small, field.attname)
                    for field in models.ContentRule._meta.fields
                    if field.name not in ("id", "program_size")
                },
                program_size=1,
            )
            for _ in range(MAX_RULES_OF_SCOPE)
        ]
    )
    with pytest.raises(ActionRefused, match=f"at most {MAX_RULES_OF_SCOPE}"):
        add_content_rule(site, SPAM)


MAY, FORBIDDEN, UNSEEN = "may", "forbidden", "unseen"
Deed = Callable[[Actor], object]


def deeds(tenant: str, rules: dict[str, int]) -> dict[str, tuple[Deed, str, str, str]]:
    """What can be done with the rules of a tenant; what group-, domain-admin and user may of it."""
    one, two = f"one.{tenant}.example", f"two.{tenant}.example"
    off = ContentRuleChange(enabled=False)
    return {
        "see site's": (lambda who: directory.content_rule(who, rules[""]), UNSEEN, UNSEEN, UNSEEN),
        "see group's": (lambda who: directory.content_rule(who, rules[tenant]), MAY, UNSEEN, UNSEEN),
        "see domain's": (lambda who: directory.content_rule(who, rules[one]), MAY, MAY, UNSEEN),
        "see sister's": (lambda who: directory.content_rule(who, rules[two]), MAY, UNSEEN, UNSEEN),
        "add site's": (
            lambda who: add_content_rule(who, of(Scope.SITE, "")),
            FORBIDDEN,
            FORBIDDEN,
            FORBIDDEN,
        ),
        "add group's": (lambda who: add_content_rule(who, of(Scope.GROUP, tenant)), MAY, UNSEEN, UNSEEN),
        "add domain's": (lambda who: add_content_rule(who, of(Scope.DOMAIN, one)), MAY, MAY, UNSEEN),
        "add sister's": (lambda who: add_content_rule(who, of(Scope.DOMAIN, two)), MAY, UNSEEN, UNSEEN),
        "change site's": (lambda who: change_content_rule(who, rules[""], off), UNSEEN, UNSEEN, UNSEEN),
        "change group's": (lambda who: change_content_rule(who, rules[tenant], off), MAY, UNSEEN, UNSEEN),
        "change domain's": (lambda who: change_content_rule(who, rules[one], off), MAY, MAY, UNSEEN),
        "remove site's": (lambda who: remove_content_rule(who, rules[""]), UNSEEN, UNSEEN, UNSEEN),
        "remove group's": (lambda who: remove_content_rule(who, rules[tenant]), MAY, UNSEEN, UNSEEN),
        "remove domain's": (lambda who: remove_content_rule(who, rules[one]), MAY, MAY, UNSEEN),
    }


def outcome(deed: Deed, who: Actor) -> str:
    try:
        deed(who)
    except NotFound:
        return UNSEEN
    except ActionForbidden:
        return FORBIDDEN
    return MAY


def test_every_role_rules_its_own_and_knows_nothing_of_other_tenants(site: Actor) -> None:
    rules = {"": add_content_rule(site, of(Scope.SITE, "")).id}
    for tenant in ("north", "south"):
        rules[tenant] = add_content_rule(site, of(Scope.GROUP, tenant)).id
        for domain in (f"one.{tenant}.example", f"two.{tenant}.example"):
            rules[domain] = add_content_rule(site, of(Scope.DOMAIN, domain)).id
    people = actors_of("north")
    for what, (deed, _group, _domain, _user) in deeds("south", rules).items():
        for role, who in people.items():
            expected = FORBIDDEN if what == "add site's" else UNSEEN
            assert outcome(deed, who) == expected, f"{role}: {what} of the other tenant"
    listed = {role: {row.id for row in directory.content_rules(who)} for role, who in people.items()}
    one, two = rules["one.north.example"], rules["two.north.example"]
    assert listed == {"group": {rules["north"], one, two}, "domain": {one}, "user": set()}
    for what, (deed, *expected) in deeds("north", rules).items():
        for role, wanted in zip(("user", "domain", "group"), reversed(expected), strict=True):
            if not (what.startswith("remove") and role == "group" and expected[1] == MAY):
                assert outcome(deed, people[role]) == wanted, f"{role}: {what}"


def test_group_settings_of_names_and_links_are_kept(site: Actor) -> None:
    policy = GroupPolicy(impersonation=Fallback.QUARANTINE, link_listed=Fallback.ACCEPT)
    change_group(site, "north", GroupChange(policy=policy))
    assert directory.group(site, "north").policy == policy
    seen = load_directory()
    assert seen.group_of(seen.domain(ONE)).policy == policy  # type: ignore[arg-type]
