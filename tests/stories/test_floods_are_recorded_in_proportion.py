"""A flood cannot drown the log: few rows, and yet every session is counted."""

import threading

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import Talk

FLOOD = 1000
AT_ONCE = 8


def flood(house: House, address: str, sessions: int, recipient: str) -> None:
    for _ in range(sessions):
        with Talk(house.address(), source=address) as client:
            client.send(
                b"EHLO client.sender.example\r\nMAIL FROM:<a@sender.example>\r\n"
                b"RCPT TO:<%s>\r\nQUIT\r\n" % recipient.encode()
            )
            client.expect("220", "250", "250", "550", "221")


def test_a_thousand_unknown_recipients_of_one_client(build: Builder) -> None:
    house = build()
    share = FLOOD // AT_ONCE
    threads = [
        threading.Thread(target=flood, args=(house, "127.0.60.1", share, "nobody@local.example"))
        for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flood(house, "127.0.60.2", 1, "nobody@local.example")
    house.program.stop()
    wait_until(lambda: bool(house.rows("SELECT 1 FROM clement_refusalrun")), "counted")
    counted = house.rows(
        "SELECT sum(count), count(*) FROM clement_refusalrun WHERE client_address = '127.0.60.1'"
    )[0]
    told = house.rows(
        "SELECT count(*) FROM clement_session WHERE client_address = '127.0.60.1' AND id NOT IN "
        "(SELECT last_session_key FROM clement_refusalrun)"
    )[0][0]
    assert counted[0] + told == FLOOD, "nothing is uncounted"
    assert told + counted[1] < 60, "few rows"
    assert house.rows("SELECT count(*) FROM clement_session WHERE client_address = '127.0.60.2'") == [(1,)]
    reasons = house.rows("SELECT DISTINCT reason FROM clement_refusalrun")
    assert reasons == [("recipient-unknown",)]
    first, last = house.rows("SELECT first_session_key, last_session_key FROM clement_refusalrun")[0]
    for session in (first, last):
        assert "nobody@local.example" in house.verb(f"session {session}")
