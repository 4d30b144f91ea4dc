"""Wrong passwords use up a client's budget, nobody else's, and only for a while."""

import asyncio

import pytest

from clement.policy.directory import Directory, DirectoryContents, Person
from clement.server import login
from clement.server.login import FAILURES_PER_WINDOW, MOST_CLIENTS, WINDOW_S, FailureBudget, Login
from clement.smtp import Reply, replies


def spend(budget: FailureBudget, client: str, now_s: float, times: int = FAILURES_PER_WINDOW) -> None:
    for _ in range(times):
        budget.note_failure(client, now_s)


def test_a_budget_is_spent_by_one_client_alone() -> None:
    budget = FailureBudget()
    spend(budget, "192.0.2.1", 0, FAILURES_PER_WINDOW - 1)
    assert not budget.spent("192.0.2.1", 1)
    budget.note_failure("192.0.2.1", 1)
    assert budget.spent("192.0.2.1", 2)
    assert not budget.spent("192.0.2.2", 2)


def test_it_comes_back_with_time() -> None:
    budget = FailureBudget()
    spend(budget, "a", 0)
    assert not budget.spent("a", WINDOW_S)


def test_a_right_password_between_wrong_ones_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "FAILURE_DELAY_S", 0.0)
    anna = Person(1, "anna", "right")
    directory = Directory(DirectoryContents(1, persons=(anna,)))
    budget = FailureBudget()

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


def test_the_memory_is_bounded() -> None:
    budget = FailureBudget()
    for number in range(MOST_CLIENTS + 100):
        budget.note_failure(str(number), 0)
    spend(budget, "last", 0)
    assert budget.spent("last", 1)
    assert len(budget._failures) == MOST_CLIENTS
