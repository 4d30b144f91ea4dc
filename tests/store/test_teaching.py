"""The ledger of teaching: who may teach and take back what, each message once, the newest word in force."""

from contextlib import suppress

import pytest
from django.db import transaction

from clement.journal.records import TeachingRecord
from clement.policy.lesson import Way
from clement.store import models
from clement.store.access import directory
from clement.store.access import teaching as access
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.change import ActionForbidden, ActionRefused
from clement.store.actions.mailbox import MailboxChange, change_mailbox
from clement.store.actions.teaching import teach, teach_all, teach_release, undo
from clement.store.learning.ledger import LEAST_KEPT, forget
from clement.store.learning.lessons import stored
from clement.store.learning_records import ActState
from clement.store.log_writer import SqlLogWriter
from clement.store.snapshot import current_version
from tests.store.directories import actors_of, build_people, build_site
from tests.store.pupils import lesson

NOW_S = 1_790_000_000.0
ANNA, BERT = "anna@one.north.example", "bert@one.north.example"


@pytest.fixture
def people(root: Actor) -> dict[str, Actor]:
    """Root, and the people of north by their role; the user owns anna's mailbox."""
    with transaction.atomic():
        build_site(root)
        build_people(root)
        change_mailbox(root, ANNA, MailboxChange(owner_login=ANNA))
    return {"root": root, **actors_of("north")}


WHO_MAY = {
    "": {"root"},
    "@one.north.example": {"root", "group", "domain"},
    "@two.north.example": {"root", "group"},
    ANNA: {"root", "group", "domain", "user"},
    BERT: {"root", "group", "domain"},
    "anna@two.north.example": {"root", "group"},
    "anna@one.south.example": {"root"},
    "nobody@relay.example": {"root"},
}


def test_each_teaches_for_what_is_his_and_for_no_other_tenant(people: dict[str, Actor]) -> None:
    could: dict[str, set[str]] = {address: set() for address in WHO_MAY}
    for address in WHO_MAY:
        for number, (role, actor) in enumerate(people.items()):
            with suppress(NotFound, ActionForbidden):
                teach(actor, lesson(number), address)
                could[address].add(role)
    assert could == WHO_MAY


def test_an_address_without_a_mailbox_stands_for_no_domain_that_is_stored_here(
    people: dict[str, Actor],
) -> None:
    for role in ("root", "group", "domain"):
        with pytest.raises(NotFound, match=r"no mailbox typo@one\.north\.example"):
            teach(people[role], lesson(1), "typo@one.north.example")
    assert not models.TeachingAct.objects.exists()


def test_a_lesson_has_the_scopes_of_whose_taste_it_is(people: dict[str, Actor]) -> None:
    for number, address in enumerate(("", "@one.north.example", ANNA, "any.body@relay.example")):
        teach(people["root"], lesson(number, extra=("spf_fail",), weight=0.5), address)
    domain = {each.name: each.id for each in directory.domains(people["root"])}
    mailbox = directory.mailbox(people["root"], ANNA).id
    scopes = [stored(act).scopes for act in models.TeachingAct.objects.order_by("id")]
    one, relay = domain["one.north.example"], domain["relay.example"]
    assert scopes == [(), (f"d:{one}",), (f"d:{one}", f"m:{mailbox}"), (f"d:{relay}",)]
    first = stored(models.TeachingAct.objects.order_by("id")[0])
    assert (first.extra, first.weight, first.unwanted) == (("spf_fail",), 0.5, True)


def test_a_person_sees_and_takes_back_his_own_acts_only(people: dict[str, Actor]) -> None:
    own = teach(people["user"], lesson(1), ANNA).act_id
    by_admin = teach(people["domain"], lesson(2), ANNA).act_id
    of_bert = teach(people["domain"], lesson(3), BERT).act_id
    of_site = teach(people["root"], lesson(4)).act_id

    def seen(role: str) -> set[int]:
        return {row.id for row in access.acts(people[role])}

    assert seen("user") == {own, by_admin}
    assert seen("domain") == seen("group") == {own, by_admin, of_bert}
    assert seen("root") == {own, by_admin, of_bert, of_site}
    strangers = actors_of("south").values()
    assert [access.acts(stranger) for stranger in strangers] == [(), (), ()]

    with pytest.raises(ActionForbidden):
        undo(people["user"], by_admin)
    for hidden in (of_bert, of_site, 999):
        with pytest.raises(NotFound):
            undo(people["user"], hidden)
    assert undo(people["user"], own).state is ActState.UNDONE
    with pytest.raises(ActionRefused, match="already"):
        undo(people["group"], own)
    with pytest.raises(NotFound):
        undo(actors_of("south")["group"], of_bert)
    assert undo(people["group"], of_bert).undone_by == people["group"].name


def test_teaching_is_told_to_the_audit_log_and_leaves_the_directory_as_it_was(
    people: dict[str, Actor],
) -> None:
    before = current_version()
    teach_all(people["group"], [lesson(1), lesson(2), lesson(3, unwanted=False)], "@one.north.example")
    undo(people["domain"], access.acts(people["domain"])[0].id)
    undone, taught = directory.audit(people["domain"], limit=2)
    assert (taught.action, taught.object_name) == ("learning.teach", "@one.north.example")
    assert '"wanted":1,"unwanted":2' in taught.new
    assert (undone.action, undone.actor) == ("learning.undo", people["domain"].name)
    assert all(act not in directory.audit(actors_of("south")["group"]) for act in (undone, taught))
    assert current_version() == before


