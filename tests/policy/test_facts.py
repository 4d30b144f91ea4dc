"""A long session sees what changes in the directory: networks, and whether somebody still may log in."""

from ipaddress import ip_address, ip_network

import pytest

from clement.policy.directory import Directory, DirectoryContents, Person
from clement.policy.facts import SessionFacts
from clement.policy.network import ClientNetwork, Standing
from clement.smtp import Service

ANNA = Person(1, "anna", "hash", frozenset({"anna@site.example"}))
CLIENT = ip_address("192.0.2.1")


def directory(*persons: Person, networks: tuple[ClientNetwork, ...] = ()) -> Directory:
    return Directory(DirectoryContents(1, persons=persons, networks=networks))


def session(person: Person | None) -> SessionFacts:
    return SessionFacts(CLIENT, str(CLIENT), Service.SUBMISSION, directory(ANNA), 0.0, person=person)


def test_a_login_lasts_and_its_rights_follow_the_directory() -> None:
    facts = session(ANNA)
    more = Person(1, "anna", "hash", frozenset({"anna@site.example", "office@site.example"}))
    assert not facts.see(directory(more), 10)
    assert facts.person == more
    assert (facts.directory.person("anna"), facts.now_s) == (more, 10)


@pytest.mark.parametrize("persons", [(), (Person(1, "anna", "another hash"),)], ids=["gone", "new password"])
def test_a_login_ends_with_the_person_or_the_password(persons: tuple[Person, ...]) -> None:
    facts = session(ANNA)
    assert facts.see(directory(*persons), 10)
    assert facts.person is None
    assert not facts.privileged()


def test_nobody_is_logged_in_by_a_change_of_the_directory() -> None:
    facts = session(None)
    assert not facts.see(directory(ANNA), 10)
    assert facts.person is None


def test_networks_take_effect_and_end_within_a_session() -> None:
    facts = session(None)
    network = ip_network("192.0.2.0/24")
    entries = (
        ClientNetwork(1, network, Standing.RELAYABLE, expires_at=100),
        ClientNetwork(2, network, Standing.TRUSTED),
    )
    facts.see(directory(networks=entries), 10)
    assert facts.privileged()
    assert facts.trusted()
    facts.see(directory(networks=entries), 100)
    assert not facts.privileged()
    facts.see(directory(), 101)
    assert not facts.trusted()
