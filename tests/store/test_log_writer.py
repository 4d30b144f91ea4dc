"""The journal's records in SQL: all of them, once, as they were."""

from collections.abc import Callable

import pytest

from clement.journal.records import Exchange, GapRecord, Outcome, SessionRecord
from clement.server.identity import session_id
from clement.store import models
from clement.store.access import log
from clement.store.access.actor import Actor
from clement.store.log_ids import first_id_at
from clement.store.log_writer import SqlLogWriter
from tests.store.log_records import START_S, recipient, run, session


@pytest.fixture
def writer(root: Actor) -> SqlLogWriter:  # noqa: ARG001
    return SqlLogWriter("here")


def test_a_session_comes_back_as_it_was_written(writer: SqlLogWriter, root: Actor) -> None:
    record, transactions = session((recipient("a@x.example", next_hop="mx.x.example", domain_id=7),))
    writer.write([*transactions, record], {"seg1": 100})

    story = log.session(root, record.id)

    assert story.transcript == record.transcript
    assert story.session.client_address == "192.0.2.1"
    assert story.session.outcome is Outcome.ACCEPTED
    (transaction,) = story.transactions
    assert transaction.subject == "A subject"
    assert transaction.findings == transactions[0].findings
    assert [(row.address, row.next_hop) for row in transaction.recipients] == [
        ("a@x.example", "mx.x.example")
    ]


def test_positions_advance_with_the_records_and_are_forgotten(writer: SqlLogWriter) -> None:
    writer.write([session()[0]], {"seg1": 100, "seg2": 5})
    writer.write([], {"seg2": 50})
    assert writer.positions() == {"seg1": 100, "seg2": 50}
    writer.forget(["seg1", "never-there"])
    assert writer.positions() == {"seg2": 50}


def test_positions_of_other_nodes_are_left_alone(writer: SqlLogWriter) -> None:
    SqlLogWriter("elsewhere").write([], {"seg1": 7})
    writer.write([], {"seg1": 100})
    writer.forget(["seg1"])
    assert SqlLogWriter("elsewhere").positions() == {"seg1": 7}


def test_the_same_call_twice_writes_once(writer: SqlLogWriter) -> None:
    record, transactions = session((recipient("a@x.example"), recipient("b@x.example")))
    for _time in range(2):
        writer.write([*transactions, record], {"seg1": 100})
    assert_once(record)
    assert models.Recipient.objects.count() == 2


def test_records_that_are_there_under_another_position_are_left_alone(writer: SqlLogWriter) -> None:
    record, transactions = session((recipient("a@x.example", mailbox_ids=(1, 2, 3)),))
    other, _none = session()
    writer.write([*transactions, record], {"seg1": 100})
    writer.write([*transactions, record, other, other], {"seg1": 200})
    assert_once(record)
    assert_once(other)
    assert models.RecipientMailbox.objects.count() == 2
    assert writer.positions() == {"seg1": 200}


def test_directives_count_their_hits_once(writer: SqlLogWriter, root: Actor) -> None:
    from tests.store.directories import build_directives, build_site

    build_site(root)
    number = build_directives(root)["north"]
    record, transactions = session(
        (recipient("a@x.example", directive_id=number), recipient("b@x.example", directive_id=number))
    )
    for end in (100, 200):
        writer.write([*transactions, record], {"seg1": end})
    directive = models.Directive.objects.get(id=number)
    assert (directive.hit_count, directive.last_hit_at_s) == (2, int(START_S) + 1)


def test_a_hit_of_a_directive_that_is_gone_harms_nothing(writer: SqlLogWriter) -> None:
    record, transactions = session((recipient("a@x.example", directive_id=987_654),))
    writer.write([*transactions, record], {"seg1": 100})
    assert_once(record)


def test_of_a_running_run_the_largest_count_stands_with_its_last_session(
    writer: SqlLogWriter, root: Actor
) -> None:
    told = {count: run(count) for count in (10, 250, 40)}
    writer.write([told[10]], {"seg1": 1})
    writer.write([told[250]], {"seg1": 2})
    writer.write([told[40]], {"seg1": 3})

    (row,) = log.refusal_runs(root).rows
    assert (row.count, row.last_session_id) == (250, told[250].last.id)
    assert [one.id for one in log.sessions(root).rows] == [told[250].last.id]
    assert models.Recipient.objects.count() == 1


def test_several_counts_of_a_run_in_one_batch(writer: SqlLogWriter, root: Actor) -> None:
    writer.write([run(10), run(30), run(20), run(5, "0other")], {"seg1": 1})
    assert sorted(row.count for row in log.refusal_runs(root).rows) == [5, 30]
    assert models.Session.objects.count() == 2


def test_gaps_are_told(writer: SqlLogWriter, root: Actor) -> None:
    gap = GapRecord(id="0gap", node="here", cause="disk", first_at_s=1.0, last_at_s=2.0, sessions=5)
    for end in (1, 2):
        writer.write([gap], {"seg1": end})
    assert [(row.cause, row.sessions) for row in log.gaps(root)] == [("disk", 5)]


HOSTILE = [
    "'; DROP TABLE clement_session; --",
    "%s %(x)s {0} \\ \\' \" `",
    "NUL \0 inside",
    "lone \udc80 \ud83d surrogates",
    "four octets 😀 and RTL \u202egnp.exe",
    "\r\nBcc: victim@x.example\x1b[2J",
    "x" * (1 << 20),
    "ü" * 400,
    "\\N",
    "\\.",
    "a\tb\\tc\nd",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_case_117_hostile_text_reaches_every_column_and_loses_nothing_else(
    writer: SqlLogWriter, root: Actor, text: str
) -> None:
    record, transactions = session(
        (recipient(text, reason=text, reply=text, next_hop=text),),
        reverse_path=text,
        subject=text,
        hello=text,
        login=text,
        tls=text,
        reason=text,
        ending=text,
        node=text,
        service=text,
        transcript=(Exchange(1, 2, text, text),),
    )
    writer.write([*transactions, record], {"seg1": 1})

    story = log.session(root, record.id)
    (transaction,) = story.transactions
    stored = [story.session.hello, transaction.subject, transaction.reverse_path, transaction.reply]
    assert all("\0" not in one for one in stored)
    if text.isascii():
        assert story.transcript[0].command == text  # packed: no column of text to fear for
    if text.isascii() and "\0" not in text:
        assert transaction.subject == text[:255]


@pytest.mark.parametrize(
    "fields",
    [
        {"bytes_received": 1 << 70},
        {"client_port": 1 << 40},
        {"started_at_s": float("nan")},
        {"duration_us": -(1 << 63)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_numbers_out_of_range_do_not_stop_the_log(writer: SqlLogWriter, fields: dict[str, object]) -> None:
    good, _none = session()
    told = {name: getattr(good, name) for name in good.__struct_fields__}
    odd = SessionRecord(**{**told, **fields, "id": "0odd"})
    writer.write([odd, good], {"seg1": 1})
    assert_once(good)
    assert_once(odd)


def always(bits: int) -> Callable[[int], int]:
    return lambda _count: bits


def test_ids_bound_times_as_the_server_makes_them() -> None:
    for bits in (0, (1 << 55) - 1):
        made = session_id(START_S, always(bits))
        assert first_id_at(START_S) <= made < first_id_at(START_S + 0.001)
    assert len(first_id_at(0)) == len(session_id(0, lambda _count: 0))


def assert_once(record: SessionRecord) -> None:
    assert models.Session.objects.filter(id=record.id).count() == 1
    count = record.transaction_count
    assert models.Transaction.objects.filter(id__startswith=f"{record.id}-").count() == count
