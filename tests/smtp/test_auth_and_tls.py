"""AUTH and STARTTLS: hostile cases 49 to 59 as far as the core decides them."""

from __future__ import annotations

from base64 import b64encode

import pytest

from clement.smtp import (
    AuthAnswered,
    AuthRequested,
    Extensions,
    LocalProtocolError,
    State,
    TlsRequested,
    replies,
)
from clement.smtp.auth import AuthError, Credentials, LoginMechanism, PlainMechanism, decode_response
from tests.smtp.core import Core, open_transaction


def base64(octets: bytes) -> str:
    return b64encode(octets).decode()


def greeted(**settings: object) -> Core:
    return Core(**settings).feed(b"EHLO client.test\r\n")  # type: ignore[arg-type]


# --- STARTTLS -------------------------------------------------------------------------------------------


def test_case_049_nothing_may_follow_starttls() -> None:
    core = greeted().feed(b"STARTTLS\r\nEHLO x\r\nMAIL FROM:<a@a.test>\r\n")
    assert core.codes == [220, 250, 554]
    assert core.last.startswith("554 5.5.0")
    assert core.session.closing


def test_case_049_nothing_may_come_before_the_handshake() -> None:
    core = greeted().feed(b"STARTTLS\r\n")
    assert core.last.startswith("220 2.0.0")
    core.feed(b"EHLO x\r\n")
    assert core.session.closing
    assert core.codes == [220, 250, 220]
    with pytest.raises(LocalProtocolError):
        core.session.tls_established()


def test_case_050_tls_makes_the_session_start_anew() -> None:
    core = open_transaction(
        Core(offer=Extensions(starttls=True, auth_mechanisms=("PLAIN",), auth_without_tls=True))
    )
    core.feed(b"RSET\r\nAUTH PLAIN " + b64encode(b"\0bob\0secret") + b"\r\n")
    assert core.last.startswith("235")
    assert core.last.startswith("235")
    core.feed(b"MAIL FROM:<a@a.test>\r\nSTARTTLS\r\n")
    core.session.tls_established()
    assert core.session.state is State.GREETED
    assert not core.session.facts.authenticated
    assert core.said("RCPT TO:<b@b.test>").startswith("503 5.5.1")
    assert core.said("MAIL FROM:<a@a.test>").startswith("503 5.5.1")
    assert "STARTTLS" not in core.feed(b"EHLO c.test\r\n").sent.decode().rpartition("mx.test")[2]


def test_case_051_starttls_twice_and_with_argument() -> None:
    assert greeted(tls_active=True).said("STARTTLS").startswith("554 5.5.1")
    assert greeted().said("STARTTLS now").startswith("501 5.5.4")
    assert greeted(offer=Extensions()).said("STARTTLS").startswith("502 5.5.1")


def test_a_server_that_cannot_do_tls_now_goes_on() -> None:
    core = greeted()
    core.answers = {TlsRequested: lambda _core, _event: replies.LOCAL_ERROR}
    assert core.said("STARTTLS").startswith("451 4.3.0")
    assert core.said("MAIL FROM:<a@a.test>").startswith("250")


# --- AUTH -----------------------------------------------------------------------------------------------


def test_case_053_no_password_in_plain_text() -> None:
    core = greeted()
    assert core.said("AUTH PLAIN").startswith("538 5.7.11")
    assert b"AUTH" not in core.sent.split(b"250-", 1)[1].partition(b"538")[0]
    assert greeted(offer=Extensions(), tls_active=True).said("AUTH PLAIN").startswith("502")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH PLAIN !!!!", "501 5.5.2"),
        ("AUTH PLAIN AGEA", "501 5.5.2"),
        ("AUTH PLAIN *", "501 5.5.2"),
        ("AUTH PLAIN =", "501 5.5.2"),
        ("AUTH PLAIN " + base64(b"\0" * 600), "501 5.5.2"),
        ("AUTH PLAIN " + "A" * 13000, "500 5.5.2"),
        ("AUTH PLAIN AA== AA==", "501 5.5.4"),
        ("AUTH", "501 5.5.4"),
    ],
)
def test_case_054_bad_initial_responses(line: str, reply: str) -> None:
    core = greeted(tls_active=True)
    assert core.said(line).startswith(reply)
    assert core.session.state is State.READY


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("!!!!", "501 5.5.2"),
        ("*", "501 5.7.0"),
        ("A" * 12288, "500 5.5.6"),
        ("A" * 65537, "421 4.7.0"),
        (base64(b"a\0b"), "501 5.5.2"),
        (base64(b"\0bob\0wrong"), "535 5.7.8"),
        (base64(b"\0bob\0secret"), "235 2.7.0"),
        ("", "501 5.5.2"),
    ],
)
def test_case_054_responses(line: str, reply: str) -> None:
    core = greeted(tls_active=True)
    assert core.said("AUTH PLAIN") == "334 "
    assert core.said(line).startswith(reply)
    assert core.session.state in (State.READY, State.CLOSED)


