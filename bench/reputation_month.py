"""A synthetic month of traffic, and which servers the steward banned and trusted in it.

A botnet, a snowshoe sender, a big provider with one bad customer, a newsletter, a hacked server among good
neighbours, a server that keeps writing to somebody who has left, and ordinary servers. Their sessions are
written into the log as the recorder writes them; the steward counts and concludes four times a day; who is
banned is refused at connect from then on. Ten days are added to the month, because trust takes thirty to
earn. The same seed makes the same month.

    .venv/bin/python bench/reputation_month.py [--days 40] [--scale 1.0] [--seed 1] [--database FILE]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from itertools import count
from pathlib import Path
from typing import NamedTuple

DAY_S = 86_400.0
START_S = 1_790_000_000.0
ROUNDS_A_DAY = 4
HEAVY_EVENTS = 60


class Actor(NamedTuple):
    """One address and how it behaves. unwanted, complaints: shares. until: the day after its last."""

    name: str
    address: str
    hello: str
    messages_a_day: float
    unwanted: float
    since: int = 0
    until: int = 10_000
    domain: str = ""
    complaints: float = 0.0
    viruses: float = 0.2
    one_recipient: bool = False


class Outcome(NamedTuple):
    """How the month ended; shares are between 0 and 1."""

    sessions: int
    bans: int
    wrong_bans: tuple[str, ...]
    ban_precision: float
    heavy_recall: float
    bot_recall: float
    snowshoe_banned: bool
    provider_banned: bool
    newsletter_banned: bool
    stale_banned: bool
    hacked_banned: bool
    refused_at_connect: float
    trusts: int
    wrong_trusts: tuple[str, ...]
    trust_precision: float
    trust_recall: float
    dropped_trials: int
    counting_s: float
    concluding_s: float


BAD = frozenset({"bot", "heavy bot", "snowshoe", "hacked"})


def cast(chance: random.Random, scale: float) -> list[Actor]:
    """Everybody who sends in this month."""
    found: list[Actor] = []
    addresses = _scattered(chance)
    for number in range(int(120 * scale)):
        name = f"mx.ordinary{number}.example"
        found.append(Actor("ordinary", next(addresses), name, chance.uniform(0.3, 3), 0.02, domain=name[3:]))
    for number in range(int(12 * scale)):
        name = f"mx.busy{number}.example"
        found.append(Actor("busy", next(addresses), name, chance.uniform(9, 14), 0.004, domain=name[3:]))
    for number in range(1, 41):  # the provider: two networks, one domain
        address = f"198.18.{number % 2}.{number}"
        hello = f"out{number}.provider.example"
        found.append(Actor("provider", address, hello, 8, 0.005, domain="provider.example"))
        found.append(Actor("bad customer", address, hello, 2, 1.0, domain="provider.example"))
    found.append(
        Actor("bad customer", "198.18.0.99", "out99.provider.example", 40, 1.0, domain="provider.example")
    )
    for number in (1, 2):
        hello = f"n{number}.newsletter.example"
        letters = Actor("newsletter", f"198.18.7.{number}", hello, 80, 0.04, domain="newsletter.example")
        found.append(letters._replace(complaints=0.005, viruses=0.0))
    for number in range(max(16, int(60 * scale))):
        hello = f"mta{number}.offer{number}.example"
        found.append(Actor("snowshoe", f"198.18.44.{number + 10}", hello, 1.2, 0.96, since=4, viruses=0.0))
    for number in range(1, 13):
        hello = f"mx.tenant{number}.example"
        found.append(Actor("ordinary", f"198.18.80.{number}", hello, 2, 0.02, domain=hello[3:]))
    found.append(
        Actor("ordinary", "198.18.80.66", "mx.hacked.example", 2, 0.02, until=12, domain="hacked.example")
    )
    found.append(Actor("hacked", "198.18.80.66", "mx.hacked.example", 70, 1.0, since=12, viruses=0.9))
    stale = Actor("stale", next(addresses), "mx.stale.example", 4, 1.0, viruses=0.0, one_recipient=True)
    found.append(stale)
    for number in range(int(900 * scale)):
        since = chance.randrange(30)
        hello = "out7.provider.example" if number % 10 == 0 else f"host-{number}.dsl.example"
        bot = Actor(
            "bot", next(addresses), hello, chance.uniform(1, 6), 0.97, since, since + chance.randint(2, 6)
        )
        found.append(bot)
    for number in range(int(30 * scale)):
        since = chance.randrange(20)
        bot = Actor(
            "heavy bot",
            next(addresses),
            f"h{number}.dsl.example",
            chance.uniform(30, 60),
            0.985,
            since,
            since + 8,
        )
        found.append(bot)
    return found


def _scattered(chance: random.Random) -> Iterator[str]:
    """Addresses each in a network of its own."""
    networks = [
        (first, second, third) for first in (51, 77, 93) for second in range(60) for third in range(0, 250, 9)
    ]
    chance.shuffle(networks)
    for first, second, third in networks:
        yield f"{first}.{second}.{third}.{chance.randint(1, 254)}"


def play(*, days: int = 40, scale: float = 1.0, seed: int = 1) -> Outcome:
    """Play the month into the connected store, which is empty."""
    from clement.policy.list_rules import ListRules
    from clement.policy.network import Standing, client_address
    from clement.store import models
    from clement.store.access.actor import shell_actor
    from clement.store.actions.conclusion import conclude
    from clement.store.actions.server_list import correct
    from clement.store.log_writer import SqlLogWriter
    from clement.store.reputation.counting import count_waiting
    from clement.store.reputation.forgetting import forget
    from clement.store.snapshot import load_directory

    chance, rules, root = random.Random(seed), ListRules(), shell_actor("replay")
    actors = cast(chance, scale)
    script = Script(chance)
    writer, place = SqlLogWriter("here"), count(1)
    networks, sessions, knocks, attempts = load_directory(lambda: START_S).networks, 0, 0, 0
    counting_s = concluding_s = 0.0
    ever: dict[str, set[str]] = {"banned": set(), "trusted": set()}
    for step in range(days * ROUNDS_A_DAY):
        now_s = START_S + step * DAY_S / ROUNDS_A_DAY
        records, complaints = [], []
        for actor in actors:
            if not actor.since <= step // ROUNDS_A_DAY < actor.until:
                continue
            entry = networks.reputation(client_address(actor.address), now_s)
            is_banned = entry is not None and entry.standing is Standing.BANNED
            for _ in range(script.number(actor.messages_a_day / ROUNDS_A_DAY)):
                told, complaint = script.session(actor, now_s, is_banned=is_banned)
                records += told
                complaints += complaint
                sessions += 1
                if actor.name in BAD:
                    attempts, knocks = attempts + 1, knocks + is_banned
        for start in range(0, len(records), 500):
            writer.write(records[start : start + 500], {"month": next(place)})
        for transaction_id in complaints:
            correct(root, transaction_id, wanted=False)
        now_s += DAY_S / ROUNDS_A_DAY
        began_s = time.process_time()
        count_waiting(rules.half_life_s)
        counted_s = time.process_time()
        conclude(rules, now_s)
        concluding_s += time.process_time() - counted_s
        counting_s += counted_s - began_s
        forget(rules, now_s)
        networks = load_directory(lambda at=now_s: at).networks
        for standing, seen in ever.items():
            found = models.ServerListEntry.objects.filter(standing=standing, state="effective")
            seen.update(found.values_list("network", flat=True))
    dropped = models.ServerListEntry.objects.filter(state="dropped").count()
    return judge(
        actors, ever, script.unwanted, (sessions, knocks, attempts, dropped), (counting_s, concluding_s)
    )


def judge(
    actors: list[Actor],
    ever: dict[str, set[str]],
    unwanted: dict[str, int],
    counted: tuple[int, int, int, int],
    seconds: tuple[float, float],
) -> Outcome:
    """Compare what was banned and trusted with who was what."""
    of: dict[str, set[str]] = {}
    for actor in actors:
        of.setdefault(actor.address, set()).add(actor.name)
    banned = [ip_network(text) for text in ever["banned"]]
    covered = {address for address in of if any(IPv4Address(address) in network for network in banned)}
    wrong = sorted(
        str(network)
        for network in banned
        if any(not of[address] & BAD for address in of if IPv4Address(address) in network)
    )
    heavy = {address for address, number in unwanted.items() if number >= HEAVY_EVENTS and of[address] & BAD}
    bots = {address for address, names in of.items() if names & {"bot", "heavy bot"}}
    trusted = {text.partition("/")[0] for text in ever["trusted"]}
    wrong_trusts = sorted(
        address for address in trusted if of[address] & (BAD | {"bad customer"} - {"provider"})
    )
    wrong_trusts = [address for address in wrong_trusts if "provider" not in of[address]]
    deserving = {address for address, names in of.items() if names & {"busy"}}

    def has(name: str) -> bool:
        return any(name in of[address] for address in covered)

    sessions, knocks, attempts, dropped = counted
    return Outcome(
        sessions=sessions,
        bans=len(banned),
        wrong_bans=tuple(wrong),
        ban_precision=1 - len(wrong) / len(banned) if banned else 1.0,
        heavy_recall=len(heavy & covered) / len(heavy) if heavy else 1.0,
        bot_recall=len(bots & covered) / len(bots) if bots else 1.0,
        snowshoe_banned="198.18.44.0/24" in ever["banned"],
        provider_banned=has("provider") or has("bad customer"),
        newsletter_banned=has("newsletter"),
        stale_banned=has("stale"),
        hacked_banned=has("hacked"),
        refused_at_connect=knocks / attempts if attempts else 0.0,
        trusts=len(trusted),
        wrong_trusts=tuple(wrong_trusts),
        trust_precision=1 - len(wrong_trusts) / len(trusted) if trusted else 1.0,
        trust_recall=len(trusted & deserving) / len(deserving) if deserving else 1.0,
        dropped_trials=dropped,
        counting_s=seconds[0],
        concluding_s=seconds[1],
    )


class Script:
    """Writes sessions as they would stand in the journal."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._numbers = count(1)
        self.unwanted: dict[str, int] = {}

    def number(self, mean: float) -> int:
        """How many messages come where `mean` are to be expected."""
        whole = int(mean)
        return whole + (self._chance.random() < mean - whole)

    def session(self, actor: Actor, at_s: float, *, is_banned: bool) -> tuple[list[object], list[str]]:
        """A session with one message, or one that was refused at connect; and complaints that follow."""
        from clement.journal.records import Outcome as Fared
        from clement.journal.records import RecipientRecord, SessionRecord, TransactionRecord
        from clement.policy.reason import Reason
        from clement.store.log_ids import first_id_at

        chance, number = self._chance, next(self._numbers)
        at_s += chance.random() * DAY_S / ROUNDS_A_DAY
        session_id = first_id_at(at_s)[:9] + f"{number:011d}"
        outcome, reason = Fared.ACCEPTED, Reason.ACCEPTED
        if is_banned:
            outcome, reason = Fared.REFUSED, Reason.SERVER_BANNED
        elif chance.random() < actor.unwanted:
            self.unwanted[actor.address] = self.unwanted.get(actor.address, 0) + 1
            is_virus = chance.random() < actor.viruses
            outcome, reason = Fared.REFUSED, Reason.VIRUS if is_virus else Reason.RECIPIENT_UNKNOWN
        user = "gone" if actor.one_recipient else f"u{chance.randrange(5000)}"
        message = TransactionRecord(
            id=f"{session_id}-1",
            session_id=session_id,
            at_s=at_s,
            reverse_path=f"news@{actor.domain or 'nowhere.example'}",
            outcome=outcome,
            reason=reason,
            reply="",
            recipients=(RecipientRecord(f"{user}@local.example", outcome, reason, ""),),
            authenticated_domains=actor.domain,
        )
        session = SessionRecord(
            id=session_id,
            node="here",
            service="mx",
            started_at_s=at_s,
            duration_us=1000,
            client_address=actor.address,
            client_port=40_000,
            outcome=outcome,
            reason=reason,
            ending="quit",
            hello=actor.hello,
            transaction_count=0 if is_banned else 1,
        )
        if is_banned:
            return [session], []
        complains = outcome is Fared.ACCEPTED and chance.random() < actor.complaints
        return [message, session], [message.id] if complains else []


def main() -> None:
    """Play a month and print what came of it."""
    parser = argparse.ArgumentParser(description="A synthetic month of traffic for reputation.")
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", type=Path)
    chosen = parser.parse_args()
    from clement.store.database import DatabaseSettings, connect

    with tempfile.TemporaryDirectory() as folder:
        connect(DatabaseSettings(path=str(chosen.database or Path(folder) / "month.sqlite3")))
        from clement.store.schema import migrate

        migrate()
        ended = play(days=chosen.days, scale=chosen.scale, seed=chosen.seed)
    for name, value in ended._asdict().items():
        shown = f"{value:.3f}" if isinstance(value, float) else value
        sys.stdout.write(f"{name.replace('_', ' '):<20} {shown}\n")


if __name__ == "__main__":
    main()
