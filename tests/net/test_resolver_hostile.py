"""The resolver and answers that are wrong, huge, endless or forged, and what real servers make of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest
from msgspec.structs import replace

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.net.resolver import DnsResolver
from clement.net.resolver_records import MAX_ANSWER_CHARS, MAX_RECORDS
from tests.fixtures.dns_lists import StartNsd, StartUnbound
from tests.fixtures.dns_server import DnsServer
from tests.net.test_resolver import Clock, play


class Poisoner(DnsServer):
    """Adds to the answer for a name what nobody asked for."""

    def __init__(self) -> None:
        self.added: dict[str, list[str]] = {}
        self.nxdomain: set[str] = set()
        super().__init__()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        super()._fill(response, name, kind)
        if name in self.nxdomain:
            response.set_rcode(dns.rcode.NXDOMAIN)
        for line in self.added.get(name, ()):
            owner, ttl_s, class_, type_, *data = line.split(" ")
            response.answer.append(dns.rrset.from_text(owner, int(ttl_s), class_, type_, " ".join(data)))


@pytest.fixture
def poisoner() -> Iterator[Poisoner]:
    server = Poisoner()
    yield server
    server.stop()


def test_addresses_of_one_family(dns_server: DnsServer) -> None:
    dns_server.zones = {
        "a.example": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:DB8:0::1", "::ffff:192.0.2.7"]},
        "w.example": {"CNAME": ["a.example."]},
        "four.example": {"A": ["192.0.2.3"]},
    }

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        for name in ("A.Example.", "w.example"):
            assert set((await resolver.a(name)).records) == {"192.0.2.1", "192.0.2.2"}
            assert set((await resolver.aaaa(name)).records) == {"2001:db8::1", "::ffff:192.0.2.7"}
        assert await resolver.aaaa("four.example") == DnsAnswer()
        assert await resolver.a("gone.example") == DnsAnswer(exists=False)
        assert await resolver.a("no name") == DnsAnswer(exists=False)
        assert set((resolver.known_a("a.example") or DnsAnswer()).records) == {"192.0.2.1", "192.0.2.2"}
        assert resolver.known_a("gone.example") == DnsAnswer(exists=False)
        assert resolver.known_a("never-asked.example") is None
        clock.now_s += 301
        assert resolver.known_a("a.example") is None

    play(dns_server, scene)
    assert dns_server.asked["a.example", "A"] == 1


def test_what_is_asked_ahead_is_asked_once_and_told_once(dns_server: DnsServer) -> None:
    dns_server.zones = {"a.example": {"A": ["192.0.2.1"]}}
    dns_server.delay_s = {"a.example": 0.2}
    dns_server.servfail = {"broken.example"}
    told: list[tuple[str, DnsAnswer | None]] = []

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        for name in ("a.example", "a.example", "broken.example", "no name", "UPPER.example"):
            resolver.begin_a(name, lambda name, answer: told.append((name, answer)))
        several = await asyncio.gather(*(resolver.a("a.example") for _ in range(20)))
        assert {each.records for each in several} == {("192.0.2.1",)}
        with pytest.raises(DnsTemporaryFailure):
            await resolver.a("broken.example")
        resolver.begin_a("a.example", lambda name, answer: told.append((name, answer)))
        resolver.begin_a("broken.example", lambda name, answer: told.append((name, answer)))
        assert resolver.known_a("broken.example") is None

    play(dns_server, scene)
    assert sorted(told, key=lambda each: each[0]) == [
        ("a.example", DnsAnswer(("192.0.2.1",))),
        ("broken.example", None),
    ]
    assert dns_server.asked["a.example", "A"] == 1


def test_a_zone_that_is_forgotten_is_asked_anew(dns_server: DnsServer) -> None:
    dns_server.zones = {"x.bl.example": {"A": ["127.0.0.2"]}, "bl.example": {"A": ["192.0.2.9"]}}

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        assert (await resolver.a("x.bl.example")).records == ("127.0.0.2",)
        await resolver.a("bl.example")
        dns_server.zones["x.bl.example"] = {"A": ["127.0.0.3"]}
        resolver.forget_below("bl.example")
        assert resolver.known_a("bl.example") is not None
        assert resolver.known_a("x.bl.example") is None
        assert (await resolver.a("x.bl.example")).records == ("127.0.0.3",)

    play(dns_server, scene)


def test_case_092_records_of_other_names_and_types_are_not_believed(poisoner: Poisoner) -> None:
    poisoner.zones = {
        "a.example": {"A": ["192.0.2.1"], "TXT": ["mine"]},
        "w.example": {"CNAME": ["b.example."]},
        "b.example": {"A": ["192.0.2.2"]},
        "none.example": {},
    }
    poisoner.added = {
        "a.example": [
            "victim.example. 300 IN A 203.0.113.66",
            "a.example. 300 IN AAAA 2001:db8::66",
            "x.a.example. 300 IN TXT forged",
        ],
        "w.example": ["b.example.evil.example. 300 IN A 203.0.113.66"],
        "none.example": ["other.example. 300 IN A 203.0.113.66", "q.example. 300 IN CNAME none.example."],
    }

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        assert (await resolver.a("a.example")).records == ("192.0.2.1",)
        assert (await resolver.txt("a.example")).records == ("mine",)
        assert (await resolver.a("w.example")).records == ("192.0.2.2",)
        assert (await resolver.a("none.example")).records == ()
        for name in ("victim.example", "other.example", "q.example"):
            assert resolver.known_a(name) is None

    play(poisoner, scene)


def test_case_092_an_answer_beside_nxdomain_is_none(poisoner: Poisoner) -> None:
    poisoner.zones = {"flip.example": {"A": ["192.0.2.1"]}}
    poisoner.nxdomain = {"flip.example"}

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.a("flip.example")

    assert play(poisoner, scene) == DnsAnswer(exists=False)


def test_case_092_a_name_that_comes_and_goes_is_what_it_was_until_its_time_ends(
    dns_server: DnsServer,
) -> None:
    dns_server.zones = {"flip.example": {"A": ["192.0.2.1"]}}
    dns_server.ttl_s = {"flip.example": 100}

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        assert (await resolver.a("flip.example")).records
        del dns_server.zones["flip.example"]
        assert (await resolver.a("flip.example")).records
        resolver.forget_below("example")
        assert not (await resolver.a("flip.example")).exists
        dns_server.zones["flip.example"] = {"A": ["192.0.2.2"]}
        assert not (await resolver.a("flip.example")).exists
        clock.now_s += 61
        assert (await resolver.a("flip.example")).records == ("192.0.2.2",)

    play(dns_server, scene)


@pytest.mark.parametrize("length", [1, 8, 14])
def test_case_092_aliases_in_a_row_lead_to_the_address(dns_server: DnsServer, length: int) -> None:
    dns_server.zones = {f"c{n}.example": {"CNAME": [f"c{n + 1}.example."]} for n in range(length)}
    dns_server.zones[f"c{length}.example"] = {"A": ["192.0.2.1"]}

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.a("c0.example")

    assert play(dns_server, scene).records == ("192.0.2.1",)


@pytest.mark.parametrize("loop", [["a"], ["a", "b"], ["a", "b", "c", "d", "e"]])
def test_case_092_aliases_in_a_circle_end(dns_server: DnsServer, loop: list[str]) -> None:
    for one, other in zip(loop, [*loop[1:], loop[0]], strict=True):
        dns_server.zones[f"{one}.example"] = {"CNAME": [f"{other}.example."]}

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.a("a.example")

    assert play(dns_server, scene) == DnsAnswer()


def test_case_092_more_records_than_anybody_needs_are_left_out(dns_server: DnsServer) -> None:
    dns_server.zones = {
        "many.example": {
            "A": [f"192.0.{number // 250}.{number % 250 + 1}" for number in range(700)],
            "MX": [f"{number} mx{number}.example." for number in range(300)],
            "TXT": [f'"{number} {"x" * 200}"' for number in range(250)],
        }
    }

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        assert len((await resolver.a("many.example")).records) == MAX_RECORDS
        assert len((await resolver.mx("many.example")).records) == MAX_RECORDS
        texts = (await resolver.txt("many.example")).records
        assert sum(map(len, texts)) <= MAX_ANSWER_CHARS

    play(dns_server, scene)


def test_case_092_the_memory_is_bounded_whatever_is_asked(dns_server: DnsServer) -> None:
    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        for start in range(0, 200, 20):
            await asyncio.gather(*(resolver.a(f"n{number}.example") for number in range(start, start + 20)))
        assert len(resolver._answers) == 50
        assert resolver.known_a("n199.example") is not None
        assert resolver.known_a("n0.example") is None
        assert not resolver._asking

    play(dns_server, scene, max_entries=50)


def test_case_092_questions_come_from_changing_ports(dns_server: DnsServer) -> None:
    ports: list[int] = []
    udp = dns_server._servers[1]
    handler = udp.RequestHandlerClass

    class Noting(handler):  # type: ignore[misc, valid-type]
        def handle(self) -> None:
            ports.append(self.client_address[1])
            super().handle()

    udp.RequestHandlerClass = Noting

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        for number in range(12):
            await resolver.a(f"n{number}.example")

    play(dns_server, scene)
    steps = {later - earlier for earlier, later in itertools.pairwise(ports)}
    assert len(set(ports)) >= 6
    assert len(steps) > 3, "they can be guessed"


ZONE = """\
$ORIGIN real.example.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 30
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mx
mx IN A 192.0.2.1
mx IN AAAA 2001:db8::1
www IN CNAME w2
w2 IN CNAME mx
loop IN CNAME loop2
loop2 IN CNAME loop
nowhere IN CNAME not-there
null IN MX 0 .
*.wild IN TXT "any"
"""


def real_zone() -> str:
    big = " ".join(['"' + "z" * 250 + '"'] * 250)
    many = "\n".join(f"many IN A 192.0.{number // 200}.{number % 200 + 1}" for number in range(600))
    return f"{ZONE}big IN TXT {big}\nbig IN TXT small\n{many}\n"


async def meets_a_real_server(resolver: DnsResolver, _clock: Clock) -> None:
    assert (await resolver.mx("real.example")).records == ("10 mx.real.example",)
    assert (await resolver.a("WWW.real.example")).records == ("192.0.2.1",)
    assert (await resolver.aaaa("www.real.example")).records == ("2001:db8::1",)
    assert await resolver.txt("mx.real.example") == DnsAnswer()
    assert await resolver.a("not-there.real.example") == DnsAnswer(exists=False)
    assert (await resolver.mx("null.real.example")).records == ("0 .",)
    assert (await resolver.txt("a.b.wild.real.example")).records == ("any",)
    assert (await resolver.a("nowhere.real.example")).records == ()
    assert (await resolver.txt("big.real.example")).records == ("small",)
    assert len((await resolver.a("many.real.example")).records) == MAX_RECORDS


def test_an_authoritative_server_is_understood(start_nsd: StartNsd) -> None:
    server = start_nsd({"real.example": real_zone()})

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        await meets_a_real_server(resolver, clock)
        assert (await resolver.a("loop.real.example")).records == ()
        with pytest.raises(DnsTemporaryFailure):
            await resolver.a("elsewhere.example")  # REFUSED: it knows no such zone

    play(server, scene)  # type: ignore[arg-type]


def test_case_090_a_recursive_server_and_its_servfail_are_understood(
    start_nsd: StartNsd, start_unbound: StartUnbound
) -> None:
    zones = start_nsd({"real.example": real_zone()})
    server = start_unbound(stubs={"real.example": zones.port, "dead.example": zones.port})

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        await meets_a_real_server(resolver, clock)
        for name in ("x.dead.example", "loop.real.example"):
            with pytest.raises(DnsTemporaryFailure):
                await resolver.a(name)
        zones.program.stop()
        assert (await resolver.a("www.real.example")).records == ("192.0.2.1",)
        impatient = DnsResolver(replace(resolver.settings, timeout_s=2.0, try_s=0.5), clock)
        with pytest.raises(DnsTemporaryFailure):
            await impatient.a("never-asked-before.real.example")
        await impatient.close()

    play(server, scene)  # type: ignore[arg-type]


def test_case_093_a_hostile_ptr_of_a_real_server_is_bounded_and_plain(start_nsd: StartNsd) -> None:
    label = "\\007\\013\\010" + "<script>" * 6
    zone = "$ORIGIN 2.0.192.in-addr.arpa.\n@ 300 IN SOA ns h 1 2 3 4 5\n@ 300 IN NS ns.real.example.\n"
    zone += f"1 300 IN PTR {label}.{label}.{'y' * 63}.example.\n"
    server = start_nsd({"2.0.192.in-addr.arpa": zone})

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.ptr("192.0.2.1")

    (name,) = play(server, scene).records  # type: ignore[arg-type]
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name
    assert len(name) <= 1024