def test_case_055_refusals_wear_patience_out() -> None:
    core = greeted(tls_active=True)
    for _ in range(core.limits.refusals):
        assert core.said("AUTH PLAIN " + base64(b"\0bob\0wrong")).startswith("535")
    assert core.said("AUTH PLAIN " + base64(b"\0bob\0wrong")).startswith("421 4.7.0")


def test_case_056_auth_out_of_place() -> None:
    assert Core(tls_active=True).said("AUTH PLAIN").startswith("503 5.5.1")
    assert open_transaction(Core(tls_active=True)).said("AUTH PLAIN").startswith("503 5.5.1")
    assert greeted(tls_active=True).said("AUTH CRAM-MD5").startswith("504 5.5.4")
    core = greeted(tls_active=True)
    core.feed(b"AUTH PLAIN " + b64encode(b"\0bob\0secret") + b"\r\n")
    assert core.said("AUTH PLAIN").startswith("503 5.5.1")
    assert b"AUTH" not in core.feed(b"EHLO c.test\r\n").sent.rpartition(b"mx.test")[2]


def test_case_059_login_with_and_without_initial_response() -> None:
    for opening in (["AUTH LOGIN"], ["AUTH LOGIN ="]):
        core = greeted(tls_active=True)
        for line in opening:
            assert core.said(line) == "334 " + base64(b"Username:")
        assert core.said(base64(b"bob")) == "334 " + base64(b"Password:")
        assert core.said(base64(b"secret")).startswith("235")
    core = greeted(tls_active=True)
    assert core.said("auth login " + base64(b"bob")) == "334 " + base64(b"Password:")
    assert core.said(base64(b"secret")).startswith("235")


def test_secrets_are_in_no_line_and_no_repr() -> None:
    secret = b64encode(b"\0bob\0secret")
    core = greeted(tls_active=True).feed(b"AUTH PLAIN " + secret + b"\r\n", b"AUTH PLAIN " + secret + b"\r\n")
    core.feed(b"AUTH NONE " + secret + b"\r\n")
    other = greeted(tls_active=True).feed(b"AUTH PLAIN\r\n", secret + b"\r\n")
    for event in [*core.events, *other.events]:
        assert secret not in getattr(event, "line", b"")
        assert "secret" not in repr(event)
        assert secret.decode() not in repr(event)
        assert "secret" not in str(event.__rich_repr__())
    assert isinstance(core.events[1], AuthRequested)
    assert isinstance(other.events[2], AuthAnswered)
    assert core.events[1].line == b"AUTH PLAIN <redacted>"
    assert "secret" not in repr(Credentials("bob", "secret"))


def test_plain() -> None:
    assert PlainMechanism().step(None) == b""
    outcome = PlainMechanism().step(b"boss\0bob\0pass\xc3\xa4")
    assert isinstance(outcome, Credentials)
    assert (outcome.authorization, outcome.name, outcome.password) == ("boss", "bob", "pass\xe4")


@pytest.mark.parametrize(
    "response", [b"", b"a\0b", b"\0\0p", b"\0n\0", b"a\0b\0c\0d", b"\0n\0\xff", b"\0n\0" + b"p" * 256]
)
def test_what_is_not_plain(response: bytes) -> None:
    with pytest.raises(AuthError):
        PlainMechanism().step(response)


@pytest.mark.parametrize("responses", [[None, b"", b""], [b"n", b""], [b"n\0"], [b"\xff"], [b"n" * 256]])
def test_what_is_not_login(responses: list[bytes | None]) -> None:
    mechanism = LoginMechanism()
    *earlier, last = responses
    for response in earlier:
        mechanism.step(response)
    with pytest.raises(AuthError):
        mechanism.step(last)


@pytest.mark.parametrize("octets", [b"A", b"AA", b"AA=", b"====", b"A A=", b"AAAA\0", b"AA==AA==", b"\xff"])
def test_base64_is_strict(octets: bytes) -> None:
    with pytest.raises(AuthError):
        decode_response(octets)
