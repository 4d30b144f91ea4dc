"""DNS lists that fail, stay silent, change or talk nonsense: never a refusal, and soon no waiting either."""

from __future__ import annotations

import asyncio
import threading

import pytest
from msgspec.structs import replace

from clement.net import dns_lists as module
from clement.net.dns_list_health import FAILURES_BEFORE_SILENT, LISTED_BEFORE_TEST, Trust
from clement.net.dns_lists import AskedLists, ListTimes
from clement.policy.dns_list import Asked, DnsList, ListKind
from tests.fixtures.dns_server import DnsServer
from tests.net.test_dns_lists_real import Reports, about, play, told

BL = DnsList(zone="bl.example", timeout_s=60)
# For names that never have an answer.
HASTY = replace(BL, timeout_s=0.3)
ENTRY, OTHER = "2.0.0.127", "1.0.0.127"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def served(dns_server: DnsServer) -> DnsServer:
    """A server with two good lists, one of addresses and one of names."""
    dns_server.zones = {
        "2.0.0.127.bl.example": {"A": ["127.0.0.2"], "TXT": ['"test"']},
        "1.2.0.192.bl.example": {"A": ["127.0.0.2"], "TXT": ['"spam " "seen"']},
        "test.names.example": {"A": ["127.0.1.2"]},
    }
    return dns_server


def test_all_lists_are_asked_at_once(served: DnsServer) -> None:
    zones = [f"l{number}.example" for number in range(6)]
    served.zones |= {f"{ENTRY}.{zone}": {"A": ["127.0.0.2"]} for zone in zones}
    served.zones |= {f"9.113.0.203.{zone}": {"A": ["127.0.0.3"]} for zone in zones}
    all_are_there, answer = threading.Barrier(len(zones)), served.answer

    def answer_when_all_are_asked(octets: bytes, *, over_tcp: bool) -> bytes | None:
        if b"\x01\x39" in octets:
            all_are_there.wait(60)
        return answer(octets, over_tcp=over_tcp)

    served.answer = answer_when_all_are_asked  # type: ignore[method-assign]

    async def scene(asked: AskedLists, _reports: Reports) -> None:
        assert len(await told(asked, about())) == len(zones)

    play(served.address, [DnsList(zone=zone) for zone in zones], scene)


def test_what_was_begun_is_known_when_it_is_wanted_and_asked_once(served: DnsServer) -> None:
    async def scene(asked: AskedLists, _reports: Reports) -> None:
        assert asked.known(about("192.0.2.1")) is None
        asked.begin(about("192.0.2.1"))
        asked.begin(about("192.0.2.1"))
        (answer,) = await asked.ask(about("192.0.2.1"))
        (known,) = asked.known(about("192.0.2.1")) or ()
        assert answer.reading == known.reading
        assert await asked.reason(known) == "spam seen"

    play(served.address, [BL], scene)
    assert served.asked["1.2.0.192.bl.example", "A"] == 1


@pytest.mark.parametrize("fault", ["servfail", "silent"])
def test_case_090_a_list_that_gives_no_answer_says_nothing(served: DnsServer, fault: str) -> None:
    getattr(served, fault).add("1.2.0.192.bl.example")

    async def scene(asked: AskedLists, reports: Reports) -> None:
        (answer,) = await asked.ask(about("192.0.2.1"))
        assert (answer.failed, answer.reading.weight) == ("no answer", 0)
        assert reports.failures == ["bl.example"]
        assert asked.in_use

    play(served.address, [HASTY], scene)


@pytest.mark.parametrize("begun", [False, True])
def test_case_090_a_silent_list_is_soon_not_waited_for(served: DnsServer, begun: bool) -> None:
    clock, clients = Clock(), [f"203.0.113.{number}" for number in range(1, FAILURES_BEFORE_SILENT + 1)]
    served.silent |= {f"{number}.113.0.203.bl.example" for number in range(1, FAILURES_BEFORE_SILENT + 1)}

    async def scene(asked: AskedLists, reports: Reports) -> None:
        for client in clients:
            assert asked.in_use
            if begun:
                asked.begin(about(client))
            await asked.ask(about(client))
        assert reports.trust("bl.example") is Trust.SILENT
        assert not asked.in_use
        assert asked.known(about("203.0.113.99")) == (), "nobody waits"
        clock.now_s += 60
        await asked.test()
        assert reports.trust("bl.example") is Trust.TRUSTED
        asked.begin(about("192.0.2.1"))  # which waits longer for its answer
        async with asyncio.timeout(60):
            while asked.known(about("192.0.2.1")) is None:  # noqa: ASYNC110 - has a deadline
                await asyncio.sleep(0.02)
        assert await told(asked, about("192.0.2.1")) == {("bl.example", "client"): ("127.0.0.2",)}

    play(served.address, [HASTY], scene, ListTimes(clock=clock))


