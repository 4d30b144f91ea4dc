"""Listed clients are told where and why; a list that will not be asked stops no mail."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.dns_lists import StartRbldnsd, StartUnbound
from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import without_weights

ENTRIES = ":127.0.0.2:Sends mail nobody asked for\n127.0.0.2\n198.18.0.0/25\n"
REFUSING = ":127.255.255.254:Use a resolver of your own\n0.0.0.0/1\n128.0.0.0/1\n"
ALLOWED = ":127.0.10.1:Known to be good\n127.0.0.2\n198.18.0.77\n"
NAMES = ":127.0.1.2:A spammer's domain\ntest\n.bad.example\n"

LISTED = "550 5.7.1 198.18.0.9 is listed in bl.example: Sends mail nobody asked for"


class Scene:
    """A house that asks three lists of rbldnsd through unbound."""

    def __init__(
        self, build: Builder, start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound, list_timeout_s: float
    ) -> None:
        self.lists = start_rbldnsd(
            {
                "bl.example": ("ip4set", ENTRIES),
                "wl.example": ("ip4set", ALLOWED),
                "names.example": ("dnset", NAMES),
            }
        )
        zones = dict.fromkeys(("bl.example", "wl.example", "names.example"), self.lists.port)
        local = [
            "sender.example. 300 IN MX 10 mx.sender.example.",
            "x.bad.example. 300 IN MX 10 mx.bad.example.",
        ]
        unbound = start_unbound(local, zones)
        self.house: House = build(
            tables={
                "dns": {"servers": [unbound.address], "timeout_s": 8, "list_retry_s": 1},
                "dns_list.bl": {"zone": "bl.example", "reason_from_txt": True, "timeout_s": list_timeout_s},
                "dns_list.wl": {
                    "zone": "WL.example",
                    "kind": "allow",
                    "weight": 5,
                    "timeout_s": list_timeout_s,
                },
                "dns_list.names": {
                    "zone": "names.example",
                    "timeout_s": list_timeout_s,
                    "asks": ["hello", "sender"],
                    "lookup_url": "https://names.example/?{listed}",
                },
            }
        )
        wait_until(
            lambda: len({line["list"] for line in self.house.events("dns-list-trusted")}) == 3,
            "lists that are trusted",
        )

    def rcpt(
        self, client: str, *, hello: str = "mx.sender.example", sender: str = "ed@sender.example"
    ) -> str:
        """What a client far away is told at RCPT."""
        with self.house.from_afar(client).open(f"EHLO {hello}") as talk:
            sent, told = talk.say(f"MAIL FROM:<{sender}>", "RCPT TO:<anna@local.example>")
            assert sent.code == 250
            return str(told)

    def alerts(self) -> list[str]:
        status = json.loads(self.house.verb("status --json"))
        found: list[str] = (status[0] if isinstance(status, list) else status)["alerts"]
        return found


@pytest.fixture
def scene(build: Builder, start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound) -> Scene:
    return Scene(build, start_rbldnsd, start_unbound, list_timeout_s=8)


@pytest.fixture
def impatient_scene(build: Builder, start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound) -> Scene:
    return Scene(build, start_rbldnsd, start_unbound, list_timeout_s=2)


def test_the_words_at_rcpt_name_list_and_reason(scene: Scene) -> None:
    assert scene.rcpt("198.18.0.9").startswith(LISTED)
    assert scene.rcpt("198.19.0.9").startswith("250")
    assert scene.rcpt("198.18.0.77").startswith("250"), "an allow list speaks for it"
    assert scene.rcpt("198.19.0.8", hello="mail.bad.example").startswith(
        "550 5.7.1 mail.bad.example is listed in names.example, see https://names.example/?mail.bad.example ["
    )
    assert "x.bad.example is listed in names.example" in scene.rcpt("198.19.0.8", sender="ed@x.bad.example")
    session = scene.house.wait_for_row("SELECT id FROM clement_session WHERE client_address = '198.18.0.9'")[
        0
    ]
    told = without_weights(scene.house.verb(f"session {session}"))
    assert "dns-lists softfail: bl.example lists client 198.18.0.9: 127.0.0.2, weight +3" in told
    assert "dns-lists fail → dns-listed" in told


def test_a_directive_or_the_group_can_set_a_listing_aside(scene: Scene) -> None:
    assert scene.rcpt("198.18.0.9").startswith(LISTED)
    scene.house.verb("directive add accept --for anna@local.example --client 198.18.0.8/30")
    wait_until(lambda: scene.rcpt("198.18.0.9").startswith("250"), "a directive that lifts it")
    assert scene.rcpt("198.18.0.20").startswith("550")
    scene.house.verb("group change local --policy dns_listed=defer")
    wait_until(lambda: scene.rcpt("198.18.0.20").startswith("450 4.7.1 198.18.0.20 is listed"), "a deferral")
    scene.house.verb("group change local --policy dns_listed=accept")
    wait_until(lambda: scene.rcpt("198.18.0.20").startswith("250"), "an acceptance")


def test_a_list_that_begins_to_answer_open_resolver_codes_stops_no_mail(scene: Scene) -> None:
    """127.255.255.254 from a list is the classic: mail of the whole world refused in a moment."""
    assert scene.rcpt("198.18.0.9").startswith(LISTED)
    assert scene.alerts() == []
    scene.lists.rewrite("bl.example", REFUSING, "9.0.19.198.bl.example", {"127.255.255.254"})
    assert scene.rcpt("198.19.0.9").startswith("250")
    (line,) = scene.house.events("dns-list-out-of-use")
    assert line["list"] == "bl.example"
    assert "127.255.255.254" in line["explanation"]
    (alert,) = scene.alerts()
    assert alert.startswith("DNS list bl.example is out of use in 1 receiver: it says that we may not ask")
    assert "bl.example is out of use" in scene.house.verb("status")
    assert scene.rcpt("198.18.0.10").startswith("250"), "it is not asked meanwhile"
    assert "names.example" in scene.rcpt("198.19.0.8", hello="mail.bad.example"), "the others are"

    scene.lists.rewrite("bl.example", ENTRIES, "9.0.18.198.bl.example", {"127.0.0.2"})
    wait_until(lambda: scene.alerts() == [], "a list that is trusted again", timeout_s=60)
    assert scene.rcpt("198.18.0.9").startswith(LISTED)


def test_case_090_lists_that_fall_silent_stop_no_mail_and_are_soon_not_waited_for(
    impatient_scene: Scene,
) -> None:
    scene = impatient_scene
    scene.lists.program.pause()
    for number in range(10, 16):
        assert scene.rcpt(f"198.19.0.{number}", hello=f"mx{number}.sender.example").startswith("250")
    wait_until(lambda: len(scene.alerts()) == 3, "lists that count as silent")
    assert all(alert.endswith("it does not answer") for alert in scene.alerts())
    assert scene.rcpt("198.19.0.30").startswith("250")
    scene.lists.program.resume()
    wait_until(lambda: scene.alerts() == [], "lists that answer again", timeout_s=60)
    assert scene.rcpt("198.18.0.9").startswith(LISTED)


def test_simulate_asks_the_lists_too(scene: Scene) -> None:
    message = scene.house.folder / "message"
    message.write_bytes(b"From: ed@sender.example\r\nSubject: x\r\n\r\nwords\r\n")
    words = "--from ed@sender.example --to anna@local.example --helo mx.sender.example"
    told = scene.house.verb(f"simulate {message} --client 198.18.0.9 {words}", fails=True)
    assert "198.18.0.9 is listed in bl.example: Sends mail nobody asked for" in told
