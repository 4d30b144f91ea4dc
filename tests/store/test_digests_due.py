"""Which digests are due, who sends them, and what a link may do."""

from __future__ import annotations

import math

import pytest
from django.db import OperationalError

from clement.policy.directive import Action, Scope
from clement.policy.directory import Mode, NextHop
from clement.queue.digest.links import Deed, HeldLink
from clement.store import models
from clement.store.access.actor import Actor
from clement.store.actions.digest import NewDigestPlan, plan_digest
from clement.store.actions.directive import NewDirective, add_directive
from clement.store.actions.domain import add_domain
from clement.store.actions.group import add_group
from clement.store.digest_due import TURN_S, SqlDigests
from clement.store.digest_key import digest_key
from clement.store.digest_records import DigestPlanInForce
from clement.web import held_desk
from clement.web.held_desk import SqlHeldDesk, SqlLinkKey
from clement.web.held_links import Fate, NotAccepted, Shown

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0
SITE = DigestPlanInForce(Scope.SITE, "", "daily", "en")


def next_due_s(schedule: str, after_s: float) -> float:
    """A day later, or never."""
    return after_s + DAY_S if schedule else math.inf


@pytest.fixture
def domain(root: Actor) -> models.Domain:
    add_group(root, "relay", mode=Mode.RELAY, next_hops=[NextHop("127.0.0.1", 2526)])
    add_domain(root, "relay.example", "relay")
    return models.Domain.objects.get(name="relay.example")


def hold(domain: models.Domain, number: int, address: str, at_s: float, kind: str = "quarantine") -> str:
    """A held message's rows, as the recorder writes them."""
    entry = f"{number:020d}-1-q{domain.group_id}"
    models.HeldMessage.objects.create(
        id=entry,
        node="mx",
        kind=kind,
        group_key=domain.group_id,
        at_s=at_s,
        transaction_key=f"{number:020d}-1",
        reverse_path="eve@shop.example",
        size_bytes=1000,
        message_id="<1@shop.example>",
        author="eve@shop.example",
        subject=f"offer {number}",
        body_hash="",
        authenticated_as="",
        due_at_s=at_s + 30 * DAY_S,
        expires_at_s=at_s + 30 * DAY_S,
    )
    recipient = f"{entry}.1"
    models.HeldRecipient.objects.create(
        id=recipient,
        held_key=entry,
        node="mx",
        kind=kind,
        group_key=domain.group_id,
        domain_key=domain.id,
        mailbox_key=0,
        address=address,
        forward_path=address,
        reason="directive-quarantines",
        score=0.0,
        why="",
    )
    return recipient


def digests(node: str = "mx", *kinds: str) -> SqlDigests:
    return SqlDigests(node, kinds or ("quarantine",), SITE, next_due_s)


def test_a_digest_is_due_once_after_the_oldest_message_nobody_was_told_of(domain: models.Domain) -> None:
    first = hold(domain, 1, "ann@relay.example", NOW_S - DAY_S)
    second = hold(domain, 2, "ann@relay.example", NOW_S - 60)
    hold(domain, 3, "bob@relay.example", NOW_S - DAY_S + 1)
    assert digests().due(NOW_S - 1, 10) == []
    (due,) = digests().due(NOW_S, 10)
    assert (due.address, due.count, due.due_at_s) == ("ann@relay.example", 2, NOW_S)
    assert [item.id for item in due.items] == [second, first]
    assert due.items[0].subject == "offer 2"
    assert digests().told("ann@relay.example", second, NOW_S) == 2
    assert digests().told("ann@relay.example", second, NOW_S) == 0
    assert [each.address for each in digests().due(NOW_S + 2, 10)] == ["bob@relay.example"]


def test_what_comes_while_a_digest_is_sent_is_told_of_next_time(domain: models.Domain) -> None:
    first = hold(domain, 1, "ann@relay.example", NOW_S - DAY_S)
    later = hold(domain, 2, "ann@relay.example", NOW_S)
    digests().told("ann@relay.example", first, NOW_S)
    (due,) = digests().due(NOW_S + DAY_S, 10)
    assert [item.id for item in due.items] == [later]


def test_many_messages_are_counted_and_few_listed(domain: models.Domain) -> None:
    for number in range(12):
        hold(domain, number, "ann@relay.example", NOW_S - DAY_S)
    (due,) = digests().due(NOW_S, 5)
    assert (due.count, len(due.items)) == (12, 5)


def test_copies_of_refused_mail_are_told_of_where_that_is_wanted(domain: models.Domain) -> None:
    hold(domain, 1, "ann@relay.example", NOW_S - DAY_S, "refused-copy")
    assert digests().due(NOW_S, 5) == []
    (due,) = digests("mx", "quarantine", "refused-copy").due(NOW_S, 5)
    assert due.items[0].kind == "refused-copy"


def test_the_plan_of_a_person_decides(domain: models.Domain, root: Actor) -> None:
    hold(domain, 1, "ann@relay.example", NOW_S - DAY_S)
    wanted = NewDigestPlan(scope=Scope.USER, scope_name="ann@relay.example", schedule="", language="fr")
    plan_digest(root, wanted)
    assert digests().due(NOW_S + 90 * DAY_S, 5) == []
    due = digests().of("ann@relay.example", SITE, NOW_S, 5)
    assert due.count == 1


