"""Client core and server core played against each other: what one says, the other understands."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.smtp import (
    NULL_REVERSE_PATH,
    POSTMASTER,
    ClientSession,
    ContentEnded,
    Extensions,
    ForwardPath,
    Mailbox,
    MailParameters,
    RecipientParameters,
    Reply,
    ReplyReceived,
    ReversePath,
    Service,
    replies,
)
from tests.smtp.core import Answer, Core


class Pair:
    """A client connected to a `Core`; every segment that travels is cut to `segment_octets`."""

    def __init__(self, core: Core, segment_octets: int = 1 << 20) -> None:
        self.core = core
        self.client = ClientSession(service=core.service, hostname="client.test")
        self.received: list[ReplyReceived] = []
        self._segment_octets = segment_octets
        self._delivered = 0
        self.client.hello()
        self.play()

    def play(self) -> None:
        """Until both have nothing to say."""
        while True:
            to_server = self.client.data_to_send()
            self.core.feed(*self._cut(to_server))
            to_client = self.core.sent[self._delivered :]
            self._delivered = len(self.core.sent)
            for segment in self._cut(to_client):
                self.client.receive_data(segment)
            while (event := self.client.next_event()) is not None:
                assert isinstance(event, ReplyReceived), event
                self.received.append(event)
            if not to_server and not to_client:
                return

    def _cut(self, octets: bytes) -> list[bytes]:
        return [octets[at : at + self._segment_octets] for at in range(0, len(octets), self._segment_octets)]

    def send(
        self,
        reverse_path: ReversePath,
        recipients: list[ForwardPath],
        content: list[bytes],
        parameters: MailParameters,
        *,
        by_bdat: bool,
    ) -> list[ReplyReceived]:
        """One message; the replies to its content."""
        self.client.mail(reverse_path, parameters)
        for path in recipients:
            self.client.recipient(path)
        if by_bdat:
            for chunk in content:
                self.client.chunk(chunk)
            self.client.chunk(b"", last=True)
        else:
            self.client.data()
            self.play()
            if self.received[-1].reply.is_permanent:
                return []
            for chunk in content:
                self.client.content(chunk)
            self.client.end_content()
        self.play()
        return [event for event in self.received if event.command.verb == "."]


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
LOCAL_PARTS = st.one_of(st.just("unknown"), st.text(PRINTABLE, max_size=12))
MAILBOXES = st.builds(Mailbox, LOCAL_PARTS, st.just("d.test"))
CONTENT = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"x", b"", b"y" * 300]), max_size=12)


@given(
    st.sampled_from([Service.SMTP, Service.LMTP]),
    st.booleans(),
    st.booleans(),
    st.one_of(MAILBOXES, st.just(NULL_REVERSE_PATH)),
    st.lists(st.one_of(MAILBOXES, st.just(POSTMASTER)), min_size=1, max_size=4),
    CONTENT,
    st.sampled_from([3, 70, 1 << 20]),
)
def test_a_message_arrives_as_it_was_sent(
    service: Service,
    pipelining: bool,
    by_bdat: bool,
    reverse_path: ReversePath,
    recipients: list[ForwardPath],
    content: list[bytes],
    segment_octets: int,
) -> None:
    core = Core(service=service, offer=Extensions(pipelining=pipelining))
    pair = Pair(core, segment_octets)
    outcome = pair.send(reverse_path, recipients, content, MailParameters(), by_bdat=by_bdat)
    known = [path for path in recipients if not path.key.startswith("unknown@")]
    if not known:
        assert core.messages == []
        return
    (message,) = core.messages
    assert message.reverse_path == reverse_path
    assert message.recipients == known
    mended = re.sub(rb"\r\n|\r|\n", b"\r\n", b"".join(content))
    assert message.content == mended + (b"" if mended.endswith(b"\r\n") or not mended else b"\r\n")
    assert [event.reply.code for event in outcome] == [250] * (len(known) if service is Service.LMTP else 1)


@pytest.mark.parametrize(("service", "by_bdat"), list(product([Service.SMTP, Service.LMTP], [False, True])))
def test_each_recipient_has_a_reply_of_its_own(service: Service, by_bdat: bool) -> None:
    def judge(core: Core, _event: object) -> Answer:
        transaction = core.session.transaction
        assert transaction is not None
        return [
            replies.RECIPIENT_REFUSES if path.key.startswith("picky") else replies.MESSAGE_OK
            for path in transaction.recipients
        ]

    core = Core(service=service, offer=Extensions(prdr=True), answers={ContentEnded: judge})
    recipients: list[ForwardPath] = [
        Mailbox("bob", "d.test"),
        Mailbox("unknown", "d.test"),
        Mailbox("picky", "d.test"),
        POSTMASTER,
    ]
    outcome = Pair(core).send(
        NULL_REVERSE_PATH, recipients, [b"x\r\n"], MailParameters(prdr=True), by_bdat=by_bdat
    )
    each = [
        (str(event.command.forward_path), event.reply.code) for event in outcome if event.command.forward_path
    ]
    assert each == [("bob@d.test", 250), ("picky@d.test", 550), ("Postmaster", 250)]
    whole = [event.reply.code for event in outcome if event.command.forward_path is None]
    assert whole == ([] if service is Service.LMTP else [250])


@pytest.mark.parametrize(
    ("answers", "whole"),
    [
        ([replies.RECIPIENT_REFUSES, replies.CHECK_UNAVAILABLE], 451),
        ([replies.RECIPIENT_REFUSES, replies.VIRUS_FOUND], 550),
        ([replies.CHECK_UNAVAILABLE, replies.MESSAGE_OK], 250),
    ],
)
def test_the_whole_of_a_prdr_message(answers: list[Reply], whole: int) -> None:
    core = Core(offer=Extensions(prdr=True), answers={ContentEnded: lambda _core, _event: answers})
    recipients: list[ForwardPath] = [Mailbox("bob", "d.test"), Mailbox("eve", "d.test")]
    outcome = Pair(core).send(NULL_REVERSE_PATH, recipients, [b"x"], MailParameters(prdr=True), by_bdat=False)
    assert [event.reply.code for event in outcome] == [*(reply.code for reply in answers), whole]


def test_parameters_arrive_as_they_were_sent() -> None:
    parameters = MailParameters(
        size_bytes=77, eight_bit=True, smtputf8=True, ret="FULL", envid="a+b=c d", prdr=True
    )
    recipient = RecipientParameters(frozenset({"SUCCESS", "DELAY"}), "rfc822", "odd+name=x@d.test")
    core = Core(offer=Extensions(dsn=True, prdr=True))
    pair = Pair(core)
    pair.client.mail(Mailbox("b\xf6b", "d.test"), parameters)
    pair.client.recipient(Mailbox("\u7528\u6237", "d.test"), recipient)
    pair.play()
    transaction = core.session.transaction
    assert transaction is not None
    assert transaction.parameters == parameters
    assert core.events[-1].parameters == recipient  # type: ignore[attr-defined]
    assert transaction.recipients == [Mailbox("\u7528\u6237", "d.test")]


def test_several_messages_in_one_session() -> None:
    core = Core()
    pair = Pair(core)
    for number in range(5):
        pair.send(
            NULL_REVERSE_PATH, [POSTMASTER], [b"%d" % number], MailParameters(), by_bdat=bool(number % 2)
        )
    pair.client.quit()
    pair.play()
    assert [message.content for message in core.messages] == [b"%d\r\n" % number for number in range(5)]
    assert core.session.closing
    assert core.codes[-1] == 221
