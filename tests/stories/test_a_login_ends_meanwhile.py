"""A mail program keeps its session open while its owner is removed, or is given another password."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.fixtures.programs import wait_until
from tests.fixtures.swaks import SwaksRun
from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Builder, House
from tests.server.talk import message

BRUNO, BOB = "bruno@local.example", "bob@local.example"


@pytest.fixture
def house(build: Builder) -> House:
    # What is not in force yet is refused, and asked for again.
    return build(tables={"limits": {"errors": 1000}})


class Program(smtplib.SMTP_SSL):
    """A mail program that has logged in."""

    def __init__(self, house: House) -> None:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        super().__init__(*house.address("submissions"), "client.sender.example", timeout=60, context=trusting)
        assert self.login(BRUNO, PASSWORD)[0] == 235


@pytest.fixture
def program(house: House) -> Iterator[Callable[[], Program]]:
    opened: list[Program] = []

    def start() -> Program:
        opened.append(Program(house))
        return opened[-1]

    yield start
    for each in opened:
        with suppress(OSError, smtplib.SMTPException):
            each.close()


def post(program: Program, subject: str) -> None:
    assert program.sendmail(BRUNO, [LOGIN], message(subject, author=BRUNO)) == {}


def ended(program: Program) -> tuple[int, bytes]:
    """What MAIL is answered once the server has read of the change."""
    answers: list[tuple[int, bytes]] = []

    def noticed() -> bool:
        answers.append(program.mail(BRUNO))
        return answers[-1][0] != 250 or program.rset()[0] != 250

    wait_until(noticed, "the login has ended")
    return answers[-1]


@pytest.mark.parametrize(
    "change", ["person remove {}", "person change {} --off", "person change {} --new-password"]
)
def test_a_session_ends_with_the_login_it_rests_on(
    house: House, program: Callable[[], Program], swaks: Callable[..., SwaksRun], change: str
) -> None:
    idle, posting, watching = program(), program(), program()
    post(idle, "before")
    assert posting.mail(BRUNO)[0] == posting.rcpt(LOGIN)[0] == 250
    house.verb(change.format(BRUNO))
    # Temporary, and the end of the session: what the program holds is not returned to its author, and it
    # has to show a password that still counts. AUTH comes once a session (RFC 4954 §4).
    code, words = ended(watching)
    assert (code, words[:5]) == (421, b"4.7.0")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        watching.noop()
    assert posting.data(message("begun-before", author=BRUNO))[0] == 250, "a transaction sees one directory"
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        post(idle, "after")
    assert refused.value.smtp_code == 421
    again = swaks(
        *("--tls-on-connect", "--from", BRUNO, "--to", LOGIN),
        *("--auth", "PLAIN", "--auth-user", BRUNO, "--auth-password", PASSWORD),
        server=house.address("submissions"),
    )
    assert again.last_refusal.startswith("535 5.7.8")
    stored = [path.read_bytes() for path in house.messages(LOGIN)]
    assert [
        sum(f"Subject: {each}\n".encode() in copy for copy in stored) for each in ("before", "begun-before")
    ] == [1, 1]
    assert len(stored) == 2
    row = house.wait_for_row("SELECT outcome FROM clement_session WHERE reason = 'login-ended'")
    assert row == ("deferred",)


def test_others_who_are_logged_in_never_notice(house: House, program: Callable[[], Program]) -> None:
    mine = program()
    house.verb(f"person remove {BOB}")
    house.verb(f"person change {BRUNO} --allow office@local.example")

    def allowed() -> bool:
        answer = mine.mail("office@local.example")[0]
        mine.rset()
        return answer == 250

    wait_until(allowed, "the new right holds in the session that is open")
    post(mine, "still-here")
    assert len(house.messages(LOGIN)) == 1
