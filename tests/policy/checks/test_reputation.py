"""The reputation check: evidence with a weight, never a reason."""

from clement.policy.checks.reputation import check_client, check_hello, of_domains
from clement.policy.directory import Directory, DirectoryContents
from clement.policy.facts import SessionFacts
from clement.policy.network import client_address
from clement.policy.reputation import Kind, Reputation
from tests.policy.samples import session

KNOWN = Directory(
    DirectoryContents(
        reputations=(
            Reputation(Kind.CLIENT, "192.0.2.1/32", 2.5, 3, 40),
            Reputation(Kind.HELLO, "good.example", -3.0, 100, 1),
            Reputation(Kind.HELLO, "bad.example", 3.0, 1, 100),
            Reputation(Kind.DOMAIN, "friend.example", -3.0, 100, 1),
        )
    )
)


def met(client: str = "192.0.2.9", hello: str = "") -> SessionFacts:
    facts = session()
    facts.client, facts.directory, facts.hello = client_address(client), KNOWN, hello
    return facts


def test_a_known_client_is_weighed() -> None:
    found = check_client(met("192.0.2.1"))
    assert found is not None
    assert (found.reason, found.weight, found.detail) == (None, 2.5, "192.0.2.1/32: 3 wanted, 40 unwanted")
    assert check_client(met("192.0.2.2")) is None


def test_a_good_name_in_helo_helps_nobody_and_a_bad_one_hurts() -> None:
    assert check_hello(met(hello="good.example")) is None
    found = check_hello(met(hello="bad.example"))
    assert found is not None
    assert found.weight == 3.0


def test_who_vouches_is_weighed() -> None:
    found = of_domains(KNOWN, ["other.example", "friend.example"])
    assert found is not None
    assert found.weight == -3.0
