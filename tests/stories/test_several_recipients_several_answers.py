"""Recipients who differ each get their own true answer, whatever the protocol allows."""

from tests.server.house import Server
from tests.server.talk import message

ANNA, EMIL, BRUNO = "anna@local.example", "emil@small.example", "bruno@local.example"
LARGE = message("large", ("y" * 70 + "\r\n") * 1200)
SENDER = "mixed@sender.example"


def test_one_reply_for_all_defers_and_splits(server: Server) -> None:
    with server.client(source="127.0.20.1") as client:
        assert [a.code for a in client.envelope(ANNA, EMIL, BRUNO, sender=SENDER)] == [250, 250, 250]
        assert client.content(LARGE).codes == "451 4.5.3"

        answers = client.envelope(ANNA, EMIL, BRUNO, sender=SENDER)
        assert [answer.codes for answer in answers] == ["250 2.1.5", "452 4.5.3", "250 2.1.5"]
        assert client.content(LARGE).code == 250
        server.copies += 2

        assert client.envelope(EMIL, sender=SENDER)[0].code == 250
        refusal = client.content(LARGE)
        assert refusal.codes == "552 5.3.4"


def test_the_split_is_remembered_for_the_network_and_the_pair_only(server: Server) -> None:
    with server.client(source="127.0.21.1") as client:
        client.envelope(ANNA, EMIL, sender=SENDER)
        assert client.content(LARGE).codes == "451 4.5.3"
    with server.client(source="127.0.21.200") as client:
        assert [a.code for a in client.envelope(EMIL, ANNA, sender=SENDER)] == [250, 452]
        client.ask("RSET")
        assert [a.code for a in client.envelope(EMIL, ANNA, sender="other@sender.example")] == [250, 250]
        client.ask("RSET")
    with server.client(source="127.0.22.1") as client:
        assert [a.code for a in client.envelope(EMIL, ANNA, sender=SENDER)] == [250, 250]


def test_with_prdr_each_has_its_reply(server: Server) -> None:
    with server.client() as client:
        client.envelope(ANNA, EMIL, words=" PRDR")
        assert client.ask("DATA").code == 354
        client.send(LARGE + b".\r\n")
        client.expect("353", "250 2.0.0", "552 5.3.4", "250")
        client.silent()
    server.copies += 1


def test_with_lmtp_each_has_its_reply(server: Server) -> None:
    with server.client("lmtp") as client:
        client.envelope(ANNA, "nobody@local.example", EMIL)
        assert client.ask("DATA").code == 354
        client.send(LARGE + b".\r\n")
        client.expect("250 2.0.0", "552 5.3.4")
        client.silent()
    server.copies += 1


def test_a_full_mailbox_speaks_for_itself_only(server: Server) -> None:
    with server.client("lmtp") as client:
        client.envelope("full@local.example", ANNA)
        assert client.ask("DATA").code == 354
        client.send(message("quota") + b".\r\n")
        client.expect("552 5.2.2", "250 2.0.0")
    server.copies += 1


def test_recipients_of_another_transport_wait_for_their_own_transaction(server: Server) -> None:
    with server.client() as client:
        answers = client.envelope(ANNA, "someone@relay.example")
        assert [answer.codes for answer in answers] == ["250 2.1.5", "452 4.5.3"]
        assert client.content(message("here")).code == 250
        server.copies += 1
        assert client.envelope("someone@relay.example", ANNA)[1].codes == "452 4.5.3"
        assert client.content(message("there")).code == 250
        server.handed_on += 1


def test_an_alias_for_two_stores_two_copies(server: Server) -> None:
    with server.client() as client:
        client.envelope("everybody@local.example")
        assert client.content(message("two copies")).code == 250
        server.copies += 2
