"""DNS lists against the programs that serve them: rbldnsd for lists, nsd for zones, unbound in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TypeVar

import pytest
import uvloop

from clement.net.dns_list_health import Examined, Trust
from clement.net.dns_lists import AskedLists, ListTimes
from clement.net.resolver import DnsResolver, ResolverSettings
from clement.policy.dns_list import (
    Asked,
    DnsList,
    LinkName,
    LinkSubject,
    ListAnswer,
    ListKind,
    Subjects,
    reversed_address,
)
from tests.fixtures.dns_lists import StartNsd, StartRbldnsd, StartUnbound

T = TypeVar("T")

BL = """\
:127.0.0.2:Sends mail nobody asked for, see https://bl.example/$
127.0.0.2
192.0.2.1
198.51.100.0/24 :4:A dial-up range
"""
WL = ":127.0.10.1:A good neighbour\n127.0.0.2\n192.0.2.1\n"
NAMES = ":127.0.1.2:$ is a spammer's domain\ntest\n.bad.example\n"
SIX = ":127.0.0.2:$ is a bad six\n::ffff:7f00:2\n2001:db8:bad::/48\n"


class Reports:
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Examined]] = []
        self.odds: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.listings: list[str] = []

    def changed(self, zone: str, examined: Examined) -> None:
        self.changes.append((zone, examined))

    def odd(self, zone: str, answer: str) -> None:
        self.odds.append((zone, answer))

    def listed(self, zone: str) -> None:
        self.listings.append(zone)

    def failed(self, zone: str) -> None:
        self.failures.append(zone)

    def trust(self, zone: str) -> Trust | None:
        """How a list stands."""
        return next((each.trust for name, each in reversed(self.changes) if name == zone), None)


def play(
    server: str,
    lists: list[DnsList],
    scene: Callable[[AskedLists, Reports], Awaitable[T]],
    times: ListTimes | None = None,
    **settings: float,
) -> T:
    """Ask through a resolver of the scene's own, after every list has been looked at once."""

    async def main() -> T:
        def new_resolver() -> DnsResolver:
            # Longer than a busy machine needs, or a question would be asked twice or given up.
            chosen = {"timeout_s": 60.0, "try_s": 20.0, **settings}
            return DnsResolver(ResolverSettings(servers=(server,), **chosen))  # type: ignore[arg-type]

        resolver, reports = new_resolver(), Reports()
        asked = AskedLists(lists, 3.0, resolver, new_resolver, reports, times or ListTimes())
        try:
            await asked.test()
            return await scene(asked, reports)
        finally:
            await resolver.close()

    return uvloop.run(main())


def about(client: str = "203.0.113.9", hello: str = "", sender: str = "") -> Subjects:
    address = ip_address(client)
    return Subjects(reversed_address(address), client, address.version == 6, hello, sender)


async def told(lists: AskedLists, subjects: Subjects) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(a.dns_list.zone, a.asked.value): a.reading.codes for a in await lists.ask(subjects)}


def test_rbldnsd_lists_of_every_kind_are_trusted_and_read(start_rbldnsd: StartRbldnsd) -> None:
    server = start_rbldnsd(
        {
            "bl.example": ("ip4set", BL),
            "wl.example": ("ip4set", WL),
            "names.example": ("dnset", NAMES),
            "six.example": ("ip6trie", SIX),
        }
    )
    lists = [
        DnsList(zone="bl.example", reason_from_txt=True),
        DnsList(zone="wl.example", kind=ListKind.ALLOW),
        DnsList(zone="names.example", asks=(Asked.HELLO, Asked.SENDER)),
    ]

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert {zone: each.trust for zone, each in reports.changes} == {
            "bl.example": Trust.TRUSTED,
            "wl.example": Trust.TRUSTED,
            "names.example": Trust.TRUSTED,
        }
        assert await told(asked, about("203.0.113.9", "mail.good.example", "good.example")) == {}
        assert await told(asked, about("192.0.2.1")) == {
            ("bl.example", "client"): ("127.0.0.2",),
            ("wl.example", "client"): ("127.0.10.1",),
        }
        assert await told(asked, about("198.51.100.77", "mx.bad.example", "sub.bad.example")) == {
            ("bl.example", "client"): ("127.0.0.4",),
            ("names.example", "hello"): ("127.0.1.2",),
            ("names.example", "sender"): ("127.0.1.2",),
        }
        (bad,) = await asked.ask(about("198.51.100.77"))
        assert await asked.reason(bad) == "A dial-up range"

    play(server.address, lists, scene)


