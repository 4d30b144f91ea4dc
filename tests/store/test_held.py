"""Held mail in SQL: indexed once, decided once, seen by those whose it is, gone when its files are."""

import itertools
import re
import threading

import pytest

from clement.cli.held_release import accept_from
from clement.journal.records import HeldGone, HeldRecord
from clement.policy.directive import Action, Scope
from clement.spool.held_entry import HeldFacts, HeldRecipient, entry_id, recipient_id
from clement.store.access import held as access
from clement.store.access.actor import Actor, NotFound
from clement.store.actions import held as actions
from clement.store.actions.change import ActionForbidden, ActionRefused
from clement.store.actions.directive import NewDirective, add_directive, remove_directive
from clement.store.database import disconnect
from clement.store.held_expiry import SqlHeldIndex
from clement.store.held_records import HeldFilter, HeldState
from clement.store.held_releases import SqlReleases
from clement.store.held_writer import Marks
from clement.store.log_writer import SqlLogWriter
from clement.store.models import AuditEntry, DirectoryVersion, Domain, Group, HeldMessage, Mailbox
from tests.store.directories import actors_of, build_people, build_site

AT_S = 1_795_000_000.0
DAY_S = 86_400
NODE = "node-1"
_numbers = itertools.count(1)


def entry_of(
    *addresses: str, kind: str = "quarantine", node: str = NODE, at_s: float = AT_S, **facts: object
) -> HeldFacts:
    """An entry for mailboxes of one group, as a receiver would tell of it."""
    boxes = [Mailbox.objects.get(address=address) for address in addresses]
    domains = [Domain.objects.get(id=box.domain_id) for box in boxes]
    group_id = domains[0].group_id
    transaction = f"06dzq3cm0{next(_numbers):011d}-1"
    whole: dict[str, object] = {"subject": "offer", "reverse_path": "shop@sender.example", **facts}
    return HeldFacts(
        id=entry_id(transaction, kind, group_id),
        node=node,
        kind=kind,
        group_id=group_id,
        at_s=at_s,
        expires_at_s=at_s + 30 * DAY_S,
        transaction_id=transaction,
        size_bytes=1000,
        recipients=tuple(
            HeldRecipient(box.address, box.address, box.domain_id, box.id, "directive", 1.5, "why")
            for box in boxes
        ),
        **whole,  # type: ignore[arg-type]
    )


def tell(*entries: HeldFacts) -> list[str]:
    """Write entries as the recorder does; the ids of their recipients."""
    SqlLogWriter(NODE).write([HeldRecord(each) for each in entries], {})
    return [recipient_id(each.id, n) for each in entries for n in range(1, len(each.recipients) + 1)]


@pytest.fixture
def site(root: Actor) -> Actor:
    build_site(root)
    build_people(root)
    return root


ANNA, BERT = "anna@one.north.example", "bert@one.north.example"


def test_an_entry_is_indexed_once_however_often_it_is_told(site: Actor) -> None:
    entry = entry_of(ANNA, BERT, subject="NUL \0 and a lone \ud800 " + "x" * 600)
    first = tell(entry)
    assert tell(entry) == first
    SqlHeldIndex(NODE).add([entry], Marks())
    rows = access.held(site)
    assert sorted(row.id for row in rows) == first
    assert rows[0].subject.startswith("NUL \\x00")
    assert rows[0].state is HeldState.HELD
    SqlLogWriter(NODE).write([HeldGone(entry.id, NODE, AT_S)], {})
    assert access.held(site) == ()


def test_what_stands_beside_the_files_is_known_to_a_new_index(site: Actor) -> None:
    entry = entry_of(ANNA, BERT)
    anna, bert = recipient_id(entry.id, 1), recipient_id(entry.id, 2)
    SqlHeldIndex(NODE).add([entry], Marks(frozenset({anna}), frozenset({entry.id})))
    assert access.one(site, anna).state is HeldState.RELEASED
    assert access.one(site, bert).state is HeldState.HELD
    assert access.one(site, bert).legal_hold


