"""What administrators write about content, and whose names strangers may bear, comes true over the wire."""

from __future__ import annotations

from tests.fixtures.dns_lists import StartRbldnsd, StartUnbound
from tests.fixtures.programs import wait_until
from tests.server.house import Builder, House
from tests.server.talk import Answer

NAMES = ":127.0.1.2:$ sells what nobody ordered\ntest\n.bad.example\n"
RULE = "550 5.7.1 A rule of the recipient's site refuses this message"


def sent(house: House, header: str, *recipients: str, body: str = "words") -> Answer:
    with house.from_afar("198.18.0.9").open() as talk:
        assert {answer.code for answer in talk.envelope(*(recipients or ("anna@local.example",)))} == {250}
        return talk.content(f"{header}Date: x\r\n\r\n{body}\r\n".encode())


def test_a_rule_holds_from_the_next_message_on_and_for_its_tenant_alone(build: Builder) -> None:
    house = build()
    blaster = "From: a@sender.example\r\nX-Mailer: BulkBlaster 3\r\n"
    assert sent(house, blaster).code == 250
    house.verb("rule add refuse X-Mailer: '^bulkblaster' --for domain:local.example --name blaster")
    wait_until(lambda: sent(house, blaster).code == 550, "a rule that holds")
    told = str(sent(house, blaster))
    assert told.startswith(RULE)
    assert "blaster" not in told.lower(), "neither pattern nor name"
    assert sent(house, blaster, "dora@strict.example").code == 250, "the other tenant's mail"
    assert sent(house, "From: a@sender.example\r\n").code == 250
    number = told.rpartition("[")[2].rstrip("]")
    house.wait_for_story(number)
    shown = house.verb(f"explain {number}")
    assert 'rule 1 "blaster" of the domain matches its header x-mailer' in shown
    assert "clement rule show" in shown
    house.verb("rule change 1 --off")
    wait_until(lambda: sent(house, blaster).code == 250, "a rule that is off")


def test_rules_see_texts_links_and_attachments_of_mime(build: Builder) -> None:
    house = build(
        "rule add refuse body '^wire +transfer' --for site",
        "rule add refuse link '^https://evil[.]test/' --for domain:local.example",
        "rule add refuse attachment '[.]dwg$' --for group:local",
    )
    plain = "From: a@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n"
    for body, code in (
        ("PHA+V2lyZSB0cmFuc2ZlcjwvcD4=", 550),  # <p>Wire transfer</p>
        # <a href="https://evil.test/x">here</a>
        ("PGEgaHJlZj0iaHR0cHM6Ly9ldmlsLnRlc3QveCI+aGVyZTwvYT4=", 550),
        ("PHA+V29yZHM8L3A+", 250),  # <p>Words</p>
    ):
        assert sent(house, f"{plain}Content-Transfer-Encoding: base64\r\n", body=body).code == code
    attached = 'Content-Disposition: attachment; filename="Plan.DWG"\r\nContent-Type: text/plain\r\n'
    assert str(sent(house, f"From: a@sender.example\r\n{attached}")).startswith(RULE)


def test_links_that_deceive_are_evidence_in_the_log(build: Builder) -> None:
    house = build()
    body = '<a href="https://bank.example@loca1.example/">https://bank.example</a>'
    told = str(sent(house, "From: a@sender.example\r\nContent-Type: text/html\r\n", body=body))
    assert told.startswith("250")
    number = told.rpartition("[")[2].rstrip("]")
    house.wait_for_story(number)
    assert "loca1.example looks like local.example" in house.verb(f"explain {number}")


def test_a_stranger_with_a_name_of_ours_is_refused_where_the_group_says_so(build: Builder) -> None:
    house = build("mailbox add anna.smith@local.example")
    boss = "From: Anna Smith <x@sender.example>\r\n"
    assert sent(house, boss).code == 250, "evidence only"
    house.verb("group change local --policy impersonation=refuse")
    wait_until(lambda: sent(house, boss).code == 550, "a setting that holds")
    assert "appears to be somebody at local.example" in sent(house, boss).text
    assert sent(house, "From: Ed Miller <x@sender.example>\r\n").code == 250


def test_a_listed_domain_in_the_header_is_told_with_its_list(
    build: Builder, start_rbldnsd: StartRbldnsd, start_unbound: StartUnbound
) -> None:
    lists = start_rbldnsd({"uri.example": ("dnset", NAMES)})
    unbound = start_unbound(["sender.example. 300 IN MX 10 mx.sender.example."], {"uri.example": lists.port})
    house = build(
        tables={
            "dns": {"servers": [unbound.address], "timeout_s": 8},
            "dns_list.uri": {
                "zone": "uri.example",
                "asks": ["link", "author"],
                "reason_from_txt": True,
                "timeout_s": 8,
            },
        }
    )
    wait_until(lambda: bool(house.events("dns-list-trusted")), "a list that is trusted")
    for header in ("From: a@mail.bad.example\r\n", "From: a@sender.example\r\nReply-To: b@bad.example\r\n"):
        told = str(sent(house, header))
        assert told.startswith(
            "550 5.7.1 The message names a listed host: bad.example is listed in uri.example: "
            "bad.example sells what nobody ordered"
        )
    assert sent(house, "From: a@sender.example\r\n").code == 250
    house.verb("group change local --policy link_listed=accept")
    wait_until(lambda: sent(house, "From: a@bad.example\r\n").code == 250, "an acceptance")
