"""A message that kills, hangs or bloats its checker, offered to a whole Clement, while others send theirs."""

import signal
import threading
import time

import pytest

from tests.fixtures.programs import wait_until
from tests.server.checkers import DEVOUR, SEGFAULT, SLEEP, SPIN
from tests.server.house import Builder, House
from tests.server.talk import Answer, message

ANNA, FRIDA = "anna@local.example", "frida@lax.example"
# Not what a receiver reads by itself.
ATTACHED = b"Content-Type: application/pdf\r\n"


@pytest.fixture
def house(build: Builder) -> House:
    return build(tables={"processes": {"receivers": 2, "checkers": 2}}, module="tests.server.hostile_serve")


def offer(house: House, octets: bytes, recipient: str = ANNA, source: str = "127.0.0.1") -> Answer:
    with house.client(source=source) as client:
        assert client.envelope(recipient)[0].code == 250
        return client.content(octets)


class Neighbour(threading.Thread):
    """Another client, who sends ordinary mail all the while."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self._house = house
        self.codes: list[int] = []
        self.over = False

    def run(self) -> None:
        number = 0
        while not self.over:
            number += 1
            content = ATTACHED + message(f"neighbour-{number}")
            self.codes.append(offer(self._house, content, source="127.0.0.77").code)
            time.sleep(0.05)


def test_it_is_deferred_then_the_group_decides_and_others_never_notice(house: House) -> None:
    receivers = [house.process(f"receiver-{number}") for number in range(2)]
    neighbour = Neighbour(house)
    neighbour.start()
    for deed in (SEGFAULT, SLEEP, DEVOUR, SPIN):
        hostile = ATTACHED + deed + b"\r\n" + message(f"hostile-{deed.decode().partition(': ')[2]}")
        for _checker in range(2):
            assert offer(house, hostile).codes == "451 4.7.1"
        again = offer(house, hostile)
        assert again.codes == "554 5.6.0", "not read again, and the group refuses what is unscannable"
        assert "cannot be examined" in again.text
        assert offer(house, hostile, FRIDA).code == 250, "this group takes what is unscannable"
    neighbour.over = True
    neighbour.join()
    assert set(neighbour.codes) == {250}
    assert [house.process(f"receiver-{number}") for number in range(2)] == receivers


def test_a_checker_is_back_at_once_however_often_it_is_killed(house: House) -> None:
    for number in range(8):
        hostile = ATTACHED + SEGFAULT + b"\r\n" + message(f"again-{number}")
        assert offer(house, hostile).codes == "451 4.7.1"
    wait_until(lambda: offer(house, ATTACHED + message("after")).code == 250, "others are served")
    wait_until(lambda: len(house.events("process-restarts")) >= 8, "told of each")
    assert max(line["pause_s"] for line in house.events("process-restarts")) <= 0.5


def test_a_session_that_outlives_a_reload_is_served_by_the_new_checkers(house: House) -> None:
    with house.client() as client:
        client.envelope(ANNA)
        old = house.process("checker-0")
        house.program.send(signal.SIGHUP)
        wait_until(lambda: old in {line["pid"] for line in house.events("process-ended")}, "replaced")
        assert client.content(ATTACHED + message("after-reload")).code == 250
