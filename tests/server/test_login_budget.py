"""Wrong passwords use up a client's budget, nobody else's, and only for a while."""

import asyncio

import pytest

from clement.policy.directory import Directory, DirectoryContents, Person
from clement.server import login
from clement.server.census import LOGIN_BUCKETS, Census
from clement.server.login import FAILURES_PER_WINDOW, WINDOW_S, FailureBudget, Login
from clement.server.slot_table import SLOTS_A_BUCKET, SlotTable
from clement.smtp import Reply, replies


def new_budget(buckets: int = 8) -> FailureBudget:
    return FailureBudget(SlotTable.in_memory(buckets))


def spend(budget: FailureBudget, client: str, now_s: float, times: int = FAILURES_PER_WINDOW) -> None:
    for _ in range(times):
        budget.note_failure(client, now_s)


def test_a_budget_is_spent_by_one_client_alone() -> None:
    budget = new_budget()
    spend(budget, "192.0.2.1", 0, FAILURES_PER_WINDOW - 1)
    assert not budget.spent("192.0.2.1", 1)
    budget.note_failure("192.0.2.1", 1)
    assert budget.spent("192.0.2.1", 2)
    assert not budget.spent("192.0.2.2", 2)


def test_it_comes_back_with_time() -> None:
    budget = new_budget()
    spend(budget, "a", 0)
    assert not budget.spent("a", WINDOW_S)


def test_a_right_password_between_wrong_ones_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "FAILURE_DELAY_S", 0.0)
    anna = Person(1, "anna", "right")
    directory = Directory(DirectoryContents(1, persons=(anna,)))
    budget = new_budget()

    async def check(password_hash: str, password: bytes) -> bool:
        return password_hash == password.decode()

    async def log_in(password: str) -> Reply:
        said = Login(check, budget, "a", 3).begin("PLAIN", f"\0anna\0{password}".encode(), directory, 0)
        return said if isinstance(said, Reply) else await said

    for _ in range(FAILURES_PER_WINDOW - 1):
        assert asyncio.run(log_in("wrong")) is replies.AUTH_FAILED
    assert asyncio.run(log_in("right")) is replies.AUTH_OK
    assert asyncio.run(log_in("wrong")) is replies.AUTH_FAILED
    assert asyncio.run(log_in("right")) is replies.AUTH_TOO_OFTEN


def test_the_memory_is_bounded_and_the_longest_unseen_is_forgotten_first() -> None:
    budget = new_budget(1)
    for number in range(SLOTS_A_BUCKET):
        spend(budget, str(number), number)
    assert all(budget.spent(str(number), SLOTS_A_BUCKET) for number in range(SLOTS_A_BUCKET))
    spend(budget, "last", SLOTS_A_BUCKET)
    assert budget.spent("last", SLOTS_A_BUCKET)
    left = [number for number in range(SLOTS_A_BUCKET) if budget.spent(str(number), SLOTS_A_BUCKET)]
    assert left == list(range(1, SLOTS_A_BUCKET))


def test_all_receivers_count_together_and_one_that_starts_again_forgets_nothing() -> None:
    census = Census(2)
    first, second = (FailureBudget(census.region(number).failed_logins) for number in (0, 1))
    spend(first, "a", 0, FAILURES_PER_WINDOW - 1)
    assert not second.spent("a", 1)
    second.note_failure("a", 1)
    assert first.spent("a", 2)
    assert FailureBudget(census.region(0).failed_logins).spent("a", 2)


def test_many_who_guess_spend_nobody_elses_budget() -> None:
    """More of them than there is room for: they may be forgotten, others are never counted with them."""
    budget = FailureBudget(SlotTable.in_memory(LOGIN_BUCKETS // 64))
    for number in range(2000):
        spend(budget, f"2001:db8:{number:x}::/64", number // 10)
    assert not any(budget.spent(f"192.0.2.{host}", 200) for host in range(256))
    assert budget.spent("2001:db8:7cf::/64", 200)


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    budget = new_budget()
    spend(budget, "a", 100_000)
    assert not budget.spent("a", 1000)
    spend(budget, "a", 1000)
    assert budget.spent("a", 1001)
