"""Hostile cases 63 to 89: nobody relays through us, no name is what it only looks like, no loop goes on."""

import time

import pytest

from tests.server.house import Server
from tests.server.talk import message

# Cases 63 to 79. F is somebody elsewhere; L a domain of ours.
FOREIGN = "someone@elsewhere.example"
TRICKS = {
    63: f"<{FOREIGN}>",
    64: "<someone%elsewhere.example@local.example>",
    65: "<someone%elsewhere.example@[127.0.0.1]>",
    66: f'<"{FOREIGN}">',
    67: '<"someone%elsewhere.example">',
    68: f'<"{FOREIGN}"@local.example>',
    69: f'<"{FOREIGN}"@[127.0.0.1]>',
    70: f"<{FOREIGN}@local.example>",
    71: f"<@local.example:{FOREIGN}>",
    72: f"<@[127.0.0.1]:{FOREIGN}>",
    73: f"<@local.example,@elsewhere.example:{FOREIGN}>",
    74: "<elsewhere.example!someone>",
    75: "<elsewhere.example!someone@local.example>",
    76: f"<local.example!{FOREIGN}>",
    77: f"<{FOREIGN}.>",
    78: FOREIGN,
    79: "<someone%elsewhere.example>",
}
SENDERS = ("a@sender.example", "", "anna@local.example", "a@[127.0.0.1]")


@pytest.mark.parametrize("number", TRICKS)
def test_case_063_to_079_relay_tricks(server: Server, number: int) -> None:
    for sender in SENDERS:
        with server.client() as client:
            client.envelope(sender=sender)
            answer = client.ask(f"RCPT TO:{TRICKS[number]}")
            assert answer.code in (501, 550, 553, 554), answer
            assert client.ask("DATA").code in (503, 554)


@pytest.mark.parametrize(
    "domain",
    [
        "xlocal.example",
        "sub.local.example",
        "local.example.",
        "local.example.evil.example",
        "xn--lcal-5qa.example",
        "local.exampl\N{CYRILLIC SMALL LETTER IE}",
        "local.example\\@x",
    ],
)
def test_case_080_domains_that_look_like_ours(server: Server, domain: str) -> None:
    with server.client() as client:
        client.envelope(words=" SMTPUTF8")
        answer = client.ask(f"RCPT TO:<anna@{domain}>")
        assert answer.code in (501, 550, 553)


def test_case_080_upper_case_is_the_same_domain(server: Server) -> None:
    with server.client() as client:
        assert client.envelope("anna@LOCAL.example")[0].code == 250


@pytest.mark.parametrize(
    "path",
    [
        b"<someone@elsewhere.example\0@local.example>",
        b"<a@b.example> <anna@local.example>",
        b"<a@b.example>,<anna@local.example>",
        b"<anna@local.example",
        b"<<anna@local.example>>",
        b"<>",
        b"< >",
    ],
    ids=repr,
)
def test_case_081_two_addresses_or_half_of_one(server: Server, path: bytes) -> None:
    with server.client() as client:
        client.envelope()
        assert client.ask(b"RCPT TO:" + path).code in (500, 501, 555)


@pytest.mark.parametrize(
    "local_part",
    [
        '"|cmd"',
        "/etc/passwd",
        '":include:/etc/passwd"',
        '"../../anna"',
        "../anna",
        '"${run{/bin/id}}"',
        '";sleep 5;"',
        "'or'1'='1",
        '"%s%s%n"',
        '"new/../anna"',
        ".",
    ],
)
def test_case_082_local_parts_that_are_programs(server: Server, local_part: str) -> None:
    with server.client() as client:
        client.envelope()
        assert client.ask(f"RCPT TO:<{local_part}@local.example>").codes in ("550 5.1.1", "501 5.1.3")


