"""Identities in a whole session: what is recorded of them, and what directives make of names they prove."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest
from msgspec.structs import replace

from clement.cli import wiring
from clement.cli.simulation import SimulationRequest, play
from clement.config.settings import (
    AuthenticationSettings,
    ScannerSettings,
    Settings,
    SiteSettings,
    SpoolSettings,
)
from clement.journal.records import SessionRecord, TransactionRecord
from clement.policy.directive import Action, Directive, Scope
from clement.policy.directory import Directory, DirectoryContents, Greylisting
from clement.policy.network import ClientNetwork, Standing
from clement.policy.ports import MailDomain
from clement.policy.reputation import Kind, Reputation
from tests.policy.identity.world import CLIENT, STRANGER, Zones, author_zones, mail, signed
from tests.policy.samples import CONTENTS, STORED

ACCEPT = Directive(2, Scope.USER, "anna@local.example", Action.ACCEPT, "@author.example")
SITE_REFUSES = Directive(1, Scope.SITE, "", Action.REFUSE, "@author.example")
BANNED = ClientNetwork(9, ip_network("198.18.0.0/24"), Standing.BANNED)
IDENTITY_CHECKS = {"spf", "dkim", "arc", "dmarc", "reverse-name"}


class Resolver(Zones):
    """The DNS as sessions know it."""

    def known_mail_domain(self, _domain: str) -> MailDomain:
        return MailDomain.REACHABLE

    async def close(self) -> None:
        """Nothing is open."""


class Played:
    """A session that was played, and what it asked of the DNS."""

    def __init__(
        self,
        folder: Path,
        content: bytes,
        client: str,
        *,
        contents: DirectoryContents = CONTENTS,
        recipients: tuple[str, ...] = ("anna@local.example",),
        enabled: bool = True,
    ) -> None:
        settings = Settings(
            site=SiteSettings(hostname="mx.local.example"),
            listener=(),
            scanner=ScannerSettings(enabled=False),
            spool=SpoolSettings(folder=folder),
            authentication=AuthenticationSettings(enabled=enabled),
        )
        self.dns = Resolver(author_zones())
        request = SimulationRequest(content, client, "mail.author.example", "ed@author.example", recipients)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wiring, "resolver_for", lambda _settings: self.dns)
            report = asyncio.run(play(settings, Directory(contents), request))
        self.session: SessionRecord = report.session
        self.transaction: TransactionRecord = report.transactions[0]

    @property
    def checks(self) -> set[str]:
        return {finding.check for finding in self.transaction.findings}

    @property
    def reply(self) -> str:
        return self.transaction.recipients[0].reply


def test_what_is_found_is_recorded(tmp_path: Path) -> None:
    played = Played(tmp_path, signed(mail()), CLIENT)
    assert played.reply.startswith("250 2.0.0")
    assert {finding.check: finding.result for finding in played.transaction.findings}.items() >= {
        "spf": "pass",
        "dkim": "pass",
        "dmarc": "pass",
        "reverse-name": "pass",
        "hello": "pass",
    }.items()
    assert played.transaction.authenticated_domains == "author.example"


def test_a_forger_proves_no_domain(tmp_path: Path) -> None:
    played = Played(tmp_path, mail(), STRANGER)
    assert played.reply.startswith("550 5.7.26 author.example asks to reject")
    assert played.transaction.authenticated_domains == ""


def test_nobody_is_identified_for_a_recipient_who_is_not_there(tmp_path: Path) -> None:
    played = Played(tmp_path, signed(mail()), CLIENT, recipients=("nobody@local.example",))
    assert played.reply.startswith("550 5.1.1")
    assert not played.dns.asked


@pytest.mark.parametrize("standing", [Standing.RELAYABLE, Standing.TRUSTED])
def test_whom_we_know_is_not_identified(tmp_path: Path, standing: Standing) -> None:
    known = replace(CONTENTS, networks=(replace(BANNED, standing=standing),))
    played = Played(tmp_path, mail(), STRANGER, contents=known)
    assert played.reply.startswith("250 2.0.0")
    assert not played.checks & IDENTITY_CHECKS


def test_turned_off_it_asks_nobody(tmp_path: Path) -> None:
    played = Played(tmp_path, mail(), STRANGER, enabled=False)
    assert played.reply.startswith("250 2.0.0")
    assert not played.dns.asked


@pytest.mark.parametrize(
    ("content", "client", "code"),
    [
        (signed(mail()), STRANGER, "250 2.0.0"),  # by DKIM alone
        (mail(), CLIENT, "250 2.0.0"),  # by SPF alone
        (mail("From: x@other.example\r\n"), STRANGER, "554 5.7.1"),
    ],
)
def test_a_ban_waits_for_the_content_that_may_prove_an_accepted_name(
    tmp_path: Path, content: bytes, client: str, code: str
) -> None:
    banned = replace(CONTENTS, networks=(BANNED,), directives=(ACCEPT,))
    played = Played(tmp_path, content, client, contents=banned)
    said_at_rcpt = next(each for each in played.session.transcript if each.command.startswith("RCPT"))
    assert said_at_rcpt.reply.startswith("250")
    assert played.reply.startswith(code)


def test_a_wider_refusal_waits_for_it_as_well(tmp_path: Path) -> None:
    ruled = replace(CONTENTS, directives=(SITE_REFUSES, ACCEPT))
    assert Played(tmp_path, signed(mail()), STRANGER, contents=ruled).reply.startswith("250 2.0.0")
    unproven = Played(tmp_path, mail("From: x@other.example\r\n"), STRANGER, contents=ruled)
    assert unproven.reply.startswith("550 5.7.1")
    assert unproven.transaction.recipients[0].directive_id == SITE_REFUSES.id


def test_where_nothing_could_prove_it_rcpt_refuses(tmp_path: Path) -> None:
    ruled = replace(CONTENTS, directives=(SITE_REFUSES,))
    played = Played(tmp_path, signed(mail()), CLIENT, contents=ruled)
    assert played.transaction.size_bytes == 0
    assert played.reply.startswith("550 5.7.1")
    assert not played.dns.asked


def test_a_forgery_with_an_accepted_name_is_still_a_forgery(tmp_path: Path) -> None:
    """An accepting directive lifts what DMARC refuses only for a name that is proven."""
    ruled = replace(CONTENTS, directives=(ACCEPT,))
    played = Played(tmp_path, mail(), STRANGER, contents=ruled)
    assert played.reply.startswith("550 5.7.26")


def found_at_rcpt(played: Played) -> dict[str, str]:
    exchange = next(each for each in played.session.transcript if each.command.startswith("RCPT"))
    return {finding.check: finding.result for finding in exchange.findings}


def test_where_a_group_greylists_it_is_known_at_rcpt_who_is_calling(tmp_path: Path) -> None:
    asked_back = replace(STORED, policy=replace(STORED.policy, greylisting=Greylisting.ALL))
    greylisting = replace(CONTENTS, groups=(asked_back, *CONTENTS.groups[1:]))
    known = found_at_rcpt(Played(tmp_path, signed(mail()), CLIENT, contents=greylisting))
    assert known["spf"] == known["reverse-name"] == "pass"
    forged = found_at_rcpt(Played(tmp_path, mail(), STRANGER, contents=greylisting))
    assert forged["spf"] == "fail"


def test_where_none_does_rcpt_waits_for_no_identity(tmp_path: Path) -> None:
    assert not found_at_rcpt(Played(tmp_path, signed(mail()), CLIENT)).keys() & IDENTITY_CHECKS


def test_the_history_of_a_domain_counts_once_it_is_proven(tmp_path: Path) -> None:
    history = Reputation(Kind.DOMAIN, "author.example", -2.0, 90, 1)
    remembered = replace(CONTENTS, reputations=(history,))
    proven = Played(tmp_path, signed(mail()), CLIENT, contents=remembered)
    told = [finding.detail for finding in proven.transaction.findings if finding.check == "reputation"]
    assert told == ["author.example: 90 wanted, 1 unwanted"]
    assert "reputation" not in Played(tmp_path, mail(), STRANGER, contents=remembered).checks
