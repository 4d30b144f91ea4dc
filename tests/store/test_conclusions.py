"""From counts to lists: trial, ban, trust, pardon, and what protects from a ban."""

from ipaddress import ip_network

import pytest

from clement.journal.records import Outcome
from clement.policy.list_rules import ListRules
from clement.policy.network import ListOrigin, Standing, client_address
from clement.policy.reason import Reason
from clement.store import models
from clement.store.access import directory, server_list
from clement.store.access.actor import Actor
from clement.store.actions.change import ActionForbidden
from clement.store.actions.conclusion import conclude
from clement.store.actions.network import add_network, remove_network
from clement.store.actions.server_list import (
    assert_foreign,
    pardon,
    unlist,
    withdraw_foreign,
    withdraw_pardon,
)
from clement.store.list_records import EntryState, Evidence, ForeignAssertion, ListedRow
from clement.store.reputation.counting import count_waiting
from clement.store.reputation.forgetting import forget
from clement.store.snapshot import load_directory
from tests.store.traffic import DAY_S, START_S, TAKEN, UNKNOWN, VIRUS, Answer, Recorder, flood, mail

RULES = ListRules()
REFUSED_HERE: Answer = (Outcome.REFUSED, Reason.SENDER_UNRESOLVABLE)


class World:
    """A log that days are added to, and the steward's rounds."""

    def __init__(self, root: Actor) -> None:
        self.root = root
        self.now_s = START_S
        self._recorder = Recorder()

    def bad(self, client: str, number: int = 30, *, hello: str = "", at_s: float = 0.0) -> None:
        self._recorder.write_all(
            [mail(client, UNKNOWN, at_s=at_s or self.now_s, hello=hello) for _ in range(number)]
        )

    def good(self, client: str, number: int = 30, *, hello: str = "", domains: str = "") -> None:
        self._recorder.write_all(
            [mail(client, TAKEN, at_s=self.now_s, hello=hello, domains=domains) for _ in range(number)]
        )

    def round(self, after_s: float = 600.0) -> dict[str, int]:
        self.now_s += after_s
        count_waiting(RULES.half_life_s)
        return conclude(RULES, self.now_s).steps

    def entries(self, standing: Standing = Standing.BANNED) -> dict[str, EntryState]:
        return {row.network: row.state for row in server_list.concluded(self.root, standing)}

    def entry(self, network: str, standing: Standing = Standing.BANNED) -> ListedRow:
        return server_list.entries_of(self.root, standing, ip_network(network))[-1]

    def standing(self, client: str) -> Standing | None:
        entry = load_directory(lambda: self.now_s).networks.reputation(client_address(client), self.now_s)
        return entry.standing if entry is not None else None

    def ban(self, client: str = "192.0.2.1") -> None:
        self.bad(client)
        self.round()
        self.round(RULES.trial_s)
        assert self.standing(client) is Standing.BANNED


@pytest.fixture
def world(root: Actor) -> World:
    return World(root)


def test_a_bad_client_is_watched_first_and_banned_then(world: World) -> None:
    world.bad("192.0.2.1")
    assert world.round() == {"banned trial": 1}
    assert world.standing("192.0.2.1") is None
    assert world.round(RULES.trial_s / 2) == {}
    assert world.round(RULES.trial_s) == {"banned effective": 1}
    assert world.standing("192.0.2.1") is Standing.BANNED
    entry = world.entry("192.0.2.1/32")
    assert entry.evidence.counts == {"unknown-recipient": 30}
    assert len(entry.evidence.sessions) == 5
    assert entry.badness > 0.85


def test_a_banned_client_is_told_why_and_no_more(world: World) -> None:
    world.ban()
    entry = load_directory(lambda: world.now_s).networks.reputation(client_address("192.0.2.1"), world.now_s)
    assert entry is not None
    assert entry.why == "30 unknown recipients since 2026-09-21"


def test_few_deeds_ban_nobody(world: World) -> None:
    world.bad("192.0.2.1", 15)
    assert world.round() == {}


def test_a_flood_that_was_only_counted_bans_too(world: World) -> None:
    world._recorder.write([], [flood("192.0.2.9", 400, run_id="0run", reason=Reason.RECIPIENT_UNKNOWN)])
    assert world.round() == {"banned trial": 1}
    assert world.entry("192.0.2.9/32").evidence.counts == {"unknown-recipient": 400}


