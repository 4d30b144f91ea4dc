"""`log`, `session`, `explain` and `status` tell what a running Clement did."""

from __future__ import annotations

import json
import re
import signal
import smtplib
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import CLEMENT, Shell
from tests.fixtures.clement import Clement, ClementStarter

SITE = (
    "group add local --policy unresolvable_sender=accept",
    "domain add local.example --group local",
    "mailbox add anna@local.example",
    "mailbox add bruno@local.example",
    "directive add refuse --for anna@local.example --from unwanted@sender.example --note enough",
)
MESSAGE = (
    "From: author@sender.example\r\nSubject: =?utf-8?q?Gr=C3=BC=1B[31m=C3=9Fe?=\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <one@sender.example>\r\n\r\nHello\r\n"
)


def send(clement: Clement, sender: str, recipient: str, hello: str = "client.sender.example") -> int:
    """The code of the last reply."""
    with smtplib.SMTP(*clement.mx, local_hostname=hello, timeout=60) as client:
        client.ehlo()
        client.mail(sender)
        code, _ = client.rcpt(recipient)
        return client.data(MESSAGE)[0] if code == 250 else code


def until(found: Callable[[], Any]) -> Any:
    """Records reach SQL within a second or so."""
    deadline = time.monotonic() + 60
    while not (value := found()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


@pytest.fixture
def story(start_clement: ClementStarter) -> tuple[Clement, Shell]:
    """A Clement that has taken one message, refused an unknown recipient, and refused one by directive."""
    clement = start_clement(*SITE)
    assert send(clement, "author@sender.example", "anna@local.example") == 250
    assert send(clement, "author@sender.example", "nobody@local.example") == 550
    assert send(clement, "unwanted@sender.example", "anna@local.example") == 550
    shell = Shell(clement.folder)
    assert until(lambda: len(shell.json("log")) == 3)
    return clement, shell


def test_the_log_is_filtered_listed_and_told(story: tuple[Clement, Shell]) -> None:
    _clement, shell = story
    assert [(row["outcome"], row["reason"]) for row in shell.json("log")] == [
        ("refused", "directive-refuses"),
        ("refused", "recipient-unknown"),
        ("accepted", "accepted"),
    ]
    for words, count in (
        (("--outcome", "accepted"), 1),
        (("--to", "anna@local.example"), 2),
        (("--from", "unwanted@sender.example"), 1),
        (("--from", "<unwanted@SENDER.example>"), 1),
        (("--from", "<>"), 0),
        (("--reason", "recipient-unknown"), 1),
        (("--client", "127.0.0.1"), 3),
        (("--client", "192.0.2.1"), 0),
        (("--since", "1h"), 3),
        (("--until", "1h"), 0),
        (("--limit", "2"), 2),
        (("--text", "one@sender"), 1),
        (("--sessions", "--outcome", "refused"), 2),
    ):
        assert len(shell.json("log", *words)) == count, words
    assert "Nothing in the log" in shell.run("log", "--reason", "virus").stderr
    assert "expected one of accepted, network-banned" in shell.refusal("log", "--reason", "spam", code=2)
    assert "expected an address or <>" in shell.refusal("log", "--from", "@sender.example", code=2)
    assert "expected an IP address" in shell.refusal("log", "--client", "localhost", code=2)
    assert "expected 30min, 2h" in shell.refusal("log", "--since", "someday", code=2)

    accepted = shell.json("log", "--outcome", "accepted")[0]
    told = shell.out("session", accepted["session_id"][:19])
    assert re.search(
        r"C: rcpt TO:<anna@local.example>\n +· recipient pass: local \(\d+ µs\)\n +S: 250 2\.1\.5", told
    )
    assert re.search(r"to anna@local\.example: accepted, 250 2", told)
    assert "\x1b" not in told
    assert shell.json("session", accepted["transaction_id"])[0]["transcript"][0]["command"] == ""

    refused = shell.json("log", "--reason", "directive-refuses")[0]
    why = shell.out("explain", refused["transaction_id"])
    assert re.search(r"directive +1, of the user anna@local\.example: refuse mail from unwanted@sender", why)
    assert re.search(r"it would have passed +without directive 1", why)
    unknown = shell.json("explain", shell.json("log", "--reason", "recipient-unknown")[0]["transaction_id"])[
        0
    ]
    assert unknown["finding"] == "recipient fail: nobody@local.example"
    assert unknown["otherwise"] == []
    assert "several sessions begin with" in shell.refusal("session", accepted["session_id"][0], code=1)
    assert shell.refusal("session", "zzzz", code=3) == "clement: no session zzzz"
    assert shell.refusal("explain", "", code=3) == "clement: no session"

    status = shell.json("status")[0]
    assert status["receiving"] is True
    assert status["database"] == "current"
    assert any(name.startswith("recorder") for name in status["processes"])


def test_the_log_can_be_followed(story: tuple[Clement, Shell]) -> None:
    clement, shell = story
    with subprocess.Popen(
        [CLEMENT, "log", "--follow", "--json", "--config", clement.config], stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        first = [json.loads(following.stdout.readline())["reason"] for _ in range(3)]
        assert first == ["accepted", "recipient-unknown", "directive-refuses"]
        assert send(clement, "author@sender.example", "bruno@local.example") == 250
        assert json.loads(following.stdout.readline())["address"] == "bruno@local.example"
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
    clement.program.stop()
    assert shell.run("status", code=1).stdout.count("receiving      no") <= 1


def test_a_simulation_judges_and_leaves_no_trace(story: tuple[Clement, Shell]) -> None:
    clement, shell = story
    (shell.folder / "m.eml").write_bytes(MESSAGE.replace("\r\n", "\n").encode())
    who = ("--client", "192.0.2.1", "--from", "unwanted@sender.example")
    said = shell.run("simulate", "m.eml", *who, "--to", "anna@local.example", code=1).stdout
    assert "to anna@local.example: refused (directive-refuses), directive 1" in said
    said = shell.run("simulate", "m.eml", *who, "--to", "bruno@local.example").stdout
    assert "to bruno@local.example: accepted" in said
    report = json.loads(
        shell.run("simulate", "-", *who, "--to", "bruno@local.example", "--json", stdin=MESSAGE).stdout
    )
    assert report["session"]["client_address"] == "192.0.2.1"
    assert report["transactions"][0]["recipients"][0]["outcome"] == "accepted"
    assert shell.run("simulate", "m.eml", "--client", "nobody", "--to", "a@local.example", code=2)
    assert "cannot read" in shell.refusal(
        "simulate", "not-here.eml", "--client", "192.0.2.1", "--to", "a@local.example", code=2
    )
    # Records come in order: had there been another, it would be there before that of a later message.
    assert send(clement, "author@sender.example", "anna@local.example") == 250
    assert until(lambda: len(shell.json("log", "--to", "anna@local.example")) == 3)
    assert len(shell.json("log")) == 4
    assert not list((shell.folder / "mail" / "local.example" / "bruno").glob("new/*"))


def test_without_a_server_status_says_so(shell: Shell) -> None:
    said = shell.run("status", code=1).stdout
    assert re.search(r"receiving +no", said)
