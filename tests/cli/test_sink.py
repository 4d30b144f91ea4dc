"""A sink takes, refuses and defers by pattern, and says what it saw."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.cli.sink_rules import SinkRules, joint_answer
from clement.smtp import replies
from tests.cli.conftest import CLEMENT, Shell

MESSAGE = "Subject: =?utf-8?q?=1B[2Jboo?=\r\n\r\n.dot\r\n"


class Sink:
    """A running sink, its port, and what it printed when it was stopped."""

    def __init__(self, *words: str) -> None:
        self.program = subprocess.Popen(
            [CLEMENT, "sink", "--listen", "127.0.0.1:0", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.program.stderr is not None
        self.port = int(self.program.stderr.readline().rpartition(":")[2])

    def stop(self) -> str:
        self.program.send_signal(signal.SIGTERM)
        out, err = self.program.communicate(timeout=60)
        assert (self.program.returncode, err) == (0, "")
        return out


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    running = Sink("--json", "--maildir", str(tmp_path / "kept"), "--defer-content", "later@*")
    yield running
    if running.program.poll() is None:
        running.program.kill()
        running.program.communicate()


def code_for(sink: Sink, *recipients: str) -> int:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=60) as client:
        try:
            client.sendmail("me@x.example", recipients, MESSAGE)
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients[recipients[0]][0]
        except smtplib.SMTPDataError as refused:
            return refused.smtp_code
        return 250


def test_it_takes_refuses_and_defers(sink: Sink, tmp_path: Path) -> None:
    assert code_for(sink, "a@b.example") == 250
    assert code_for(sink, "refuse@b.example") == 550
    assert code_for(sink, "defer@b.example") == 450
    assert code_for(sink, "refuse-data@b.example") == 554
    assert code_for(sink, "a@b.example", "later@b.example") == 451
    messages = [json.loads(line) for line in sink.stop().splitlines()]
    assert [(message["recipients"], message["accepted"]) for message in messages] == [
        (["a@b.example"], ["a@b.example"]),
        (["refuse-data@b.example"], []),
        (["a@b.example", "later@b.example"], []),
    ]
    assert messages[0]["subject"] == "\x1b[2Jboo"
    (kept,) = (tmp_path / "kept" / "new").iterdir()
    assert kept.read_bytes().replace(b"\r\n", b"\n").endswith(b"\n\n.dot\n")


def test_case_136_what_it_prints_for_people_is_escaped() -> None:
    running = Sink()
    assert code_for(running, "a@b.example") == 250
    printed = running.stop()
    assert "<me@x.example> → a@b.example" in printed
    assert "\x1b" not in printed


def test_a_port_that_is_taken_is_code_1(sink: Sink, empty: Shell) -> None:
    assert "cannot listen on" in empty.refusal("sink", "--listen", f"127.0.0.1:{sink.port}", code=1)
    assert "--listen: expected" in empty.refusal("sink", "--listen", "everywhere", code=2)


def test_rules_know_no_case_and_the_worst_answer_speaks_for_all() -> None:
    rules = SinkRules(refuse_recipient=["No@*"], defer_content=["*@slow.example"])
    assert rules.at_recipient("no@Somewhere.example") is replies.MAILBOX_UNKNOWN
    assert rules.at_recipient("yes@somewhere.example") is replies.RECIPIENT_OK
    answers = [rules.at_content("a@slow.example"), rules.at_content("a@fast.example")]
    assert joint_answer(answers) is replies.LOCAL_ERROR
