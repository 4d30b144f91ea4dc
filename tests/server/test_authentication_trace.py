"""What is written on top of a message about its senders, and what of others is taken out."""

from __future__ import annotations

import asyncio

import pytest

from clement.message.headers import fields
from clement.policy.checks import dmarc, reverse_name, spf
from clement.policy.identity import ContentIdentity, Identification, IdentityRules
from clement.server.authentication import Authentication
from clement.server.authentication_trace import (
    method_results,
    trace_of,
    verified_client_name,
    without_forgeries,
)
from clement.spool.content import HEADER_LIMIT_BYTES, Content
from clement.spool.workers import Workers
from tests.policy.identity.world import STRANGER, Message, Zones, author_zones, mail, signed

RECEIVED = b"Received: from x by y; date\r\n"


def trace(message: Message, *, received_spf: bool = False) -> bytes:
    identification = Identification(Zones({}), IdentityRules(hostname="mx.local.example"), lambda: 0.0)
    authentication = Authentication(identification, Workers(), received_spf)
    work = trace_of(authentication, message.identity, message.content, RECEIVED, lambda: 0.0, seals=False)
    return asyncio.run(work)


def judged(message: Message) -> Message:
    for check in (spf.check, spf.check_hello, dmarc.check, reverse_name.check):
        message.finding(check)
    return message


def test_received_stands_lowest() -> None:
    octets = trace(judged(Message(Zones(author_zones()), signed(mail()))))
    assert octets.startswith(b"Authentication-Results: mx.local.example;\r\n\tiprev=pass")
    assert octets.endswith(RECEIVED)
    assert [field.name for field in fields(octets)] == [b"Authentication-Results", b"Received"]


def test_received_spf_is_written_where_it_is_wanted() -> None:
    octets = trace(judged(Message(Zones(author_zones()), mail())), received_spf=True)
    assert octets.startswith(b"Received-SPF: pass ")
    assert b"identity=mailfrom" in octets


def test_what_nobody_asked_for_is_not_told() -> None:
    assert list(method_results(Message(Zones(author_zones()), mail()).identity)) == []


def test_a_part_that_is_signed_is_not_told_as_a_pass() -> None:
    message = judged(Message(Zones(author_zones()), signed(mail())))
    (told,) = [result for result in method_results(message.identity) if result.method == "dkim"]
    assert (told.result, dict(told.properties)["header.d"]) == ("pass", "author.example")
    unsigned = judged(Message(Zones(author_zones()), mail()))
    assert [(each.method, each.result) for each in method_results(unsigned.identity)] == [
        ("iprev", "pass"),
        ("spf", "pass"),
        ("dkim", "none"),
        ("dmarc", "pass"),
    ]


def test_case_093_hostile_names_stay_inside_the_field() -> None:
    """Hostile case 93: what the DNS says of the client's name cannot end a field or open a result."""
    hostile = 'x\r\nEvil: 1;" dkim=pass header.d=bank.example ('
    zones = author_zones() | {("PTR", STRANGER): [hostile], ("A", hostile): [STRANGER]}
    message = judged(Message(Zones(zones), mail(), client=STRANGER, hello=hostile))
    octets = trace(message)
    names = [field.name for field in fields(octets)]
    assert names == [b"Authentication-Results", b"Received"]
    assert b"\r\nEvil" not in octets
    name: ContentIdentity = message.identity
    assert "\r" not in verified_client_name(name)


@pytest.mark.parametrize("more", [b"", b"X: " + b"y" * 1000 + b"\r\n"])
def test_case_099_forgeries_go_and_the_body_stays(more: bytes) -> None:
    forged = b"Authentication-Results: mx.local.example; dkim=pass\r\n"
    content = Content.in_memory(more + forged + mail())
    assert without_forgeries(content, "MX.local.example").whole == more + mail()
    untouched = Content.in_memory(mail())
    assert without_forgeries(untouched, "mx.local.example") is untouched


def test_case_099_a_header_that_is_cut_loses_no_half_of_a_line() -> None:
    forged = b"Authentication-Results: mx.local.example; dkim=pass\r\n"
    filler = b"X: " + b"y" * (HEADER_LIMIT_BYTES - len(forged) - 20) + b"\r\n"
    content = Content.in_memory(forged + filler + forged + mail())
    assert len(content.header_block) == HEADER_LIMIT_BYTES
    assert without_forgeries(content, "mx.local.example").whole == filler + forged + mail()
