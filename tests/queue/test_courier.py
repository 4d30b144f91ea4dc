"""What is released is delivered by the recipient's own transport, as it came, and says why when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clement.message.trace import return_path_field
from clement.policy.directory import Fallback, GroupPolicy
from clement.policy.ports import Clean, Infected, ScannerUnavailable, Unscannable
from clement.queue.schedule import FIRST_PAUSE_S, LONGEST_PAUSE_S, is_over, next_try_at_s
from clement.spool.content import Content
from clement.spool.held_entry import HeldRecipient, Manifest, recipient_id
from clement.telemetry import metrics
from tests.crash.next_hop import NextHop
from tests.delivery.held import NOW_S, Place, to_mailboxes, to_next_hop
from tests.delivery.local import MESSAGE, TRACE, mailbox, stored
from tests.fixtures.programs import choose_port
from tests.queue.releasing import PATIENCE_S, Answers, Round, directory

DOTS = b"Subject: dots\r\n\r\n.\r\n..\r\n.dot\r\nlast\r\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail").mkdir()
    return tmp_path


@pytest.fixture
def hop() -> Iterator[NextHop]:
    found = NextHop()
    found.start()
    yield found
    found.stop()


def held(root: Path, *, octets: bytes = MESSAGE, relayed: bool = False) -> str:
    """A held message; the id of its first recipient."""
    hold = to_next_hop() if relayed else to_mailboxes(1, 2)
    [entry] = Place(root / "held").hold(hold, content=Content.in_memory(octets))
    return recipient_id(entry, 1)


def test_a_release_brings_the_message_to_the_one_who_asked_with_a_fresh_trace(root: Path) -> None:
    recipient = held(root, octets=DOTS)
    play = Round(root)
    play.index.ask(recipient)
    assert play() == 1
    [path] = stored(root / "mail")
    assert path.parts[-3] == "1", "the other recipient has not asked"
    octets = path.read_bytes()
    assert octets.endswith(TRACE.replace(b"\r\n", b"\n") + DOTS.replace(b"\r\n", b"\n"))
    assert octets.startswith(return_path_field("author@client.example").replace(b"\r\n", b"\n"))
    assert b"(released from held mail)" in octets
    assert play.index.state(recipient) == "released"
    assert play.counted == [metrics.HELD_RELEASES["released"]]
    assert play() == 0


def test_case_045_a_release_to_a_next_hop_is_dot_stuffed_and_one_message(root: Path, hop: NextHop) -> None:
    odd = DOTS + b".\r\nMAIL FROM:<evil@client.example>\r\n.no end"
    recipient = held(root, octets=odd, relayed=True)
    play = Round(root, knows=directory(hop.port))
    play.index.ask(recipient)
    play()
    [(address, content)] = hop.kept
    assert address == "rita@relay.example"
    assert content.endswith(TRACE + odd + b"\r\n")


def test_a_next_hop_that_is_away_is_tried_again_and_then_given_up(root: Path) -> None:
    recipient = held(root, relayed=True)
    now = [NOW_S]
    play = Round(root, knows=directory(choose_port()), now_s=lambda: now[0])
    play.index.ask(recipient)
    play()
    assert play.index.state(recipient) == "releasing"
    assert play.index.why(recipient).startswith("451 4.4.1")
    assert play() == 0, "not before its time"
    now[0] += FIRST_PAUSE_S
    assert play() == 1
    now[0] += PATIENCE_S
    play()
    assert play.index.state(recipient) == "held"
    assert play.index.why(recipient).startswith("given up: ")


def test_a_virus_that_is_known_by_now_is_not_released(root: Path) -> None:
    recipient = held(root)
    scanner = Answers(Infected("Eicar-Signature"))
    play = Round(root, scanner=scanner)
    play.index.ask(recipient)
    play()
    assert scanner.seen == MESSAGE
    assert play.index.state(recipient) == "held"
    assert "Eicar-Signature" in play.index.why(recipient)
    assert stored(root / "mail") == []


@pytest.mark.parametrize(
    ("scan", "policy", "state"),
    [
        (Clean(), GroupPolicy(), "released"),
        (Unscannable("encrypted"), GroupPolicy(), "released"),
        (ScannerUnavailable("away"), GroupPolicy(), "releasing"),
        (ScannerUnavailable("away"), GroupPolicy(scanner_unavailable=Fallback.ACCEPT), "released"),
        (Infected("x"), GroupPolicy(scan_content=False), "released"),
    ],
    ids=["clean", "unscannable", "away", "away and accepted", "not scanned here"],
)
def test_the_scanner_is_asked_again_as_the_group_wants_it(
    root: Path, scan: object, policy: GroupPolicy, state: str
) -> None:
    recipient = held(root)
    play = Round(root, scanner=Answers(scan), knows=directory(policy=policy))  # type: ignore[arg-type]
    play.index.ask(recipient)
    play()
    assert play.index.state(recipient) == state


class Stumbles(Answers):
    """A scanner whose own fault one message brings to light."""

    async def feed(self, chunk: bytes) -> None:
        if b"stumbling block" in chunk:
            raise ZeroDivisionError


def test_a_release_over_which_we_stumble_keeps_no_other_back(root: Path) -> None:
    recipients = [held(root, octets=MESSAGE + b"stumbling block\r\n"), held(root)]
    play = Round(root, scanner=Stumbles(Clean()))
    play.index.ask(*recipients)
    assert play() == 2
    assert [play.index.state(each) for each in recipients] == ["releasing", "released"]
    assert play.index.why(recipients[0]) == "a fault of this server: ZeroDivisionError()"
    assert play() == 0, "not before its time"


def test_what_has_changed_since_is_said(root: Path) -> None:
    """The mailbox has gone; or is another's now, by an alias; the files are gone, or damaged."""
    recipients = [held(root) for _ in range(3)]
    nobody = Round(root, knows=directory(mailboxes=(mailbox(3),)))
    nobody.index.ask(recipients[0])
    nobody()
    assert nobody.index.why(recipients[0]) == "the recipient does not exist here any more"
    [content] = root.glob(f"held/*/*/*/{recipients[1].rpartition('.')[0]}.content")
    content.write_bytes(MESSAGE + b"x")
    Place(root / "held").store.remove(recipients[2].rpartition(".")[0], 2)
    play = Round(root)
    play.index.ask(*recipients[1:])
    play()
    assert play.index.why(recipients[1]).startswith("its files are damaged")
    assert play.index.why(recipients[2]) == "its files are not on this machine any more"
    assert stored(root / "mail") == []
    assert [play.index.state(each) for each in recipients] == ["held"] * 3


