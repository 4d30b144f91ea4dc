"""Refusal runs: the first and the last in full, and every session either told or counted."""

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.journal.proportion import (
    TELL_AT_ONCE,
    Proportion,
    ProportionLimits,
    RefusedConnection,
    Told,
    client_key,
)
from clement.journal.records import Record, RefusalRun, SessionRecord, TransactionRecord
from tests.journal.samples import ids, session, transaction


class Records:
    """A RecordLog in memory."""

    def __init__(self) -> None:
        self.all: list[Record] = []
        self.flushed = 0

    def append(self, record: Record) -> None:
        self.all.append(record)

    def flush(self) -> bool:
        self.flushed = len(self.all)
        return True

    def tick(self, now_s: float) -> None:
        self.flush()

    def sessions(self) -> list[SessionRecord]:
        return [record for record in self.all if isinstance(record, SessionRecord)]

    def runs(self) -> dict[str, RefusalRun]:
        """The last word on each run, as SQL keeps it."""
        return {record.id: record for record in self.all if isinstance(record, RefusalRun)}


class Flood:
    """Sessions with numbers, and which of them were built."""

    def __init__(self, in_full: int = 20, keys: int = 10_000) -> None:
        self.log = Records()
        self.proportion = Proportion(self.log, "mx1", ProportionLimits(in_full=in_full, keys=keys), now_s=0.0)
        self.built: list[int] = []
        self.number = 0

    def refuse(self, client: str = "192.0.2.1", reason: str = "unknown-recipient") -> bool:
        self.number += 1
        return self.proportion.refused(
            client, reason, 1000.0 + self.number, partial(self.build, self.number, client, reason)
        )

    def build(self, number: int, client: str, reason: str) -> Told:
        self.built.append(number)
        return session(number, client=client, reason=reason), (transaction(number),)

    def accounted(self) -> int:
        return len(self.log.sessions()) + sum(run.count for run in self.log.runs().values())


def test_few_refusals_are_told_one_by_one() -> None:
    flood = Flood()
    assert [flood.refuse() for _ in range(20)] == [False] * 20
    flood.proportion.close()
    assert len(flood.log.sessions()) == 20
    assert flood.log.runs() == {}


def test_of_a_ban_one_session_tells_all() -> None:
    flood = Flood()
    assert [flood.refuse(reason="server-banned") for _ in range(5)] == [False, True, True, True, True]
    assert flood.refuse(reason="unknown-recipient") is False
    flood.proportion.close()
    (run,) = flood.log.runs().values()
    assert (run.count, run.first_session_id, run.last.id) == (4, "s1", "s5")


def test_transactions_are_told_before_their_session() -> None:
    flood = Flood()
    flood.refuse()
    flood.proportion.record(session(7), [transaction(7)])
    assert ids(flood.log.all) == ["s1-1", "s1", "s7-1", "s7"]


def test_a_flood_is_counted_with_its_first_and_last_in_full() -> None:
    flood = Flood(in_full=3)
    assert [flood.refuse() for _ in range(1000)] == [False] * 3 + [True] * 997
    assert flood.built == [1, 2, 3], "nothing is built that is not told"
    flood.proportion.close()
    (run,) = flood.log.runs().values()
    assert (run.count, run.first_session_id, run.last.id) == (997, "s1", "s1000")
    assert (run.first_at_s, run.last_at_s) == (1001.0, 2000.0)
    assert run.last.transcript
    assert run.last_transactions == (transaction(1000),)
    assert flood.log.flushed == len(flood.log.all)


def test_clients_and_reasons_are_counted_apart() -> None:
    flood = Flood(in_full=1)
    for client in ("192.0.2.1", "192.0.2.2"):
        for reason in ("unknown-recipient", "banned"):
            assert [flood.refuse(client, reason) for _ in range(3)] == [False, True, True]
    flood.proportion.close()
    assert [run.count for run in flood.log.runs().values()] == [2, 2, 2, 2]


def test_a_running_run_is_told_every_ten_seconds_under_one_id() -> None:
    flood = Flood(in_full=1)
    for second in range(1, 31):
        flood.refuse()
        flood.proportion.tick(float(second))
    updates = [record for record in flood.log.all if isinstance(record, RefusalRun)]
    assert [update.count for update in updates] == [9, 19, 29]
    assert len({update.id for update in updates}) == 1
    assert updates[-1].last.id == "s30"


def test_nothing_new_is_not_told_again() -> None:
    flood = Flood(in_full=1)
    flood.refuse()
    flood.refuse()
    for second in range(1, 200):
        flood.proportion.tick(float(second))
    flood.proportion.close()
    assert sum(isinstance(record, RefusalRun) for record in flood.log.all) == 1