def test_the_same_message_is_taught_once_for_each_taste(people: dict[str, Actor]) -> None:
    first = teach(people["root"], lesson(1), ANNA)
    again = teach(people["root"], lesson(1, way=Way.IMPORT), ANNA)
    elsewhere = teach(people["root"], lesson(1), BERT)
    assert (first.is_new, again.is_new, elsewhere.is_new) == (True, False, True)
    assert again.act_id == first.act_id
    unknown = [teach(people["root"], lesson(1, body_hash=b""), ANNA) for _ in range(2)]
    assert all(each.is_new for each in unknown)


def test_the_newest_word_of_a_message_stands_but_evidence_does_not_contradict_a_person(
    people: dict[str, Actor],
) -> None:
    junk = teach(people["user"], lesson(1), ANNA).act_id
    by_itself = teach(people["root"], lesson(1, unwanted=False, way=Way.REPLY), ANNA)
    assert not by_itself.is_new
    wanted = teach(people["user"], lesson(1, unwanted=False), ANNA).act_id
    states = {row.id: row.state for row in access.acts(people["user"])}
    assert states == {junk: ActState.UNDONE, wanted: ActState.PENDING}


def test_nobody_gives_more_lessons_in_a_day_than_he_may(people: dict[str, Actor]) -> None:
    user = people["user"]
    for number in range(3):
        teach(user, lesson(number), ANNA, per_day=3, clock=lambda: NOW_S)
    with pytest.raises(ActionRefused, match="no more than 3"):
        teach(user, lesson(9), ANNA, per_day=3, clock=lambda: NOW_S + 60)
    teach(people["domain"], lesson(9), ANNA, per_day=3, clock=lambda: NOW_S + 60)
    teach(user, lesson(10), ANNA, per_day=3, clock=lambda: NOW_S + 86_401)


def record(number: int, **fields: object) -> TeachingRecord:
    told = {
        "id": f"0065yj2mkq3v4n8c7d2e-{number}/0",
        "at_s": NOW_S,
        "actor": "(trap)",
        "way": "trap",
        "unwanted": True,
        "features": number.to_bytes(4, "little"),
        "body_hash": number.to_bytes(16, "big"),
        "domain_id": 7,
        **fields,
    }
    return TeachingRecord(**told)  # type: ignore[arg-type]


def test_what_came_by_the_journal_is_there_once_however_often_it_is_read(root: Actor) -> None:
    writer = SqlLogWriter("node")
    writer.write([record(1), record(1), record(2, body_hash=b"")], {"segment": 10})
    writer.write([record(1), record(2, body_hash=b""), record(3, actor="\0 lone \udcff")], {"segment": 20})
    assert [row.actor for row in access.acts(root)] == ["\\x00 lone \\udcff", "(trap)", "(trap)"]
    assert models.TeachingAct.objects.filter(domain_key=7, state="pending").count() == 3


def test_pages_of_the_ledger_follow_each_other(people: dict[str, Actor]) -> None:
    teach_all(people["root"], [lesson(number) for number in range(7)], ANNA)
    teach(people["root"], lesson(1), BERT)
    seen: list[int] = []
    while page := access.acts(people["user"], before_id=seen[-1] if seen else 0, limit=3):
        seen += [row.id for row in page]
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)
    assert len(access.acts(people["root"], address="@one.north.example")) == 8
    assert len(access.acts(people["root"], address=BERT)) == 1
    with pytest.raises(NotFound):
        access.acts(people["user"], address=BERT)


def test_the_ledger_forgets_by_number_and_age_but_keeps_the_newest(root: Actor) -> None:
    row = models.TeachingAct(at_s=NOW_S, actor="x", way="cli", unwanted=True, features=b"", state="learned")
    rows = []
    for number in range(LEAST_KEPT + 300):
        fields = {name: getattr(row, name) for name in ("actor", "way", "unwanted", "features", "state")}
        rows.append(models.TeachingAct(at_s=NOW_S + number, **fields))
    models.TeachingAct.objects.bulk_create(rows, batch_size=500)
    teach(root, lesson(1))
    day_s = 86_400
    assert forget(NOW_S + 100 * day_s, keep_days=0, keep_acts=10_000) == 0
    assert forget(NOW_S + 100 + 30 * day_s, keep_days=30, keep_acts=10_000) == 100
    assert forget(NOW_S + 300 * day_s, keep_days=30, keep_acts=10_000) == 201
    assert forget(NOW_S, keep_days=0, keep_acts=500) == LEAST_KEPT - 500
    assert models.TeachingAct.objects.count() == 500


def test_a_release_teaches_in_the_name_of_whoever_said_it(people: dict[str, Actor]) -> None:
    held = {"node": "here", "kind": "quarantine", "group_key": 1, "domain_key": 2, "mailbox_key": 3}
    held |= {"forward_path": ANNA, "reason": "", "score": 5.0, "why": "", "state": "released"}
    for number, (address, by) in enumerate(((ANNA, ANNA), (BERT, "root (shell)")), 1):
        models.HeldRecipient.objects.create(
            id=f"entry.{number}", held_key="entry", address=address, changed_by=by, **held
        )
    told = lesson(1, unwanted=False, way=Way.RELEASE)
    for address in (ANNA, BERT, "gone@one.north.example"):
        teach_release("entry", address, told)
    (act,) = models.TeachingAct.objects.all()  # both stand for the same mailbox here: said once
    assert (act.actor, act.person_key, act.mailbox_key) == (ANNA, people["user"].person_id, 3)
    assert (act.way, act.unwanted) == ("release", False)
