"""EHLO again and again: twice may follow TLS, for ever is a client that brings no mail."""

from tests.server.house import Server


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
