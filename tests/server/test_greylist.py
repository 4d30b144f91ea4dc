"""Greylisting as a session asks it: who is spared, who waits, what is learnt from accepted mail."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest

from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import (
    Directory,
    DirectoryContents,
    Greylisting,
    Group,
    GroupPolicy,
    Mode,
    Person,
)
from clement.policy.facts import RecipientFacts, SessionFacts, TransactionFacts
from clement.policy.finding import Finding, Result
from clement.policy.greylisting import KEPT_S, PROOFS_APART_S, PROOFS_WANTED
from clement.policy.network import ClientNetwork, Standing, client_address
from clement.policy.reason import Reason
from clement.server.greylist import Greylist, GreylistKeeper
from clement.server.greylist_memory import GreylistMemory
from clement.smtp import NULL_REVERSE_PATH, ReversePath, Service, parse_mailbox
from tests.policy.samples import ANNA, CONTENTS, NOW_S, STORED

ALL = GroupPolicy(greylisting=Greylisting.ALL)
DOUBTFUL = GroupPolicy(greylisting=Greylisting.DOUBTFUL)
DOUBT = Finding("iprev", Result.FAIL)
SPF = Finding("spf", Result.PASS)
SENDER = "carol@sender.example"


class Asked:
    """A receiver whose clock the test sets."""

    def __init__(self) -> None:
        self.counted: list[int] = []
        self.memory = GreylistMemory.empty()
        self.greylist = Greylist(self.counted.append, self.memory)
        self.now_s = NOW_S
        self.directory = Directory(CONTENTS)

    def transaction(
        self, sender: str | ReversePath = SENDER, client: str = "192.0.2.5", service: Service = Service.SMTP
    ) -> TransactionFacts:
        session = SessionFacts(client_address(client), client, service, self.directory, self.now_s)
        session.see(self.directory, self.now_s)
        path = parse_mailbox(sender.encode()) if isinstance(sender, str) else sender
        return TransactionFacts(session, path)

    def rcpt(
        self,
        transaction: TransactionFacts | None = None,
        *evidence: Finding,
        to: str = "anna@local.example",
        policy: GroupPolicy = ALL,
        directive: Directive | None = None,
    ) -> Finding | None:
        mailbox = parse_mailbox(to.encode())
        route = self.directory.route(mailbox.local_part, mailbox.domain)
        facts = RecipientFacts(transaction or self.transaction(), mailbox, mailbox.key, route)
        return self.greylist.judge(facts, policy, evidence, lambda: directive)

    def waits(self, *args: object, **more: object) -> bool:
        finding = self.rcpt(*args, **more)  # type: ignore[arg-type]
        return finding is not None and finding.reason is Reason.GREYLISTED

    def say(self, *args: object, **more: object) -> str:
        finding = self.rcpt(*args, **more)  # type: ignore[arg-type]
        return finding.detail if finding is not None else ""


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_who_comes_back_has_waited_so_long(asked: Asked) -> None:
    assert asked.say().startswith("first contact from 192.0.2.0/24")
    asked.now_s += 200
    assert asked.say().startswith("too early")
    asked.now_s += 112
    finding = asked.rcpt()
    assert finding == Finding("greylisting", Result.PASS, detail="waited 312 s")
    asked.now_s += 20 * 24 * 3600
    assert asked.say() == "this sender has come back before"
    asked.now_s += KEPT_S + 1
    assert asked.waits()


def test_who_comes_back_too_late_begins_again(asked: Asked) -> None:
    assert asked.waits()
    asked.now_s += ALL.greylisting_window_s + 1
    assert asked.say().startswith("first contact")


def test_off_asks_nobody_and_remembers_nothing(asked: Asked) -> None:
    assert asked.rcpt(policy=GroupPolicy()) is None
    assert not list(asked.memory.waiting.entries())
    assert asked.counted == []


def test_doubtful_asks_only_where_something_speaks_against_the_mail(asked: Asked) -> None:
    assert asked.say(policy=DOUBTFUL) == "nothing puts this mail in doubt"
    assert not list(asked.memory.waiting.entries())
    good = Finding("allow-list", Result.PASS, weight=-2.0)
    assert not asked.waits(None, DOUBT, good, policy=DOUBTFUL)
    assert asked.waits(None, DOUBT, policy=DOUBTFUL)


@pytest.mark.parametrize(
    ("sender", "to", "client", "service"),
    [
        (NULL_REVERSE_PATH, "anna@local.example", "192.0.2.5", Service.SMTP),
        (SENDER, "postmaster@local.example", "192.0.2.5", Service.SMTP),
        (SENDER, "abuse@local.example", "192.0.2.5", Service.SMTP),
        (SENDER, "anna@local.example", "192.0.2.5", Service.LMTP),
        (SENDER, "anna@local.example", "192.0.2.5", Service.SUBMISSION),
    ],
)
def test_who_is_not_asked_at_all(
    asked: Asked, sender: str | ReversePath, to: str, client: str, service: Service
) -> None:
    assert asked.rcpt(asked.transaction(sender, client, service), DOUBT, to=to) is None
    assert not list(asked.memory.waiting.entries())


@pytest.mark.parametrize("standing", [Standing.TRUSTED, Standing.RELAYABLE])
def test_networks_that_an_administrator_knows_are_spared(asked: Asked, standing: Standing) -> None:
    entry = ClientNetwork(1, ip_network("192.0.2.0/24"), standing)
    asked.directory = Directory(msgspec.structs.replace(CONTENTS, networks=(entry,)))
    assert not asked.waits(None, DOUBT)


def test_a_retry_from_another_network_of_the_same_domain_is_a_retry(asked: Asked) -> None:
    """Large pools (field item 15): SPF proves the domain, and the address no longer matters."""
    assert asked.waits(asked.transaction(client="192.0.2.5"), SPF)
    asked.now_s += 300
    assert asked.say(asked.transaction(client="203.0.113.9"), SPF) == "waited 300 s"
    assert asked.waits(asked.transaction(client="203.0.113.9")), "without SPF it is another source"


def test_pools_that_are_proven_are_not_asked(asked: Asked) -> None:
    proven = Finding("iprev", Result.PASS, detail="mail-ej1-f51.google.com")
    assert asked.say(None, proven) == "google.com sends from many addresses"
    assert asked.waits(None, Finding("hello", Result.PASS, detail="mail-ej1-f51.google.com"))
    assert asked.say(asked.transaction("x@outlook.com"), SPF) == "outlook.com sends from many addresses"
    assert asked.waits(asked.transaction("x@outlook.com"))


def test_a_network_that_has_come_back_often_is_not_asked_again(asked: Asked) -> None:
    for number in range(PROOFS_WANTED):
        stranger = f"a@s{number}.example"
        assert asked.waits(asked.transaction(stranger))
        asked.now_s += PROOFS_APART_S
        assert not asked.waits(asked.transaction(stranger))
    assert asked.say(asked.transaction("new@s.example")) == "192.0.2.0/24 is known to retry"


def test_the_expected_time_is_what_the_source_has_needed_before(asked: Asked) -> None:
    asked.waits()
    asked.now_s += 3600
    asked.waits()
    said = asked.say(asked.transaction("dora@sender.example"))
    hour = said.partition("will arrive by about ")[2]
    assert hour == "17:07 UTC", "an hour after the first contact at 16:06:40"


def test_a_domain_whose_mail_was_accepted_becomes_known(asked: Asked) -> None:
    for _ in range(PROOFS_WANTED):
        asked.greylist.accepted(asked.transaction(), ["anna@local.example"], [SPF])
        asked.now_s += PROOFS_APART_S
    assert asked.say(None, SPF, DOUBT) == "@sender.example is known to retry"
    assert asked.waits(None, DOUBT), "its name alone proves nothing"


def test_accepted_mail_without_spf_makes_nobody_known(asked: Asked) -> None:
    for _ in range(10):
        asked.greylist.accepted(asked.transaction(), ["anna@local.example"], [])
        asked.now_s += PROOFS_APART_S
    assert not list(asked.memory.sources.entries())


def test_whoever_one_of_ours_wrote_to_may_answer_at_once(asked: Asked) -> None:
    posting = asked.transaction(ANNA.address, service=Service.SUBMISSION)
    posting.session.person = Person(1, ANNA.address, "hash")
    asked.greylist.accepted(posting, [SENDER], [])
    assert asked.say(None, DOUBT) == "the recipient has written to this sender"
    assert not asked.waits(None, DOUBT, to="anna+shop@local.example"), "also under a subaddress"
    assert asked.waits(None, DOUBT, to="bruno@local.example")


def test_a_directive_is_sought_last_and_spares_the_delay(asked: Asked) -> None:
    sparing = Directive(7, Scope.USER, "anna@local.example", Action.SKIP_GREYLISTING)
    assert asked.say(None, DOUBT, directive=sparing) == "spared by directive 7"
    assert not list(asked.memory.waiting.entries())


def test_each_recipient_waits_for_himself(asked: Asked) -> None:
    assert asked.waits()
    asked.now_s += 300
    assert not asked.waits()
    assert asked.waits(to="bruno@local.example")


def site(greylisting: Greylisting) -> Directory:
    group = Group(STORED.id, "family", Mode.STORE, policy=GroupPolicy(greylisting=greylisting))
    return Directory(DirectoryContents(groups=(group,)))


def test_the_memory_is_opened_when_a_group_first_wants_it(tmp_path: Path) -> None:
    greylist = Greylist(lambda _series: None)
    keeper = GreylistKeeper(greylist, tmp_path / "greylist")
    keeper.tend(site(Greylisting.OFF))
    assert greylist.memory is None
    assert not list(tmp_path.iterdir())
    keeper.tend(site(Greylisting.DOUBTFUL))
    assert greylist.memory is not None
    keeper.close()
    assert greylist.memory is None


def test_a_memory_that_cannot_be_had_delays_nobody_and_is_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greylist").write_text("in the way")
    asked, greylist = Asked(), Greylist(lambda _series: None)
    keeper = GreylistKeeper(greylist, tmp_path / "greylist")
    for _ in range(5):
        keeper.tend(site(Greylisting.ALL))
    assert capfd.readouterr().err.count("greylist-unavailable") == 1
    asked.greylist = greylist
    assert asked.rcpt(None, DOUBT) is None
    greylist.accepted(asked.transaction(), ["anna@local.example"], [SPF])
