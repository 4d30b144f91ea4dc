"""Pages of the log: complete, in order, without repeats, whatever the filter; and what retention takes."""

from collections.abc import Callable

import pytest

from clement.journal.records import GapRecord, Outcome, Record
from clement.store import models
from clement.store.access import log, log_streams
from clement.store.access.actor import Actor
from clement.store.access.log_filter import EVERYTHING, LogFilter, Page
from clement.store.log_ids import first_id_at
from clement.store.log_writer import SqlLogWriter
from clement.store.records import RecipientRow, SessionRow
from clement.store.retention import DAY_S, Retention, delete_expired
from tests.store.log_records import START_S, recipient, run, session

DOMAINS = (11, 12, 13)
MAILBOX = 77


@pytest.fixture
def some_log(root: Actor) -> Actor:
    """120 sessions, one a minute: 3 domains, 4 clients, 5 reverse-paths; some refused, some by alias."""
    records: list[Record] = []
    for number in range(120):
        refused = number % 10 == 0
        told = {"outcome": Outcome.REFUSED, "reason": "virus"} if refused else {}
        mailboxes = (5, MAILBOX) if number % 12 == 0 else ()
        people = tuple(
            recipient(
                f"r{number}-{each}@d{number % 3}.example",
                domain_id=DOMAINS[number % 3],
                group_id=1 + number % 2,
                mailbox_ids=mailboxes or ((MAILBOX,) if number % 7 == 0 else ()),
                **told,
            )
            for each in range(2)
        )
        record, transactions = session(
            people,
            at_s=START_S + 60 * number,
            client_address=f"192.0.2.{number % 4}",
            reverse_path=f"s{number % 5}@far.example" if number % 5 else "",
            subject=f"Größe Nummer {number}",
            hello=f"Mail{number % 8}.far.example",
            **told,
        )
        records += [*transactions, record]
    SqlLogWriter("here").write(records, {"seg1": 1})
    return root


def all_pages(ask: Callable[[str], Page[RecipientRow]] | Callable[[str], Page[SessionRow]]) -> list[object]:
    found: list[object] = []
    cursor = ""
    for _page in range(500):
        page = ask(cursor)
        found.extend(page.rows)
        cursor = page.cursor
        if not cursor:
            return found
    pytest.fail("the pages do not end")


FILTERS = {
    "all": (EVERYTHING, range(120)),
    "since": (LogFilter(since_s=START_S + 60 * 100), range(100, 120)),
    "until": (LogFilter(until_s=START_S + 60 * 20), range(20)),
    "client": (LogFilter(client="192.0.2.3"), range(3, 120, 4)),
    "reverse-path": (LogFilter(reverse_path="s2@far.example"), range(2, 120, 5)),
    "client and reverse-path": (
        LogFilter(client="192.0.2.3", reverse_path="s2@far.example"),
        range(7, 120, 20),
    ),
    "null reverse-path": (LogFilter(reverse_path=""), range(0, 120, 5)),
    "client and null reverse-path": (LogFilter(client="192.0.2.3", reverse_path=""), range(15, 120, 20)),
    "outcome": (LogFilter(outcome=Outcome.REFUSED), range(0, 120, 10)),
    "reason": (LogFilter(reason="virus", since_s=START_S + 60 * 50), range(50, 120, 10)),
    "recipient's domain": (LogFilter(recipient="@d1.example"), range(1, 120, 3)),
    "recipient": (LogFilter(recipient="r7-1@d1.example"), [7]),
    "text": (LogFilter(text="NUMMER 11"), [11, *range(110, 120)]),
    "nothing": (LogFilter(text="no such words"), []),
}


def numbers(rows: list[object]) -> list[int]:
    return [int(row.address.partition("-")[0][1:]) for row in rows if isinstance(row, RecipientRow)]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("window", [20_000, 7], ids=["wide", "narrow"])
def test_all_recipients_that_match_come_once_and_in_order(
    some_log: Actor, name: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_streams, "WINDOW_ROWS", window)
    monkeypatch.setattr(log_streams, "KEYS_AT_ONCE", min(window, 400))
    wanted, expected = FILTERS[name]
    rows = all_pages(lambda cursor: log.recipients(some_log, wanted, cursor=cursor, limit=9))
    each = range(1 if name == "recipient" else 2)
    assert numbers(rows) == [number for number in reversed(expected) for _each in each]


@pytest.mark.parametrize("name", FILTERS)
def test_all_sessions_that_match_come_once_and_in_order(some_log: Actor, name: str) -> None:
    wanted, expected = FILTERS[name]
    if name == "text":  # which is sought in HELO names here
        wanted, expected = LogFilter(text="MAIL3.far"), range(3, 120, 8)
    rows = all_pages(lambda cursor: log.sessions(some_log, wanted, cursor=cursor, limit=7))
    began = [round((row.started_at_s - START_S) / 60) for row in rows if isinstance(row, SessionRow)]
    assert began == list(reversed(expected))


