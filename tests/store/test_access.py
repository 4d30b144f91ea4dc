"""Who may see and change what: every role against what is its own and what is another tenant's."""

from collections.abc import Callable

import pytest
from django.db import transaction

from clement.journal.records import Outcome, RecipientRecord, Record, SessionRecord, TransactionRecord
from clement.policy.directive import Action, Scope
from clement.policy.directory import GroupPolicy, Mode
from clement.policy.network import Standing
from clement.store import models
from clement.store.access import directory, log
from clement.store.access.actor import Actor, NotFound, actor_of, shell_actor
from clement.store.access.log_filter import LogFilter
from clement.store.access.prefix import sessions_beginning
from clement.store.access.redaction import HIDDEN_RECIPIENT, HIDDEN_TRANSACTION
from clement.store.actions.alias import add_alias, change_alias, remove_alias
from clement.store.actions.change import ActionForbidden, ActionRefused
from clement.store.actions.directive import DirectiveChange, add_directive, change_directive, remove_directive
from clement.store.actions.domain import DomainChange, add_domain, change_domain, remove_domain
from clement.store.actions.group import GroupChange, add_group, change_group, remove_group
from clement.store.actions.mailbox import MailboxChange, add_mailbox, change_mailbox, remove_mailbox
from clement.store.actions.network import NetworkChange, add_network, change_network, remove_network
from clement.store.actions.person import (
    PersonChange,
    add_person,
    allow_send_as,
    change_person,
    forbid_send_as,
    remove_person,
    set_password,
)
from clement.store.actions.role import grant_role, revoke_role
from clement.store.log_writer import SqlLogWriter
from clement.store.records import Role
from tests.store.directories import PASSWORD, actors_of, build_directives, build_people, build_site, rule
from tests.store.log_records import recipient, session

Deed = Callable[[Actor], object]

# What each role may do with what is its own: may, may not although it sees it, or does not even see it.
MAY, FORBIDDEN, UNSEEN = "may", "forbidden", "unseen"


@pytest.fixture
def rules(root: Actor) -> dict[str, int]:
    with transaction.atomic():  # one commit instead of fifty
        build_site(root)
        build_people(root)
        return build_directives(root)


