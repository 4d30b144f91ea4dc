"""A person is told of held mail by mail, and has it delivered by a link that asks first."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.request import Request, urlopen

from tests.fixtures.clement import LOCAL_EXAMPLE, Clement, ClementStarter
from tests.fixtures.programs import choose_port, wait_until
from tests.fixtures.swaks import SwaksRun

SENDER = "shop@sender.example"
DOUBTFUL = (
    "group change local --policy unresolvable_sender=accept --policy implausible_hello=accept",
    f"directive add quarantine --for domain:local.example --from {SENDER}",
    'digest set anna@local.example "07:00 UTC" --language fr',
    "digest set bruno@local.example never",
)
ANNA, BRUNO = "anna@local.example", "bruno@local.example"


def yesterday(clement: Clement) -> None:
    """Let what is held be held since two days ago, so that its digest is due."""
    with sqlite3.connect(clement.folder / "clement.sqlite3", timeout=60) as database:
        database.execute("UPDATE clement_heldmessage SET at_s = at_s - 172800")


def count_held(clement: Clement) -> int:
    return len(clement.verb("held list --json").splitlines())


def body(path: Path) -> str:
    plain = message_from_bytes(path.read_bytes(), policy=default).get_body(("plain",))
    assert plain is not None
    return str(plain.get_content())


def page(url: str, form: bytes | None = None) -> str:
    with urlopen(Request(url, data=form), timeout=60) as answer:
        return str(answer.read().decode())


def test_a_person_is_told_and_takes_his_mail_back(
    start_clement: ClementStarter, swaks: Callable[..., SwaksRun]
) -> None:
    port = choose_port()
    tables = {"web": {"address": f"127.0.0.1:{port}", "url": f"http://127.0.0.1:{port}"}}
    clement = start_clement(*LOCAL_EXAMPLE, *DOUBTFUL, tables=tables)
    for recipient in (ANNA, BRUNO):
        sent = swaks(
            "--from", SENDER, "--to", recipient, "--header", "Subject: Offre du jour", "--body", "Voilà",
            server=clement.mx,
        )  # fmt: skip
        assert sent.exit_code == 0, sent.transcript
    wait_until(lambda: count_held(clement) == 2, "both messages are in the index")
    assert "Offre du jour" in clement.verb(f"digest preview {ANNA}")
    assert clement.messages(ANNA) == []

    yesterday(clement)
    wait_until(lambda: len(clement.messages(ANNA)) == 1, "the digest has come", timeout_s=40)
    (digest,) = clement.messages(ANNA)
    text = body(digest)
    assert "Un message est retenu pour vous" in digest.read_text()
    assert "Offre du jour" in text
    assert b"Return-Path: <>" in digest.read_bytes()

    link = re.findall(r"<(http://[^>]+)>", text)[0]
    assert "<form" in page(link)
    assert count_held(clement) == 2
    assert len(clement.messages(ANNA)) == 1
    assert "on its way" in page(link, b"deed=release")
    wait_until(lambda: len(clement.messages(ANNA)) == 2, "the message has come")
    assert "Subject: Offre du jour" in clement.messages(ANNA)[1].read_text()
    assert "no longer held" in page(link, b"deed=release")

    assert "Nothing is held" in clement.verb(f"digest preview {ANNA}")
    assert "Offre du jour" in clement.verb(f"digest preview {BRUNO}")
    assert clement.messages(BRUNO) == []
