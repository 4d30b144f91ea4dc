"""The table of states is total, and the session does what it says: every state times every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from clement.smtp import (
    ContentAborted,
    ContentChunk,
    ContentRequested,
    Event,
    Hello,
    LocalProtocolError,
    MailRequested,
    RecipientRequested,
    Reply,
    Service,
    State,
    TlsRequested,
    replies,
)
from clement.smtp.commands import COMMANDS, FOREIGN_VERBS
from clement.smtp.state import COMMAND_STATES, SEQUENCE
from tests.smtp.core import EVERYTHING, Core, open_transaction

LINES = {
    "EHLO": b"EHLO c.test",
    "HELO": b"HELO c.test",
    "LHLO": b"LHLO c.test",
    "MAIL": b"MAIL FROM:<a@a.test>",
    "RCPT": b"RCPT TO:<b@b.test>",
    "DATA": b"DATA",
    "BDAT": b"BDAT 4\r\nab",
    "RSET": b"RSET",
    "STARTTLS": b"STARTTLS",
    "AUTH": b"AUTH PLAIN AGJvYgBzZWNyZXQ=",
    "VRFY": b"VRFY bob",
    "EXPN": b"EXPN staff",
    "HELP": b"HELP",
    "NOOP": b"NOOP",
    "XMESH": b"XMESH HELLO",
    "QUIT": b"QUIT",
}


def core_in(state: State, service: Service, *, meshed: bool = False) -> Core:
    """A core in this state, with AUTH and STARTTLS both possible; or under TLS, with XMESH."""
    core = Core(service=service, offer=replace(EVERYTHING, auth_without_tls=True))
    if meshed:
        core = Core(service=service, offer=EVERYTHING, tls_active=True)
        core.session.offer_mesh()
    hello = b"LHLO c.test\r\n" if service is Service.LMTP else b"EHLO c.test\r\n"
    match state:
        case State.GREETED:
            pass
        case State.READY:
            core.feed(hello)
        case State.TRANSACTION:
            core.feed(hello, b"MAIL FROM:<a@a.test>\r\n")
        case State.RECIPIENTS:
            open_transaction(core)
        case State.CHUNKS:
            open_transaction(core).feed(b"BDAT 1\r\nx")
        case State.REFUSED:
            core = Core(service=service, greeting=replies.NETWORK_BANNED, tls_active=meshed)
            if meshed:
                core.session.offer_mesh()
    assert core.session.state is state
    return core


def test_the_table_is_total() -> None:
    assert set(LINES) == set(SEQUENCE)
    assert all(len(row) == len(COMMAND_STATES) for row in SEQUENCE.values())
    for service, commands in COMMANDS.items():
        known = {command.verb for command in commands.values()}
        spoken = {"LHLO"} if service is Service.LMTP else {"EHLO", "HELO"}
        assert known == set(SEQUENCE) - {"EHLO", "HELO", "LHLO", "XMESH"} | spoken | {"EHLO", "HELO"} | set(
            FOREIGN_VERBS
        )


@pytest.mark.parametrize("service", [Service.SMTP, Service.LMTP])
@pytest.mark.parametrize("verb", LINES)
@pytest.mark.parametrize("state", COMMAND_STATES)
def test_every_state_and_command(state: State, verb: str, service: Service) -> None:
    core = core_in(state, service, meshed=verb == "XMESH")
    cell = SEQUENCE[verb][state]
    reply = core.said(LINES[verb] + b"\r\n")
    if isinstance(cell, Reply):
        expected = cell.encode().decode().rstrip("\r\n")
    elif service is Service.LMTP and verb in ("EHLO", "HELO"):
        expected, cell = replies.LHLO_ONLY.encode().decode().rstrip("\r\n"), state
    elif verb == ("LHLO" if service is Service.SMTP else "XMESH"):
        expected, cell = replies.COMMAND_UNKNOWN.encode().decode().rstrip("\r\n"), state
    else:
        expected = ""
        assert reply[0] in ("2", "3") or verb == "EXPN"
    if expected:
        assert reply == expected or verb in ("LHLO", "XMESH")
    if isinstance(cell, Reply):
        assert core.session.state is state
    elif verb == "BDAT":
        assert core.session.state is State.CHUNKS
    else:
        assert core.session.state is cell


FAILURES: dict[str, type[Event]] = {
    "EHLO": Hello,
    "MAIL": MailRequested,
    "RCPT": RecipientRequested,
    "DATA": ContentRequested,
    "STARTTLS": TlsRequested,
}


@pytest.mark.parametrize("reply", [replies.LOCAL_ERROR, replies.CONTENT_REFUSED])
@pytest.mark.parametrize("verb", FAILURES)
@pytest.mark.parametrize("state", COMMAND_STATES)
def test_failure_leaves_the_state_as_it_was(state: State, verb: str, reply: Reply) -> None:
    if isinstance(SEQUENCE[verb][state], Reply):
        return
    core = core_in(state, Service.SMTP)
    core.answers = {FAILURES[verb]: lambda _core, _event: reply}
    before = core.session.transaction
    assert core.said(LINES[verb] + b"\r\n").startswith(str(reply.code))
    assert core.session.state is state
    assert core.session.transaction is before


def test_refused_bdat_ends_the_transaction() -> None:
    core = core_in(State.RECIPIENTS, Service.SMTP)
    core.answers = {ContentRequested: lambda _core, _event: replies.LOCAL_ERROR}
    assert core.said(LINES["BDAT"] + b"\r\n").startswith("451")
    assert core.session.state is State.READY
    assert core.session.transaction is None


@pytest.mark.parametrize("verb", ["EHLO", "RSET", "QUIT"])
def test_what_ends_a_transaction_between_chunks_aborts_its_content(verb: str) -> None:
    core = core_in(State.CHUNKS, Service.SMTP)
    core.feed(LINES[verb] + b"\r\n")
    assert core.aborted == 1
    kinds = [type(event) for event in core.events]
    assert ContentAborted in kinds[-2:]
    assert core.session.transaction is None


WRONG_ANSWERS: list[tuple[str, Callable[[Core], object]]] = [
    ("nothing awaits", lambda core: core.session.answer(replies.OK)),
    ("greeted twice", lambda core: core.session.greet(replies.SERVICE_READY)),
    ("no STARTTLS", lambda core: core.session.tls_established()),
]


@pytest.mark.parametrize(("name", "act"), WRONG_ANSWERS)
def test_mistakes_of_the_program_are_told(name: str, act: Callable[[Core], object]) -> None:
    core = core_in(State.READY, Service.SMTP)
    with pytest.raises(LocalProtocolError):
        act(core)
    assert core.session.state is State.READY, name


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [("MAIL", replies.START_CONTENT), ("EHLO", replies.START_CONTENT), ("MAIL", [replies.OK])],
)
def test_an_answer_that_makes_no_sense_can_be_mended(verb: str, wrong: object) -> None:
    core = core_in(State.READY, Service.SMTP)
    session = core.session
    session.receive_data(LINES[verb] + b"\r\n")
    event = session.next_event()
    with pytest.raises(LocalProtocolError):
        session.answer(wrong)  # type: ignore[arg-type]
    assert session.awaiting_answer is event
    session.answer(replies.LOCAL_ERROR)
    assert session.data_to_send().startswith(b"451")


def test_content_that_was_cut_cannot_be_accepted() -> None:
    core = open_transaction(Core(service=Service.LMTP), recipients=2)
    session = core.session
    session.receive_data(b"DATA\r\n")
    session.next_event()
    session.answer(replies.START_CONTENT)
    session.receive_data(b"x" * 2_000_000 + b"\r\n.\r\n")
    while (event := session.next_event()) is not None and not event.awaits_answer:
        pass
    for answer in (
        replies.MESSAGE_OK,
        [replies.MESSAGE_OK, replies.MESSAGE_TOO_LARGE],
        replies.START_CONTENT,
    ):
        with pytest.raises(LocalProtocolError):
            session.answer(answer)
    assert session.answer(replies.MESSAGE_TOO_LARGE) is replies.MESSAGE_TOO_LARGE
    assert session.data_to_send().count(b"552 5.3.4") == 2


@pytest.mark.parametrize("count", [0, 2, 3])
def test_one_reply_is_wanted_where_one_is_possible(count: int) -> None:
    core = open_transaction(Core(), recipients=2)
    session = core.session
    session.receive_data(b"DATA\r\nx\r\n.\r\n")
    while (event := session.next_event()) is not None:
        if isinstance(event, ContentRequested):
            session.answer(replies.START_CONTENT)
        if event.awaits_answer and session.awaiting_answer is event:
            break
    with pytest.raises(LocalProtocolError):
        session.answer([replies.MESSAGE_OK] * count)


def test_the_session_can_be_ended_at_any_time() -> None:
    for state in COMMAND_STATES:
        core = core_in(state, Service.SMTP)
        core.session.terminate(replies.SHUTTING_DOWN)
        assert core.session.data_to_send() == replies.SHUTTING_DOWN.encode()
        assert core.session.closing
        core.feed(b"NOOP\r\n")
        assert core.session.data_to_send() == b""
    core = open_transaction(Core()).feed(b"DATA\r\nhalf")
    core.session.terminate(replies.IDLE_TOO_LONG)
    assert isinstance(core.session.next_event(), ContentAborted)


def test_content_that_is_complete_but_not_told_is_aborted_with_the_session() -> None:
    session = open_transaction(Core()).feed(b"DATA\r\n").session
    session.receive_data(b"x\r\n.\r\n")
    assert isinstance(session.next_event(), ContentChunk)
    session.terminate(replies.SHUTTING_DOWN)
    assert isinstance(session.next_event(), ContentAborted)
    assert session.next_event() is None