def deeds(tenant: str, rules: dict[str, int]) -> dict[str, tuple[Deed, str, str, str]]:
    """Everything that can be done to a tenant's things; what group-, domain-admin and user may of it."""
    one, two = f"one.{tenant}.example", f"two.{tenant}.example"
    anna = f"anna@{one}"
    network = models.ClientNetwork.objects.values_list("id", flat=True)[0]
    off = MailboxChange(quota_bytes=5)
    note = DirectiveChange(note="x")
    return {
        "see group": (lambda who: directory.group(who, tenant), MAY, UNSEEN, UNSEEN),
        "change group": (
            lambda who: change_group(who, tenant, GroupChange(policy=GroupPolicy(scan_content=False))),
            MAY, UNSEEN, UNSEEN,
        ),
        "rename group": (
            lambda who: change_group(who, tenant, GroupChange(name="mine")),
            FORBIDDEN, UNSEEN, UNSEEN,
        ),
        "remove group": (lambda who: remove_group(who, tenant), FORBIDDEN, UNSEEN, UNSEEN),
        "see domain": (lambda who: directory.domain(who, one), MAY, MAY, UNSEEN),
        "see sister domain": (lambda who: directory.domain(who, two), MAY, UNSEEN, UNSEEN),
        "add domain": (lambda who: add_domain(who, f"new.{tenant}.example", tenant), MAY, UNSEEN, UNSEEN),
        "change domain": (
            lambda who: change_domain(who, one, DomainChange(catch_all=anna)),
            MAY, MAY, UNSEEN,
        ),
        "differ from the group in what is one's own": (
            lambda who: change_domain(who, one, DomainChange(policy={"spf_fail": "refuse", "tag_at": "2"})),
            MAY, MAY, UNSEEN,
        ),
        "differ from the group in what is the group's": (
            lambda who: change_domain(who, one, DomainChange(policy={"scan_content": False})),
            MAY, FORBIDDEN, UNSEEN,
        ),
        "say from which score on": (
            lambda who: change_mailbox(who, anna, MailboxChange(quarantine_at=4.6)),
            MAY, MAY, MAY,
        ),
        "say it for a colleague": (
            lambda who: change_mailbox(who, f"bert@{one}", MailboxChange(quarantine_at=4.6)),
            MAY, MAY, UNSEEN,
        ),
        "remove domain": (lambda who: remove_domain(who, one, with_mailboxes=True), MAY, FORBIDDEN, UNSEEN),
        "see mailbox": (lambda who: directory.mailbox(who, anna), MAY, MAY, MAY),
        "see colleague's mailbox": (lambda who: directory.mailbox(who, f"bert@{one}"), MAY, MAY, UNSEEN),
        "add mailbox": (lambda who: add_mailbox(who, f"new@{one}"), MAY, MAY, UNSEEN),
        "add sister mailbox": (lambda who: add_mailbox(who, f"new@{two}"), MAY, UNSEEN, UNSEEN),
        "change mailbox": (lambda who: change_mailbox(who, anna, off), MAY, MAY, FORBIDDEN),
        "remove mailbox": (lambda who: remove_mailbox(who, f"spare@{one}"), MAY, MAY, UNSEEN),
        "see alias": (lambda who: directory.alias(who, f"team@{one}"), MAY, MAY, UNSEEN),
        "add alias": (lambda who: add_alias(who, f"new@{one}", [anna]), MAY, MAY, UNSEEN),
        "change alias": (lambda who: change_alias(who, f"team@{one}", [anna]), MAY, MAY, UNSEEN),
        "remove alias": (lambda who: remove_alias(who, f"team@{one}"), MAY, MAY, UNSEEN),
        "see person": (lambda who: directory.person(who, anna), MAY, MAY, MAY),
        "add person": (lambda who: add_person(who, f"new@{one}"), MAY, MAY, UNSEEN),
        "change person": (
            lambda who: change_person(who, anna, PersonChange(enabled=False)),
            MAY, MAY, FORBIDDEN,
        ),
        "set password": (lambda who: set_password(who, anna, PASSWORD), MAY, MAY, MAY),
        "remove person": (lambda who: remove_person(who, anna), MAY, MAY, FORBIDDEN),
        "allow": (lambda who: allow_send_as(who, anna, f"@{one}"), MAY, MAY, FORBIDDEN),
        "forbid": (lambda who: forbid_send_as(who, anna, f"@{one}"), MAY, MAY, FORBIDDEN),
        "make group-admin": (lambda who: grant_role(who, anna, Role.GROUP, tenant), MAY, UNSEEN, FORBIDDEN),
        "make domain-admin": (lambda who: grant_role(who, anna, Role.DOMAIN, one), MAY, MAY, FORBIDDEN),
        "make root": (lambda who: grant_role(who, anna, Role.ROOT), FORBIDDEN, FORBIDDEN, FORBIDDEN),
        "unmake group-admin": (
            lambda who: revoke_role(who, f"{tenant}-admin@{one}", Role.GROUP, tenant), MAY, FORBIDDEN, UNSEEN,
        ),
        "see site's rule": (lambda who: directory.directive(who, rules[""]), UNSEEN, UNSEEN, UNSEEN),
        "see group's rule": (lambda who: directory.directive(who, rules[tenant]), MAY, UNSEEN, UNSEEN),
        "see domain's rule": (lambda who: directory.directive(who, rules[one]), MAY, MAY, UNSEEN),
        "see user's rule": (lambda who: directory.directive(who, rules[anna]), MAY, MAY, MAY),
        "add site's rule": (
            lambda who: add_directive(who, rule(Scope.SITE, "")),
            FORBIDDEN, FORBIDDEN, FORBIDDEN,
        ),
        "change group's rule": (lambda who: change_directive(who, rules[tenant], note), MAY, UNSEEN, UNSEEN),
        "change user's rule": (lambda who: change_directive(who, rules[anna], note), MAY, MAY, MAY),
        "remove site's rule": (lambda who: remove_directive(who, rules[""]), UNSEEN, UNSEEN, UNSEEN),
        "remove domain's rule": (lambda who: remove_directive(who, rules[one]), MAY, MAY, UNSEEN),
        "remove user's rule": (lambda who: remove_directive(who, rules[anna]), MAY, MAY, MAY),
        "see network": (lambda who: directory.network(who, network), UNSEEN, UNSEEN, UNSEEN),
        "add network": (
            lambda who: add_network(who, "198.51.100.0/24", Standing.RELAYABLE),
            *(FORBIDDEN,) * 3,
        ),
        "change network": (
            lambda who: change_network(who, network, NetworkChange(note="x")),
            *(FORBIDDEN,) * 3,
        ),
        "remove network": (lambda who: remove_network(who, network),) + (FORBIDDEN,) * 3,
        "add group": (lambda who: add_group(who, "mine"),) + (FORBIDDEN,) * 3,
    }  # fmt: skip