def test_case_132_held_mail_is_seen_and_decided_by_those_whose_it_is(site: Actor) -> None:
    north, south = actors_of("north"), actors_of("south")
    box = Mailbox.objects.get(address=ANNA)
    user = north["user"]
    user = Actor(user.name, user.person_id, mailbox_ids=frozenset({box.id}), addresses=frozenset({ANNA}))
    annas, berts = tell(entry_of(ANNA, BERT))
    [other] = tell(entry_of("anna@two.north.example"))
    sees = {
        "root": (site, {annas, berts, other}),
        "group": (north["group"], {annas, berts, other}),
        "domain": (north["domain"], {annas, berts}),
        "user": (user, {annas}),
        **{f"other {role}": (actor, set()) for role, actor in south.items()},
    }
    for who, (actor, wanted) in sees.items():
        assert {row.id for row in access.held(actor)} == wanted, who
        for row in {annas, berts, other} - wanted:
            acts = (
                lambda actor=actor, row=row: access.one(actor, row),
                lambda actor=actor, row=row: access.named(actor, row),
                lambda actor=actor, row=row: actions.release(actor, row),
                lambda actor=actor, row=row: actions.delete(actor, row, undo_s=1),
                lambda actor=actor, row=row: actions.bring_back(actor, row),
                lambda actor=actor, row=row: actions.keep(actor, row, legal_hold=True),
            )
            for act in acts:
                with pytest.raises(NotFound):
                    act()
    assert [figures.messages for figures in access.figures(user)] == [1]
    assert access.figures(south["group"]) == ()
    with pytest.raises(ActionForbidden):
        actions.keep(user, annas, legal_hold=True)


def test_lists_are_asked_by_recipient_domain_group_kind_and_time(site: Actor) -> None:
    annas, berts = tell(entry_of(ANNA, BERT))
    [copy] = tell(entry_of("anna@one.south.example", kind="refused-copy"))
    south = Group.objects.get(name="south").id
    for wanted, found in (
        (HeldFilter(address=ANNA), [annas]),
        (HeldFilter(group_id=south), [copy]),
        (HeldFilter(kind="quarantine"), [berts, annas]),
        (HeldFilter(transaction_id=annas.rpartition("-")[0]), [berts, annas]),
        (HeldFilter(since_s=AT_S * 10), []),
    ):
        assert [row.id for row in access.held(site, wanted)] == found
    page = access.held(site, limit=1)
    assert [row.id for row in access.held(site, before=page[0].id)] == [berts, annas]


def test_case_138_a_release_is_decided_once_and_audited(site: Actor) -> None:
    [annas] = tell(entry_of(ANNA))
    version = DirectoryVersion.objects.get().number
    row = actions.release(site, annas, clock=lambda: AT_S)
    assert (row.state, row.changed_by, row.changed_at_s) == (HeldState.RELEASING, site.name, AT_S)
    with pytest.raises(ActionRefused, match="already"):
        actions.release(site, annas)
    releases = SqlReleases(NODE)
    [due] = releases.due(AT_S, 10)
    assert (due.id, due.requested_at_s) == (annas, AT_S)
    assert SqlReleases("another").due(AT_S, 10) == []
    assert releases.released(annas, "")
    assert not releases.released(annas, "")
    with pytest.raises(ActionRefused, match="already"):
        actions.release(site, annas)
    with pytest.raises(ActionRefused, match="already"):
        actions.delete(site, annas, undo_s=1)
    audit = AuditEntry.objects.filter(object_name=annas)
    assert [entry.action for entry in audit] == ["held.release"]
    assert DirectoryVersion.objects.get().number == version, "no receiver reads its directory anew for it"


