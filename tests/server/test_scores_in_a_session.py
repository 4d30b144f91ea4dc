"""Scores in whole sessions: who is scored, what is held, marked, kept, taken out, and what is recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from clement.cli import simulation
from clement.cli.simulation import SimulationReport, SimulationRequest, play
from clement.config.listener import ListenerKind
from clement.config.settings import (
    AuthenticationSettings,
    ScannerSettings,
    ScoreSettings,
    Settings,
    SiteSettings,
    SpoolSettings,
    TaggingSettings,
)
from clement.delivery.holding import Held, HeldAs, Hold
from clement.delivery.maildir import mailboxes_of
from clement.delivery.nowhere import NowhereDelivery, NowhereHolder, NowhereHolding, NowhereTransport
from clement.delivery.transport import Destination, Envelope
from clement.journal.records import Outcome, RecipientRecord
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Directory, DirectoryContents, Domain, GroupPolicy, Person
from clement.policy.facts import ContentFacts, RecipientContentFacts
from clement.policy.finding import Finding, Result
from clement.policy.network import ClientNetwork, Standing
from clement.policy.pipeline import Check
from clement.policy.reason import Reason
from clement.server.services import Services
from clement.spool.content import Content
from clement.spool.failure import StorageFailure
from tests.policy.samples import ANNA, BRUNO, CONTENTS, RELAYED, STORED

CLIENT = "198.18.0.10"
ANNA_AT, BRUNO_AT, ED_AT = "anna@local.example", "bruno@local.example", "ed@author.example"
SCORE = ScoreSettings(tag_at=3, quarantine_at=5, refuse_at=7)
WEIGHT = re.compile(r"weight ([+-][\d.]+)(?: for (\w+) ([+-][\d.]+))?")


def weigh(facts: ContentFacts) -> Finding | None:
    """A filter that believes what the subject says of the message: `weight +5 for anna -2`."""
    found = WEIGHT.search(facts.message.subject)
    return Finding("learned", Result.NEUTRAL, detail="says so", weight=float(found[1])) if found else None


def weigh_for(facts: RecipientContentFacts) -> Finding | None:
    found = WEIGHT.search(facts.content.message.subject)
    if found is None or not found[2] or not facts.recipient.address.startswith(found[2]):
        return None
    return Finding("taste", Result.NEUTRAL, weight=float(found[3]))


def forbid(facts: ContentFacts) -> Finding | None:
    """A check of content that refuses, unless a recipient lifts it."""
    if "forbidden" not in facts.message.subject:
        return None
    return Finding("rules", Result.FAIL, Reason.SEVERAL_AUTHORS, "forbidden")


class Transport(NowhereTransport):
    """Takes what it is given, and shows it."""

    def __init__(self) -> None:
        self.envelope: Envelope | None = None
        self.destinations: Sequence[Destination] = ()
        self.content: Content | None = None

    def start(self, envelope: Envelope, destinations: Sequence[Destination]) -> NowhereDelivery:
        self.envelope, self.destinations = envelope, destinations
        transport = self

        class Shown(NowhereDelivery):
            async def prepare(self, content: Content) -> Sequence[None]:
                transport.content = content
                return [None] * len(destinations)

        return Shown(len(destinations))


class Holder(NowhereHolder):
    """Keeps what it is given; `failing`: cannot."""

    def __init__(self, *, failing: bool = False) -> None:
        self.failing = failing
        self.held: list[tuple[Held, Sequence[Hold]]] = []

    def start(self, held: Held, holds: Sequence[Hold]) -> NowhereHolding:
        holder = self

        class Kept(NowhereHolding):
            async def commit(self) -> None:
                if holder.failing:
                    raise StorageFailure("EIO")
                holder.held.append((held, holds))

        return Kept()

    @property
    def kinds(self) -> list[tuple[HeldAs, str]]:
        return [(hold.kind, hold.reason) for _held, holds in self.held for hold in holds]


class Played:
    """A session in which one message came, and what became of it."""

    def __init__(
        self,
        folder: Path,
        subject: str,
        *recipients: str,
        contents: DirectoryContents = CONTENTS,
        header: str = "",
        kind: ListenerKind = ListenerKind.MX,
        score: ScoreSettings = SCORE,
        tagging: TaggingSettings = TaggingSettings(),  # noqa: B008 - frozen
        holder: NowhereHolder | None = None,
        reconciler: Any = None,
        no_holder: bool = False,
        login: str = "",
    ) -> None:
        settings = Settings(
            site=SiteSettings(hostname="mx.local.example"),
            listener=(),
            scanner=ScannerSettings(enabled=False),
            spool=SpoolSettings(folder=folder),
            authentication=AuthenticationSettings(enabled=False),
            score=score,
            tagging=tagging,
        )
        content = f"{header}From: ed@author.example\r\nSubject: {subject}\r\n\r\nbody\r\n".encode()
        request = SimulationRequest(
            content,
            CLIENT,
            "mail.author.example",
            login,
            recipients or (ANNA_AT,),
            kind=kind,
            tls=bool(login),
            login=login,
        )
        self.transport, self.holder = Transport(), holder or Holder()
        services = simulation._services

        def ours(*given: Any) -> Services:
            made = services(*given)
            plan = replace(
                made.plan,
                content=(*made.plan.content, Check("learned", weigh), Check("rules", forbid)),
                recipient_content=(*made.plan.recipient_content, Check("taste", weigh_for)),
            )
            everywhere = simulation.Transports(self.transport, self.transport, self.transport)
            held = None if no_holder else self.holder
            return replace(made, plan=plan, transports=everywhere, holder=held, reconciler=reconciler)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(simulation, "_services", ours)
            self.report: SimulationReport = asyncio.run(play(settings, Directory(contents), request))

    @property
    def recipients(self) -> tuple[RecipientRecord, ...]:
        return self.report.transactions[0].recipients

    @property
    def outcomes(self) -> list[tuple[Outcome, str]]:
        return [(each.outcome, each.reason) for each in self.recipients]

    @property
    def reply(self) -> str:
        return self.recipients[0].reply

    def head(self, number: int = 0) -> str:
        return self.transport.destinations[number].head.decode()


def with_group(**settings: Any) -> DirectoryContents:
    group = replace(STORED, policy=GroupPolicy(**settings))
    return replace(CONTENTS, groups=(group, *CONTENTS.groups[1:]))


def with_directive(action: Action, **settings: Any) -> DirectoryContents:
    rule = Directive(5, Scope.USER, ANNA_AT, action, **settings)
    return replace(CONTENTS, directives=(rule,))


@pytest.mark.parametrize(
    ("weight", "outcome", "code"),
    [
        ("-4", Outcome.ACCEPTED, "250 2.0.0 Accepted ["),
        ("+4", Outcome.ACCEPTED, "250 2.0.0 Accepted ["),
        ("+6", Outcome.HELD, "250 2.0.0 Accepted, and held for the recipient to look at ["),
        ("+7.5", Outcome.REFUSED, "554 5.7.1 This looks like mail nobody asked for"),
    ],
)
def test_a_message_fares_as_its_score_says(tmp_path: Path, weight: str, outcome: Outcome, code: str) -> None:
    played = Played(tmp_path, f"weight {weight}")
    assert played.outcomes[0][0] is outcome
    assert played.reply.startswith(code)
    assert played.recipients[0].score == float(weight)
    assert played.recipients[0].thresholds == "tag 3 site, quarantine 5 site, refuse 7 site"
    assert played.report.session.outcome is outcome
    assert bool(played.holder.kinds) is (outcome is Outcome.HELD)
    assert (played.transport.content is not None) is (outcome is Outcome.ACCEPTED)


def test_a_reply_tells_nothing_of_the_score(tmp_path: Path) -> None:
    reply = Played(tmp_path, "weight +7.9").reply
    assert "7.9" not in reply
    assert "learned" not in reply
    assert "score" not in reply


def test_what_was_found_is_shown_with_its_weight_and_its_sum(tmp_path: Path) -> None:
    findings = Played(tmp_path, "weight +4").report.transactions[0].findings
    learned = next(each for each in findings if each.check == "learned")
    total = next(each for each in findings if each.check == "score")
    assert learned.weight == 4.0
    assert total.detail == "+4.00, 98.2 % unwanted: learned +4.0"
    assert total.weight == 0.0


def test_by_default_nothing_is_held_or_refused_for_its_score(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +8", score=ScoreSettings())
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted")]
    assert "X-Spam-Flag: YES\r\n" in played.head()


def test_where_nothing_can_be_held_it_is_delivered_and_marked(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +6", no_holder=True)
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted")]
    assert "X-Spam-Flag: YES\r\n" in played.head()


def test_whose_network_is_trusted_is_not_scored(tmp_path: Path) -> None:
    trusted = ClientNetwork(9, ip_network("198.18.0.0/24"), Standing.TRUSTED)
    contents = replace(CONTENTS, networks=(trusted,))
    played = Played(tmp_path, "weight +9", contents=contents, header="X-Spam-Flag: YES\r\n")
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted")]
    assert played.recipients[0].thresholds == ""
    assert played.head() == ""
    assert played.transport.content is not None
    assert b"X-Spam-Flag: YES" in played.transport.content.header_block


def test_lmtp_is_never_refused_for_a_score_but_held(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +7.5", kind=ListenerKind.LMTP)
    assert played.outcomes == [(Outcome.HELD, "unwanted-content")]


def test_postmaster_is_reached_whatever_a_message_weighs(tmp_path: Path) -> None:
    with_mailbox = replace(
        CONTENTS, mailboxes=(*CONTENTS.mailboxes, replace(ANNA, id=9, address="postmaster@local.example"))
    )
    played = Played(tmp_path, "weight +8", "postmaster@local.example", contents=with_mailbox)
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted")]
    assert "X-Spam-Flag" not in played.head()


def test_each_recipient_has_his_own_score_and_threshold(tmp_path: Path) -> None:
    contents = replace(CONTENTS, mailboxes=(ANNA, replace(BRUNO, quarantine_at=2.0)))
    played = Played(tmp_path, "weight +4 for anna -5", ANNA_AT, BRUNO_AT, contents=contents)
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted"), (Outcome.HELD, "unwanted-content")]
    assert [each.score for each in played.recipients] == [-1.0, 4.0]
    assert played.recipients[1].thresholds == "tag 3 site, quarantine 2 mailbox, refuse 7 site"
    assert [each.reply[:3] for each in played.recipients] == ["250", "250"]
    assert played.report.session.outcome is Outcome.ACCEPTED
    assert played.head() == "X-Clement-Score: -1.00\r\n"


def test_a_directive_holds_what_nothing_else_speaks_against(tmp_path: Path) -> None:
    played = Played(tmp_path, "hello", contents=with_directive(Action.QUARANTINE))
    assert played.outcomes == [(Outcome.HELD, "directive-quarantines")]
    assert played.recipients[0].directive_id == 5
    assert played.holder.kinds == [(HeldAs.QUARANTINE, "directive-quarantines")]


def test_an_accepting_directive_lifts_score_and_mark(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +8", contents=with_directive(Action.ACCEPT))
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted")]
    assert played.head() == "X-Clement-Score: +8.00\r\n"


def test_a_setting_of_one_domain_holds_for_it_alone(tmp_path: Path) -> None:
    domains = tuple(
        replace(each, policy='{"quarantine_at":1}') if each.name == "local.example" else each
        for each in CONTENTS.domains
    )
    contents = replace(CONTENTS, domains=domains)
    played = Played(tmp_path, "weight +2", ANNA_AT, "x@all.example", contents=contents)
    assert [outcome for outcome, _reason in played.outcomes] == [Outcome.HELD, Outcome.ACCEPTED]
    assert played.recipients[0].thresholds == "tag 3 site, quarantine 1 domain, refuse 7 site"


def test_when_it_cannot_be_held_nobody_is_told_that_it_was(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +6", holder=Holder(failing=True))
    assert played.outcomes == [(Outcome.DEFERRED, "own-fault")]
    assert played.reply.startswith("451 4.3.0")


FOREIGN = (
    "X-Spam-Flag: NO\r\nx-spam-status: No,\r\n\tscore=-9\r\nX-Clement-Score : -9\r\nX-Bogosity: Ham\r\n"
    "X-Spamless: keeps nothing either\r\nX-Mailer: keeps\r\n"
)


def test_what_strangers_say_of_themselves_is_taken_out(tmp_path: Path) -> None:
    content = Played(tmp_path, "weight +1", header=FOREIGN).transport.content
    assert content is not None
    assert content.header_block.startswith(b"X-Mailer: keeps\r\nFrom: ed@author.example\r\n")
    assert content.whole is not None
    assert content.whole.endswith(b"\r\n\r\nbody\r\n")


def test_a_mark_says_what_weighed_most(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +3 for anna +1.5")
    assert played.head() == (
        "X-Clement-Score: +4.50\r\nX-Spam-Flag: YES\r\nX-Spam-Level: ****\r\n"
        "X-Clement-Reason: 98.9 of 100 such messages are unwanted;\r\n"
        " most was said by learned +3.0, taste +1.5\r\n"
    )


def test_fields_are_called_as_the_site_wants_or_not_written(tmp_path: Path) -> None:
    tagging = TaggingSettings(score_field="", flag_field="X-Junk", level_field="", reason_field="")
    assert Played(tmp_path, "weight +4", tagging=tagging).head() == "X-Junk: YES\r\n"
    forged = Played(tmp_path, "weight +1", tagging=tagging, header="X-Junk: NO\r\n").transport.content
    assert forged is not None
    assert b"X-Junk" not in forged.header_block


def test_a_subject_is_marked_where_the_site_wants_it_and_on_no_other_mail(tmp_path: Path) -> None:
    tagging = TaggingSettings(subject_prefix="[SPAM?] ")
    marked = Played(tmp_path, "weight +4", tagging=tagging).transport.content
    plain = Played(tmp_path, "weight +2", tagging=tagging).transport.content
    assert marked is not None
    assert plain is not None
    assert marked.whole == b"From: ed@author.example\r\nSubject: [SPAM?] weight +4\r\n\r\nbody\r\n"
    assert plain.whole == b"From: ed@author.example\r\nSubject: weight +2\r\n\r\nbody\r\n"


def test_recipients_whose_subject_would_differ_are_parted(tmp_path: Path) -> None:
    tagging = TaggingSettings(subject_prefix="[SPAM?] ")
    contents = replace(CONTENTS, mailboxes=(ANNA, replace(BRUNO, tag_at=1.0)))
    played = Played(tmp_path, "weight +2", ANNA_AT, BRUNO_AT, tagging=tagging, contents=contents)
    assert played.outcomes == [(Outcome.ACCEPTED, "accepted"), (Outcome.DEFERRED, "other-class")]


def test_a_next_hop_is_told_in_the_trace(tmp_path: Path) -> None:
    played = Played(tmp_path, "weight +4", "boss@relay.example")
    assert played.head() == ""
    assert played.transport.envelope is not None
    assert played.transport.envelope.trace.startswith(b"X-Clement-Score: +4.00\r\nX-Spam-Flag: YES\r\n")


def two_domains() -> DirectoryContents:
    """A second domain that goes to the same next hop."""
    policy = '{"tag_at":1}'
    return replace(
        CONTENTS, domains=(*CONTENTS.domains, Domain(9, "strict.example", RELAYED.id, policy=policy))
    )


def test_recipients_of_a_next_hop_who_are_marked_differently_are_parted(tmp_path: Path) -> None:
    contents = two_domains()
    parted = Played(tmp_path, "weight +2", "a@relay.example", "a@strict.example", contents=contents)
    assert parted.outcomes == [(Outcome.ACCEPTED, "accepted"), (Outcome.DEFERRED, "other-class")]
    assert parted.recipients[1].reply.startswith("452 4.5.3")
    together = Played(tmp_path, "weight +4", "a@relay.example", "a@strict.example", contents=contents)
    assert together.outcomes == [(Outcome.ACCEPTED, "accepted")] * 2


def test_a_group_and_a_domain_have_a_mark_of_their_own_before_the_subject(tmp_path: Path) -> None:
    own = Played(tmp_path, "weight +4", contents=with_group(subject_prefix="[J] ")).transport.content
    assert own is not None
    assert b"Subject: [J] weight +4\r\n" in own.header_block
    site = TaggingSettings(subject_prefix="[SPAM?] ")
    none = Played(tmp_path, "weight +4", contents=with_group(subject_prefix="none"), tagging=site)
    assert none.transport.content is not None
    assert b"Subject: weight +4\r\n" in none.transport.content.header_block

    policy = '{"subject_prefix":"[J] "}'
    domains = (*CONTENTS.domains, Domain(9, "strict.example", RELAYED.id, policy=policy))
    to_both = ("a@relay.example", "a@strict.example")
    parted = Played(tmp_path, "weight +4", *to_both, contents=replace(CONTENTS, domains=domains))
    assert parted.outcomes == [(Outcome.ACCEPTED, "accepted"), (Outcome.DEFERRED, "other-class")]


def test_a_copy_of_what_was_refused_for_its_content_is_kept(tmp_path: Path) -> None:
    keeping = with_group(keep_refused_days=14)
    played = Played(tmp_path, "weight +8", contents=keeping)
    assert played.outcomes == [(Outcome.REFUSED, "unwanted-content")]
    assert played.holder.kinds == [(HeldAs.REFUSED_COPY, "unwanted-content")]
    held, holds = played.holder.held[0]
    assert held.envelope.trace.startswith(b"Received: ")
    assert holds[0].score == 8.0
    ruled = Played(tmp_path, "forbidden", contents=keeping)
    assert ruled.holder.kinds == [(HeldAs.REFUSED_COPY, "several-authors")]
    assert not Played(tmp_path, "weight +8").holder.kinds


def test_a_copy_that_cannot_be_kept_changes_no_answer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keeping = with_group(keep_refused_days=14)
    played = Played(tmp_path, "weight +8", contents=keeping, holder=Holder(failing=True))
    assert played.reply.startswith("554 5.7.1 This looks like")
    assert "refused-copy-lost" in capfd.readouterr().err


def test_no_copy_is_kept_of_what_a_person_refuses(tmp_path: Path) -> None:
    contents = replace(with_group(keep_refused_days=14), directives=with_directive(Action.REFUSE).directives)
    assert not Played(tmp_path, "weight +8", contents=contents).holder.kinds


def test_one_is_held_for_one_and_a_copy_kept_for_the_other_at_once(tmp_path: Path) -> None:
    contents = replace(with_group(keep_refused_days=14), mailboxes=(ANNA, replace(BRUNO, refuse_at=5.5)))
    played = Played(tmp_path, "weight +6", ANNA_AT, BRUNO_AT, contents=contents)
    assert len(played.holder.held) == 1
    assert played.holder.kinds == [
        (HeldAs.QUARANTINE, "unwanted-content"),
        (HeldAs.REFUSED_COPY, "unwanted-content"),
    ]


class Reconciler:
    """Knows that anna has it, and hears who else was given it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def may_know(self, held: Held, destination: Destination) -> bool:
        return mailboxes_of(destination)[0].address == ANNA_AT

    def known(self, held: Held, destination: Destination) -> str:
        return "0042" if mailboxes_of(destination)[0].address == ANNA_AT else ""

    def delivered(self, held: Held, destination: Destination) -> None:
        self.heard.append(str(destination.forward_path))


def test_who_has_the_message_already_is_not_given_it_again(tmp_path: Path) -> None:
    reconciler = Reconciler()
    contents = replace(CONTENTS, persons=(Person(1, ED_AT, "hash", frozenset({ED_AT})),))
    played = Played(
        tmp_path,
        "weight +8 for bruno -9",
        ANNA_AT,
        BRUNO_AT,
        contents=contents,
        header="Message-ID: <1@author.example>\r\n",
        kind=ListenerKind.SUBMISSION,
        login=ED_AT,
        reconciler=reconciler,
    )
    assert played.outcomes == [(Outcome.ACCEPTED, "delivered-before"), (Outcome.ACCEPTED, "accepted")]
    assert [str(each.forward_path) for each in played.transport.destinations] == [BRUNO_AT]
    assert set(reconciler.heard) == {BRUNO_AT}