def test_one_question_that_fails_for_ever_makes_no_list_silent(served: DnsServer) -> None:
    served.servfail.add("1.2.0.192.bl.example")

    async def scene(asked: AskedLists, _reports: Reports) -> None:
        for _ in range(3 * FAILURES_BEFORE_SILENT):
            await asked.ask(about("192.0.2.1"))
        assert asked.in_use

    play(served.address, [BL], scene)


def test_answers_between_failures_keep_a_list_in_use(served: DnsServer) -> None:
    served.servfail |= {f"{number}.113.0.203.bl.example" for number in range(1, 20, 2)}

    async def scene(asked: AskedLists, _reports: Reports) -> None:
        for number in range(1, 20):
            await asked.ask(about(f"203.0.113.{number}"))
        assert asked.in_use

    play(served.address, [BL], scene)


def test_case_092_an_answer_outside_127_is_ignored_and_reported_once(served: DnsServer) -> None:
    for number in range(1, 4):
        served.zones[f"{number}.113.0.203.bl.example"] = {"A": ["198.51.100.7"]}

    async def scene(asked: AskedLists, reports: Reports) -> None:
        for number in range(1, 4):
            assert await asked.ask(about(f"203.0.113.{number}")) == ()
        assert reports.odds == [("bl.example", "198.51.100.7")]
        assert asked.in_use

    play(served.address, [BL], scene)


@pytest.mark.parametrize("code", ["127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1"])
def test_you_may_not_ask_takes_a_list_out_of_use_and_the_others_go_on(served: DnsServer, code: str) -> None:
    served.zones["9.113.0.203.bl.example"] = {"A": [code]}
    names = DnsList(zone="names.example", asks=(Asked.HELLO,))
    served.zones["mx.bad.example.names.example"] = {"A": ["127.0.1.2"]}

    async def scene(asked: AskedLists, reports: Reports) -> None:
        several = await asked.ask(about("203.0.113.9", "mx.bad.example"))
        assert [(each.dns_list.zone, bool(each.failed)) for each in several] == [
            ("bl.example", True),
            ("names.example", False),
        ]
        assert reports.trust("bl.example") is Trust.REFUSES
        assert await told(asked, about("192.0.2.1", "mx.bad.example")) == {
            ("names.example", "hello"): ("127.0.1.2",)
        }

    play(served.address, [BL, names], scene)


def test_looks_at_a_list_that_fails_come_less_and_less_often(served: DnsServer) -> None:
    clock = Clock()
    del served.zones[f"{ENTRY}.bl.example"]
    times = ListTimes(test_every_s=3600, retry_s=300, clock=clock, jitter=lambda: 0.5)

    async def scene(asked: AskedLists, reports: Reports) -> list[float]:
        (desk,) = asked._desks
        waits = []
        for _ in range(6):
            waits.append(desk.condition.due_s - clock())
            clock.now_s = desk.condition.due_s
            await asked.test()
        assert len(reports.changes) == 1, "one alert, however long it lasts"
        return waits

    assert play(served.address, [BL], scene, times) == [300, 600, 1200, 2400, 3600, 3600]


def test_case_090_test_entries_that_cannot_be_looked_up_are_looked_up_soon(served: DnsServer) -> None:
    clock = Clock()
    served.servfail.add(f"{ENTRY}.bl.example")
    times = ListTimes(clock=clock, jitter=lambda: 0.5)

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert reports.trust("bl.example") is Trust.SILENT
        served.servfail.clear()
        clock.now_s += 31
        await asked.test()
        assert reports.trust("bl.example") is Trust.TRUSTED

    play(served.address, [BL], scene, times)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_looks_are_spread_so_that_receivers_do_not_meet(served: DnsServer, share: float) -> None:
    clock = Clock()

    async def scene(asked: AskedLists, _reports: Reports) -> float:
        return asked._desks[0].condition.due_s - clock()

    wait_s = play(served.address, [BL], scene, ListTimes(clock=clock, jitter=lambda: share))
    assert wait_s == 3600 * (0.75 + share / 2)


