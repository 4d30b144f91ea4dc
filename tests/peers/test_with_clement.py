"""Unmodified mail programs in front of, behind and beside a Clement that runs as its users run it."""

import os
import smtplib
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from tests.fixtures.clamd import Clamd
from tests.fixtures.clement import LOCAL_EXAMPLE, Clement, ClementStarter
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.exim import Exim, EximStarter
from tests.fixtures.postfix import Postfix, receiving_for, relaying_to
from tests.fixtures.programs import wait_until
from tests.fixtures.swaks import SwaksRun

pytestmark = pytest.mark.peer

StartPostfix = Callable[[Mapping[str, str]], Postfix]
Swaks = Callable[..., SwaksRun]

# Names below .example do not resolve; that is not what these tests are about.
UNRESOLVED = "--policy unresolvable_sender=accept --policy implausible_hello=accept"
LOCAL = (f"group add local {UNRESOLVED}", *LOCAL_EXAMPLE[1:])
NOBODY = 65534


def relay(*hops: tuple[str, int]) -> tuple[str, str]:
    """Verbs that make relay.example a domain relayed to these next hops, the first preferred."""
    words = " ".join(
        f"--relay-to {host}:{port},priority={number}" for number, (host, port) in enumerate(hops, 1)
    )
    return f"group add relay {words} {UNRESOLVED}", "domain add relay.example --group relay"


def content(subject: str) -> bytes:
    header = f"From: <author@sender.example>\r\nTo: <anna@local.example>\r\nSubject: {subject}\r\n"
    return f"{header}\r\nwords\r\n".encode()


def send(address: tuple[str, int], *recipients: str, subject: str = "hello") -> None:
    with smtplib.SMTP(*address, timeout=30) as client:
        client.sendmail("author@sender.example", recipients, content(subject))


def _holds_one(server: Postfix | Exim) -> bool:
    return len(server.mailbox("anna")) == 1


def test_swaks_delivers_and_is_refused(start_clement: ClementStarter, swaks: Swaks) -> None:
    clement = start_clement(*LOCAL)
    common = ("--from", "author@sender.example", "--ehlo", "client.sender.example")
    assert swaks(*common, "--to", "anna@local.example", server=clement.mx).exit_code == 0
    assert len(clement.messages("anna@local.example")) == 1
    assert (
        swaks(*common, "--to", "anna@local.example", "--tls", "--pipeline", server=clement.mx).exit_code == 0
    )
    unknown = swaks(*common, "--to", "nobody@local.example", server=clement.mx)
    assert unknown.last_refusal.startswith("550 5.1.1")
    elsewhere = swaks(*common, "--to", "someone@elsewhere.example", server=clement.mx)
    assert elsewhere.last_refusal.startswith("550 5.7.1")


def test_swaks_posts_over_submission_with_a_password(
    start_clement: ClementStarter, swaks: Swaks, tmp_path_factory: pytest.TempPathFactory
) -> None:
    password = tmp_path_factory.mktemp("secret") / "password"
    password.write_text("a long enough passphrase\n")
    clement = start_clement(*LOCAL, f"person add anna@local.example --password-file {password}")
    login = ("--auth-user", "anna@local.example", "--auth-password", password.read_text().strip())
    letter = ("--from", "anna@local.example", "--to", "bruno@local.example", *login)
    for mechanism in ("PLAIN", "LOGIN"):
        run = swaks(*letter, "--tls", "--auth", mechanism, server=clement.submission)
        assert run.exit_code == 0, run.transcript
    assert swaks(*letter, "--tls-on-connect", "--auth", "PLAIN", server=clement.submissions).exit_code == 0
    assert len(clement.messages("bruno@local.example")) == 3
    assert swaks(*letter, "--auth", "PLAIN", server=clement.submission).exit_code != 0, "AUTH without TLS"
    wrong = swaks(*letter[:-1], "wrong", "--tls", "--auth", "PLAIN", server=clement.submission)
    assert wrong.last_refusal.startswith("535 5.7.8")


def test_postfix_and_exim_deliver_to_clement(
    start_clement: ClementStarter, start_postfix: StartPostfix, start_exim: EximStarter
) -> None:
    clement = start_clement(*LOCAL)
    postfix = start_postfix(relaying_to(*clement.mx))
    exim = start_exim.relaying_to(*clement.mx)
    for front in (postfix, exim):
        send(front.address, "anna@local.example", "bruno@local.example")
    wait_until(lambda: len(clement.messages("anna@local.example")) == 2, "both messages for Anna")
    wait_until(lambda: len(clement.messages("bruno@local.example")) == 2, "both messages for Bruno")
    wait_until(lambda: postfix.queue() == [] and exim.queue() == [], "queues empty")