@pytest.mark.parametrize(
    ("address", "relayable"),
    [
        ("192.0.2.10", True),
        ("192.0.2.66", False),
        ("192.0.3.1", False),
        ("2001:db8:1:3::5", True),
        ("2001:db8:1:2::5", False),
        ("2001:db8:2::5", False),
        ("::ffff:192.0.2.10", True),
        ("::ffff:192.0.2.66", False),
    ],
)
def test_case_083_the_longest_prefix_says_who_may_relay(
    server: Server, address: str, relayable: bool
) -> None:
    with server.from_afar(address) as client:
        client.open()
        refusal = client.envelope(FOREIGN)[0]
        assert refusal.codes == "550 5.7.1"
        assert ("send mail elsewhere yet" in refusal.text) == relayable


def test_case_084_unknown_recipients_are_refused_at_rcpt(server: Server) -> None:
    with server.client() as client:
        assert client.envelope("nobody@local.example")[0].codes == "550 5.1.1"
        assert client.ask("DATA").codes == "554 5.5.1"


def test_case_085_the_next_hop_is_asked_about_recipients(server: Server) -> None:
    server.hop.at_recipient["unknown"] = "550 5.1.1 no such user"
    server.hop.at_recipient["busy"] = "450 4.2.1 later"
    with server.client() as client:
        answers = client.envelope("unknown@relay.example", "busy@relay.example", "known@relay.example")
        assert [answer.code for answer in answers] == [550, 450, 250]
        assert client.content(message("case-085")).code == 250
        server.handed_on += 1
    assert server.hop.messages[-1].recipients == ("known@relay.example",)


def test_case_086_dictionary_attack(server: Server) -> None:
    with server.client(source="127.0.0.86") as client:
        client.envelope()
        client.send(b"".join(b"RCPT TO:<guess%d@local.example>\r\n" % number for number in range(300)))
        answers = client.rest()
    assert [answer.code for answer in answers] == [550] * 20 + [421]


def test_case_086_known_and_unknown_take_the_same_time(server: Server) -> None:
    took: dict[str, list[float]] = {"anna": [], "nobody": []}
    with server.client() as client:
        for _ in range(10):
            client.envelope()
            for name, times in took.items():
                began_s = time.perf_counter()
                client.ask(f"RCPT TO:<{name}@local.example>")
                times.append(time.perf_counter() - began_s)
            client.ask("RSET")
    # Who is made to wait, waits each time; a busy machine does not.
    assert min(took["nobody"]) < 0.05, "nobody waits for a stranger's sake"


@pytest.mark.parametrize(
    "field",
    [
        "Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\n" * 100,
        "Delivered-To: anna@local.example\r\n",
    ],
)
def test_case_087_mail_loops_end_here(server: Server, field: str) -> None:
    with server.client() as client:
        client.envelope("anna@local.example")
        assert client.content(field.encode() + message("case-087")).codes == "554 5.4.6"


def test_case_087_ninety_nine_hops_are_no_loop(server: Server) -> None:
    hops = b"Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\n" * 99
    with server.client() as client:
        client.envelope("anna@local.example")
        assert client.content(hops + message("case-087-99")).code == 250
        server.copies += 1


def test_case_088_one_of_two_refuses_the_content(server: Server) -> None:
    """Neither a bounce nor a silent drop: deferred once, and then each has its own true answer."""
    large = message("case-088", "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 1000)
    with server.client(source="127.0.88.1") as client:
        client.envelope("anna@local.example", "emil@small.example", sender="probe@sender.example")
        assert client.content(large).codes == "451 4.5.3"
        answers = client.envelope("anna@local.example", "emil@small.example", sender="probe@sender.example")
        assert [answer.codes for answer in answers] == ["250 2.1.5", "452 4.5.3"]
        assert client.content(large).code == 250
        server.copies += 1
        client.envelope("emil@small.example", sender="probe@sender.example")
        assert client.content(large).codes == "552 5.3.4"


def test_case_089_no_path_leads_to_a_bounce(server: Server) -> None:
    """There is no queue yet that could bounce: what cannot be placed now stays with the client."""
    server.hop.at_content["later"] = "451 4.3.0 later"
    server.hop.at_content["never"] = "554 5.7.1 never"
    with server.client() as client:
        for name, code in (("later", 451), ("never", 554)):
            client.envelope(f"{name}@relay.example")
            assert client.content(message("case-089")).code == code
