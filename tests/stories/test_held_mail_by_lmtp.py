"""Held mail of a domain whose mailboxes are Dovecot's: it gets what is released by LMTP, once, as it came."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable

from tests.fixtures.clement import Clement, ClementStarter
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.programs import accepts_connections, wait_until
from tests.fixtures.swaks import SwaksRun

ANNA, SENDER, NOBODY = "anna@local.example", "shop@sender.example", 65534
LINES = ["First line", ".", "..", ".one dot", "...three dots", "last line"]


def held(clement: Clement) -> list[tuple[str, str, str]]:
    """Id, state, and why its release has failed, of what is not released yet; the oldest first."""
    with sqlite3.connect(clement.folder / "clement.sqlite3", timeout=60) as database:
        rows = database.execute(
            "SELECT id, state, failure FROM clement_heldrecipient WHERE state <> 'released' ORDER BY id"
        )
        return rows.fetchall()


def try_again_now(clement: Clement) -> bool:
    """Let the pause after a failure be over; False."""
    with sqlite3.connect(clement.folder / "clement.sqlite3", timeout=60) as database:
        database.execute("UPDATE clement_heldrecipient SET next_try_at_s = 0")
    return False


def stop(dovecot: Dovecot) -> None:
    """Until nobody is at its ports: its processes may outlive the first of them, and would be in the way."""
    dovecot.program.stop()
    for address in (dovecot.imap_address, dovecot.lmtp_address):
        wait_until(lambda address=address: not accepts_connections(address), "Dovecot is gone")  # type: ignore[misc]


def test_dovecot_gets_what_is_released_once_and_its_refusal_is_told(
    start_clement: ClementStarter, start_dovecot: Callable[..., Dovecot], swaks: Callable[..., SwaksRun]
) -> None:
    maildir = start_clement.folder / "dovecot-mail"
    maildir.mkdir()
    if os.geteuid() == 0:
        os.chown(maildir, NOBODY, NOBODY)
    dovecot = start_dovecot({ANNA: maildir}, uid=NOBODY, gid=NOBODY)
    host, port = dovecot.lmtp_address
    clement = start_clement(
        f"group add local --lmtp-to {host}:{port} --policy unresolvable_sender=accept",
        "domain add local.example --group local",
        f"directive add quarantine --for domain:local.example --from {SENDER}",
    )
    for number in range(3):
        sent = swaks(
            "--from", SENDER, "--to", ANNA, "--header", f"Subject: offer {number}",
            "--body", "\n".join(LINES), server=clement.mx,
        )  # fmt: skip
        assert sent.exit_code == 0, sent.transcript
        assert "held for the recipient" in sent.transcript
        wait_until(lambda number=number: len(held(clement)) == number + 1, "it is in the index")  # type: ignore[misc]
    assert dovecot.read_inbox(ANNA) == []
    first, second, third = (name for name, _state, _failure in held(clement))

    # Exactly once, byte for byte, dots and all.
    assert "delivered" in clement.verb(f"held release {first}")
    [message] = dovecot.read_inbox(ANNA)
    raw = clement.verb(f"held show {first} --raw").replace("\r\n", "\n").replace("\n", "\r\n").encode()
    assert message.endswith(raw)
    assert "\r\n".join(["", *LINES]).encode() in raw
    assert b"(released from held mail)" in message
    clement.verb(f"held release {first}", fails=True)
    assert len(dovecot.read_inbox(ANNA)) == 1

    # Dovecot is away: it is held until it is back, and the reason is shown.
    stop(dovecot)
    clement.verb(f"held release {second} --no-wait")
    wait_until(lambda: "4.4.1" in held(clement)[0][2], "the release was tried")
    assert [state for _name, state, _failure in held(clement)] == ["releasing", "held"]
    assert "4.4.1" in clement.verb(f"held show {second}")
    # A next hop that has failed is left alone for ten seconds, however soon its message is due.
    dovecot.program.start_again()
    dovecot.program.wait_for(dovecot.imap_address, dovecot.lmtp_address)
    wait_until(lambda: try_again_now(clement) or len(dovecot.read_inbox(ANNA)) == 2, "it has come")
    wait_until(lambda: [name for name, _state, _failure in held(clement)] == [third], "and that is known")

    # Dovecot refuses for good: whoever released it is told, and it is held as before.
    # It looks at the file of its users once a second at most, and has just delivered to one: start it anew.
    stop(dovecot)
    (dovecot.folder / "users").write_text("")
    dovecot.program.start_again()
    dovecot.program.wait_for(dovecot.imap_address, dovecot.lmtp_address)
    told = json.loads(clement.verb(f"held release {third} --json", fails=True))
    assert "5.1.1" in told["failure"]
    assert [state for _name, state, _failure in held(clement)] == ["held"]
    assert len([*maildir.glob("new/*"), *maildir.glob("cur/*")]) == 2