def test_good_mail_during_the_trial_is_shown_and_drops_the_ban(world: World) -> None:
    world.bad("192.0.2.1", 200)
    world.round()
    world.good("192.0.2.1", 2)
    world.round()
    entry = world.entry("192.0.2.1/32")
    assert (entry.state, entry.cost_messages, len(entry.cost_transactions)) == (EntryState.TRIAL, 2, 2)
    world.good("192.0.2.1", 1)
    assert world.round() == {"banned dropped": 1}
    world.bad("192.0.2.1", 50)
    assert world.round(RULES.trial_s) == {}
    assert world.standing("192.0.2.1") is None


def test_a_client_with_as_much_good_mail_is_never_on_trial(world: World) -> None:
    world.bad("192.0.2.1", 100)
    world.good("192.0.2.1", 30)
    assert world.round() == {}


def test_a_ban_ends_when_nobody_knocks_and_goes_on_while_somebody_does(world: World) -> None:
    world.ban("192.0.2.1")
    world.ban("198.51.100.1")
    world.now_s += 5 * DAY_S
    world._recorder.write([mail("192.0.2.1", reason=Reason.SERVER_BANNED, at_s=world.now_s)])
    assert world.round() == {"banned effective": 1}
    steps = world.round(3 * DAY_S)
    assert steps == {"banned ended": 1}
    assert world.standing("192.0.2.1") is Standing.BANNED
    assert world.standing("198.51.100.1") is None


def test_knocking_is_no_evidence_for_the_ban_that_is_knocked_at(world: World) -> None:
    world.ban()
    for _day in range(60):
        world._recorder.write([mail("192.0.2.1", reason=Reason.SERVER_BANNED, at_s=world.now_s)])
        world.round(DAY_S)
    assert world.entries() == {"192.0.2.1/32": EntryState.ENDED}


def test_persons_win_over_the_steward(world: World) -> None:
    world.ban()
    number = add_network(world.root, "192.0.2.0/24", Standing.TRUSTED).id
    assert world.standing("192.0.2.1") is Standing.TRUSTED
    assert world.round() == {"banned ended": 1}
    world.bad("192.0.2.1", 300)
    assert world.round() == {}
    remove_network(world.root, number)
    world.bad("192.0.2.1", 1)
    assert world.round() == {"banned trial": 1}


def test_a_pardon_sticks_until_far_more_has_happened(world: World) -> None:
    world.ban()
    origins = unlist(world.root, "192.0.2.1", Standing.BANNED, note="called us")
    assert origins == (ListOrigin.HISTORY,)
    assert world.standing("192.0.2.1") is None
    world.bad("192.0.2.1", 400)
    assert world.round() == {}
    world.bad("192.0.2.1", 400)
    assert world.round() == {"banned trial": 1}


def test_a_pardon_ends(world: World) -> None:
    world.ban()
    unlist(world.root, "192.0.2.1", Standing.BANNED, until_s=int(world.now_s + DAY_S))
    world.now_s += 2 * DAY_S
    world.bad("192.0.2.1")
    forget(RULES, world.now_s)
    assert server_list.pardons(world.root) == ()
    assert world.round() == {"banned trial": 1}


def test_a_pardon_beforehand_covers_the_network_and_can_be_withdrawn(world: World) -> None:
    pardon(world.root, "192.0.2.0/24")
    world.bad("192.0.2.1")
    assert world.round() == {}
    withdraw_pardon(world.root, "192.0.2.0/24")
    world.bad("192.0.2.1", 1)
    assert world.round() == {"banned trial": 1}


def snowshoe(world: World, number: int, each: int = 5) -> None:
    for host in range(1, number + 1):
        world.bad(f"203.0.113.{host}", each, hello=f"m{host}.offers{host}.example")


def test_a_snowshoe_sender_loses_its_whole_network(world: World) -> None:
    snowshoe(world, 12)
    world.round()
    assert world.entries() == {"203.0.113.0/24": EntryState.TRIAL}
    world.round(RULES.trial_s)
    assert world.standing("203.0.113.200") is Standing.BANNED
    entry = world.entry("203.0.113.0/24")
    assert entry.evidence.counts == {"unknown-recipient": 60}