def test_a_flood_that_lasts_tells_one_session_and_one_run_a_window() -> None:
    flood = Flood(in_full=20)
    for second in range(1, 601):
        for _ in range(10):
            flood.refuse()
        flood.proportion.tick(float(second))
    flood.proportion.close()
    assert len(flood.log.sessions()) == pytest.approx(20 + 9, abs=2)
    assert len(flood.log.runs()) == pytest.approx(10, abs=1)
    assert flood.accounted() == 6000
    for run in flood.log.runs().values():
        assert run.first_session_id in ids(flood.log.sessions())


def test_after_a_quiet_window_a_client_is_told_in_full_again() -> None:
    flood = Flood(in_full=2)
    for _ in range(5):
        flood.refuse()
    for second in range(1, 200):
        flood.proportion.tick(float(second))
    assert [flood.refuse() for _ in range(3)] == [False, False, True]


def test_the_memory_is_bounded_and_forgets_quiet_clients_first() -> None:
    flood = Flood(in_full=1, keys=100)
    for _ in range(5):
        flood.refuse("192.0.2.1")
    for number in range(1000):
        flood.refuse(f"198.51.100.{number}")
        flood.refuse("192.0.2.1")
    assert len(flood.proportion._runs) <= 100
    flood.proportion.close()
    (run,) = flood.log.runs().values()
    assert run.count == 1004, "the flooding one was kept"
    assert flood.accounted() == 2005


def test_a_flood_of_more_clients_than_are_known_is_still_accounted_for() -> None:
    flood = Flood(in_full=1, keys=50)
    for round_number in range(20):
        for client in range(80):
            flood.refuse(f"c{client}")
            flood.refuse(f"c{client}")
        flood.proportion.tick(float(round_number))
    flood.proportion.close()
    assert flood.accounted() == 20 * 80 * 2


def test_many_due_runs_are_told_over_several_ticks() -> None:
    flood = Flood(in_full=1)
    clients = TELL_AT_ONCE * 3
    for client in range(clients):
        flood.refuse(f"c{client}")
        flood.refuse(f"c{client}")
    flood.proportion.tick(10.0)
    assert len(flood.log.runs()) == TELL_AT_ONCE
    for second in (11.0, 12.0, 13.0):
        flood.proportion.tick(second)
    assert len(flood.log.runs()) == clients


steps = st.lists(
    st.one_of(
        st.tuples(st.just("refuse"), st.integers(0, 5), st.integers(1, 40)),
        st.tuples(st.just("tick"), st.sampled_from([1, 5, 10, 59, 61, 300]), st.just(0)),
    ),
    max_size=60,
)


@given(steps, st.integers(1, 5), st.integers(1, 6))
def test_told_and_counted_add_up_to_all(
    scenario: Sequence[tuple[str, int, int]], in_full: int, keys: int
) -> None:
    flood, now_s = Flood(in_full, keys), 0.0
    last: dict[str, int] = {}
    for what, which, times in scenario:
        if what == "tick":
            now_s += which
            flood.proportion.tick(now_s)
            continue
        for _ in range(times):
            flood.refuse(f"c{which}")
            last[f"c{which}"] = flood.number
    flood.proportion.close()
    assert flood.accounted() == flood.number
    told = ids(flood.log.sessions())
    assert len(told) == len(set(told))
    runs = flood.log.runs().values()
    assert all(run.first_session_id in told for run in runs)
    assert len({run.last.id for run in runs} | set(told)) == len(runs) + len(told), "none is told twice"
    in_full_ids = {run.last.id for run in runs} | set(told)
    assert all(f"s{number}" in in_full_ids for number in last.values()), "the last of each client is told"


def test_connections_refused_at_connect_are_one_exchange() -> None:
    flood = Flood(in_full=1)
    for number in range(3):
        facts = RefusedConnection(f"s{number}", "mx1", "mx", 7.0, "192.0.2.1", 4711, "banned", "554 5.7.1 no")
        flood.proportion.refused("192.0.2.1", "banned", 7.0, facts.told)
    flood.proportion.close()
    (first,), (run,) = flood.log.sessions(), flood.log.runs().values()
    assert (first.id, run.last.id, run.count) == ("s0", "s2", 2)
    assert [exchange.reply for exchange in run.last.transcript] == ["554 5.7.1 no"]
    assert run.last_transactions == ()


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::ffff", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(address: str, key: str) -> None:
    assert client_key(address) == key


def test_only_transactions_of_the_told_are_told() -> None:
    flood = Flood(in_full=2)
    for _ in range(10):
        flood.refuse()
    flood.proportion.close()
    assert sum(isinstance(record, TransactionRecord) for record in flood.log.all) == 2