def test_case_138_of_five_who_release_at_once_one_has_done_it(site: Actor) -> None:
    [annas] = tell(entry_of(ANNA))
    outcomes: list[str] = []
    ready = threading.Barrier(5)

    def play() -> None:
        ready.wait()
        try:
            actions.release(site, annas)
            outcomes.append("released")
        except ActionRefused:
            outcomes.append("refused")
        finally:
            disconnect()

    threads = [threading.Thread(target=play) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 4 + ["released"]
    assert AuditEntry.objects.filter(action="held.release").count() == 1


def test_a_release_that_fails_says_since_when_and_is_tried_again(site: Actor) -> None:
    [annas] = tell(entry_of(ANNA))
    actions.release(site, annas, clock=lambda: AT_S)
    releases = SqlReleases(NODE)
    releases.deferred(annas, "the next hop is away", AT_S + 1, AT_S + 60)
    releases.deferred(annas, "the next hop is away", AT_S + 61, AT_S + 180)
    assert releases.due(AT_S + 100, 10) == []
    [due] = releases.due(AT_S + 180, 10)
    assert (due.failures, due.failing_since_s) == (2, AT_S + 1)
    row = access.one(site, annas)
    assert (row.failure, row.next_try_at_s) == ("the next hop is away", AT_S + 180)
    releases.refused(annas, "a virus")
    assert access.one(site, annas).state is HeldState.HELD
    assert access.one(site, annas).failure == "a virus"
    assert actions.release(site, annas).failure == ""


def test_accepting_the_sender_with_a_release_tells_of_the_rule_that_wins(site: Actor) -> None:
    first, second = (access.one(site, each) for each in tell(entry_of(ANNA), entry_of(ANNA)))
    held = NewDirective(
        scope=Scope.USER,
        scope_name=ANNA,
        action=Action.QUARANTINE,
        sender_pattern="shop@sender.example",
    )
    number = add_directive(site, held).id
    against = (
        f"mail from shop@sender.example is not accepted for {ANNA}: directive {number} (quarantine) wins"
    )
    assert re.match(rf"{re.escape(against)}; directive \d+ would accept shop@", accept_from(site, first))
    assert accept_from(site, second).startswith(f"{against}; no rule was made: ")
    remove_directive(site, number)
    assert accept_from(site, second).startswith("no rule was made: ")


def test_what_is_deleted_can_be_brought_back_until_it_expires(site: Actor) -> None:
    annas, berts = tell(entry_of(ANNA, BERT))
    actions.delete(site, annas, undo_s=100, clock=lambda: AT_S)
    assert access.one(site, annas).expires_at_s == AT_S + 30 * DAY_S, "Bert has not decided yet"
    actions.delete(site, berts, undo_s=100, clock=lambda: AT_S)
    assert access.one(site, annas).expires_at_s == AT_S + 100
    assert actions.bring_back(site, annas).state is HeldState.HELD
    assert access.one(site, annas).expires_at_s == AT_S + 30 * DAY_S
    with pytest.raises(ActionRefused):
        actions.bring_back(site, annas)
    index = SqlHeldIndex(NODE)
    [expired] = index.begin_expiry(AT_S + 31 * DAY_S)
    for act in (actions.release, lambda actor, row: actions.keep(actor, row, legal_hold=True)):
        with pytest.raises(ActionRefused):
            act(site, annas)
    with pytest.raises(ActionRefused):
        actions.bring_back(site, berts)
    assert (expired.recipients, expired.kind) == (2, "quarantine")
    assert index.begin_expiry(AT_S) == [expired], "whoever died on the way finds it again"
    index.finish_expiry([expired.id])
    assert access.held(site, HeldFilter(states=())) == ()


def test_neither_a_legal_hold_nor_a_release_under_way_expires(site: Actor) -> None:
    kept, going, plain = tell(entry_of(ANNA), entry_of(ANNA), entry_of(ANNA))
    actions.keep(site, kept, legal_hold=True)
    actions.release(site, going)
    with pytest.raises(ActionForbidden):
        actions.delete(site, kept, undo_s=1)
    index = SqlHeldIndex(NODE)
    assert [entry.id for entry in index.begin_expiry(AT_S + 1000 * DAY_S)] == [plain.rpartition(".")[0]]
    assert SqlHeldIndex("another").begin_expiry(AT_S + 1000 * DAY_S) == []
    entry = kept.rpartition(".")[0]
    assert index.unmarked() == [(entry, True)]
    index.marked(entry, kept=True)
    assert index.unmarked() == []
    actions.keep(site, kept, legal_hold=False)
    index.marked(entry, kept=True)
    assert index.unmarked() == [(entry, False)], "he has changed his mind meanwhile"
    assert [each.action for each in AuditEntry.objects.filter(object_name=entry)] == [
        "held.keep", "held.keep-no-longer",
    ]  # fmt: skip


@pytest.mark.usefixtures("site")
def test_rows_of_this_node_are_paged_for_whoever_looks_for_their_files() -> None:
    tell(entry_of(ANNA), entry_of(ANNA, node="another"), entry_of(ANNA))
    index = SqlHeldIndex(NODE)
    first = index.page("", AT_S + 1, limit=1)
    second = index.page(first[0].id, AT_S + 1)
    assert len(first) == len(second) == 1
    assert index.page(second[0].id, AT_S + 1) == []
    assert index.page("", AT_S) == [], "too young"
    assert HeldMessage.objects.count() == 3


def test_a_lost_node_is_taken_over_by_root_as_far_as_its_mail_is_stored(site: Actor) -> None:
    [there] = tell(entry_of(ANNA, node="lost"))
    [not_there] = tell(entry_of(ANNA, node="lost"))
    lost = SqlHeldIndex("lost")
    assert lost.not_stored(10) == [each.rpartition(".")[0] for each in (there, not_there)]
    lost.stored(there.rpartition(".")[0], "clement/x")
    actions.release(site, there)
    with pytest.raises(ActionForbidden):
        actions.take_over(actors_of("north")["group"], "lost", NODE)
    assert actions.take_over(site, "lost", NODE) == 1
    [due] = SqlReleases(NODE).due(AT_S * 10, 10)
    assert (due.id, due.object_key) == (there, "clement/x")
    assert lost.not_stored(10) == [not_there.rpartition(".")[0]]
