"""Mail in doubt is kept where its recipient can still have it, and comes to him once, as it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.clement import LOCAL_EXAMPLE, Clement, ClementStarter
from tests.fixtures.programs import wait_until
from tests.fixtures.swaks import SwaksRun

SENDER = "shop@sender.example"
DOUBTFUL = (
    "group change local --policy unresolvable_sender=accept --policy implausible_hello=accept",
    f"directive add quarantine --for anna@local.example --from {SENDER}",
)
BODY = "First line\n.one dot\n..two dots\nlast line"


@pytest.fixture
def clement(start_clement: ClementStarter) -> Clement:
    return start_clement(*LOCAL_EXAMPLE, *DOUBTFUL)


def held(clement: Clement, *options: str) -> list[dict[str, Any]]:
    told = clement.verb(" ".join(["held list --json", *options]))
    return [json.loads(line) for line in told.splitlines()]


def held_once(clement: Clement) -> dict[str, Any]:
    wait_until(lambda: len(held(clement)) == 1, "the message is in the index")
    return held(clement)[0]


def test_a_doubtful_message_is_held_and_released_once(
    clement: Clement, swaks: Callable[..., SwaksRun]
) -> None:
    """Case 138: released twice it is delivered once; as it came, dots and all."""
    sent = swaks(
        "--from", SENDER, "--to", "anna@local.example", "--header", "Message-Id: <offer-1@sender.example>",
        "--body", BODY, server=clement.mx,
    )  # fmt: skip
    assert sent.exit_code == 0, sent.transcript
    assert "held" in sent.replies[-2]
    assert clement.messages("anna@local.example") == []
    row = held_once(clement)
    assert (row["kind"], row["state"], row["address"]) == ("quarantine", "held", "anna@local.example")
    shown = clement.verb(f"held show {row['transaction_id']}")
    assert "<offer-1@sender.example>" in shown
    assert "last line" in shown

    told = clement.verb(f"held release {row['id']}")
    assert "delivered" in told
    [path] = clement.messages("anna@local.example")
    raw = clement.verb(f"held show {row['id']} --raw").replace("\r\n", "\n")
    assert path.read_text().endswith(raw)
    assert "\n.one dot\n..two dots\n" in raw
    assert "(released from held mail)" in path.read_text()

    clement.verb(f"held release {row['id']}", fails=True)
    assert len(clement.messages("anna@local.example")) == 1