HOSTS = ":127.0.1.2:$ is a spammer's\ntest\n.evil.example\nonly.this.example\n7.2.0.192\n"
OWN_TEST = ":127.0.0.8:x\ntest-point\nevil.example\n"


def test_lists_are_asked_about_names_in_contents_as_they_know_them(
    start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound
) -> None:
    server = start_rbldnsd(
        {
            "uri.example": ("dnset", HOSTS),
            "dbl.example": ("dnset", HOSTS),
            "own.example": ("dnset", OWN_TEST),
            "strange.example": ("dnset", OWN_TEST),
        }
    )
    unbound = start_unbound(
        stubs=dict.fromkeys(("uri.example", "dbl.example", "own.example", "strange.example"), server.port)
    )
    lists = [
        DnsList(zone="uri.example", asks=(Asked.LINK,), link_addresses=True),
        DnsList(zone="dbl.example", asks=(Asked.LINK, Asked.AUTHOR), link_name=LinkName.HOST),
        DnsList(zone="own.example", asks=(Asked.AUTHOR,), test_name="test-point"),
        DnsList(zone="strange.example", asks=(Asked.LINK,)),
    ]
    subjects = Subjects(
        links=(
            LinkSubject("www.evil.example", "evil.example"),
            LinkSubject("ftp.evil.example", "evil.example"),
            LinkSubject("only.this.example", "this.example"),
            LinkSubject("192.0.2.7", "192.0.2.7", "7.2.0.192"),
            LinkSubject("good.example", "good.example"),
        ),
        authors=(LinkSubject("mail.evil.example", "evil.example"),),
    )

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert reports.trust("strange.example") is Trust.LISTS_NOTHING
        assert reports.trust("own.example") is Trust.TRUSTED
        assert asked.reads_content
        assert not asked.in_use, "clients are asked about nowhere"
        assert asked.known(subjects) is None
        found = {(each.dns_list.zone, each.asked.value, each.subject) for each in await asked.ask(subjects)}
        assert found == {
            ("uri.example", "link", "evil.example"),
            ("uri.example", "link", "192.0.2.7"),
            ("dbl.example", "link", "www.evil.example"),
            ("dbl.example", "link", "ftp.evil.example"),
            ("dbl.example", "link", "only.this.example"),
            ("dbl.example", "author", "mail.evil.example"),
            ("own.example", "author", "evil.example"),
        }
        assert len(asked.known(subjects) or ()) == len(found)

    play(unbound.address, lists, scene)


def test_a_list_without_ipv6_is_asked_about_ipv4_alone(start_rbldnsd: StartRbldnsd) -> None:
    server = start_rbldnsd({"bl.example": ("ip4set", BL), "six.example": ("ip6trie", SIX)})

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert reports.trust("bl.example") is Trust.TRUSTED
        assert await told(asked, about("2001:db8:bad::7")) == {}
        assert await told(asked, about("192.0.2.1")) == {("bl.example", "client"): ("127.0.0.2",)}

    play(server.address, [DnsList(zone="bl.example")], scene)


def test_ipv6_is_asked_nibble_by_nibble(start_rbldnsd: StartRbldnsd) -> None:
    both = {"both.example": ("combined", f"$DATASET ip4set @\n{BL}\n$DATASET ip6trie @\n{SIX}")}
    server = start_rbldnsd(both)

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert reports.changes[0][1].detail == "ipv4, ipv6"
        assert await told(asked, about("2001:db8:bad::7")) == {("both.example", "client"): ("127.0.0.2",)}
        assert await told(asked, about("2001:db8:900d::7")) == {}
        assert await told(asked, about("192.0.2.1")) == {("both.example", "client"): ("127.0.0.2",)}

    play(server.address, [DnsList(zone="both.example")], scene)