def outcome_of(deed: Deed, who: Actor) -> str:
    try:
        deed(who)
    except NotFound:
        return UNSEEN
    except ActionForbidden:
        return FORBIDDEN
    return MAY


def try_in_turn(tenant: str, whose: str, rules: dict[str, int]) -> dict[str, dict[str, str]]:
    """The outcome of every deed on `tenant`'s things, by deed and role, each undone before the next."""
    people = actors_of(whose)
    found: dict[str, dict[str, str]] = {}
    for name, (deed, *_expected) in deeds(tenant, rules).items():
        for role, who in people.items():
            with transaction.atomic():
                found.setdefault(name, {})[role] = outcome_of(deed, who)
                transaction.set_rollback(True)
    return found


def test_case_132_every_role_does_with_its_own_what_it_may_and_no_more(
    root: Actor, rules: dict[str, int]
) -> None:
    add_mailbox(root, "spare@one.north.example")
    allow_send_as(root, "anna@one.north.example", "@one.north.example")
    expected = {
        name: dict(zip(("group", "domain", "user"), outcomes, strict=True))
        for name, (_deed, *outcomes) in deeds("north", rules).items()
    }
    assert try_in_turn("north", "north", rules) == expected


def test_case_132_another_tenants_things_are_missing_whatever_one_wants_of_them(
    rules: dict[str, int],
) -> None:
    about_nobody = {"add site's rule", "add network", "change network", "remove network", "add group"}
    for name, outcomes in try_in_turn("south", "north", rules).items():
        expected = FORBIDDEN if name in about_nobody else UNSEEN
        assert set(outcomes.values()) == {expected}, name


@pytest.mark.usefixtures("rules")
def test_case_132_foreign_and_missing_are_told_in_the_same_words() -> None:
    admin = actors_of("north")["group"]
    for name in ("one.south.example", "nowhere.example"):
        with pytest.raises(NotFound, match=f"^no domain {name}$"):
            directory.domain(admin, name)


@pytest.mark.usefixtures("rules")
def test_case_132_lists_hold_what_is_ones_own() -> None:
    people = actors_of("north")
    seen = {
        role: (
            len(directory.groups(who)),
            len(directory.domains(who)),
            len(directory.mailboxes(who)),
            len(directory.aliases(who)),
            len(directory.persons(who)),
            len(directory.directives(who)),
            len(directory.networks(who)),
        )
        for role, who in people.items()
    }
    assert seen == {
        "group": (1, 2, 4, 2, 3, 3, 0),
        "domain": (0, 1, 2, 1, 3, 2, 0),
        "user": (0, 0, 1, 0, 1, 1, 0),
    }


@pytest.mark.usefixtures("rules")
def test_case_133_nobody_lifts_himself() -> None:
    domain_admin = actors_of("north")["domain"]
    with pytest.raises(NotFound):
        grant_role(domain_admin, domain_admin.name, Role.GROUP, "north")
    with pytest.raises(ActionForbidden):
        grant_role(domain_admin, domain_admin.name, Role.ROOT)
    with pytest.raises(ActionForbidden):  # the group-admin's login is in his domain, but he administers more
        set_password(domain_admin, "north-admin@one.north.example", PASSWORD)


@pytest.mark.usefixtures("rules")
def test_case_133_a_root_in_a_tenants_domain_is_out_of_its_admins_reach(root: Actor) -> None:
    grant_role(root, "anna@one.north.example", Role.ROOT)
    for who in (actors_of("north")[role] for role in ("group", "domain")):
        for deed in (remove_person, lambda who, login: set_password(who, login, PASSWORD)):
            with pytest.raises(ActionForbidden):
                deed(who, "anna@one.north.example")


@pytest.mark.usefixtures("rules")
def test_case_133_the_last_root_stays(root: Actor) -> None:
    for deed in (
        lambda: remove_person(root, "chief"),
        lambda: change_person(root, "chief", PersonChange(enabled=False)),
        lambda: revoke_role(root, "chief", Role.ROOT),
    ):
        with pytest.raises(ActionRefused, match="last root"):
            deed()
    grant_role(root, "anna@one.north.example", Role.ROOT)
    remove_person(root, "chief")
    with pytest.raises(ActionRefused, match="last root"):
        remove_domain(root, "one.north.example", with_mailboxes=True)


