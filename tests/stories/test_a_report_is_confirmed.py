"""Whoever reports mail is told in his own mailbox what was learned of it, and takes it back by a link."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast
from urllib.request import Request, urlopen

from tests.fixtures.programs import choose_port, wait_until
from tests.fixtures.swaks import SwaksRun
from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Builder, House
from tests.server.talk import message

STATES = "SELECT state FROM clement_teachingreport ORDER BY id"


def tables(web_port: int) -> dict[str, dict[str, object]]:
    return {
        "learning": {"report_spam": "spam@local.example", "report_mails_per_hour": 2},
        "web": {"address": f"127.0.0.1:{web_port}", "url": f"http://127.0.0.1:{web_port}"},
    }


def report(house: House, swaks: Callable[..., SwaksRun], *subjects: str, **header: str) -> None:
    """What a mail program sends when these messages are forwarded as attachments."""
    words = ["--from", LOGIN, "--to", "spam@local.example", "--auth", "PLAIN", "--auth-user", LOGIN]
    words += ["--auth-password", PASSWORD, "--tls-on-connect", "--body", "please look at these"]
    for name, value in header.items():
        words += ["--header", f"{name.replace('_', '-')}: {value}"]
    for number, subject in enumerate(subjects):
        path = house.folder / f"{number}.eml"
        path.write_bytes(message(subject))
        words += ["--attach-type", "message/rfc822", "--attach", f"@{path}"]
    sent = swaks(*words, server=house.address("submissions"))
    assert sent.exit_code == 0, sent.transcript
    assert any("learned as spam" in reply for reply in sent.replies)


def read(path: Path) -> tuple[EmailMessage, str]:
    letter = cast("EmailMessage", message_from_bytes(path.read_bytes(), policy=default))
    plain = cast("EmailMessage", letter.get_body(("plain",)))
    return letter, str(plain.get_content())


def page(url: str, form: bytes | None = None) -> str:
    with urlopen(Request(url, data=form), timeout=60) as answer:
        return str(answer.read().decode())


def test_a_report_is_confirmed_by_one_mail_with_links_that_take_it_back(
    build: Builder, swaks: Callable[..., SwaksRun]
) -> None:
    house = build(f'digest set {LOGIN} "07:00 Europe/Zurich" --language fr', tables=tables(choose_port()))
    report(house, swaks, "offer1", "offer2", "offer1", Message_Id="<report@local.example>")
    wait_until(lambda: len(house.messages(LOGIN)) == 1, "the receipt has come")
    letter, text = read(house.messages(LOGIN)[0])
    assert letter["Subject"] == "2 messages appris comme indésirables"
    assert (letter["Return-Path"], letter["Auto-Submitted"]) == ("<>", "auto-replied")
    assert letter["In-Reply-To"] == "<report@local.example>"
    assert "2 sur 3 ont été appris" in text
    assert text.count("offer1") == 2
    assert "déjà connu comme indésirable" in " ".join(text.split())
    acts = dict(house.rows("SELECT message_id, id FROM clement_teachingact"))
    assert all(f"numéro {number}" in " ".join(text.split()) for number in acts.values())

    links = re.findall(r"<(http://[^>]+)>", text)
    assert len(links) == 2
    undone = "SELECT message_id FROM clement_teachingact WHERE state IN ('undoing', 'undone')"
    assert "<form" in page(links[1])
    assert house.rows(undone) == []
    assert "taken back" in page(links[1], b"deed=take-back")
    assert house.rows(undone) == [("<offer2@sender.example>",)]
    assert "counts no longer" in page(links[1], b"deed=take-back")
    assert f"{LOGIN} (link)" in house.verb("learned acts --json")

    # A program that reports hears it in the session alone; a person is not told without end.
    report(house, swaks, "offer3", Auto_Submitted="auto-generated")
    report(house, swaks, "offer4")
    report(house, swaks, "offer5")
    wait_until(lambda: [state for (state,) in house.rows(STATES)][2:] == ["skipped"], "all are settled")
    assert [state for (state,) in house.rows(STATES)] == ["told", "told", "skipped"]
    assert [read(path)[0]["Subject"] for path in house.messages(LOGIN)][1:] == [
        "Un message appris comme indésirable"
    ]
    assert house.rows("SELECT id FROM clement_teachingreport WHERE length(messages) > 0") == []