@pytest.mark.parametrize(
    ("text", "trust", "words"),
    [
        (":127.0.0.2:x\n0.0.0.0/1\n128.0.0.0/1\n", Trust.LISTS_EVERYTHING, "must not be listed"),
        (":127.0.0.2:x\n192.0.2.1\n", Trust.LISTS_NOTHING, "is not listed"),
        (":127.255.255.254:x\n0.0.0.0/1\n128.0.0.0/1\n", Trust.REFUSES, "127.255.255.254"),
        (":127.0.0.1:x\n127.0.0.2\n192.0.2.1\n", Trust.REFUSES, "127.0.0.1"),
    ],
)
def test_a_list_that_cannot_be_believed_is_never_asked(
    start_rbldnsd: StartRbldnsd, text: str, trust: Trust, words: str
) -> None:
    server = start_rbldnsd({"bl.example": ("ip4set", text)})

    async def scene(asked: AskedLists, reports: Reports) -> None:
        ((zone, examined),) = reports.changes
        assert (zone, examined.trust) == ("bl.example", trust)
        assert words in examined.detail
        assert not asked.in_use
        assert await asked.ask(about("192.0.2.1")) == ()

    play(server.address, [DnsList(zone="bl.example")], scene)


def test_a_zone_of_ones_own_needs_no_test_entries(start_nsd: StartNsd) -> None:
    zone = "$ORIGIN own.example.\n@ 300 IN SOA ns h 1 2 3 4 5\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n"
    zone += "1.2.0.192 300 IN A 127.0.0.2\n1.2.0.192 300 IN TXT " + " ".join(['"' + "y" * 250 + '"'] * 200)
    server = start_nsd({"own.example": zone + "\n"})

    async def scene(asked: AskedLists, reports: Reports) -> tuple[ListAnswer, str]:
        assert reports.trust("own.example") is Trust.TRUSTED
        (answer,) = await asked.ask(about("192.0.2.1"))
        return answer, await asked.reason(answer)

    own = DnsList(zone="own.example", has_test_entries=False, reason_from_txt=True)
    answer, reason = play(server.address, [own], scene)
    assert answer.reading.codes == ("127.0.0.2",)
    assert reason == ""  # 50 kB of one record: too much, and nothing of it is passed on


def test_a_list_that_begins_to_refuse_is_left_out_until_it_answers_again(
    start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound
) -> None:
    lists = start_rbldnsd({"bl.example": ("ip4set", BL)})
    unbound = start_unbound(stubs={"bl.example": lists.port})
    moment = [1000.0]

    async def scene(asked: AskedLists, reports: Reports) -> None:
        assert await told(asked, about("192.0.2.1")) == {("bl.example", "client"): ("127.0.0.2",)}
        refusing = ":127.255.255.254:Ask from elsewhere\n0.0.0.0/1\n128.0.0.0/1\n"
        await asyncio.to_thread(
            lists.rewrite, "bl.example", refusing, "9.113.0.203.bl.example", {"127.255.255.254"}
        )
        (answer,) = await asked.ask(about("203.0.113.9"))
        assert answer.failed.startswith("answers 127.255.255.254")
        assert answer.reading.weight == 0
        assert reports.trust("bl.example") is Trust.REFUSES
        assert not asked.in_use

        await asyncio.to_thread(lists.rewrite, "bl.example", BL, "1.2.0.192.bl.example", {"127.0.0.2"})
        await asyncio.sleep(1.1)  # unbound's own memory of the test entries
        await asked.test()
        assert not asked.in_use, "looked at before its time"
        moment[0] += 400
        await asked.test()
        assert reports.trust("bl.example") is Trust.TRUSTED
        # What it answered meanwhile is not remembered.
        assert await told(asked, about("203.0.113.9")) == {}

    play(unbound.address, [DnsList(zone="bl.example")], scene, ListTimes(clock=lambda: moment[0]))
