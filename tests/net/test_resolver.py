"""The resolver against a real DNS server on loopback: what it says, what it remembers, what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import uvloop

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.net import resolver as resolver_module
from clement.net.resolver import DnsResolver, ResolverSettings
from clement.net.resolver_cache import TtlCache
from clement.net.resolver_records import MAX_ANSWER_CHARS, query_name
from clement.policy.ports import MailDomain
from tests.fixtures.dns_server import DnsServer

T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def play(
    server: DnsServer,
    scene: Callable[[DnsResolver, Clock], Awaitable[T]],
    *,
    timeout_s: float = 60.0,
    **settings: float,
) -> T:
    """By default with more time than a busy machine needs, or a question would be asked twice or given up."""

    async def main() -> T:
        clock = Clock()
        chosen = ResolverSettings(
            servers=(server.address,), timeout_s=timeout_s, try_s=timeout_s / 2, **settings
        )  # type: ignore[arg-type]
        resolver = DnsResolver(chosen, clock)
        try:
            return await scene(resolver, clock)
        finally:
            await resolver.close()

    return uvloop.run(main())


def asked(server: DnsServer, domain: str) -> MailDomain:
    async def scene(resolver: DnsResolver, _clock: Clock) -> MailDomain:
        return await resolver.mail_domain(domain)

    return play(server, scene)


def test_records_of_every_kind(dns_server: DnsServer) -> None:
    dns_server.zones = {
        "a.example": {
            "MX": ["20 Backup.A.example.", "5 mx.a.example."],
            "A": ["192.0.2.1"],
            "AAAA": ["2001:db8::1"],
            "TXT": ['"v=spf1 " "-all"', '"other"'],
        },
        "1.2.0.192.in-addr.arpa": {"PTR": ["Host.a.example."]},
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {
            "PTR": ["six.a.example."]
        },
    }

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        assert (await resolver.mx("A.example.")).records == ("5 mx.a.example", "20 backup.a.example")
        assert set((await resolver.addresses("a.example")).records) == {"192.0.2.1", "2001:db8::1"}
        assert set((await resolver.txt("a.example")).records) == {"v=spf1 -all", "other"}
        assert (await resolver.ptr("192.0.2.1")).records == ("host.a.example",)
        assert (await resolver.ptr("2001:db8::1")).records == ("six.a.example",)
        assert await resolver.ptr("not an address") == DnsAnswer(exists=False)

    play(dns_server, scene)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param({"MX": ["10 mx.a.example."]}, MailDomain.REACHABLE, id="mx"),
        pytest.param({"MX": ["0 ."]}, MailDomain.REFUSES, id="null-mx-rfc-7505"),
        pytest.param({"MX": ["0 ."], "A": ["192.0.2.1"]}, MailDomain.REFUSES, id="null-mx-beside-address"),
        pytest.param({"A": ["192.0.2.1"]}, MailDomain.REACHABLE, id="implicit-mx-ipv4"),
        pytest.param({"AAAA": ["2001:db8::1"]}, MailDomain.REACHABLE, id="implicit-mx-ipv6"),
        pytest.param({"TXT": ["nothing"]}, MailDomain.NOWHERE, id="no-mx-no-address"),
        pytest.param(None, MailDomain.NOWHERE, id="nxdomain"),
    ],
)
def test_mail_domain_as_rfc_5321_section_5_1_says(
    dns_server: DnsServer, records: dict[str, list[str]] | None, expected: MailDomain
) -> None:
    if records is not None:
        dns_server.zones["a.example"] = records
    assert asked(dns_server, "a.example") is expected


def test_mail_domain_follows_an_alias(dns_server: DnsServer) -> None:
    dns_server.zones = {"w.example": {"CNAME": ["a.example."]}, "a.example": {"MX": ["10 mx.a.example."]}}
    assert asked(dns_server, "w.example") is MailDomain.REACHABLE


def test_known_mail_domain_answers_from_memory_only(dns_server: DnsServer) -> None:
    dns_server.zones["a.example"] = {"MX": ["10 mx.a.example."]}

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        assert resolver.known_mail_domain("a.example") is None
        assert await resolver.mail_domain("a.example")
        assert resolver.known_mail_domain("A.Example.") is MailDomain.REACHABLE
        clock.now_s += 301
        assert resolver.known_mail_domain("a.example") is None

    play(dns_server, scene)
    assert dns_server.asked["a.example", "MX"] == 1


@pytest.mark.parametrize("fault", ["servfail", "silent"])
def test_case_090_a_temporary_failure_is_never_an_answer(dns_server: DnsServer, fault: str) -> None:
    dns_server.zones["a.example"] = {"MX": ["10 mx.a.example."]}
    getattr(dns_server, fault).add("a.example")

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        for ask in (resolver.mail_domain, resolver.mx, resolver.addresses, resolver.txt):
            with pytest.raises(DnsTemporaryFailure):
                await ask("a.example")
        assert resolver.known_mail_domain("a.example") is None

    play(dns_server, scene, timeout_s=0.8)


def test_case_090_no_resolver_at_all_is_a_temporary_failure(dns_server: DnsServer) -> None:
    dns_server.stop()

    async def scene(resolver: DnsResolver, _clock: Clock) -> None:
        with pytest.raises(DnsTemporaryFailure):
            await resolver.mx("a.example")

    play(dns_server, scene, timeout_s=0.8)


def test_case_090_a_failure_is_remembered_for_a_moment(dns_server: DnsServer) -> None:
    dns_server.zones["a.example"] = {"MX": ["10 mx.a.example."]}
    dns_server.servfail.add("a.example")

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        for _ in range(5):
            with pytest.raises(DnsTemporaryFailure):
                await resolver.mx("a.example")
        asked = dns_server.asked["a.example", "MX"]
        assert asked <= 2  # c-ares tries twice; the other four were answered from memory
        dns_server.servfail.clear()
        clock.now_s += 5.1
        assert (await resolver.mx("a.example")).records

    play(dns_server, scene)


def test_one_address_family_that_fails_does_not_hide_the_other(dns_server: DnsServer) -> None:
    dns_server.zones["a.example"] = {"A": ["192.0.2.1"]}

    async def scene(resolver: DnsResolver, _clock: Clock) -> tuple[str, ...]:
        ask, has_failed = resolver._ask, asyncio.Event()

        async def half(question: tuple[str, str]) -> object:
            if question[1] == "AAAA":
                dns_server.servfail.add("a.example")
                try:
                    return await ask(question)
                finally:
                    dns_server.servfail.clear()
                    has_failed.set()
            await has_failed.wait()
            return await ask(question)

        resolver._ask = half  # type: ignore[assignment]
        return (await resolver.addresses("a.example")).records

    assert play(dns_server, scene) == ("192.0.2.1",)


def test_case_092_huge_txt_is_bounded(dns_server: DnsServer) -> None:
    chunk = '"' + "x" * 255 + '"'
    dns_server.zones["big.example"] = {"TXT": [" ".join([chunk] * 230), '"v=spf1 -all"']}

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.txt("big.example")

    answer = play(dns_server, scene)
    assert "v=spf1 -all" in answer.records
    assert sum(map(len, answer.records)) <= MAX_ANSWER_CHARS


def test_case_092_truncated_answers_are_asked_for_over_tcp(dns_server: DnsServer) -> None:
    dns_server.zones["a.example"] = {"MX": ["10 mx.a.example."]}
    dns_server.truncated.add("a.example")
    assert asked(dns_server, "a.example") is MailDomain.REACHABLE


def test_case_092_cname_loop_ends(dns_server: DnsServer) -> None:
    dns_server.zones = {"l.example": {"CNAME": ["m.example."]}, "m.example": {"CNAME": ["l.example."]}}
    assert asked(dns_server, "l.example") is MailDomain.NOWHERE


def test_case_092_ttl_is_held_between_its_bounds(dns_server: DnsServer) -> None:
    dns_server.zones = {"short.example": {"MX": ["10 mx."]}, "long.example": {"MX": ["10 mx."]}}
    dns_server.ttl_s = {"short.example": 0, "long.example": 30 * 86400}

    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        for name in dns_server.zones:
            await resolver.mail_domain(name)
        clock.now_s += 59
        assert resolver.known_mail_domain("short.example") is MailDomain.REACHABLE
        clock.now_s += 2
        assert resolver.known_mail_domain("short.example") is None
        clock.now_s += 86400 - 62
        assert resolver.known_mail_domain("long.example") is MailDomain.REACHABLE
        clock.now_s += 2
        assert resolver.known_mail_domain("long.example") is None

    play(dns_server, scene)


def test_case_092_nxdomain_that_ends_is_noticed_after_a_minute(dns_server: DnsServer) -> None:
    async def scene(resolver: DnsResolver, clock: Clock) -> None:
        assert await resolver.mail_domain("new.example") is MailDomain.NOWHERE
        dns_server.zones["new.example"] = {"MX": ["10 mx."]}
        assert await resolver.mail_domain("new.example") is MailDomain.NOWHERE
        clock.now_s += 61
        assert await resolver.mail_domain("new.example") is MailDomain.REACHABLE

    play(dns_server, scene)


def test_questions_under_way_are_joined(dns_server: DnsServer) -> None:
    dns_server.zones["slow.example"] = {"MX": ["10 mx."]}
    dns_server.delay_s["slow.example"] = 0.3

    async def scene(resolver: DnsResolver, _clock: Clock) -> list[MailDomain]:
        return await asyncio.gather(*(resolver.mail_domain("slow.example") for _ in range(50)))

    assert play(dns_server, scene) == [MailDomain.REACHABLE] * 50
    assert dns_server.asked["slow.example", "MX"] == 1


def test_a_session_that_leaves_does_not_take_the_answer_from_others(dns_server: DnsServer) -> None:
    dns_server.zones["slow.example"] = {"MX": ["10 mx."]}
    dns_server.delay_s["slow.example"] = 0.3

    async def scene(resolver: DnsResolver, _clock: Clock) -> MailDomain:
        first = asyncio.create_task(resolver.mail_domain("slow.example"))
        second = asyncio.create_task(resolver.mail_domain("slow.example"))
        await asyncio.sleep(0.1)
        first.cancel()
        return await second

    assert play(dns_server, scene) is MailDomain.REACHABLE


def test_questions_under_way_are_bounded(dns_server: DnsServer) -> None:
    dns_server.delay_s = {f"n{number}.example": 0.3 for number in range(4)}

    async def scene(resolver: DnsResolver, _clock: Clock) -> list[object]:
        return await asyncio.gather(*map(resolver.mx, dns_server.delay_s), return_exceptions=True)

    answers = play(dns_server, scene, max_asking=2)
    assert [isinstance(answer, DnsTemporaryFailure) for answer in answers] == [False, False, True, True]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a..example",
        "a\r\nb.example",
        "a b.example",
        "a\0.example",
        "x" * 64 + ".example",
        "é.example",
        "a." * 130,
    ],
)
def test_names_that_cannot_be_asked_for_do_not_exist(dns_server: DnsServer, name: str) -> None:
    assert query_name(name) is None
    assert asked(dns_server, name) is MailDomain.NOWHERE
    assert not dns_server.asked


def test_case_093_hostile_ptr_is_printable(dns_server: DnsServer) -> None:
    dns_server.zones["1.2.0.192.in-addr.arpa"] = {"PTR": ["a\\013\\010X-Spam:\\032no\\000<script>.example."]}

    async def scene(resolver: DnsResolver, _clock: Clock) -> DnsAnswer:
        return await resolver.ptr("192.0.2.1")

    (name,) = play(dns_server, scene).records
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name


def test_a_channel_is_replaced_before_its_own_memory_grows(
    dns_server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "QUERIES_A_CHANNEL", 3)

    async def scene(resolver: DnsResolver, _clock: Clock) -> int:
        channels = []
        for number in range(10):
            await resolver.mx(f"n{number}.example")
            channels.append(resolver._channel)
        return len(set(map(id, channels)))

    assert play(dns_server, scene) >= 3


def test_cache_is_bounded_and_the_oldest_goes() -> None:
    cache: TtlCache[int, int] = TtlCache(3)
    for number in range(5):
        cache.put(number, number, until_s=10)
    assert len(cache) == 3
    assert [cache.get(number, 0) for number in range(5)] == [None, None, 2, 3, 4]
    assert cache.get(4, 10) is None