@pytest.mark.usefixtures("domain")
def test_one_node_sends_at_a_time_and_another_takes_over_from_one_that_is_gone() -> None:
    first, second = digests("mx1"), digests("mx2")
    assert first.take_turn(NOW_S)
    assert not second.take_turn(NOW_S + TURN_S - 1)
    assert first.take_turn(NOW_S + TURN_S - 1)
    assert not second.take_turn(NOW_S + TURN_S)
    assert second.take_turn(NOW_S + 2 * TURN_S)
    assert not first.take_turn(NOW_S + 2 * TURN_S + 1)


@pytest.mark.usefixtures("database")
def test_the_key_of_links_is_made_once() -> None:
    key = digest_key(lambda count: b"a" * count)
    assert key == b"a" * 32
    assert digest_key(lambda count: b"b" * count) == key


@pytest.fixture
def desk() -> SqlHeldDesk:
    return SqlHeldDesk(2 * DAY_S, lambda: NOW_S)


def link(held: str, deed: Deed = Deed.RELEASE, recipient: str = "ann@relay.example") -> HeldLink:
    return HeldLink(deed, held, recipient, int(NOW_S) + 60)


def state(held: str) -> str:
    return models.HeldRecipient.objects.get(id=held).state


@pytest.mark.parametrize(
    ("deed", "after"),
    [(Deed.RELEASE, "releasing"), (Deed.RELEASE_AND_ACCEPT, "releasing"), (Deed.DELETE, "deleted")],
)
def test_a_link_does_its_deed_once(domain: models.Domain, desk: SqlHeldDesk, deed: Deed, after: str) -> None:
    held = hold(domain, 1, "ann@relay.example", NOW_S)
    assert desk.look(link(held, deed)) == Shown("eve@shop.example", "offer 1", NOW_S)
    assert desk.act(link(held, deed)) is Fate.DONE
    assert state(held) == after
    assert desk.act(link(held, deed)) is Fate.ALREADY
    assert desk.look(link(held, deed)) is Fate.ALREADY
    rules = list(models.Directive.objects.values_list("action", "sender_pattern", "address"))
    wanted = [(Action.ACCEPT, "eve@shop.example", "ann@relay.example")]
    assert rules == (wanted if deed is Deed.RELEASE_AND_ACCEPT else [])
    assert models.AuditEntry.objects.filter(actor="ann@relay.example (link)").exists()


def stand_against(root: Actor, action: Action, **other: object) -> int:
    wanted = {"scope": Scope.USER, "scope_name": "ann@relay.example", "sender_pattern": "eve@shop.example"}
    return add_directive(root, NewDirective(action=action, **{**wanted, **other})).id  # type: ignore[arg-type]


@pytest.mark.parametrize("action", [Action.QUARANTINE, Action.REFUSE])
def test_a_rule_that_stands_against_the_author_is_told(
    root: Actor, domain: models.Domain, desk: SqlHeldDesk, action: Action
) -> None:
    number = stand_against(root, action)
    for message in (1, 2):  # the second time the rule is there already
        held = hold(domain, message, "ann@relay.example", NOW_S)
        assert desk.act(link(held, Deed.RELEASE_AND_ACCEPT)) == NotAccepted(number, action)
        assert state(held) == "releasing"


def test_a_final_rule_of_a_wider_scope_is_told_as_well(
    root: Actor, domain: models.Domain, desk: SqlHeldDesk
) -> None:
    stand_against(root, Action.REFUSE, scope=Scope.GROUP, scope_name="relay", sender_pattern="@example")
    held = hold(domain, 1, "ann@relay.example", NOW_S)
    assert desk.act(link(held, Deed.RELEASE_AND_ACCEPT)) is Fate.DONE
    wider = {"scope": Scope.SITE, "scope_name": "", "sender_pattern": "@shop.example", "final": True}
    number = stand_against(root, Action.REFUSE, **wider)
    held = hold(domain, 2, "ann@relay.example", NOW_S)
    assert desk.act(link(held, Deed.RELEASE_AND_ACCEPT)) == NotAccepted(number, Action.REFUSE)


def test_the_null_reverse_path_is_nobody_s_to_accept(domain: models.Domain, desk: SqlHeldDesk) -> None:
    held = hold(domain, 1, "ann@relay.example", NOW_S)
    models.HeldMessage.objects.update(reverse_path="")
    assert desk.act(link(held, Deed.RELEASE_AND_ACCEPT)) == NotAccepted()
    assert state(held) == "releasing"
    assert not models.Directive.objects.exists()


def test_a_link_of_one_recipient_does_nothing_to_another_s_mail(
    domain: models.Domain, desk: SqlHeldDesk
) -> None:
    held = hold(domain, 1, "bob@relay.example", NOW_S)
    assert desk.look(link(held)) is Fate.GONE
    assert desk.act(link(held)) is Fate.GONE
    assert state(held) == "held"


def test_no_key_is_had_from_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_random_octets: object) -> bytes:
        raise OperationalError("connection refused")

    monkeypatch.setattr(held_desk, "digest_key", away)
    assert SqlLinkKey(bytes)() is None


@pytest.mark.usefixtures("database")
def test_what_is_no_longer_kept_is_gone(desk: SqlHeldDesk) -> None:
    assert desk.look(link("1-1-q1.1")) is Fate.GONE
    assert desk.act(link("nonsense", Deed.DELETE)) is Fate.GONE
