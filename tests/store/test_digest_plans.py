"""Who may say when digests are sent, for whom, and whose word counts."""

from __future__ import annotations

import pytest

from clement.policy.directive import Scope
from clement.policy.directory import Mode, NextHop
from clement.store import models
from clement.store.access.actor import Actor, NotFound, actor_of
from clement.store.access.digest import digest_plans, plan_in_force
from clement.store.actions.change import ActionRefused
from clement.store.actions.digest import NewDigestPlan, drop_digest_plan, plan_digest
from clement.store.actions.domain import add_domain, remove_domain
from clement.store.actions.group import add_group
from clement.store.actions.mailbox import NewMailbox, add_mailboxes
from clement.store.actions.person import add_person
from clement.store.actions.role import grant_role
from clement.store.digest_records import DigestPlanInForce
from clement.store.records import Role
from tests.store.directories import PASSWORD

SITE = DigestPlanInForce(Scope.SITE, "", "07:00 UTC", "en")


def plan(scope: Scope, name: str, schedule: str = "08:00 UTC", language: str = "en") -> NewDigestPlan:
    return NewDigestPlan(scope=scope, scope_name=name, schedule=schedule, language=language)


@pytest.fixture
def site(root: Actor) -> Actor:
    for group, domain in (("family", "family.example"), ("firm", "firm.example")):
        add_group(root, group, mode=Mode.RELAY, next_hops=[NextHop("127.0.0.1", 2526)])
        add_domain(root, domain, group)
    add_group(root, "home")
    add_domain(root, "home.example", "home")
    add_person(root, "anna@home.example", PASSWORD)
    add_mailboxes(root, [NewMailbox(address="anna@home.example", owner_login="anna@home.example")])
    return root


def test_the_narrowest_plan_counts(site: Actor) -> None:
    address = "bob@family.example"
    assert plan_in_force(site, address, SITE) == SITE
    plan_digest(site, plan(Scope.GROUP, "family", "06:00 UTC"))
    assert plan_in_force(site, address, SITE).schedule == "06:00 UTC"
    plan_digest(site, plan(Scope.DOMAIN, "family.example", "", "fr"))
    assert plan_in_force(site, address, SITE) == DigestPlanInForce(Scope.DOMAIN, "family.example", "", "fr")
    plan_digest(site, plan(Scope.USER, address))
    assert plan_in_force(site, address, SITE).scope is Scope.USER
    assert plan_in_force(site, "carol@family.example", SITE).scope is Scope.DOMAIN
    drop_digest_plan(site, Scope.USER, address)
    assert plan_in_force(site, address, SITE).scope is Scope.DOMAIN


def test_a_plan_is_changed_in_place_and_noted_in_the_audit_log(site: Actor) -> None:
    first = plan_digest(site, plan(Scope.DOMAIN, "firm.example"))
    second = plan_digest(site, plan(Scope.DOMAIN, "firm.example", "09:00 UTC"))
    assert (first.version, second.version) == (1, 2)
    assert [row.schedule for row in digest_plans(site)] == ["09:00 UTC"]
    noted = models.AuditEntry.objects.filter(action="digest.plan").order_by("id")
    assert [entry.object_name for entry in noted] == ["domain firm.example"] * 2
    assert "08:00" in noted[1].old


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (plan(Scope.SITE, ""), "configuration"),
        (plan(Scope.DOMAIN, "firm.example", language="de"), "en and fr"),
        (plan(Scope.USER, "nobody"), "address"),
        (plan(Scope.DOMAIN, "firm.example", "x" * 256), "at most 255"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(site: Actor, wanted: NewDigestPlan, told: str) -> None:
    with pytest.raises(ActionRefused, match=told):
        plan_digest(site, wanted)


def test_everybody_plans_for_his_own_and_sees_no_other_tenant(site: Actor) -> None:
    add_person(site, "boss@firm.example", PASSWORD)
    grant_role(site, "boss@firm.example", Role.DOMAIN, "firm.example")
    boss, anna = actor_of("boss@firm.example"), actor_of("anna@home.example")
    plan_digest(boss, plan(Scope.DOMAIN, "firm.example"))
    plan_digest(boss, plan(Scope.USER, "clerk@firm.example"))
    plan_digest(anna, plan(Scope.USER, "anna@home.example"))
    plan_digest(site, plan(Scope.GROUP, "firm"))
    for actor, wanted in (
        (boss, plan(Scope.GROUP, "firm")),
        (boss, plan(Scope.DOMAIN, "family.example")),
        (boss, plan(Scope.USER, "anna@home.example")),
        (anna, plan(Scope.DOMAIN, "home.example")),
        (anna, plan(Scope.USER, "other@home.example")),
    ):
        with pytest.raises(NotFound):
            plan_digest(actor, wanted)
        with pytest.raises(NotFound):
            drop_digest_plan(actor, wanted.scope, wanted.scope_name)
    assert [row.scope_name for row in digest_plans(boss)] == ["firm.example", "clerk@firm.example"]
    assert [row.scope_name for row in digest_plans(anna)] == ["anna@home.example"]
    with pytest.raises(NotFound):
        plan_in_force(anna, "clerk@firm.example", SITE)


def test_plans_go_with_their_domain(site: Actor) -> None:
    plan_digest(site, plan(Scope.USER, "clerk@firm.example"))
    remove_domain(site, "firm.example")
    assert digest_plans(site) == ()