@pytest.mark.parametrize("name", ["sub.one.south.example", "ONE.South.Example.", "south.example"])
@pytest.mark.usefixtures("rules")
def test_case_134_a_group_admin_takes_no_domain_near_anothers(name: str) -> None:
    with pytest.raises(ActionRefused):
        add_domain(actors_of("north")["group"], name, "north")


@pytest.mark.usefixtures("rules")
def test_case_134_twins_in_other_spellings_are_the_same_domain(root: Actor) -> None:
    add_domain(root, "bücher.example", "south")
    for twin in ("BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example"):
        with pytest.raises(ActionRefused, match="another group"):
            add_domain(root, twin, "north")
    for nonsense in ("*", "*.example", "exa mple", "a..b", "", "192.0.2.1", "[192.0.2.1]"):
        with pytest.raises(ActionRefused):
            add_domain(root, nonsense, "north")


@pytest.mark.usefixtures("rules")
def test_aliases_lead_to_no_other_tenant() -> None:
    admin = actors_of("north")["group"]
    words = set()
    for target in ("anna@one.south.example", "nobody@one.south.example", "anna@nowhere.example"):
        with pytest.raises(ActionRefused) as refused:
            add_alias(admin, "x@one.north.example", [target])
        words.add(refused.value.reason.replace(target, ""))
    assert len(words) == 1


@pytest.mark.usefixtures("rules")
def test_case_148_the_audit_log_tells_who_what_and_from_where(root: Actor) -> None:
    admin = actor_of("admin@one.north.example", origin_address="198.51.100.7")
    change_mailbox(admin, "anna@one.north.example", MailboxChange(quota_bytes=5))
    (entry, *_rest) = directory.audit(root)
    assert (entry.actor, entry.origin_address, entry.action, entry.object_name) == (
        "admin@one.north.example",
        "198.51.100.7",
        "mailbox.change",
        "anna@one.north.example",
    )
    assert '"quota_bytes":0' in entry.old
    assert '"quota_bytes":5' in entry.new


@pytest.mark.usefixtures("rules")
def test_case_148_tenants_read_their_own_audit_log(root: Actor) -> None:
    people = actors_of("north")
    assert all("south" not in entry.object_name for entry in directory.audit(people["group"], limit=1000))
    of_domain = directory.audit(people["domain"], limit=1000)
    assert of_domain
    assert all("one.north" in entry.object_name or "directive" in entry.object_name for entry in of_domain)
    assert directory.audit(people["user"]) == ()
    set_password(root, "anna@one.north.example", PASSWORD)
    assert "argon2" not in "".join(entry.old + entry.new for entry in directory.audit(root, limit=1000))


# The log.


def write_log(*told: tuple[SessionRecord, list[TransactionRecord]]) -> None:
    records: list[Record] = []
    for record, transactions in told:
        records += [*transactions, record]
    SqlLogWriter("here").write(records, {"seg1": models.Session.objects.count() + 1})


def of(address: str, **fields: object) -> RecipientRecord:
    """A recipient here, with the ids that a receiver would find."""
    domain = models.Domain.objects.get(name=address.rpartition("@")[2])
    mailbox = models.Mailbox.objects.filter(address=address).first()
    return recipient(
        address,
        group_id=domain.group_id,
        domain_id=domain.id,
        mailbox_ids=(mailbox.id,) if mailbox else (),
        **fields,
    )


@pytest.fixture
def shared_session(rules: dict[str, int]) -> str:  # noqa: ARG001
    """One session with mail for both tenants: one transaction for both, one for the south alone."""
    told = session(
        (of("anna@one.north.example"), of("bert@one.north.example"), of("anna@one.south.example")),
        (of("anna@two.south.example"),),
        login="anna@one.south.example",
    )
    write_log(told)
    return told[0].id