@pytest.mark.parametrize("bad_hosts", [7, 12])
def test_a_network_with_good_neighbours_or_few_bad_ones_is_not_banned(world: World, bad_hosts: int) -> None:
    snowshoe(world, bad_hosts)
    if bad_hosts > 7:
        for host in range(100, 103):
            world.good(f"203.0.113.{host}", 3)
    world.round()
    assert world.entries() == {}


def test_a_snowshoe_sender_of_ipv6_loses_its_48(world: World) -> None:
    for subnet in range(12):
        world.bad(f"2001:db8:7:{subnet:x}::1", 5)
    world.round()
    assert world.entries() == {"2001:db8:7::/48": EntryState.TRIAL}


def test_one_pardoned_client_spares_its_network_from_a_ban_as_a_whole(world: World) -> None:
    pardon(world.root, "203.0.113.200")
    snowshoe(world, 12)
    world.round()
    assert world.entries() == {}


def test_a_big_provider_with_one_bad_customer_is_never_banned(world: World) -> None:
    for host in range(1, 11):
        world.good(f"198.51.100.{host}", 20, hello=f"out{host}.provider.example", domains="provider.example")
    world.bad("198.51.100.50", 500, hello="out50.provider.example")
    assert world.round() == {}


def test_to_greet_with_a_providers_name_protects_nobody_elsewhere(world: World) -> None:
    for host in range(1, 11):
        world.good(f"198.51.100.{host}", 20, hello=f"out{host}.provider.example")
    world.bad("192.0.2.1", 100, hello="out1.provider.example")
    assert world.round() == {"banned trial": 1}


def test_a_hacked_server_among_other_peoples_good_ones_is_banned_alone(world: World) -> None:
    for host in range(1, 11):
        world.good(f"198.51.100.{host}", 20, hello=f"mx.customer{host}.example")
    world.bad("198.51.100.50", 100, hello="mx.hacked.example")
    world.round()
    assert world.entries() == {"198.51.100.50/32": EntryState.TRIAL}


def earn_trust(world: World, client: str = "192.0.2.25", days: int = 40) -> None:
    for _day in range(days):
        world.good(client, 8, hello="mx.friend.example", domains="friend.example")
        world.round(DAY_S)


def test_long_good_authenticated_mail_earns_trust_and_a_virus_loses_it(world: World) -> None:
    earn_trust(world, days=29)
    assert world.entries(Standing.TRUSTED) == {}
    earn_trust(world, days=4)
    assert world.entries(Standing.TRUSTED) == {"192.0.2.25/32": EntryState.EFFECTIVE}
    assert world.standing("192.0.2.25") is Standing.TRUSTED
    world._recorder.write([mail("192.0.2.25", VIRUS, at_s=world.now_s)])
    assert world.round() == {"trusted ended": 1}
    assert world.standing("192.0.2.25") is None


def test_trust_taken_back_by_a_person_stays_away(world: World) -> None:
    earn_trust(world)
    unlist(world.root, "192.0.2.25", Standing.TRUSTED)
    earn_trust(world, days=2)
    assert world.standing("192.0.2.25") is None


def test_mail_that_nobody_vouches_for_earns_no_trust(world: World) -> None:
    for _day in range(40):
        world.good("192.0.2.25", 8)
        world.round(DAY_S)
    assert world.entries(Standing.TRUSTED) == {}


def said(
    peer: str, network: str = "192.0.2.1/32", *, worth: float = 0.5, days: float = 5
) -> ForeignAssertion:
    return ForeignAssertion(
        peer=peer,
        network=network,
        evidence=Evidence(counts={"virus": 40}, first_seen_s=int(START_S), last_seen_s=int(START_S)),
        expires_at_s=int(START_S + days * DAY_S),
        worth=worth,
    )


def test_what_enough_peers_say_goes_through_a_trial_of_our_own(world: World) -> None:
    assert assert_foreign(world.root, [said("mx.one.example")], int(world.now_s)) == 1
    assert world.round() == {}
    assert_foreign(world.root, [said("mx.two.example")], int(world.now_s))
    assert world.round() == {"banned trial": 1}
    assert world.round(RULES.trial_s) == {"banned effective": 1}
    entry = world.entry("192.0.2.1/32")
    assert (entry.origin, entry.peers) == (ListOrigin.MESH, ("mx.one.example", "mx.two.example"))
    withdraw_foreign(world.root, "mx.one.example")
    assert world.round() == {"banned ended": 1}


