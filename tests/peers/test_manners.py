"""Programs that are well behaved are never taken for those that are not, however strict a site is."""

import smtplib
from collections.abc import Callable, Mapping

import pytest

from tests.fixtures.clement import LOCAL_EXAMPLE, ClementStarter
from tests.fixtures.exim import EximStarter
from tests.fixtures.postfix import Postfix, relaying_to
from tests.fixtures.programs import wait_until
from tests.fixtures.swaks import SwaksRun

pytestmark = pytest.mark.peer

UNRESOLVED = "--policy unresolvable_sender=accept --policy implausible_hello=accept"
LOCAL = (f"group add local {UNRESOLVED}", *LOCAL_EXAMPLE[1:])
STRICT = {"limits": {"greeting_delay_s": 1, "refuse_unpermitted_pipelining": True}}
COUNT = 3


def test_postfix_exim_and_swaks_wait_where_they_must(
    start_clement: ClementStarter,
    start_postfix: Callable[[Mapping[str, str]], Postfix],
    start_exim: EximStarter,
    swaks: Callable[..., SwaksRun],
) -> None:
    clement = start_clement(*LOCAL, tables=STRICT)
    postfix, exim = start_postfix(relaying_to(*clement.mx)), start_exim.relaying_to(*clement.mx)
    for front in (postfix, exim):
        for number in range(COUNT):
            letter = f"From: <author@sender.example>\r\nSubject: {number}\r\n\r\nwords\r\n".encode()
            with smtplib.SMTP(*front.address, timeout=30) as client:
                client.sendmail("author@sender.example", ["anna@local.example"], letter)
    common = ("--from", "author@sender.example", "--ehlo", "client.sender.example")
    for words in ((), ("--pipeline",), ("--tls", "--pipeline"), ("--protocol", "SMTP")):
        run = swaks(*common, "--to", "anna@local.example", *words, server=clement.mx)
        assert run.exit_code == 0, run.transcript
    expected = 2 * COUNT + 4
    wait_until(lambda: len(clement.messages("anna@local.example")) == expected, "all messages for Anna")
    wait_until(lambda: postfix.queue() == [] and exim.queue() == [], "queues empty")
