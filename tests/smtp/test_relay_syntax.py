"""Hostile cases 63 to 82: what the core makes of the classic tricks to relay through somebody.

Whether to relay is not the core's to decide.  Its part is that an address is either refused or names its real
domain: L is local, E is elsewhere, and nothing here may be read as L that another server would read as E.
"""

from __future__ import annotations

import pytest

from clement.smtp import ForwardPath, Mailbox, RecipientRequested
from tests.smtp.core import Core

L, E, IP = "local.test", "elsewhere.test", "192.0.2.1"

# Forward-path as sent, and what reaches policy; None: the core refuses it.
TRICKS: dict[int, list[tuple[str, ForwardPath | None]]] = {
    63: [(f"<f@{E}>", Mailbox("f", E))],
    66: [(f"<f%{E}>", None)],
    67: [(f"<f%{E}@{L}>", Mailbox(f"f%{E}", L))],
    68: [(f"<f%{E}@[{IP}]>", Mailbox(f"f%{E}", f"[{IP}]"))],
    69: [(f'<"f@{E}">', None), (f'<"f%{E}">', None)],
    70: [(f'<"f@{E}"@{L}>', Mailbox(f"f@{E}", L))],
    71: [(f'<"f@{E}"@[{IP}]>', Mailbox(f"f@{E}", f"[{IP}]"))],
    72: [(f"<f@{E}@{L}>", None)],
    73: [(f"<@{L}:f@{E}>", Mailbox("f", E))],
    74: [(f"<@[{IP}]:f@{E}>", Mailbox("f", E))],
    75: [(f"<@{L},@{E}:f@{E}>", Mailbox("f", E))],
    76: [(f"<{E}!f>", None)],
    77: [(f"<{E}!f@{L}>", Mailbox(f"{E}!f", L)), (f"<{L}!f@{E}>", Mailbox(f"{L}!f", E))],
    78: [(f"<f@{E}.>", None)],
    79: [(f"f@{E}", None), (f"f@{E}>", None), (f"<f@{E}", None)],
    80: [
        (f"<x@x{L}>", Mailbox("x", f"x{L}")),
        (f"<x@sub.{L}>", Mailbox("x", f"sub.{L}")),
        (f"<x@{L}.>", None),
        (f"<x@{L.upper()}>", Mailbox("x", L)),
        ("<x@xn--lcal-55d.test>", Mailbox("x", "xn--lcal-55d.test")),
    ],
    81: [
        (f"<f@{E}\0@{L}>", None),
        (f"<f@{E}> <g@{L}>", None),
        (f"<f@{E}><g@{L}>", None),
        (f"<f@{E},g@{L}>", None),
    ],
    82: [
        (f'<"|cmd"@{L}>', Mailbox("|cmd", L)),
        (f"</etc/x@{L}>", Mailbox("/etc/x", L)),
        (f"<:include:/etc/x@{L}>", None),
        (f"<../../x@{L}>", None),
        (f'<"../../x"@{L}>', Mailbox("../../x", L)),
        (f"<${{run{{x}}}}@{L}>", Mailbox("${run{x}}", L)),
        (f"<;sleep@{L}>", None),
        (f"<'or'1'='1@{L}>", Mailbox("'or'1'='1", L)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "path", "expected"),
    [(case, path, expected) for case, tricks in TRICKS.items() for path, expected in tricks],
)
def test_case_063_to_082(case: int, path: str, expected: ForwardPath | None) -> None:
    core = Core().feed(b"EHLO c.test\r\n", b"MAIL FROM:<x@x.test>\r\n")
    reply = core.said(f"RCPT TO:{path}")
    events = [event for event in core.events if isinstance(event, RecipientRequested)]
    if expected is None:
        assert events == [], case
        assert reply.startswith(("501 5.", "555 5.5.4"))
    else:
        assert [event.forward_path for event in events] == [expected]


@pytest.mark.parametrize("path", ["<>", "<f@local.test>", "<f@[192.0.2.1]>"])
def test_case_064_to_065_reverse_paths_of_the_same_tricks(path: str) -> None:
    core = Core().feed(b"EHLO c.test\r\n")
    assert core.said(f"MAIL FROM:{path}").startswith("250")
