"""What a client's manners betray before its mail does: recorded, answered, bounded, felt by nobody else."""

import select
import socket
import time

import pytest

from tests.fixtures.programs import START_TIMEOUT_S, wait_until
from tests.server.furnish import LOGIN, PASSWORD
from tests.server.house import BALANCER, Builder, House, still_serves
from tests.server.next_hop import NextHop
from tests.server.talk import Answer, Talk, message, without_weights

GUESSES = 5
DICTIONARY = {
    "unknown_recipients_per_hour": GUESSES,
    "unknown_recipients_per_hour_of_network": 12,
    "tarpit_delay_s": 0.2,
}


def greet(client: Talk) -> Talk:
    return client.open("EHLO client.sender.example")


def guess(house: House, client: str, count: int) -> list[str]:
    """The replies to so many unknown recipients, in one session."""
    with greet(house.from_afar(client)) as session:
        assert session.ask("MAIL FROM:<a@sender.example>").code == 250
        found = []
        for number in range(count):
            found.append(session.ask(f"RCPT TO:<guess{number}@local.example>").codes)
            if found[-1].startswith("421"):
                break
        return found


def deliver(house: House, client: str, subject: str, sender: str = "author@sender.example") -> str:
    with greet(house.from_afar(client)) as session:
        session.envelope("anna@local.example", sender=sender)
        return session.content(message(subject)).codes


def told(house: House, client: str, reason: str) -> str:
    """The session of this client that ended for this reason, as `clement session` tells it."""
    where = "client_address = ? AND reason = ?"
    (number,) = house.wait_for_row(f"SELECT id FROM clement_session WHERE {where}", client, reason)
    return without_weights(house.verb(f"session {number}"))


# --- Dictionary attacks -----------------------------------------------------------------------------------


@pytest.fixture
def guarded(build: Builder) -> House:
    return build(tables={"limits": DICTIONARY})


def test_case_086_a_dictionary_attack_over_many_sessions(guarded: House) -> None:
    answers = [code for _ in range(4) for code in guess(guarded, "198.18.1.1", 2)]
    assert answers == ["550 5.1.1"] * (GUESSES + 1) + ["421 4.7.0"]
    with greet(guarded.from_afar("198.18.1.1")) as session:
        answer = session.envelope("anna@local.example")[0]
    assert answer.codes == "421 4.7.0"
    assert "unknown recipients from 198.18.1.1; try again in " in str(answer)
    row = guarded.wait_for_row(
        "SELECT outcome, client_address FROM clement_session WHERE reason = 'dictionary'"
    )
    assert row == ("deferred", "198.18.1.1")
    still_serves(guarded)


def test_case_086_a_dictionary_attack_from_a_whole_network(guarded: House) -> None:
    answers = [guess(guarded, f"198.18.2.{host}", 1) for host in range(1, 15)]
    assert answers == [["550 5.1.1"]] * 14, "each guess is answered truly"
    assert guess(guarded, "198.18.2.1", 1) == ["421 4.7.0"], "who has guessed is heard no more"
    assert deliver(guarded, "198.18.2.200", "an innocent neighbour") == "250 2.0.0"
    assert guess(guarded, "198.18.3.1", 1) == ["550 5.1.1"], "another network is not concerned"


def test_a_provider_with_old_addresses_is_no_dictionary(guarded: House) -> None:
    for number in range(3 * GUESSES):
        assert guess(guarded, "198.18.4.1", 1) == ["550 5.1.1"]
        for good in ("first", "second"):
            assert deliver(guarded, "198.18.4.1", f"{good} {number}") == "250 2.0.0"


def test_trusted_and_relaying_networks_are_no_dictionary(build: Builder) -> None:
    house = build(
        "network add 198.18.5.0/25 trusted",
        "network add 198.18.5.128/25 relayable",
        tables={"limits": DICTIONARY},
    )
    for client in ("198.18.5.1", "198.18.5.129"):
        assert guess(house, client, 10) == ["550 5.1.1"] * 10


# --- Who talks first --------------------------------------------------------------------------------------


