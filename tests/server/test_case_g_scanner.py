"""Hostile cases 106 to 111 as a client meets them: the scanner is away, slow, full or talks nonsense."""

import threading
from typing import Any

import pytest

from scripts.eicar import EICAR
from tests.fixtures.programs import wait_until
from tests.server.fake_clamd import Act, FakeClamd, clean, hanging_up, replying, stalling
from tests.server.house import IMPATIENT, Builder, House, Server
from tests.server.talk import Answer, Talk, message

ANNA = "anna@local.example"
FRIDA = "frida@lax.example"
FAILED = {"scanner-failed", "clamd-failed"}


def offer(client: Talk, recipient: str, content: bytes) -> Answer:
    assert client.envelope(recipient)[0].code == 250
    return client.content(content)


@pytest.mark.parametrize("size", [100, 400_000], ids=["small", "streamed"])
@pytest.mark.parametrize(
    "act",
    [
        hanging_up,
        replying(b""),
        replying(b"stream: OK"),
        replying(b"stream: OK\0garbage"),
        replying(b"stream: OK\0stream: OK\0"),
        replying(b"1: stream: OK\0"),
        replying(b"UNKNOWN COMMAND\0"),
        replying(b"stream: " + b"x" * 1_000_000),
        replying(b"stream: OK\r\n250 2.0.0 yes\0"),
    ],
    ids=["reset", "nothing", "cut", "garbage", "twice", "session", "unknown", "endless", "lines"],
)
def test_case_108_110_nonsense_is_never_clean(server: Server, act: Act, size: int) -> None:
    server.faults |= FAILED
    server.clamd.act = act
    with server.client() as client:
        body = ("x" * 70 + "\r\n") * (size // 72 + 1)
        assert offer(client, ANNA, message("case-108", body)).codes == "451 4.7.1"
        server.clamd.act = clean
        assert offer(client, ANNA, message("case-108", body)).code == 250
        server.copies += 1


def test_case_108_a_group_may_accept_unscanned(server: Server) -> None:
    server.faults |= FAILED
    server.clamd.act = hanging_up
    with server.client() as client:
        assert offer(client, FRIDA, message("case-108-lax")).code == 250
        server.copies += 1


def test_case_109_a_scanner_that_never_answers_or_drips(build: Builder, fake_clamd: FakeClamd) -> None:
    house = build(tables={"scanner": IMPATIENT})
    dripping = replying(*[b"stream: OK\0"[n : n + 1] for n in range(11)], pause_s=0.5)
    with house.client() as client:
        for act in (stalling, dripping):
            fake_clamd.act = act
            assert offer(client, ANNA, message("case-109")).codes == "451 4.7.1"
        fake_clamd.act = clean
        wait_until(lambda: offer(client, ANNA, message("case-109-after")).code == 250, "scanned again")
    assert len(house.stored()) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
        b"stream: Heuristics.Encrypted.Zip FOUND\0",
    ],
)
def test_case_110_unscannable_is_a_policy_of_its_own(server: Server, reply: bytes) -> None:
    server.clamd.act = replying(reply)
    with server.client() as client:
        answer = offer(client, ANNA, message("case-110"))
        assert answer.codes == "554 5.7.1"
        assert "cannot be scanned" in answer.text
        assert "Virus" not in answer.text
        assert offer(client, FRIDA, message("case-110-lax")).code == 250
        server.copies += 1


def test_case_106_a_virus_is_refused_by_its_name(server: Server) -> None:
    server.clamd.act = replying(b"stream: Eicar-Test-Signature FOUND\0")
    with server.client() as client:
        for recipient in (ANNA, FRIDA, "postmaster@local.example"):
            answer = offer(client, recipient, message("case-106") + EICAR)
            assert answer.codes == "554 5.7.1"
            assert "Eicar-Test-Signature" in answer.text
    assert EICAR in server.clamd.seen[-1]


def test_case_106_no_signature_can_forge_a_reply(server: Server) -> None:
    server.faults |= FAILED
    server.clamd.act = replying(b"stream: A\x1b[2J\r\n250_ok FOUND\0")
    with server.client() as client:
        assert offer(client, ANNA, message("case-106-forged")).code == 451
        client.silent()


def test_case_111_too_many_waiting_scans_are_told_early(build: Builder, fake_clamd: FakeClamd) -> None:
    house = build(tables={"scanner": {"scans_at_once": 2, "waiting": 4}})
    enough = threading.Event()

    def stall_until_enough(handler: Any) -> None:
        handler.take()
        enough.wait()

    fake_clamd.act = stall_until_enough
    told: list[int] = []
    threads = [threading.Thread(target=_offer, args=(house, number, told)) for number in range(30)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(told) >= 24, "those beyond the bound are answered while others still wait")
        assert len(told) == 24
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert told == [451] * 30
    fake_clamd.act = clean
    with house.client() as client:
        assert offer(client, ANNA, message("case-111-after")).code == 250


def _offer(house: House, number: int, told: list[int]) -> None:
    with house.client(source=f"127.0.111.{number + 1}") as client:
        told.append(offer(client, ANNA, message(f"case-111-{number}")).code)