def test_a_full_mailbox_keeps_the_message_held_and_says_so(root: Path) -> None:
    recipient = held(root)
    play = Round(root, knows=directory(mailboxes=(mailbox(1, quota_bytes=10),)))
    play.index.ask(recipient)
    play()
    assert play.index.state(recipient) == "held"
    assert play.index.why(recipient).startswith("552 5.2.")


def test_a_release_teaches_and_what_the_sender_brought_himself_is_not_repeated(root: Path) -> None:
    class Everything:
        known = False
        told: list[object]

        def __init__(self) -> None:
            self.told = []

        def was_delivered(self, recipient: str) -> bool:
            return self.known

        def released(self, recipient: str) -> None:
            self.told.append(recipient)

        def wanted(self, manifest: Manifest, recipient: HeldRecipient, by: str) -> None:
            self.told.append((manifest.facts.subject, recipient.address, by))

    all_of_it = Everything()
    first, second = held(root), held(root)
    play = Round(root, memory=all_of_it, taught=all_of_it)
    play.index.ask(first)
    play()
    assert all_of_it.told == [first, ("hello", "u1@local.example", "anna")]
    all_of_it.known = True
    play.index.ask(second)
    play()
    assert play.index.state(second) == "released"
    assert play.counted[-1] == metrics.HELD_RELEASES["known"]
    assert len(stored(root / "mail")) == 1


def test_pauses_are_doubled_up_to_an_hour() -> None:
    pauses = [next_try_at_s(failures, 0.0) for failures in range(1, 100)]
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert not is_over(0.0, 1e9, 10.0)
    assert is_over(1.0, 11.0, 10.0)