def early(house: House, client: str) -> Talk:
    """A client that has spoken before it could be greeted: its words are in one piece with its address."""
    words = f"PROXY TCP4 {client} 192.0.2.200 40000 25\r\nEHLO client.sender.example\r\n"
    return house.talk("behind", source=BALANCER, before=words.encode())


@pytest.fixture
def patient(build: Builder) -> House:
    return build("network add 198.18.6.1/32 trusted", tables={"limits": {"greeting_delay_s": 0.6}})


def test_case_017_an_early_talker_is_refused(patient: House) -> None:
    with early(patient, "198.18.6.9") as client:
        answer = client.answer()
        assert answer.codes == "554 5.5.1"
        assert "before the greeting" in str(answer)
        client.expect("503 5.7.1")
        assert client.ask("QUIT").code == 221
    row = patient.wait_for_row(
        "SELECT reason FROM clement_session WHERE client_address = '198.18.6.9' AND reason <> ''"
    )
    assert row == ("early-talker",)


def test_case_017_whoever_waits_is_served(patient: House) -> None:
    began_s = time.monotonic()
    with greet(patient.talk(source="127.0.17.2")) as client:
        assert time.monotonic() - began_s > 0.5
        client.envelope("anna@local.example")
        assert client.content(message("patience")).code == 250


def test_case_017_trusted_clients_need_not_wait_to_be_believed(patient: House) -> None:
    with patient.from_afar("198.18.6.1") as client:
        client.send(b"EHLO client.sender.example\r\n")
        client.expect("220", "250")


def test_case_017_early_talk_may_be_evidence_only(build: Builder) -> None:
    house = build(tables={"limits": {"greeting_delay_s": 0.3, "refuse_early_talkers": False}})
    with early(house, "198.18.6.9") as client:
        client.expect("220", "250")


def test_pipelining_out_of_turn_may_be_refused(build: Builder) -> None:
    house = build(tables={"limits": {"refuse_unpermitted_pipelining": True}})
    envelope = b"MAIL FROM:<a@sender.example>\r\nRCPT TO:<anna@local.example>\r\n"
    with house.talk(source="127.0.17.4") as client:
        client.expect("220")
        client.send(b"EHLO client.sender.example\r\n" + envelope)
        client.expect("250", "550 5.5.1", "503 5.5.1")
    with house.client(source="127.0.17.5") as client:
        client.send(envelope + b"DATA\r\n")
        client.expect("250 2.1.0", "250 2.1.5", "354")


def test_every_sign_stands_in_the_transcript_where_it_was_seen(build: Builder) -> None:
    house = build(
        "network add 198.18.11.0/24 banned --final",
        tables={"limits": {**DICTIONARY, "greeting_delay_s": 0.3, "messages_per_minute": 1}},
    )
    with early(house, "198.18.12.1") as client:
        client.expect("554 5.5.1")
    assert "early-talker fail → early-talker: before the greeting" in told(
        house, "198.18.12.1", "early-talker"
    )
    with house.talk(source="127.0.19.2") as client:
        client.expect("220")
        client.send(b"EHLO client.sender.example\r\nVRFY anna\r\n")
        client.expect("250", "252")
        client.send(b"FOO\r\n" * 30)
        assert client.rest()[-1].codes == "421 4.7.0"
    story = told(house, "127.0.19.2", "too-many-errors")
    assert "pipelining fail: after EHLO" in story
    assert "errors fail → too-many-errors" in story
    with house.from_afar("198.18.11.1") as client:
        client.expect("554 5.7.1")
        assert client.ask("EHLO client.sender.example").codes == "503 5.7.1"
    assert "after-refusal fail: a command other than QUIT" in told(house, "198.18.11.1", "network-banned")
    with house.client(source="127.0.19.3") as client:
        assert client.say("MAIL FROM:<a@sender.example>", "RSET")[0].code == 250
        assert client.ask("MAIL FROM:<a@sender.example>").code == 421
    assert "rate fail → too-fast: too many messages from 127.0.19.3" in told(house, "127.0.19.3", "too-fast")


