"""EHLO: twice may follow TLS, for ever is a client that brings no mail, and under our name it is a lie."""

import pytest

from tests.server.house import Builder, House, Server
from tests.server.talk import message


def test_a_client_that_greets_for_ever_is_sent_away(server: Server) -> None:
    with server.talk() as client:
        client.send(b"EHLO client.example\r\n" * 400)
        client.expect("220")
        answers: list[str] = []
        while not answers or not answers[-1].startswith("421"):
            answers.append(client.answer().codes)
    assert len(answers) == 202
    assert answers[-1] == "421 4.7.0"


def test_a_refused_greeting_leaves_the_transaction_alone(server: Server) -> None:
    """RFC 5321 §4.1.4: the server stays in the state it was in."""
    with server.from_afar("198.18.0.7") as client:
        client.expect("220")
        for line in (b"EHLO client.example", b"MAIL FROM:<>", b"RCPT TO:<postmaster@local.example>"):
            client.send(line + b"\r\n")
        client.expect("250", "250", "250")
        client.send(b"EHLO mx.clement.example\r\nRCPT TO:<postmaster@local.example>\r\nDATA\r\n")
        client.expect("550", "250", "354")


@pytest.fixture
def everywhere(build: Builder) -> House:
    """A house whose listeners name no address."""
    return build(host="0.0.0.0")


@pytest.mark.parametrize(
    ("client", "ours", "another"),
    [
        ("198.18.0.7", "[192.0.2.200]", "[192.0.2.201]"),
        ("2001:db8:9::7", "[IPv6:2001:DB8:0:0::1]", "[IPv6:2001:db8::2]"),
    ],
)
def test_a_listener_for_all_addresses_knows_which_of_them_was_called(
    everywhere: House, client: str, ours: str, another: str
) -> None:
    with everywhere.from_afar(client) as stranger:
        stranger.expect("220")
        assert stranger.ask(f"EHLO {another}").code == 250
        refused = stranger.ask(f"EHLO {ours}")
    assert refused.codes == "550 5.7.1"
    assert "ourselves" in refused.text


@pytest.mark.parametrize("kind", ["mx", "behind"])
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.9"])
def test_programs_of_this_machine_may_greet_with_its_address(
    everywhere: House, kind: str, source: str
) -> None:
    with everywhere.talk(kind, source=source) as script:
        script.open("EHLO [127.0.0.1]")
        assert [each.code for each in script.envelope("anna@local.example")] == [250]
        assert script.content(message("from-a-script")).code == 250
