"""The name a client gives itself: ours, implausible, or just a name."""

from __future__ import annotations

import pytest

from clement.policy.checks.hello import check
from clement.policy.facts import SessionFacts
from clement.policy.finding import Result
from clement.policy.reason import Reason
from clement.smtp import Service
from tests.policy.samples import ANNA_PERSON, NOT_RELAYABLE, RELAYABLE, TRUSTED, session


@pytest.mark.parametrize("name", ["mx.local.example", "MX.Local.Example", "mx.local.example."])
def test_a_stranger_that_says_it_is_us_is_refused(name: str) -> None:
    found = check(session(hello=name))
    assert found is not None
    assert (found.result, found.reason) == (Result.FAIL, Reason.HELLO_IMPERSONATES)


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_a_stranger_that_says_it_has_our_address_is_refused(literal: str) -> None:
    found = check(session(hello=literal))
    assert found is not None
    assert found.reason is Reason.HELLO_IMPERSONATES


@pytest.mark.parametrize(
    ("called", "literal"),
    [
        ("192.0.2.77", "[192.0.2.77]"),
        ("::ffff:192.0.2.77", "[192.0.2.77]"),
        ("192.0.2.77", "[IPv6:::FFFF:192.0.2.77]"),
        ("2001:db8::77", "[IPv6:2001:DB8:0:0::77]"),
    ],
)
def test_the_address_that_the_session_came_in_on_is_ours(called: str, literal: str) -> None:
    found = check(session(hello=literal, called=called))
    assert found is not None
    assert (found.result, found.reason) == (Result.FAIL, Reason.HELLO_IMPERSONATES)


@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.77"])
def test_a_program_of_this_machine_that_calls_from_the_address_it_calls_names_its_own(address: str) -> None:
    found = check(session(address, hello=f"[{address}]", called=address))
    assert found is not None
    assert (found.result, found.reason) == (Result.NEUTRAL, None)


@pytest.mark.parametrize("literal", ["[172.17.0.2]", "[IPv6:fd00::2]"])
def test_an_address_for_private_use_is_ours_only_to_our_neighbours(literal: str) -> None:
    # RFC 1918 §3: others have the same address, and behind a translator they greet with it in good faith.
    called = literal.strip("[]").removeprefix("IPv6:")
    from_outside = check(session("8.8.8.8", hello=literal, called=called))
    assert from_outside is not None
    assert (from_outside.result, from_outside.reason) == (Result.SOFTFAIL, None)
    from_beside = check(session("10.0.0.9", hello=literal, called=called))
    assert from_beside is not None
    assert from_beside.reason is Reason.HELLO_IMPERSONATES


def test_nobody_is_asked_for_our_address_by_a_client_that_greets_with_a_name() -> None:
    facts = session(hello="mx.sender.example")
    facts.called = pytest.fail
    assert check(facts) is not None


@pytest.mark.parametrize("name", ["local.example", "Relay.Example", "relay.example."])
def test_a_hosted_domain_may_be_its_customers_own_server(name: str) -> None:
    found = check(session(hello=name))
    assert found is not None
    assert (found.result, found.reason) == (Result.SOFTFAIL, Reason.HELLO_IMPLAUSIBLE)


@pytest.mark.parametrize("name", ["localhost", "pc-12", "198.18.0.7", "192.0.2.1", "::1.2.3.4"])
def test_what_is_no_name_is_implausible(name: str) -> None:
    found = check(session(hello=name))
    assert found is not None
    assert (found.result, found.reason) == (Result.SOFTFAIL, Reason.HELLO_IMPLAUSIBLE)


@pytest.mark.parametrize("name", ["mx.sender.example", "sub.local.example", "xn--bcher-kva.example", "a.b"])
def test_any_other_name_is_noted_whether_it_verifies_or_not(name: str) -> None:
    found = check(session(hello=name))
    assert found is not None
    assert (found.result, found.reason, found.detail) == (Result.NEUTRAL, None, name)


@pytest.mark.parametrize(
    ("client", "name", "result"),
    [
        ("198.18.0.7", "[198.18.0.7]", Result.NEUTRAL),
        ("2001:db8::7", "[IPv6:2001:DB8:0::7]", Result.NEUTRAL),
        ("::ffff:198.18.0.7", "[198.18.0.7]", Result.NEUTRAL),
        ("198.18.0.7", "[10.0.0.1]", Result.SOFTFAIL),
        ("198.18.0.7", "[nonsense]", Result.SOFTFAIL),
        ("198.18.0.7", "[", Result.SOFTFAIL),
    ],
)
def test_a_literal_that_does_not_verify_is_no_reason_to_refuse(
    client: str, name: str, result: Result
) -> None:
    # RFC 5321 §4.1.4
    found = check(session(client, hello=name))
    assert found is not None
    assert (found.result, found.reason) == (result, None)


@pytest.mark.parametrize(
    "facts",
    [
        session(hello="mx.local.example", person=ANNA_PERSON),
        session(hello="mx.local.example", relaying=RELAYABLE),
        session(hello="mx.local.example", reputation=TRUSTED),
        session("127.0.0.1", hello="mx.local.example"),
        session("::1", hello="localhost"),
        session(hello="localhost", service=Service.SUBMISSION),
        session(hello="mx.local.example", service=Service.LMTP),
    ],
    ids=["logged-in", "relayable", "trusted", "loopback", "loopback-6", "submission", "lmtp"],
)
def test_our_own_side_may_call_itself_what_it_likes(facts: SessionFacts) -> None:
    assert check(facts) is None


def test_a_host_that_may_not_relay_is_a_stranger() -> None:
    found = check(session(hello="mx.local.example", relaying=NOT_RELAYABLE))
    assert found is not None
    assert found.reason is Reason.HELLO_IMPERSONATES
