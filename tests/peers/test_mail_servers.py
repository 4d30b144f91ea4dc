"""The mail servers that tests play against work with each other, so that a failure elsewhere is ours."""

import os
import smtplib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.fixtures.dovecot import Dovecot
from tests.fixtures.exim import EximStarter
from tests.fixtures.postfix import Postfix, receiving_for, relaying_to
from tests.fixtures.programs import wait_until

pytestmark = pytest.mark.peer

MESSAGE = b"From: <author@sender.example>\r\nTo: <anna@relay.example>\r\nSubject: hello\r\n\r\nwords\r\n"
StartPostfix = Callable[[Mapping[str, str]], Postfix]


def send(address: tuple[str, int], recipient: str, content: bytes = MESSAGE) -> None:
    with smtplib.SMTP(*address, timeout=20) as client:
        client.sendmail("author@sender.example", [recipient], content)


def test_postfix_hands_on_to_exim(start_postfix: StartPostfix, start_exim: EximStarter) -> None:
    behind = start_exim.receiving_for("relay.example", "anna")
    front = start_postfix(relaying_to(*behind.address))
    send(front.address, "anna@relay.example")
    wait_until(lambda: len(behind.mailbox("anna")) == 1, "delivered by Exim")
    wait_until(lambda: front.queue() == [], "queue of Postfix empty")
    assert b"words" in behind.mailbox("anna")[0].read_bytes()


def test_exim_hands_on_to_postfix(start_postfix: StartPostfix, start_exim: EximStarter) -> None:
    behind = start_postfix(receiving_for("relay.example", "anna", "bruno"))
    front = start_exim.relaying_to(*behind.address)
    send(front.address, "bruno@relay.example")
    wait_until(lambda: len(behind.mailbox("bruno")) == 1, "delivered by Postfix")
    wait_until(lambda: front.queue() == [], "queue of Exim empty")


def test_next_hops_refuse_as_promised(start_postfix: StartPostfix, start_exim: EximStarter) -> None:
    for server in (
        start_postfix(receiving_for("relay.example", "anna")),
        start_exim.receiving_for("relay.example", "anna"),
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(server.address, "nobody@relay.example")
        with pytest.raises(smtplib.SMTPDataError):
            send(server.address, "anna@relay.example", MESSAGE.replace(b"hello", b"refuse me"))
        send(server.address, "anna@relay.example")


def test_dovecot_receives_and_shows(start_dovecot: Callable[..., Dovecot], short_folder: Path) -> None:
    maildir = short_folder / "maildir"
    maildir.mkdir()
    os.chown(maildir, 65534, 65534)
    dovecot = start_dovecot({"anna@local.example": maildir}, uid=65534, gid=65534)
    with smtplib.LMTP(*dovecot.lmtp_address) as client:
        client.sendmail("author@sender.example", ["anna@local.example"], MESSAGE)
    assert [b"words" in message for message in dovecot.read_inbox("anna@local.example")] == [True]
