"""What people and administrators have said of senders and networks comes true at the right moment."""

from tests.server.house import Server
from tests.server.talk import message


def test_a_recipient_refuses_a_sender(server: Server) -> None:
    with server.client() as client:
        for sender in ("offers@unwanted.example", "more@sub.unwanted.example"):
            answers = client.envelope("bruno@local.example", "anna@local.example", sender=sender)
            assert [answer.codes for answer in answers] == ["550 5.7.1", "250 2.1.5"]
            assert "bruno" not in answers[0].text
            client.ask("RSET")
        assert client.envelope("bruno@local.example", sender="a@notunwanted.example")[0].code == 250


def test_a_banned_network_is_refused_at_once_when_nobody_could_want_it(server: Server) -> None:
    with server.from_afar("203.0.113.9") as client:
        client.expect("554 5.7.1")
        # RFC 5321 §3.1: after such a greeting the client may only quit.
        assert client.ask("EHLO client.sender.example").codes == "503 5.7.1"
        assert client.ask("QUIT").code == 221
        assert client.rest() == []
    row = server.house.wait_for_row(
        "SELECT outcome, reason FROM clement_session WHERE client_address = ?", "203.0.113.9"
    )
    assert row == ("refused", "network-banned")
    told = server.house.verb(
        "session "
        + server.house.rows("SELECT id FROM clement_session WHERE client_address = '203.0.113.9'")[0][0]
    )
    assert "554 5.7.1" in told


def test_a_recipient_may_want_a_client_of_a_banned_network(server: Server) -> None:
    with server.from_afar("198.51.100.7") as client:
        client.open()
        answers = client.envelope("carla@local.example", "anna@local.example")
        assert [answer.code for answer in answers] == [250, 554]
        assert client.content(message("wanted")).code == 250
        server.copies += 1


def test_the_rest_of_that_network_stays_out(server: Server) -> None:
    with server.from_afar("198.51.100.8") as client:
        client.expect("554 5.7.1")


def test_those_who_claim_to_be_us_are_refused_unless_wanted(server: Server) -> None:
    with server.from_afar("192.0.3.5") as client:
        client.expect("220")
        assert client.ask("EHLO mx.clement.example").codes == "550 5.7.1"
        assert client.ask("EHLO client.sender.example").code == 250


def test_the_server_of_a_hosted_domain_may_greet_with_its_name_where_the_group_allows(server: Server) -> None:
    with server.from_afar("192.0.3.8") as client:
        client.open("EHLO relay.example")
        answers = client.envelope("dora@strict.example", "anna@local.example")
        assert [answer.code for answer in answers] == [550, 250]


def test_groups_judge_the_sender_for_themselves(server: Server) -> None:
    with server.from_afar("192.0.3.6") as client:
        client.open("EHLO localhost")
        for sender in ("a@unresolvable.example", "a@sender.example"):
            answers = client.envelope("dora@strict.example", "anna@local.example", sender=sender)
            assert [answer.code for answer in answers] == [550, 250]
            client.ask("RSET")
        client.ask("EHLO client.sender.example")
        assert client.envelope("dora@strict.example")[0].code == 250


def test_a_domain_that_takes_no_mail_is_refused_for_all_groups(server: Server) -> None:
    with server.from_afar("192.0.3.6") as client:
        client.open("EHLO client.sender.example")
        assert client.ask("MAIL FROM:<a@no-mail.example>").codes == "550 5.7.27"


def test_what_is_accepted_from_afar_bears_its_address(server: Server) -> None:
    with server.from_afar("2001:db8:77::5") as client:
        client.open()
        client.envelope("anna@local.example")
        assert client.content(message("from-afar")).code == 250
        server.copies += 1
    assert b"[IPv6:2001:db8:77::5]" in server.read_back("from-afar")


def test_a_domain_that_takes_no_mail_sends_none(server: Server) -> None:
    with server.from_afar("192.0.3.7") as client:
        client.open()
        assert client.ask("MAIL FROM:<a@no-mail.example>").codes == "550 5.7.27"
        assert client.ask("MAIL FROM:<a@sender.example>").code == 250
