"""A link of a digest in a real browser: nothing is done until a person presses the button, and then once."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from clement.queue.digest.links import Deed, HeldLink, sign
from tests.fixtures.chromium import Browser
from tests.fixtures.clement import LOCAL_EXAMPLE, Clement, ClementStarter
from tests.fixtures.programs import choose_port, wait_until
from tests.fixtures.swaks import SwaksRun

SENDER, ANNA = "shop@sender.example", "anna@local.example"
DOUBTFUL = (
    "group change local --policy unresolvable_sender=accept --policy implausible_hello=accept",
    f"directive add quarantine --for domain:local.example --from {SENDER}",
)


def held(clement: Clement) -> list[str]:
    """Ids of what is held."""
    with sqlite3.connect(clement.folder / "clement.sqlite3", timeout=60) as database:
        rows = database.execute("SELECT id FROM clement_heldrecipient WHERE state = 'held'").fetchall()
    return [name for (name,) in rows]


def key(clement: Clement) -> bytes:
    with sqlite3.connect(clement.folder / "clement.sqlite3", timeout=60) as database:
        return bytes.fromhex(database.execute("SELECT octets FROM clement_digestkey").fetchone()[0])


def test_a_link_asks_and_a_click_releases_once(
    start_clement: ClementStarter, swaks: Callable[..., SwaksRun], browser: Browser, tmp_path: Path
) -> None:
    site = f"http://127.0.0.1:{choose_port()}"
    tables = {"web": {"address": site.removeprefix("http://"), "url": site}}
    clement = start_clement(*LOCAL_EXAMPLE, *DOUBTFUL, tables=tables)
    sent = swaks(
        "--from", SENDER, "--to", ANNA, "--header", "Subject: <b>Offer</b> of the day", "--body", "words",
        server=clement.mx,
    )  # fmt: skip
    assert sent.exit_code == 0, sent.transcript
    wait_until(lambda: len(held(clement)) == 1, "it is in the index")
    link = re.findall(r"<(http://[^>]+)>", clement.verb(f"digest preview {ANNA}"))[0]

    # Whoever only looks, as a program does that seeks bad links, changes nothing.
    first, second = browser.open(), browser.open()
    for tab in (first, second):
        page = tab.visit(link)
        assert "Deliver this message to your mailbox?" in page
        assert "<b>Offer</b> of the day" in page
        assert tab.has("form button")
        assert not tab.has("script")
    first.screenshot(tmp_path / "ask.png")
    assert len(held(clement)) == 1
    assert clement.messages(ANNA) == []

    assert "on its way to your mailbox" in first.click("form button")
    first.screenshot(tmp_path / "done.png")
    wait_until(lambda: len(clement.messages(ANNA)) == 1, "the message has come")
    assert "done before" in second.click("form button")
    assert "done before" in second.visit(link)
    assert len(clement.messages(ANNA)) == 1

    token = link.rpartition("/")[2]
    altered = f"{site}/held/{token[:20]}{'B' if token[20] == 'A' else 'A'}{token[21:]}"
    assert "not complete" in first.visit(altered)
    late = HeldLink(Deed.RELEASE, "whatever", ANNA, int(time.time()) - 1)
    assert "has expired" in first.visit(f"{site}/held/{sign(late, key(clement))}")
    first.screenshot(tmp_path / "late.png")
    assert not first.has("form")
