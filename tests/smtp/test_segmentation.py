"""However octets are cut, the same happens; and whatever octets come, nothing but events and replies."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from clement.smtp import BareLineEndings, ProtocolLimits, Service, State
from tests.smtp.core import Core, merged

TIGHT = ProtocolLimits(
    command_line_octets=60,
    auth_line_octets=80,
    endless_line_octets=150,
    recipients=2,
    transactions=3,
    errors=4,
    refusals=3,
    idle_commands=4,
)

LINES = st.sampled_from(
    [
        b"EHLO client.test",
        b"HELO client.test",
        b"LHLO client.test",
        b"EHLO",
        b"MAIL FROM:<alice@a.test>",
        b"MAIL FROM:<> SIZE=30 BODY=8BITMIME PRDR",
        b"MAIL FROM:<alice@a.test> SIZE=9999999",
        b"RCPT TO:<bob@b.test>",
        b"RCPT TO:<unknown@b.test>",
        b"RCPT TO:<postmaster> NOTIFY=NEVER",
        b"DATA",
        b".",
        b"..",
        b"",
        b"Subject: x",
        b"BDAT 4\r\nabc\r",
        b"BDAT 3 LAST\r\n\nxy",
        b"BDAT 0",
        b"BDAT 7 LAST\r\n.\r\n.\r\n",
        b"BDAT x",
        b"RSET",
        b"NOOP",
        b"QUIT",
        b"VRFY x",
        b"STARTTLS",
        b"AUTH PLAIN AGEAc2VjcmV0",
        b"AUTH PLAIN",
        b"AUTH LOGIN",
        b"AGEAc2VjcmV0",
        b"c2VjcmV0",
        b"*",
        b"x" * 70,
        b"y" * 170,
        b"GET / HTTP/1.1",
        b"\x80\xff\x00",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b""])
DIALOGUES = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda pairs: b"".join(map(b"".join, pairs)))
GREETED = b"EHLO c\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n"
CONTENTS = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"x", b"\0", b"\xe4", b"\r\n.\r\n", b"y" * 999]),
    max_size=14,
).map(b"".join)
SESSIONS = st.one_of(
    DIALOGUES,
    CONTENTS.map(lambda content: GREETED + b"DATA\r\n" + content),
    CONTENTS.map(lambda content: GREETED + b"BDAT %d LAST\r\n" % len(content) + content + b"NOOP\r\n"),
    st.binary(max_size=200),
)
CORES: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    service=st.sampled_from(Service),
    tls_active=st.booleans(),
    bare_line_endings=st.sampled_from(BareLineEndings),
    limits=st.sampled_from([TIGHT, ProtocolLimits()]),
)


def outcome(core: Core) -> tuple[object, ...]:
    session = core.session
    return merged(core.events), core.sent, session.state, session.patience.errors, core.messages


@given(CORES, SESSIONS, st.randoms(use_true_random=False))
@example({"limits": TIGHT}, b"y" * 170 + b"\n", random.Random(1))
@example({"limits": TIGHT}, b"NOOP " + b"y" * 56 + b"\r\n", random.Random(1))
def test_the_same_however_it_is_cut(
    settings: dict[str, object], octets: bytes, source: random.Random
) -> None:
    at_once = Core(**settings).feed(octets)  # type: ignore[arg-type]
    by_byte = Core(**settings).feed(*(octets[at : at + 1] for at in range(len(octets))))  # type: ignore[arg-type]
    cuts = sorted(source.sample(range(len(octets) + 1), min(3, len(octets) + 1)))
    pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    in_pieces = Core(**settings).feed(*pieces)  # type: ignore[arg-type]
    if at_once.session.state is State.AWAITING_TLS or b"STARTTLS" in octets:
        # What arrives behind STARTTLS is an attack at once, and a broken peer later; both end the session.
        return
    assert outcome(by_byte) == outcome(at_once)
    assert outcome(in_pieces) == outcome(at_once)


@given(CORES, SESSIONS, st.booleans())
def test_any_octets_give_events_and_replies(settings: dict[str, object], octets: bytes, ended: bool) -> None:
    core = Core(**settings).feed(octets)  # type: ignore[arg-type]
    if ended:
        core.eof()
        assert core.session.closing
    for line in core.sent.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert len(line) <= 510
        assert line.decode("ascii").isprintable()
    assert core.sent.endswith(b"\r\n")
    assert core.session.state in State
    assert core.session.buffered_bytes <= max(len(octets), 1)
    assert core.session.awaiting_answer is None


@given(CORES, SESSIONS)
def test_content_that_begins_ends_or_is_aborted(settings: dict[str, object], octets: bytes) -> None:
    core = Core(**settings).feed(octets).eof()  # type: ignore[arg-type]
    begun = ended = aborted = 0
    for event in core.events:
        name = type(event).__name__
        begun += name == "ContentRequested"
        ended += name == "ContentEnded"
        aborted += name == "ContentAborted"
        assert begun >= ended + aborted
        if name == "ContentChunk":
            assert begun > ended + aborted
    assert begun == ended + aborted
