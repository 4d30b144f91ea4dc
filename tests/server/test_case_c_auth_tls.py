"""Hostile cases 49 to 59: around the moment at which a line becomes private, and at the login."""

import socket
import ssl
import time
from base64 import b64encode

import pytest

from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Server
from tests.server.talk import Gone, message, plain

ANNA = "anna@local.example"


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "injected", [b"NOOP\r\n", b"EHLO x\r\nMAIL FROM:<a@sender.example>\r\n", b"Q", b"\r\n"], ids=repr
)
@pytest.mark.parametrize("kind", ["mx", "submission"])
def test_case_049_plain_text_behind_starttls(server: Server, kind: str, injected: bytes) -> None:
    with server.client(kind) as client:
        client.send(b"STARTTLS\r\n" + injected)
        answers = client.rest()
        assert [answer.codes for answer in answers] == ["554 5.5.0"]


def test_case_049_plain_text_after_the_reply_to_starttls(server: Server) -> None:
    with server.client() as client:
        assert client.ask("STARTTLS").code == 220
        client.send(b"NOOP\r\n")
        with pytest.raises((Gone, AssertionError, ConnectionError)):
            client.answer()


def test_case_050_starttls_forgets_the_envelope(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA)
        refused = client.ask("STARTTLS")
        if refused.code == 220:
            client.wrap()
            assert client.ask("EHLO client.sender.example").code == 250
            assert client.ask(f"RCPT TO:<{ANNA}>").codes == "503 5.5.1"
        else:
            assert refused.codes == "503 5.5.1"


def test_case_050_hello_must_be_said_again(server: Server) -> None:
    with server.client() as client:
        assert client.ask("STARTTLS").code == 220
        client.wrap()
        assert client.ask("MAIL FROM:<a@sender.example>").codes == "503 5.5.1"


def test_case_050_logged_in_people_have_tls_already(server: Server) -> None:
    with server.client("submission") as client:
        client.start_tls()
        assert client.log_in(LOGIN, PASSWORD).codes == "235 2.7.0"
        assert client.ask("STARTTLS").codes in ("503 5.5.1", "554 5.5.1")
        assert client.ask("EHLO client.sender.example").code == 250
        assert client.ask(f"MAIL FROM:<{LOGIN}>").code == 250


def test_case_051_starttls_twice_and_with_an_argument(server: Server) -> None:
    with server.client() as client:
        assert client.ask("STARTTLS now").codes == "501 5.5.4"
        client.start_tls()
        assert client.ask("STARTTLS").codes in ("503 5.5.1", "554 5.5.1")
        client.silent()


def test_case_052_tls_garbage(server: Server) -> None:
    for kind in ("submissions", "mx"):
        with socket.create_connection(server.house.address(kind), 10) as raw:
            if kind == "mx":
                raw.recv(1000)
                raw.sendall(b"EHLO x\r\n")
                raw.recv(1000)
                raw.sendall(b"STARTTLS\r\n")
                assert raw.recv(1000).startswith(b"220")
            raw.sendall(b"\x16\x03\x01\xff\xff" + bytes(range(256)))
            try:
                while raw.recv(1000):
                    pass
            except ConnectionError:
                pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_case_052_old_versions_of_tls(server: Server, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    raw = socket.create_connection(server.house.address("submissions"), 10)
    with raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw)


def test_case_053_auth_is_not_there_before_tls(server: Server) -> None:
    with server.talk("submission") as client:
        client.expect("220")
        assert not [line for line in client.ask("EHLO me").lines if line.startswith("AUTH")]
        assert client.log_in(LOGIN, PASSWORD).codes in ("538 5.7.11", "530 5.7.0")
        assert client.ask(f"MAIL FROM:<{LOGIN}>").codes == "530 5.7.0"


def test_case_053_auth_is_not_offered_to_other_servers(server: Server) -> None:
    with server.client() as client:
        client.start_tls()
        assert client.log_in(LOGIN, PASSWORD).codes == "502 5.5.1"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("AUTH PLAIN !!!!", "501 5.5.2"),
        ("AUTH PLAIN " + coded("\0" * 200), "5"),
        ("AUTH PLAIN " + coded("no separators"), "501 5.5.2"),
        ("AUTH PLAIN " + "A" * 13000, "500 5.5"),
        ("AUTH PLAIN =", "5"),
        ("AUTH", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
    ],
    ids=lambda text: text[:25],
)
def test_case_054_unreadable_auth(server: Server, line: str, wanted: str) -> None:
    with server.client("submissions") as client:
        assert client.ask(line).codes.startswith(wanted)
        client.silent()
        assert client.ask("NOOP").code == 250