# --- Rates ------------------------------------------------------------------------------------------------


def test_rates_of_a_network_of_a_sender_and_of_a_recipient(build: Builder) -> None:
    house = build(
        tables={
            "limits": {
                "connections_per_minute_of_network": 8,
                "messages_per_minute_of_reverse_path": 2,
                "messages_per_minute_of_recipient": 3,
            }
        }
    )
    with greet(house.from_afar("198.18.7.1")) as client:
        for _ in range(2):
            assert client.say("MAIL FROM:<loud@sender.example>", "RSET")[0].code == 250
        answer = client.ask("MAIL FROM:<loud@sender.example>")
        assert answer.codes == "421 4.7.0"
        assert "Too many messages from <loud@sender.example>; try again in " in str(answer)
    with greet(house.from_afar("198.18.8.1")) as client:
        assert client.ask("MAIL FROM:<loud@sender.example>").code == 250, (
            "a forger elsewhere costs it nothing"
        )
    for host in range(2, 5):
        assert deliver(house, f"198.18.9.{host}", f"{host}", f"author{host}@sender.example") == "250 2.0.0"
    with greet(house.from_afar("198.18.9.5")) as client:
        assert client.envelope("anna@local.example")[0].codes == "450 4.2.1"
    for host in range(6, 10):
        house.from_afar(f"198.18.9.{host}").expect("220")
    client, answer = first_refused(house)
    assert "from 198.18.9.0/24; try again in " in str(answer)
    house.from_afar("198.18.10.1").expect("220")
    row = house.wait_for_row("SELECT reason FROM clement_session WHERE client_address = ?", client)
    assert row == ("too-fast",)


def first_refused(house: House) -> tuple[str, Answer]:
    """The first of further clients of a network that is not greeted: some, where the others took long."""
    for host in range(20, 28):
        with house.from_afar(f"198.18.9.{host}") as client:
            answer = client.answer()
            if answer.code != 220:
                assert client.rest() == []
                return f"198.18.9.{host}", answer
    pytest.fail("all are greeted")


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (
            ("Anna@local.example", "anna+1@local.example", "alone@local.example", "anna+2@local.example"),
            "bruno@local.example",
        ),
        (
            ("everybody@local.example", "everybody+1@local.example", "x@all.example", "y@all.example"),
            "anna@local.example",
        ),
        (("boss@local.example", "Boss@relay.example", "boss@relay.example"), "boss+1@relay.example"),
        (("known@relay.example", "known+1@relay.example", "known+2@relay.example"), "boss@relay.example"),
    ],
    ids=["mailbox", "mailboxes-of-an-alias", "behind-a-next-hop", "known-behind-a-next-hop"],
)
def test_the_rate_of_a_recipient_is_that_of_its_mailbox_by_whatever_name(
    build: Builder, next_hop: NextHop, addresses: tuple[str, ...], other: str
) -> None:
    house = build(
        "alias add alone@local.example anna@local.example",
        "alias add boss@local.example boss@relay.example",
        "mailbox add known@relay.example",
        "domain add all.example --group local --catch-all everybody@local.example",
        tables={"limits": {"messages_per_minute_of_recipient": len(addresses) - 1}},
    )
    next_hop.at_recipient.clear()
    *within, beyond = addresses
    with greet(house.from_afar("198.18.9.1")) as client:
        for address in within:
            assert client.envelope(address)[0].code == 250
            client.ask("RSET")
        (answer,) = client.envelope(beyond)
        assert answer.codes == "450 4.2.1"
        assert "Too many messages for this mailbox" in answer.text
        client.ask("RSET")
        assert client.envelope(other)[0].code == 250


# --- The tarpit -------------------------------------------------------------------------------------------


NOISE = b"FOO\r\n" * 3
HELD, HELD_OF_A_CLIENT, BAD = 20, 3, 500


