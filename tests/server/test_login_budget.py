"""Wrong passwords use up a client's budget, nobody else's, and only for a while."""

from clement.server.login import FAILURES_PER_WINDOW, MOST_CLIENTS, WINDOW_S, FailureBudget


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


def test_it_comes_back_with_time_and_with_the_right_password() -> None:
    budget = FailureBudget()
    spend(budget, "a", 0)
    assert not budget.spent("a", WINDOW_S)
    spend(budget, "a", WINDOW_S)
    budget.note_success("a")
    assert not budget.spent("a", WINDOW_S)


def test_the_memory_is_bounded() -> None:
    budget = FailureBudget()
    for number in range(MOST_CLIENTS + 100):
        budget.note_failure(str(number), 0)
    spend(budget, "last", 0)
    assert budget.spent("last", 1)
    assert len(budget._failures) == MOST_CLIENTS
