"""From refusals to a ban and back: the log, the steward, the snapshot, the greeting, and a pardon."""

from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House

ATTACKER = "192.0.3.200"
# No ban before all the sessions of the attack: the steward may look at any of them first.
EAGER = {"reputation": {"trial_hours": 0, "ban_evidence": 20, "ban_share": 0.6}}


def attack(house: House, sessions: int = 4, recipients: int = 6) -> None:
    for session in range(sessions):
        with house.from_afar(ATTACKER) as client:
            client.open()
            client.envelope(*(f"guess{session}x{number}@local.example" for number in range(recipients)))


def test_a_dictionary_attack_ends_in_a_ban_that_a_pardon_lifts(build: Builder) -> None:
    house = build(tables=EAGER)
    attack(house)
    house.wait_for_row(
        "SELECT count(*) FROM clement_session WHERE client_address = ? HAVING count(*) = 4", ATTACKER
    )
    # The steward's first look comes when he starts; afterwards he waits for minutes.
    house.program.stop()
    house.start_again()
    assert house.wait_for_row(
        "SELECT state FROM clement_serverlistentry WHERE network = ? AND state = 'effective'",
        f"{ATTACKER}/32",
    )
    wait_until(lambda: _greeting(house) == 554, "the receivers have read of it")
    with house.from_afar(ATTACKER) as client:
        greeting = client.answer()
    assert f"{ATTACKER} is banned from this server: 24 unknown recipients since " in greeting.text
    assert "write to postmaster@local.example" in greeting.text
    assert "unknown-recipient" in house.verb(f"banned show {ATTACKER}")
    with house.from_afar("192.0.3.201") as client:
        assert client.answer().code == 220

    house.verb(f"banned remove {ATTACKER}")
    wait_until(lambda: _greeting(house) == 220, "the receivers have read of the pardon")


def _greeting(house: House) -> int:
    with house.from_afar(ATTACKER) as client:
        return client.answer().code
