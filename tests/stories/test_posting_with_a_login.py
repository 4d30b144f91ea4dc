"""Submission on both its ports: who logs in may post under his own names, to where we can deliver."""

import pytest

from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import Server
from tests.server.talk import Talk, message


@pytest.fixture(params=["submission", "submissions"])
def posting(request: pytest.FixtureRequest, server: Server) -> Talk:
    client = server.client(request.param)
    if request.param == "submission":
        client.start_tls()
    return client


def test_anna_posts_to_bruno(server: Server, posting: Talk) -> None:
    with posting as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        client.envelope("bruno@local.example", sender=LOGIN)
        assert client.content(message("posted", author=LOGIN)).code == 250
        server.copies += 1
        client.envelope("someone@relay.example", sender=LOGIN)
        assert client.content(message("posted on", author=LOGIN)).code == 250
        server.handed_on += 1


def test_nobody_posts_without_a_login(posting: Talk) -> None:
    with posting as client:
        assert client.ask(f"MAIL FROM:<{LOGIN}>").codes == "530 5.7.0"


def test_under_a_name_that_is_not_hers(posting: Talk) -> None:
    with posting as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        for name in ("bruno@local.example", "someone@elsewhere.example"):
            assert client.ask(f"MAIL FROM:<{name}>").codes == "553 5.7.1"


def test_a_receipt_that_nothing_shall_answer(server: Server, posting: Talk) -> None:
    with posting as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        client.envelope("bruno@local.example", sender="")
        refused = client.content(message("not hers", author="bruno@local.example"))
        assert refused.codes == "550 5.7.1"
        assert "with MAIL FROM:<> the From field counts" in refused.text
        client.envelope("bruno@local.example", sender="")
        assert client.content(message("read", author=LOGIN)).code == 250
        server.copies += 1


def test_to_somewhere_else(posting: Talk) -> None:
    with posting as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        assert client.envelope("someone@elsewhere.example", sender=LOGIN)[0].codes == "550 5.7.1"


def test_in_a_line_that_has_been_hello_again(posting: Talk) -> None:
    with posting as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
        hello = client.ask("EHLO again")
        assert not [line for line in hello.lines if line.startswith(("AUTH", "STARTTLS"))]
        assert client.ask(f"MAIL FROM:<{LOGIN}>").code == 250