def test_no_ban_outlives_the_claims_that_made_it(world: World) -> None:
    first, second = said("mx.one.example", days=5), said("mx.two.example", days=3)
    assert_foreign(world.root, [first, second], int(world.now_s))
    world.round()
    world.round(RULES.trial_s)
    assert world.entry("192.0.2.1/32").expires_at_s == second.expires_at_s
    renewed = said("mx.two.example", days=4)
    assert_foreign(world.root, [renewed], int(world.now_s))
    world.round(1.5 * DAY_S)
    assert world.entry("192.0.2.1/32").expires_at_s == renewed.expires_at_s
    assert world.round(3 * DAY_S) == {"banned ended": 1}


def test_our_own_good_mail_and_persons_words_outweigh_all_peers(world: World) -> None:
    add_network(world.root, "198.51.100.0/24", Standing.TRUSTED)
    pardon(world.root, "203.0.113.5")
    world.good("192.0.2.1", 10)
    assert_foreign(
        world.root,
        [said("a.example", text, worth=5) for text in ("192.0.2.1", "198.51.100.9", "203.0.113.5")],
        int(world.now_s),
    )
    assert world.round() == {}


def test_peers_cannot_speak_of_wide_networks_for_ever_or_without_weight(world: World) -> None:
    asserted = [
        said("a.example", "192.0.0.0/16", worth=9),
        said("a.example", "2001:db8::/32", worth=9),
        said("a.example", days=-1),
        said("a.example", worth=0),
        said("a.example", worth=float("nan")),
    ]
    assert assert_foreign(world.root, asserted, int(world.now_s)) == 0


def test_the_feed_tells_every_change_of_what_is_in_effect(world: World) -> None:
    number = add_network(world.root, "198.51.100.0/24", Standing.BANNED).id
    world.ban()
    unlist(world.root, "192.0.2.1", Standing.BANNED)
    remove_network(world.root, number)
    add_network(world.root, "10.0.0.0/8", Standing.RELAYABLE)
    told = server_list.changes(world.root)
    assert [(each.network, each.origin, each.listed, each.pardoned) for each in told] == [
        ("198.51.100.0/24", ListOrigin.HAND, True, False),
        ("192.0.2.1/32", ListOrigin.HISTORY, True, False),
        ("192.0.2.1/32", ListOrigin.HISTORY, False, True),
        ("198.51.100.0/24", ListOrigin.HAND, False, True),
    ]
    assert told[1].evidence.counts == {"unknown-recipient": 30}
    assert server_list.changes(world.root, after=told[-1].number) == ()
    assert server_list.last_change(world.root) == told[-1].number


def test_only_what_comes_into_effect_or_goes_changes_the_directory(world: World) -> None:
    before = load_directory(lambda: world.now_s).version
    world.bad("192.0.2.1")
    world.round()
    assert load_directory(lambda: world.now_s).version == before
    world.round(RULES.trial_s)
    assert load_directory(lambda: world.now_s).version == before + 1
    assert "server.banned" in [row.action for row in directory.audit(world.root)]


def test_what_is_old_is_forgotten(world: World) -> None:
    world.ban()
    world.round(8 * DAY_S)
    world.now_s += RULES.history_s + DAY_S
    assert forget(RULES, world.now_s) >= 3
    for table in (models.Reputation, models.ServerListEntry, models.ListChange):
        assert not table.objects.exists()


def test_only_root_changes_lists_and_only_root_sees_them(world: World) -> None:
    world.ban()
    somebody = Actor(name="anna@local.example", addresses=frozenset({"anna@local.example"}))
    for attempt in (
        lambda: pardon(somebody, "192.0.2.1"),
        lambda: unlist(somebody, "192.0.2.1", Standing.BANNED),
        lambda: assert_foreign(somebody, [], 0),
    ):
        with pytest.raises(ActionForbidden):
            attempt()
    assert server_list.concluded(somebody, Standing.BANNED) == ()
    assert server_list.changes(somebody) == ()
