"""A check that raises costs its command or message a 451, at every stage, and never lets mail through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from clement.cli import simulation
from clement.cli.simulation import SimulationReport, SimulationRequest, play
from clement.config.settings import ScannerSettings, Settings, SiteSettings, SpoolSettings
from clement.policy.directory import Directory
from clement.policy.finding import Finding
from clement.policy.pipeline import Answer, Check, Plan
from tests.policy.samples import CONTENTS

MESSAGE = b"From: ed@sender.example\r\n\r\nwords\r\n"
COMMANDS = {"hello": "EHLO", "mail": "MAIL", "rcpt": "RCPT", "content": "<con", "recipient_content": "<con"}


class Broken(Exception):
    pass


def at_once(_facts: object) -> Answer:
    raise Broken("a secret of ours")


def later(_facts: object) -> Answer:
    async def answer() -> Finding | None:
        await asyncio.sleep(0)
        raise Broken("a secret of ours")

    return answer()


def report(plan: Plan, folder: Path, monkeypatch: pytest.MonkeyPatch) -> SimulationReport:
    monkeypatch.setattr(simulation, "standard_plan", lambda _resolver, **_ports: plan)
    settings = Settings(
        site=SiteSettings(hostname="mx.local.example"),
        listener=(),
        scanner=ScannerSettings(enabled=False),
        spool=SpoolSettings(folder=folder),
    )
    request = SimulationRequest(
        MESSAGE, "198.18.0.7", "mx.sender.example", "ed@sender.example", ("anna@local.example",)
    )
    return asyncio.run(play(settings, Directory(CONTENTS), request))


def test_whole_checks_let_this_message_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = report(Plan(), tmp_path, monkeypatch)
    assert said.transactions[0].recipients[0].reply.startswith("250 2.0.0")


@pytest.mark.parametrize("raising", [at_once, later])
@pytest.mark.parametrize("stage", COMMANDS)
def test_a_check_that_raises_is_answered_451(
    stage: str, raising: Callable[[object], Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Check("broken", raising)
    said = report(msgspec.structs.replace(Plan(), **{stage: (broken,)}), tmp_path, monkeypatch)
    replies = [each.reply for each in said.session.transcript if each.command.startswith(COMMANDS[stage])]
    assert replies
    assert all(reply.startswith("451 4.3.0") for reply in replies)
    assert "secret" not in str(said.session.transcript)
    outcomes = {recipient.outcome for one in said.transactions for recipient in one.recipients}
    assert "accepted" not in {str(outcome) for outcome in outcomes}