def test_a_list_that_begins_to_list_everything_is_caught_before_its_time(served: DnsServer) -> None:
    clock = Clock()

    async def scene(asked: AskedLists, reports: Reports) -> None:
        served.zones[f"{OTHER}.bl.example"] = {"A": ["127.0.0.2"]}
        for number in range(1, LISTED_BEFORE_TEST + 1):
            served.zones[f"{number}.113.0.203.bl.example"] = {"A": ["127.0.0.2"]}
            asked.begin(about(f"203.0.113.{number}"))
            await asked.ask(about(f"203.0.113.{number}"))
        clock.now_s += 61
        await asked.test()
        assert reports.trust("bl.example") is Trust.LISTS_EVERYTHING
        del served.zones[f"{OTHER}.bl.example"]
        for number in range(1, LISTED_BEFORE_TEST + 1):
            del served.zones[f"{number}.113.0.203.bl.example"]
        clock.now_s += 400
        await asked.test()
        assert reports.trust("bl.example") is Trust.TRUSTED
        assert await told(asked, about("203.0.113.7")) == {}, "what it said then is forgotten"

    play(served.address, [BL], scene, ListTimes(clock=clock))


def test_the_watch_looks_at_once_and_when_something_is_wrong(
    served: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTEST_PAUSE_S", 0.01)
    times = ListTimes(test_every_s=3600, retry_s=0.1)

    async def scene(asked: AskedLists, reports: Reports) -> None:
        watch = asyncio.create_task(asked.watch())
        served.zones["9.113.0.203.bl.example"] = {"A": ["127.255.255.254"]}
        await asked.ask(about("203.0.113.9"))
        assert not asked.in_use
        async with asyncio.timeout(60):
            while not asked.in_use:  # noqa: ASYNC110 - has a deadline
                await asyncio.sleep(0.02)
        assert [each.trust for _zone, each in reports.changes] == [
            Trust.TRUSTED,
            Trust.REFUSES,
            Trust.TRUSTED,
        ]
        watch.cancel()

    play(served.address, [BL], scene, times)


def test_a_list_of_names_and_addresses_bears_both_test_entries(served: DnsServer) -> None:
    both = DnsList(zone="bl.example", asks=(Asked.CLIENT, Asked.SENDER))

    async def scene(_asked: AskedLists, reports: Reports) -> None:
        ((_zone, examined),) = reports.changes
        assert examined.trust is Trust.LISTS_NOTHING
        assert "test.bl.example is not listed" in examined.detail

    play(served.address, [both], scene)


def test_a_parked_zone_that_answers_everything_with_its_shop_is_never_asked(served: DnsServer) -> None:
    for name in (ENTRY, OTHER):
        served.zones[f"{name}.shop.example"] = {"A": ["203.0.113.80"]}

    async def scene(asked: AskedLists, reports: Reports) -> None:
        ((_zone, examined),) = reports.changes
        assert examined.trust is Trust.LISTS_NOTHING
        assert "203.0.113.80, which is no code" in examined.detail
        assert not asked.in_use

    play(served.address, [DnsList(zone="shop.example")], scene)


def test_names_too_long_for_the_dns_are_not_asked_for(served: DnsServer) -> None:
    names = DnsList(zone="names.example", asks=(Asked.HELLO, Asked.SENDER))
    long = ".".join(["x" * 60] * 4) + ".example"

    async def scene(asked: AskedLists, _reports: Reports) -> None:
        assert await asked.ask(about(hello=long, sender=long)) == ()

    play(served.address, [names], scene)
    assert not [name for name, _kind in served.asked if name.startswith("x")]


def test_a_reason_that_cannot_be_had_is_none(served: DnsServer) -> None:
    allow = DnsList(zone="bl.example", kind=ListKind.ALLOW)

    async def scene(asked: AskedLists, _reports: Reports) -> None:
        (answer,) = await asked.ask(about("192.0.2.1"))
        assert answer.reading.weight == -3
        served.servfail.add("1.2.0.192.bl.example")
        assert await asked.reason(answer) == ""

    play(served.address, [allow], scene)