def test_postfix_and_exim_take_what_clement_hands_on(
    start_clement: ClementStarter, start_postfix: StartPostfix, start_exim: EximStarter
) -> None:
    for behind in (
        start_postfix(receiving_for("relay.example", "anna")),
        start_exim.receiving_for("relay.example", "anna"),
    ):
        clement = start_clement(*relay(behind.address))
        send(clement.mx, "anna@relay.example")
        wait_until(partial(_holds_one, behind), "delivered behind Clement")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(clement.mx, "nobody@relay.example")
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            send(clement.mx, "anna@relay.example", subject="refuse me")
        assert 500 <= refusal.value.smtp_code < 600


def test_a_dead_next_hop_is_passed_over_and_a_message_without_any_is_deferred(
    start_clement: ClementStarter, start_postfix: StartPostfix, free_port: Callable[[], int]
) -> None:
    alive = start_postfix(receiving_for("relay.example", "anna"))
    clement = start_clement(*relay(("127.0.0.1", free_port()), alive.address))
    send(clement.mx, "anna@relay.example")
    wait_until(lambda: len(alive.mailbox("anna")) == 1, "delivered by the second next hop")
    alive.stop()
    with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as refusal:
        send(clement.mx, "anna@relay.example")
    assert b"4." in str(refusal.value).encode()


def test_dovecot_shows_what_clement_stored(
    start_clement: ClementStarter, start_dovecot: Callable[..., Dovecot]
) -> None:
    owner = {"owner_uid": NOBODY, "owner_gid": NOBODY} if os.geteuid() == 0 else {}
    clement = start_clement(*LOCAL, tables={"store": owner})
    send(clement.mx, "anna@local.example")
    clement.folder.joinpath("mail").chmod(0o711)
    dovecot = start_dovecot(
        {"anna@local.example": clement.maildir("anna@local.example")}, uid=NOBODY, gid=NOBODY
    )
    [message] = dovecot.read_inbox("anna@local.example")
    assert message.startswith(b"Return-Path: <author@sender.example>\r\n")
    assert b"\r\nDelivered-To: anna@local.example\r\n" in message
    assert b"Subject: hello\r\n\r\nwords\r\n" in message


def test_dovecot_takes_mail_by_lmtp(
    start_clement: ClementStarter, start_dovecot: Callable[..., Dovecot]
) -> None:
    maildir = start_clement.folder / "dovecot-mail"
    maildir.mkdir()
    if os.geteuid() == 0:
        os.chown(maildir, NOBODY, NOBODY)
    dovecot = start_dovecot({"anna@local.example": maildir}, uid=NOBODY, gid=NOBODY)
    host, port = dovecot.lmtp_address
    hop = f"group add local --lmtp-to {host}:{port} {UNRESOLVED}"
    clement = start_clement(hop, "domain add local.example --group local")
    send(clement.mx, "anna@local.example")
    [message] = dovecot.read_inbox("anna@local.example")
    assert b"Subject: hello\r\n\r\nwords\r\n" in message
    with pytest.raises(smtplib.SMTPException):
        send(clement.mx, "bruno@local.example")  # Dovecot does not know Bruno


def test_a_virus_is_refused_while_the_client_waits(
    start_clement: ClementStarter, start_clamd: Callable[..., Clamd], swaks: Swaks, eicar: bytes
) -> None:
    clamd = start_clamd()
    clement = start_clement(*LOCAL, clamd=clamd)
    letter = ("--from", "author@sender.example", "--to", "anna@local.example", "--body", eicar.decode())
    virus = swaks(*letter, server=clement.mx)
    assert virus.last_refusal.startswith("554 5.7.1")
    assert "Eicar-Test-Signature" in virus.last_refusal
    clamd.program.kill()
    assert swaks(*letter, server=clement.mx).last_refusal.startswith("451 ")
    assert clement.messages("anna@local.example") == []


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_clement_runs_on_a_database_server(
    start_clement: ClementStarter, engine: str, request: pytest.FixtureRequest
) -> None:
    clement: Clement = start_clement(*LOCAL, database=request.getfixturevalue(engine))
    send(clement.mx, "anna@local.example")
    assert len(clement.messages("anna@local.example")) == 1
