"""What the log takes in is counted: all of it, once, whatever happens in between."""

import pytest

from clement.journal.records import Outcome
from clement.policy.network import Standing
from clement.policy.reason import Reason
from clement.policy.reputation import Kind
from clement.store import models
from clement.store.access import server_list
from clement.store.access.actor import Actor, NotFound
from clement.store.actions.network import add_network
from clement.store.actions.server_list import correct
from clement.store.list_records import ReputationRow
from clement.store.reputation import counting, tallies
from tests.store.traffic import DAY_S, START_S, TAKEN, UNKNOWN, VIRUS, Recorder, flood, mail

HALF_LIFE_S = 14 * DAY_S


@pytest.fixture
def recorder(root: Actor) -> Recorder:  # noqa: ARG001
    return Recorder()


def count() -> int:
    return counting.count_waiting(HALF_LIFE_S)


def client(root: Actor, address: str) -> ReputationRow:
    return server_list.reputation(root, Kind.CLIENT, address)


def test_each_kind_of_subject_has_its_counts(recorder: Recorder, root: Actor) -> None:
    recorder.write(
        [
            mail("192.0.2.1", TAKEN, VIRUS, hello="MX.far.example", domains="far.example"),
            mail("192.0.2.1", UNKNOWN, UNKNOWN, hello="mx.far.example"),
            mail("2001:db8:1:2::7", TAKEN),
        ]
    )
    assert count() == 3
    assert client(root, "192.0.2.1/32").counts == {
        "accepted": 1,
        "authenticated": 1,
        "virus": 1,
        "unknown-recipient": 2,
    }
    assert server_list.reputation(root, Kind.HELLO, "mx.far.example").counts["unknown-recipient"] == 2
    assert server_list.reputation(root, Kind.DOMAIN, "far.example").counts == {
        "accepted": 1,
        "authenticated": 1,
        "virus": 1,
    }
    assert client(root, "2001:db8:1:2::/64").counts == {"accepted": 1}
    assert len(client(root, "192.0.2.1/32").sessions) == 2


def test_what_was_counted_is_not_counted_again(recorder: Recorder, root: Actor) -> None:
    told = mail("192.0.2.1", TAKEN)
    recorder.write([told])
    assert count() == 1
    recorder.write([told])  # a replay of the journal under another position
    assert count() == 0
    assert counting.waiting() == 0
    assert client(root, "192.0.2.1/32").counts == {"accepted": 1}


def test_floods_count_with_their_numbers_however_often_they_are_told(recorder: Recorder, root: Actor) -> None:
    for number in (10, 250, 40, 300):
        run = flood("192.0.2.9", number, run_id="0run", reason=Reason.RECIPIENT_UNKNOWN)
        recorder.write([], [run])
        count()
    assert client(root, "192.0.2.9/32").counts == {"unknown-recipient": 300}
    recorder.write([], [flood("2001:db8:5:6::/64", 7, run_id="0six", reason=Reason.PROTOCOL_ERROR)])
    count()
    assert client(root, "2001:db8:5:6::/64").counts == {"unruly": 7}


def test_a_batch_that_fails_half_way_is_counted_as_a_whole_later(
    recorder: Recorder, root: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.write([mail("192.0.2.1", TAKEN, UNKNOWN)])
    with monkeypatch.context() as broken:
        broken.setattr(counting, "_note_costs", lambda _seen: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            count()
    with pytest.raises(NotFound):
        client(root, "192.0.2.1/32")
    assert count() == 1
    assert client(root, "192.0.2.1/32").counts == {"accepted": 1, "unknown-recipient": 1}


def test_sessions_that_are_recorded_late_count_at_their_own_time(recorder: Recorder, root: Actor) -> None:
    recorder.write([mail("192.0.2.1", TAKEN, at_s=START_S + 28 * DAY_S)])
    count()
    recorder.write([mail("192.0.2.1", TAKEN, at_s=START_S)])
    count()
    row = client(root, "192.0.2.1/32")
    assert row.counts == {"accepted": 2}
    assert row.good == pytest.approx(1.25, abs=0.01)
    assert (row.first_seen_s, row.days) == (int(START_S) + 1, 1)


def test_our_own_people_and_networks_are_not_judged(recorder: Recorder, root: Actor) -> None:
    add_network(root, "198.51.100.0/24", Standing.RELAYABLE)
    recorder.write(
        [
            mail("198.51.100.7", VIRUS),
            mail("10.0.0.1", VIRUS),
            mail("127.0.0.1", VIRUS),
            mail("203.0.113.5", VIRUS, login="anna"),
        ]
    )
    count()
    assert not models.Reputation.objects.exists()


def test_what_is_nobodys_fault_speaks_against_nobody(recorder: Recorder, root: Actor) -> None:
    answers = [
        (Outcome.DEFERRED, Reason.SCANNER_UNAVAILABLE),
        (Outcome.REFUSED, Reason.TOO_LARGE),
        (Outcome.DEFERRED, Reason.QUOTA),
    ]
    recorder.write([mail("192.0.2.1", *answers), mail("192.0.2.1", reason=Reason.SERVER_BANNED)])
    count()
    row = client(root, "192.0.2.1/32")
    assert row.counts == {"deferred": 2, "malformed": 1, "banned": 1}
    assert row.unwanted == 0


def test_an_early_end_counts_though_no_transaction_tells_of_it(recorder: Recorder, root: Actor) -> None:
    recorder.write([mail("192.0.2.1", reason=Reason.TOO_MANY_ERRORS)])
    count()
    assert client(root, "192.0.2.1/32").counts == {"unruly": 1}


def test_people_correct_what_was_judged_and_may_change_their_minds(recorder: Recorder, root: Actor) -> None:
    session, (transaction,) = mail("192.0.2.1", TAKEN, domains="far.example")
    recorder.write([(session, [transaction])])
    assert correct(root, transaction.id, wanted=False)
    assert not correct(root, transaction.id, wanted=False)
    count()
    assert client(root, "192.0.2.1/32").counts["complaint"] == 1
    assert server_list.reputation(root, Kind.DOMAIN, "far.example").counts["complaint"] == 1
    assert correct(root, transaction.id, wanted=True)
    count()
    assert client(root, "192.0.2.1/32").counts == {"accepted": 1, "authenticated": 1, "restored": 1}


def test_one_stale_address_asked_for_every_day_is_no_dictionary_attack(
    recorder: Recorder, root: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, (transaction,) = mail("192.0.2.1", UNKNOWN)
    monkeypatch.setattr(tallies, "ENOUGH", 1.0)
    told = []
    for number in range(40):
        one, (first,) = mail("192.0.2.1", UNKNOWN, at_s=START_S + number * 60)
        same = type(first)(
            **{
                **{name: getattr(first, name) for name in first.__struct_fields__},
                "recipients": transaction.recipients,
            }
        )
        told.append((one, [same]))
    recorder.write([(session, [transaction]), *told])
    count()
    row = client(root, "192.0.2.1/32")
    assert row.counts == {"unknown-recipient": 41}
    assert row.unwanted < 4


def test_others_than_root_see_nothing_of_it(recorder: Recorder) -> None:
    recorder.write([mail("192.0.2.1", TAKEN)])
    count()
    with pytest.raises(NotFound):
        client(Actor(name="somebody"), "192.0.2.1/32")