@pytest.mark.usefixtures("shared_session")
def test_case_132_lines_of_the_log_are_seen_by_those_they_concern() -> None:
    seen = {
        (tenant, role): [row.address for row in log.recipients(who).rows]
        for tenant in ("north", "south")
        for role, who in actors_of(tenant).items()
    }
    assert seen == {
        ("north", "group"): ["bert@one.north.example", "anna@one.north.example"],
        ("north", "domain"): ["bert@one.north.example", "anna@one.north.example"],
        ("north", "user"): ["anna@one.north.example"],
        ("south", "group"): ["anna@two.south.example", "anna@one.south.example"],
        ("south", "domain"): ["anna@one.south.example"],
        ("south", "user"): ["anna@one.south.example"],
    }


def test_a_shared_session_shows_each_his_own_part(shared_session: str) -> None:
    story = log.session(actors_of("north")["user"], shared_session)
    commands = [exchange.command for exchange in story.transcript]
    assert story.redacted
    assert commands == [
        "",
        "EHLO far.example",
        "MAIL FROM:<sender@far.example>",
        "RCPT TO:<anna@one.north.example>",
        HIDDEN_RECIPIENT,
        HIDDEN_RECIPIENT,
        "DATA",
        "<content>",
        HIDDEN_TRANSACTION,
    ]
    (transaction,) = story.transactions
    assert transaction.recipient_count == 1  # a blind copy to others stays blind
    assert story.session.login == ""
    assert "south" not in str(story)


def test_root_sees_all_of_a_shared_session(root: Actor, shared_session: str) -> None:
    story = log.session(root, shared_session)
    assert not story.redacted
    assert [transaction.recipient_count for transaction in story.transactions] == [3, 1]
    assert story.session.login == "anna@one.south.example"


def test_of_an_open_session_each_sees_what_he_would_see_later(root: Actor, shared_session: str) -> None:
    later = log.session(root, shared_session)
    mine = log.session(actors_of("north")["user"], shared_session)
    models.Session.objects.filter(id=shared_session).delete()
    for who, all_of_it in ((root, later), (actors_of("north")["user"], mine)):
        story = log.session(who, shared_session)
        assert (story.session, story.transcript) == (None, ())
        assert story.transactions == all_of_it.transactions
    assert sessions_beginning(root, shared_session[:19], limit=5) == (shared_session,)
    assert sessions_beginning(root, shared_session, limit=1) == (shared_session,)
    assert sessions_beginning(actors_of("north")["user"], shared_session) == ()


@pytest.mark.usefixtures("rules")
def test_case_132_a_foreign_session_is_missing() -> None:
    told = session((of("anna@one.south.example"),))
    refused_at_connect = session(outcome=Outcome.REFUSED)
    write_log(told, refused_at_connect)
    for who in actors_of("north").values():
        for session_id in (told[0].id, refused_at_connect[0].id, "0nothing"):
            with pytest.raises(NotFound, match=f"^no session {session_id}$"):
                log.session(who, session_id)
        with pytest.raises(NotFound):
            log.transaction(who, f"{told[0].id}-1")
        assert log.sessions(who).rows == ()
        assert log.refusal_runs(who).rows == ()
        assert log.gaps(who) == ()


@pytest.mark.usefixtures("rules")
def test_a_user_sees_what_reached_him_through_an_alias() -> None:
    ids = [models.Mailbox.objects.get(address=f"{user}@one.north.example").id for user in ("bert", "anna")]
    domain = models.Domain.objects.get(name="one.north.example")
    team = recipient(
        "team@one.north.example", group_id=domain.group_id, domain_id=domain.id, mailbox_ids=tuple(ids)
    )
    told = session((team,))
    write_log(told)
    anna = actors_of("north")["user"]
    assert [row.address for row in log.recipients(anna).rows] == ["team@one.north.example"]
    assert not log.session(anna, told[0].id).redacted
    assert [row.address for row in log.recipients(anna, LogFilter(client="192.0.2.1")).rows] == [
        "team@one.north.example"
    ]


@pytest.mark.usefixtures("rules")
def test_a_disabled_person_is_nobody(root: Actor) -> None:
    change_person(root, "anna@one.north.example", PersonChange(enabled=False))
    with pytest.raises(NotFound):
        actor_of("anna@one.north.example")


@pytest.mark.usefixtures("database")
def test_relaying_tenants_write_rules_for_recipients_without_mailboxes() -> None:
    root = shell_actor("tester")
    build_site(root)
    assert directory.group(root, "relay").mode is Mode.RELAY
    noted = add_directive(root, rule(Scope.USER, "Someone@Relay.Example"))
    row = directory.directive(root, noted.id)
    assert (row.scope_name, row.action) == ("someone@relay.example", Action.REFUSE)
