"""Passwords on lines that are no proper AUTH command: they are refused, and still shown nowhere."""

from base64 import b64encode

import pytest

from clement.smtp import Extensions, ServerSession, Service, replies

SECRET = b64encode(b"\0anna\0secret")


@pytest.mark.parametrize(
    "line",
    [
        b"AUTH PLAIN " + SECRET + b"\n",
        b"auth plain " + SECRET + b"\r" + SECRET + b"\r\n",
        b" AUTH PLAIN " + SECRET + b"\r\n",
        b"AUTH\tPLAIN\t" + SECRET + b"\r\n",
        b"AUTH PLAIN " + SECRET * 200 + b"\r\n",
        b"AUTH PLAIN " + SECRET * 20_000,
    ],
    ids=["bare-lf", "bare-cr", "space-before", "tabs", "too-long", "endless"],
)
def test_a_misshapen_auth_line_is_shown_without_its_secret(line: bytes) -> None:
    session = ServerSession(
        service=Service.SUBMISSION,
        hostname="mx.example",
        offer=Extensions(auth_mechanisms=("PLAIN",)),
        tls_active=True,
    )
    session.greet(replies.SERVICE_READY)
    session.receive_data(line)
    event = session.next_event()
    assert event is not None
    assert SECRET not in event.line  # type: ignore[attr-defined]
    assert event.line.endswith(b"<redacted>")  # type: ignore[attr-defined]


def test_other_lines_are_shown_as_they_came() -> None:
    session = ServerSession(service=Service.SMTP, hostname="mx.example", offer=Extensions())
    session.greet(replies.SERVICE_READY)
    session.receive_data(b"AUTHOR of  this\r\n")
    assert session.next_event().line == b"AUTHOR of  this"  # type: ignore[union-attr]
