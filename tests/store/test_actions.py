"""Writing to the directory: refusals and their reasons, versions, many things and many people at once."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from clement.policy.directive import Action, Scope
from clement.policy.directory import Fallback, GroupPolicy, Local, Mode, NextHop, Storage, Wire
from clement.policy.network import Standing
from clement.store import models
from clement.store.access import directory
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.alias import add_alias, change_alias, remove_alias
from clement.store.actions.change import ActionRefused, ChangedMeanwhile
from clement.store.actions.directive import (
    DirectiveChange,
    NewDirective,
    add_directive,
    change_directive,
    remove_directive,
)
from clement.store.actions.domain import DomainChange, add_domain, change_domain, remove_domain
from clement.store.actions.group import GroupChange, add_group, change_group, remove_group
from clement.store.actions.mailbox import (
    MailboxChange,
    NewMailbox,
    add_mailbox,
    add_mailboxes,
    change_mailbox,
    remove_mailbox,
)
from clement.store.actions.network import NetworkChange, add_network, change_network
from clement.store.actions.person import add_person, allow_send_as, set_password
from clement.store.snapshot import current_version, load_directory
from tests.store.directories import PASSWORD

RELAY = [NextHop("127.0.0.1", 2526)]


@pytest.fixture
def site(root: Actor) -> Actor:
    """One group that stores, one that relays, one mailbox."""
    add_group(root, "family")
    add_domain(root, "family.example", "family")
    add_group(root, "relay", mode=Mode.RELAY, next_hops=RELAY)
    add_domain(root, "relay.example", "relay")
    add_mailbox(root, "anna@family.example")
    return root


Deed = Callable[[Actor], object]
REFUSALS: dict[str, tuple[Deed, str]] = {
    "a group's name twice": (lambda who: add_group(who, "Family"), "there is a group family already"),
    "a relay without next hop": (lambda who: add_group(who, "r", mode=Mode.RELAY), "needs a next hop"),
    "LMTP on port 25": (
        lambda who: add_group(who, "l", storage=Storage.LMTP, next_hops=[NextHop("h", 25, wire=Wire.LMTP)]),
        "RFC 2033",
    ),
    "a socket for SMTP": (
        lambda who: add_group(who, "s", mode=Mode.RELAY, next_hops=[NextHop("/run/x")]),
        "for LMTP only",
    ),
    "a tiny size limit": (
        lambda who: add_group(who, "t", policy=GroupPolicy(size_limit_bytes=100)),
        "at least",
    ),
    "a size limit that no database holds": (
        lambda who: add_group(who, "t", policy=GroupPolicy(size_limit_bytes=2**63)),
        "at most",
    ),
    "refusing for a scanner that is away": (
        lambda who: add_group(who, "u", policy=GroupPolicy(scanner_unavailable=Fallback.REFUSE)),
        "never answered 5yz: defer, accept or quarantine",
    ),
    "names of attachments with commas between them": (
        lambda who: add_group(who, "a", policy=GroupPolicy(refused_attachment_names="*.pst,*.zip")),
        "blanks between them, not commas",
    ),
    "a subject that no header could bear": (
        lambda who: add_group(who, "s", policy=GroupPolicy(subject_prefix="[spam]\r\nBcc: x@y.example")),
        "printable ASCII",
    ),
    "greylisting for no time": (
        lambda who: add_group(who, "g", policy=GroupPolicy(greylisting_delay_s=0)),
        "from 10 to",
    ),
    "a window that ends before anybody comes back": (
        lambda who: add_group(who, "g", policy=GroupPolicy(greylisting_window_s=600)),
        "from 3840 to",
    ),
    "a group with domains": (lambda who: remove_group(who, "family"), r"still has domains \(family.example"),
    "relaying what is stored": (
        lambda who: change_group(who, "family", GroupChange(mode=Mode.RELAY, next_hops=tuple(RELAY))),
        "has mailboxes stored here",
    ),
    "a domain in two groups": (lambda who: add_domain(who, "family.example", "relay"), "another group"),
    "a domain twice": (lambda who: add_domain(who, "FAMILY.example", "family"), "this group already"),
    "a domain with mailboxes": (lambda who: remove_domain(who, "family.example"), "say that they go too"),
    "a catch-all nowhere": (
        lambda who: change_domain(who, "family.example", DomainChange(catch_all="no@family.example")),
        "no mailbox or alias no@family.example",
    ),
    "a catch-all of a relay": (
        lambda who: change_domain(who, "relay.example", DomainChange(catch_all="anna@family.example")),
        "asks its next hop",
    ),
    "a mailbox twice": (lambda who: add_mailbox(who, "ANNA@family.example"), "there is a mailbox"),
    "a folder of a relay": (
        lambda who: add_mailbox(who, "x@relay.example", maildir="x"),
        "kept by its next hop",
    ),
    "a quota of a relay": (
        lambda who: add_mailbox(who, "x@relay.example", quota_bytes=1),
        "kept by its next hop",
    ),
    "a negative quota": (lambda who: add_mailbox(who, "x@family.example", quota_bytes=-1), "number of bytes"),
    "a folder outside": (lambda who: add_mailbox(who, "x@family.example", maildir="../x"), "relative folder"),
    "another's folder": (
        lambda who: add_mailbox(who, "x@family.example", maildir="family.example/anna"),
        "belongs to another mailbox",
    ),
    "a folder in another's": (
        lambda who: add_mailbox(who, "x@family.example", maildir="family.example/anna/cur"),
        "belongs to another mailbox",
    ),
    "a folder around another's": (
        lambda who: add_mailbox(who, "x@family.example", maildir="family.example"),
        "belongs to another mailbox",
    ),
    "an alias that is a mailbox": (
        lambda who: add_alias(who, "anna@family.example", ["x@relay.example"]),
        "is a mailbox",
    ),
    "an alias for nobody": (lambda who: add_alias(who, "a@family.example", []), "needs a target"),
    "an alias elsewhere": (
        lambda who: add_alias(who, "a@family.example", ["x@far.example"]),
        "not forwarded",
    ),
    "an alias for itself": (lambda who: add_alias(who, "a@family.example", ["a@family.example"]), "a loop"),
    "an alias for two transports": (
        lambda who: add_alias(who, "a@family.example", ["anna@family.example", "x@relay.example"]),
        "stored here for anna@family.example and handed on for x@relay.example",
    ),
    "an alias for two next hops": (
        lambda who: add_alias(who, "a@family.example", ["x@relay.example", "y@relay.example"]),
        "handed on for x@relay.example and for y@relay.example",
    ),
    "a short password": (lambda who: add_person(who, "bert", "short"), "at least 8"),
    "NUL in a password": (lambda who: add_person(who, "bert", "long\0enough"), "NUL"),
    "a person with a strange name": (lambda who: add_person(who, "b e r t"), "letters, digits"),
    "a network of everybody": (lambda who: add_network(who, "0.0.0.0/0", Standing.RELAYABLE), "everybody"),
    "a network with host bits": (
        lambda who: add_network(who, "192.0.2.1/24", Standing.BANNED),
        "192.0.2.0/24",
    ),
    "a final trust": (
        lambda who: add_network(who, "192.0.2.0/24", Standing.TRUSTED, final=True),
        "only a ban",
    ),
    "a final rule of a user": (
        lambda who: add_directive(
            who,
            NewDirective(
                scope=Scope.USER, scope_name="anna@family.example", action=Action.REFUSE, final=True
            ),
        ),
        "cannot be final",
    ),
    "a rule for everybody": (
        lambda who: add_directive(who, NewDirective(scope=Scope.SITE, action=Action.REFUSE)),
        "about everybody",
    ),
    "a long note": (
        lambda who: add_network(who, "192.0.2.0/24", Standing.BANNED, note="x" * 501),
        "at most 500",
    ),
}


def test_what_is_refused_says_why_and_changes_nothing(site: Actor) -> None:
    version = current_version()
    audited = models.AuditEntry.objects.count()
    for name, (deed, why) in REFUSALS.items():
        with pytest.raises(ActionRefused, match=why):
            print(name, deed(site))
    assert current_version() == version
    assert models.AuditEntry.objects.count() == audited


def test_every_change_raises_the_version(site: Actor) -> None:
    seen = [current_version()]
    for deed in (
        lambda: change_mailbox(site, "anna@family.example", MailboxChange(quota_bytes=7)),
        lambda: add_alias(site, "team@family.example", ["anna@family.example"]),
        lambda: remove_alias(site, "team@family.example"),
        lambda: add_person(site, "anna@family.example", PASSWORD),
        lambda: set_password(site, "anna@family.example", PASSWORD + "2"),
        lambda: allow_send_as(site, "anna@family.example", "@relay.example"),
        lambda: remove_mailbox(site, "anna@family.example"),
    ):
        deed()
        seen.append(current_version())
    assert seen == sorted(set(seen))


def test_longer_loops_and_changes_below_an_alias_are_found(site: Actor) -> None:
    add_alias(site, "a@family.example", ["anna@family.example"])
    add_alias(site, "b@family.example", ["a@family.example"])
    add_alias(site, "c@family.example", ["b@family.example"])
    with pytest.raises(ActionRefused, match="loop"):
        change_alias(site, "a@family.example", ["c@family.example"])
    # `a` alone could go elsewhere; `d` would then lead to two transports.
    add_alias(site, "d@family.example", ["c@family.example", "anna@family.example"])
    with pytest.raises(ActionRefused, match=r"d@family\.example would be stored here"):
        change_alias(site, "a@family.example", ["x@relay.example"])


def test_what_others_point_to_stays(site: Actor) -> None:
    add_alias(site, "team@family.example", ["anna@family.example"])
    change_domain(site, "family.example", DomainChange(catch_all="team@family.example"))
    with pytest.raises(ActionRefused, match=r"the alias team@family\.example points"):
        remove_mailbox(site, "anna@family.example")
    with pytest.raises(ActionRefused, match=r"the catch-all of family\.example points"):
        remove_alias(site, "team@family.example")


def test_removing_a_domain_takes_all_that_is_in_it(site: Actor) -> None:
    add_alias(site, "team@family.example", ["anna@family.example"])
    add_person(site, "anna@family.example", PASSWORD)
    rule = NewDirective(
        scope=Scope.USER, scope_name="anna@family.example", action=Action.REFUSE, sender_pattern="@x.example"
    )
    add_directive(site, rule)
    remove_domain(site, "family.example", with_mailboxes=True)
    left = [
        models.Mailbox.objects.count(),
        models.Alias.objects.count(),
        models.AliasTarget.objects.count(),
        models.Person.objects.count(),
        models.Directive.objects.count(),
    ]
    assert left == [0] * 5
    remove_group(site, "family")


def test_directives_that_touch_each_other_are_noted(site: Actor) -> None:
    def rule(action: Action, pattern: str) -> NewDirective:
        return NewDirective(
            scope=Scope.DOMAIN, scope_name="family.example", action=action, sender_pattern=pattern
        )

    first = add_directive(site, rule(Action.REFUSE, "@shop.example"))
    assert first.notes == ()
    narrower = add_directive(site, rule(Action.ACCEPT, "news@shop.example"))
    assert any(f"more specific than directive {first.id}" in note for note in narrower.notes)
    assert any("authenticated" in note for note in narrower.notes)
    contrary = add_directive(site, rule(Action.ACCEPT, "@shop.example"))
    assert any(f"contradicts directive {first.id}" in note for note in contrary.notes)
    with pytest.raises(ActionRefused, match=f"directive {first.id} says the same"):
        add_directive(site, rule(Action.REFUSE, "@SHOP.example"))


def test_a_directive_that_has_ended_is_in_nobody_s_way(site: Actor) -> None:
    def rule(action: Action, expires_at_s: int = 0) -> NewDirective:
        return NewDirective(
            scope=Scope.DOMAIN,
            scope_name="family.example",
            action=action,
            sender_pattern="@shop.example",
            expires_at_s=expires_at_s,
        )

    ended_s = int(time.time()) - 1
    add_directive(site, rule(Action.REFUSE, ended_s))
    add_directive(site, rule(Action.ACCEPT, ended_s))
    again = add_directive(site, rule(Action.ACCEPT))
    assert not any("contradicts" in note for note in again.notes)
    with pytest.raises(ActionRefused, match=f"directive {again.id} says the same"):
        add_directive(site, rule(Action.ACCEPT))


def test_a_directive_that_ends_sooner_does_not_say_the_same(site: Actor) -> None:
    def rule(expires_at_s: int = 0) -> NewDirective:
        return NewDirective(
            scope=Scope.DOMAIN,
            scope_name="family.example",
            action=Action.ACCEPT,
            sender_pattern="@shop.example",
            expires_at_s=expires_at_s,
        )

    soon_s = int(time.time()) + 86_400
    first = add_directive(site, rule(soon_s))
    with pytest.raises(ActionRefused, match=f"directive {first.id} says the same"):
        add_directive(site, rule(soon_s - 60))
    longer = add_directive(site, rule(soon_s + 60))
    assert f"outlasts directive {first.id}, which says the same" in longer.notes
    lasting = add_directive(site, rule())
    with pytest.raises(ActionRefused, match=f"directive {lasting.id} says the same"):
        add_directive(site, rule(soon_s + 120))


def test_sparing_the_delay_of_greylisting_contradicts_nothing(site: Actor) -> None:
    def rule(action: Action) -> NewDirective:
        return NewDirective(
            scope=Scope.DOMAIN, scope_name="family.example", action=action, sender_pattern="@shop.example"
        )

    add_directive(site, rule(Action.REFUSE))
    sparing = add_directive(site, rule(Action.SKIP_GREYLISTING))
    assert sparing.notes == ()
    assert directory.directive(site, sparing.id).action is Action.SKIP_GREYLISTING
    with pytest.raises(ActionRefused, match=f"directive {sparing.id} says the same"):
        add_directive(site, rule(Action.SKIP_GREYLISTING))


def test_hits_that_come_during_a_change_are_kept(site: Actor) -> None:
    noted = add_directive(
        site, NewDirective(scope=Scope.SITE, action=Action.REFUSE, sender_pattern="@spam.example")
    )
    models.Directive.objects.filter(id=noted.id).update(hit_count=41)
    row = change_directive(site, noted.id, DirectiveChange(note="known\r\nspammer\x1b[2J"))
    assert row.note == "known spammer [2J"
    assert directory.directive(site, noted.id).hit_count == 41
    remove_directive(site, noted.id)
    with pytest.raises(NotFound):
        directory.directive(site, noted.id)


def test_networks_inside_each_other_are_noted(root: Actor) -> None:
    wide = add_network(root, "2001:db8::/32", Standing.RELAYABLE)
    narrow = add_network(root, "2001:db8:1::/48", Standing.NOT_RELAYABLE)
    assert f"entry {wide.id}" in narrow.notes[0]
    assert add_network(root, "::ffff:192.0.2.0/120", Standing.BANNED).notes == ()
    assert "192.0.2.0/24" in {row.network for row in directory.networks(root)}
    add_network(root, "192.0.2.0/24", Standing.RELAYABLE)  # relaying and reputation are separate questions
    with pytest.raises(ActionRefused, match="banned already"):
        add_network(root, "192.0.2.0/24", Standing.TRUSTED)


def test_an_entry_of_a_network_that_has_ended_is_in_nobody_s_way(root: Actor) -> None:
    now_s = int(time.time())
    ended = add_network(root, "192.0.2.0/24", Standing.BANNED, expires_at_s=now_s - 1)
    trusted = add_network(root, "192.0.2.0/24", Standing.TRUSTED, expires_at_s=now_s - 1)
    assert add_network(root, "192.0.2.7/32", Standing.BANNED).notes == ()
    again = add_network(root, "192.0.2.0/24", Standing.BANNED, expires_at_s=now_s + 86_400)
    assert again.notes == ("1 narrower entries inside it keep winning over it",)
    with pytest.raises(ActionRefused, match=f"banned already .entry {again.id}."):
        add_network(root, "192.0.2.0/24", Standing.BANNED)
    for gone in (ended, trusted):
        with pytest.raises(NotFound):
            directory.network(root, gone.id)
    removed = models.AuditEntry.objects.filter(action="network.remove", object_name="192.0.2.0/24")
    assert removed.count() == 2

    relayable = add_network(root, "192.0.2.7/32", Standing.RELAYABLE, expires_at_s=now_s - 1)
    other = add_network(root, "192.0.2.7/32", Standing.NOT_RELAYABLE)
    assert change_network(root, other.id, NetworkChange(standing=Standing.RELAYABLE)).id == other.id
    with pytest.raises(NotFound):
        directory.network(root, relayable.id)


def test_ten_thousand_mailboxes_in_one_go(site: Actor) -> None:
    wanted = [NewMailbox(f"user{number}@family.example", quota_bytes=number) for number in range(10_000)]
    steps: list[tuple[int, int]] = []
    assert add_mailboxes(site, wanted, lambda done, total: steps.append((done, total))) == 10_000
    assert steps[-1] == (10_000, 10_000)
    assert steps == sorted(steps)
    assert models.Mailbox.objects.count() == 10_001
    assert directory.mailbox(site, "user77@family.example").quota_bytes == 77


@pytest.mark.parametrize(
    "odd", ["anna@family.example", "user1@family.example", "not an address", "u@relay.example"]
)
def test_many_mailboxes_are_added_all_or_none(site: Actor, odd: str) -> None:
    wanted = [NewMailbox(f"user{number}@family.example") for number in range(1000)]
    with pytest.raises(ActionRefused):
        add_mailboxes(site, [*wanted, NewMailbox(odd, quota_bytes=1)])
    assert models.Mailbox.objects.count() == 1


def test_a_person_owns_the_mailbox_of_the_same_address(site: Actor) -> None:
    row = add_person(site, "Anna@family.example", PASSWORD)
    assert row.mailboxes == ("anna@family.example",)
    assert directory.mailbox(site, "anna@family.example").owner_login == "anna@family.example"


def test_case_145_a_change_on_the_ground_of_an_older_version_is_refused(site: Actor) -> None:
    shown = directory.mailbox(site, "anna@family.example").version
    change_mailbox(site, "anna@family.example", MailboxChange(quota_bytes=1), version=shown)
    with pytest.raises(ChangedMeanwhile):
        change_mailbox(site, "anna@family.example", MailboxChange(quota_bytes=2), version=shown)
    assert directory.mailbox(site, "anna@family.example").quota_bytes == 1


def at_the_same_time(*deeds: Callable[[], object]) -> list[Exception | None]:
    """Do several things in threads of their own; returns what each raised."""
    ready = threading.Barrier(len(deeds))
    raised: list[Exception | None] = [None] * len(deeds)

    def do(place: int, deed: Callable[[], object]) -> None:
        ready.wait(60)
        try:
            deed()
        except (ActionRefused, NotFound) as refusal:
            raised[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=each) for each in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_case_145_of_two_who_add_the_same_name_one_is_told(site: Actor) -> None:
    raised = at_the_same_time(
        lambda: add_mailbox(site, "twin@family.example"),
        lambda: add_alias(site, "twin@family.example", ["anna@family.example"]),
        lambda: add_mailbox(site, "twin@family.example"),
    )
    assert [one is None for one in raised].count(True) == 1
    found = models.Mailbox.objects.filter(address="twin@family.example").count()
    found += models.Alias.objects.filter(address="twin@family.example").count()
    assert found == 1


def test_case_145_a_domain_removed_while_mailboxes_are_added_leaves_none(site: Actor) -> None:
    at_the_same_time(
        lambda: remove_domain(site, "family.example", with_mailboxes=True),
        *(lambda number=number: add_mailbox(site, f"u{number}@family.example") for number in range(4)),
    )
    assert models.Domain.objects.filter(name="family.example").count() == 0
    assert models.Mailbox.objects.count() == 0


def test_case_145_parallel_changes_are_all_counted(root: Actor) -> None:
    add_group(root, "family")
    before = current_version()
    raised = at_the_same_time(
        *(lambda number=number: add_domain(root, f"d{number}.example", "family") for number in range(6))
    )
    assert raised == [None] * 6
    assert current_version() == before + 6


@pytest.mark.parametrize("text", ["'; DROP TABLE clement_group; --", "%s%%", "\\", '"', "`", "😀 \u202e"])
def test_case_118_what_is_stored_stays_text_wherever_it_is_used_again(site: Actor, text: str) -> None:
    noted = add_directive(
        site,
        NewDirective(scope=Scope.SITE, action=Action.REFUSE, sender_pattern="@x.example", note=text),
    )
    assert directory.directives(site, scope_name=text) == ()
    assert directory.mailboxes(site, text=text) == ()
    assert directory.directive(site, noted.id).note == " ".join(text.replace("\u202e", " ").split())
    assert directory.audit(site)[0].new


def test_what_a_domain_says_otherwise_is_kept_field_by_field_and_reaches_receivers(site: Actor) -> None:
    change_domain(site, "family.example", DomainChange(policy={"spf_fail": "refuse", "tag_at": "2.5"}))
    row = change_domain(site, "family.example", DomainChange(policy={"spf_fail": None, "tag_at": 2}))
    assert row.policy == {"tag_at": 2.0}
    change_mailbox(site, "anna@family.example", MailboxChange(quarantine_at=4.0))
    route = load_directory().route("anna", "family.example")
    assert isinstance(route, Local)
    assert (route.group.policy.tag_at, route.mailboxes[0].quarantine_at) == (2.0, 4.0)
    change_domain(site, "family.example", DomainChange(policy={"tag_at": None}))
    change_mailbox(site, "anna@family.example", MailboxChange(quarantine_at=None))
    assert load_directory().route("anna", "family.example") == Local(
        route.group.__class__(route.group.id, "family", Mode.STORE),
        route.domain.__class__(route.domain.id, "family.example", route.group.id),
        (route.mailboxes[0].__class__(route.mailboxes[0].id, "anna@family.example", "family.example/anna"),),
    )


def test_a_group_does_not_change_so_that_what_its_domain_says_makes_no_sense(site: Actor) -> None:
    change_domain(site, "family.example", DomainChange(policy={"greylisting_delay_s": 4 * 3600}))
    shorter = GroupChange(policy=GroupPolicy(greylisting_window_s=2 * 3600))
    with pytest.raises(ActionRefused, match="says otherwise"):
        change_group(site, "family", shorter)


def test_mailboxes_behind_a_next_hop_stay_there(site: Actor) -> None:
    add_mailbox(site, "rita@relay.example")
    change_mailbox(site, "rita@relay.example", MailboxChange(quarantine_at=4.0))
    with pytest.raises(ActionRefused, match="kept by its next hop"):
        change_mailbox(site, "rita@relay.example", MailboxChange(quota_bytes=5))
    with pytest.raises(ActionRefused, match="behind its next hop"):
        change_group(site, "relay", GroupChange(mode=Mode.STORE, next_hops=()))
    assert change_group(site, "relay", GroupChange(next_hops=tuple(RELAY))).name == "relay"