@pytest.mark.parametrize("response", ["*", "!!!!", "A" * 20000])
def test_case_054_unreadable_response(server: Server, response: str) -> None:
    with server.client("submissions") as client:
        assert client.ask("AUTH LOGIN").code == 334
        assert client.ask(response).code in (500, 501)
        client.silent()
        assert client.ask("NOOP").code == 250


def test_case_055_wrong_passwords_cost_time_and_end_the_session(server: Server) -> None:
    with server.client("submissions", source="127.0.0.55") as client:
        began_s = time.monotonic()
        assert client.log_in(LOGIN, "wrong").codes == "535 5.7.8"
        assert time.monotonic() - began_s > 0.9
        assert client.log_in(LOGIN, "wrong").codes == "535 5.7.8"
        assert client.log_in(LOGIN, "wrong").codes == "421 4.7.0"
        assert client.rest() == []
    with server.client("submissions") as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235, "nobody is locked out from elsewhere"


def test_case_056_auth_at_the_wrong_moment(server: Server) -> None:
    with server.client("submissions") as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        assert client.log_in(LOGIN, PASSWORD).codes == "503 5.5.1"
    with server.client("submissions", source="127.0.0.56") as client:
        assert client.ask("AUTH GSSAPI").codes == "504 5.5.4"


def cpu_s(pid: int) -> float:
    """The CPU time of another process, in its clock of Linux (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def test_case_057_unknown_people_take_as_long_as_known_ones(server: Server) -> None:
    """Counted in CPU, since on a busy machine the one may wait long for it and the other not."""
    receiver = server.house.process("receiver-0")
    took: dict[str, list[float]] = {LOGIN: [], "stranger@local.example": []}
    for turn in range(3):
        for login, times in took.items():
            with server.client("submissions", source=f"127.0.57.{turn + 1}") as client:
                began_s = cpu_s(receiver)
                assert client.log_in(login, f"wrong {turn}").codes == "535 5.7.8"
                times.append(cpu_s(receiver) - began_s)
    known, unknown = map(min, took.values())
    # Argon2 takes some 20 ms; without it an unknown name would be answered in well under 2 ms.
    assert unknown > known / 3


def test_case_058_nobody_acts_for_another(server: Server) -> None:
    with server.client("submissions", source="127.0.0.58") as client:
        answer = client.ask("AUTH PLAIN " + plain(LOGIN, PASSWORD, authorization="bruno@local.example"))
        assert answer.codes == "535 5.7.8"
        assert client.log_in(LOGIN, PASSWORD).code == 235
        assert client.ask("MAIL FROM:<bruno@local.example>").codes == "553 5.7.1"
        assert client.ask(f"MAIL FROM:<{LOGIN}>").code == 250
        assert client.ask("RSET").code == 250
        # What answers a message has no reverse-path; then the author must be one of hers.
        client.envelope("bruno@local.example", sender="")
        assert client.content(message("in his name", author="bruno@local.example")).codes == "550 5.7.1"


def test_case_059_login_with_and_without_initial_response(server: Server) -> None:
    for opening in ([f"AUTH LOGIN {coded(LOGIN)}"], ["AUTH LOGIN", coded(LOGIN)]):
        with server.client("submissions") as client:
            for line in opening:
                assert client.ask(line).code == 334
            assert client.ask(coded(PASSWORD)).codes == "235 2.7.0"


def test_case_059_plain_with_and_without_initial_response(server: Server) -> None:
    with server.client("submissions") as client:
        assert client.ask("AUTH PLAIN").code == 334
        assert client.ask(plain(LOGIN, PASSWORD)).codes == "235 2.7.0"
        client.envelope("bruno@local.example", sender=LOGIN)
        assert client.content(message("case-059", author=LOGIN)).code == 250
        server.copies += 1
    assert PASSWORD.encode() not in server.house.program.log.read_bytes()
    assert b"with ESMTPSA" in server.read_back("case-059")