@pytest.fixture
def sticky(build: Builder) -> House:
    """Whoever is held here is held until the test is over."""
    return build(
        tables={
            "limits": {
                "tarpit_delay_s": 60,
                "tarpit_session_s": 60,
                "errors_borne": 2,
                "errors": 1000,
                "tarpit_sessions": HELD,
                "tarpit_sessions_per_client": HELD_OF_A_CLIENT,
                "sessions": 2000,
            }
        }
    )


def test_case_129_five_hundred_who_misbehave_and_one_who_does_not(sticky: House) -> None:
    bad: dict[socket.socket, bytes] = {}
    for number in range(BAD):
        client = socket.create_connection(sticky.address("behind"), 10, source_address=(BALANCER, 0))
        address = f"198.18.{20 + number // 250}.{1 + number % 250}"
        client.sendall(f"PROXY TCP4 {address} 192.0.2.200 40000 25\r\n".encode() + b"FOO\r\n" * 30)
        bad[client] = b""

    def sent_away() -> int:
        for client, heard in bad.items():
            bad[client] = heard + drained(client)
        return sum(b"421 4.7.0" in heard for heard in bad.values())

    try:
        still_serves(sticky)
        wait_until(lambda: sent_away() >= BAD - HELD, "those for whom there is no room are sent away")
        assert deliver(sticky, "198.18.30.1", "among five hundred") == "250 2.0.0"
        assert sent_away() == BAD - HELD, "the others are still held: nobody has waited for their sake"
    finally:
        for client in bad:
            client.close()
    still_serves(sticky)


def drained(client: socket.socket) -> bytes:
    client.setblocking(False)
    try:
        return client.recv(65536)
    except OSError:
        return b""


def four(house: House, source: str) -> tuple[list[Talk], list[Talk]]:
    """Four sessions of one client that misbehaves: those that are held, and those that are sent away."""
    sessions = [house.client(source=source) for _ in range(HELD_OF_A_CLIENT + 1)]
    for client in sessions:
        client.send(NOISE)
    sockets = [client.socket for client in sessions]
    assert select.select(sockets, [], [], START_TIMEOUT_S)[0]
    still_serves(house)  # with that it has read what the others said before
    answered = select.select(sockets, [], [], 0)[0]
    away = [client for client in sessions if client.socket in answered]
    for client in away:
        last = client.rest()[-1]
        assert (last.codes, last.text) == ("421 4.7.0", "Too many errors")
    return [client for client in sessions if client not in away], away


def test_a_client_may_have_so_many_sessions_in_the_tarpit(sticky: House) -> None:
    held, away = four(sticky, "127.0.18.1")
    assert (len(held), len(away)) == (HELD_OF_A_CLIENT, 1)
    for client in held:
        assert drained(client.socket) == b""
        client.socket.close()


def test_held_clients_that_leave_make_room(sticky: House) -> None:
    def there_is_room() -> bool:
        held, away = four(sticky, "127.0.18.2")
        for client in (*held, *away):
            client.socket.close()
        return len(held) == HELD_OF_A_CLIENT

    assert there_is_room()
    wait_until(there_is_room, "it is noticed that they have gone")


def test_stopping_does_not_wait_for_the_tarpit(sticky: House) -> None:
    held, _away = four(sticky, "127.0.18.3")
    assert sticky.program.stop() == 0
    for client in held:
        assert [answer.codes for answer in client.rest()] == ["500 5.5.1"] * 3 + ["421 4.3.2"]


# --- People -----------------------------------------------------------------------------------------------


def test_a_stolen_password_is_worth_so_many_recipients(build: Builder) -> None:
    house = build(tables={"limits": {"recipients_per_hour_of_person": 2}})
    for expected in (["250 2.1.5", "250 2.1.5"], ["450 4.7.0", "450 4.7.0"]):
        with house.client("submissions") as client:
            assert client.log_in(LOGIN, PASSWORD).code == 235
            assert client.ask("MAIL FROM:<anna@local.example>").code == 250
            answers = client.say("RCPT TO:<anna@local.example>", "RCPT TO:<anna@local.example>")
            assert [answer.codes for answer in answers] == expected