WHO = {
    "one domain": (
        Actor("a", domain_ids=frozenset({12}), granted_domain_ids=frozenset({12})),
        range(1, 120, 3),
    ),
    "two domains": (
        Actor("a", domain_ids=frozenset({11, 12}), granted_domain_ids=frozenset({11, 12})),
        [number for number in range(120) if number % 3 != 2],
    ),
    "a group and a domain": (
        Actor("a", group_ids=frozenset({1}), domain_ids=frozenset({12}), granted_domain_ids=frozenset({12})),
        [number for number in range(120) if number % 2 == 0 or number % 3 == 1],
    ),
    "a mailbox": (
        Actor("a", mailbox_ids=frozenset({MAILBOX})),
        [number for number in range(120) if number % 7 == 0 or number % 12 == 0],
    ),
}


@pytest.mark.parametrize("name", WHO)
@pytest.mark.parametrize("wanted", [EVERYTHING, LogFilter(client="192.0.2.0"), LogFilter(text="nummer")])
@pytest.mark.usefixtures("some_log")
def test_pages_are_merged_from_all_that_a_person_sees(
    name: str, wanted: LogFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_streams, "WINDOW_ROWS", 11)
    monkeypatch.setattr(log_streams, "KEYS_AT_ONCE", 11)
    who, expected = WHO[name]
    if wanted.client:
        expected = [number for number in expected if number % 4 == 0]
    rows = all_pages(lambda cursor: log.recipients(who, wanted, cursor=cursor, limit=5))
    assert numbers(rows) == [number for number in reversed(expected) for _each in range(2)]


@pytest.mark.usefixtures("some_log")
def test_an_address_shows_each_what_he_may_see_of_it() -> None:
    wanted = LogFilter(recipient="r7-1@d1.example")
    seen = {
        name: numbers(all_pages(lambda cursor, who=who: log.recipients(who, wanted, cursor=cursor)))
        for name, (who, _) in WHO.items()
    }
    stranger = Actor("s", domain_ids=frozenset({11}), granted_domain_ids=frozenset({11}))
    assert seen == {"one domain": [7], "two domains": [7], "a group and a domain": [7], "a mailbox": [7]}
    assert log.recipients(stranger, wanted).rows == ()


def test_pages_of_runs(root: Actor) -> None:
    runs = [run(1 + number, f"0run{number:02d}", START_S + number // 3) for number in range(20)]
    SqlLogWriter("here").write(runs, {"seg1": 1})
    found: list[str] = []
    cursor = ""
    while True:
        page = log.refusal_runs(root, LogFilter(client="192.0.2.9"), cursor=cursor, limit=3)
        found += [row.id for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert found == [one.id for one in sorted(runs, key=lambda one: (one.last_at_s, one.id), reverse=True)]


def test_a_cursor_that_no_page_gave_is_refused(some_log: Actor) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        log.recipients(some_log, cursor="0abc/'; DROP")


@pytest.mark.parametrize("age_days", [0, 1, 3])
def test_retention_takes_what_is_old_and_nothing_else(some_log: Actor, age_days: int) -> None:
    del some_log
    gap = GapRecord(id="0gap", node="here", cause="disk", first_at_s=START_S, last_at_s=START_S, sessions=5)
    SqlLogWriter("here").write([run(9), gap], {"seg1": 2})
    half_s = START_S + 60 * 60 - 30
    pauses: list[float] = []
    keep = Retention(sessions_days=age_days, refusal_runs_days=age_days)
    deleted = delete_expired(keep, now_s=half_s + age_days * DAY_S, sleep=pauses.append)
    if age_days == 0:
        assert deleted == 0
        return
    assert models.Session.objects.count() == 60
    assert models.Transaction.objects.count() == 60
    assert models.Recipient.objects.count() == 120
    assert not models.Recipient.objects.filter(transaction_key__lt=first_id_at(half_s)).exists()
    assert (models.RefusalRun.objects.count(), models.LogGap.objects.count()) == (0, 0)


def test_retention_works_in_batches_and_stops_when_told(
    some_log: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    del some_log
    monkeypatch.setattr("clement.store.retention.BATCH_ROWS", 10)
    pauses: list[float] = []
    now_s = START_S + 365 * DAY_S
    delete_expired(Retention(), now_s=now_s, stop=lambda: len(pauses) >= 3, sleep=pauses.append)
    assert len(pauses) == 3
    assert models.Session.objects.count() > 0
    delete_expired(Retention(), now_s=now_s, sleep=pauses.append)
    assert models.Session.objects.count() == models.Recipient.objects.count() == 0
