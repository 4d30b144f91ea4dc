"""Senders are identified while they wait: SPF, DKIM, DMARC, ARC with a real DNS and mail signed by others."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.fixtures.dns_server import DnsServer
from tests.server.house import Builder, House, Server
from tests.server.talk import Answer

ANNA = "anna@local.example"
AUTHOR, LIST, STRANGER = "198.18.0.10", "198.18.0.20", "198.18.0.66"
OURS = "mx.clement.example"


@dataclass(frozen=True)
class Key:
    """A key pair: the private half in PEM, the public half as a TXT record."""

    pem: bytes
    record: str


@pytest.fixture(scope="session")
def key() -> Key:
    """The key of everybody."""
    private = generate_private_key(65537, 2048)
    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return Key(pem, f'"{text[:200]}" "{text[200:]}"')


@pytest.fixture(autouse=True)
def zones(names: DnsServer, key: Key) -> None:
    """An author with everything in order, a mailing list, and somebody whose DNS is away."""
    names.zones |= {
        "author.example": {"MX": ["10 mail.author.example."], "TXT": [f'"v=spf1 ip4:{AUTHOR} -all"']},
        "mail.author.example": {"A": [AUTHOR]},
        "10.0.18.198.in-addr.arpa": {"PTR": ["mail.author.example."]},
        "_dmarc.author.example": {"TXT": ['"v=DMARC1; p=reject"']},
        "s1._domainkey.author.example": {"TXT": [key.record]},
        "lists.example": {"MX": ["10 lists.example."], "A": [LIST], "TXT": [f'"v=spf1 ip4:{LIST} -all"']},
        "arc._domainkey.lists.example": {"TXT": [key.record]},
        "arc._domainkey.clement.example": {"TXT": [key.record]},
        "away.example": {"MX": ["10 away.example."], "A": [STRANGER]},
    }
    names.servfail = {"_dmarc.away.example"}


def mail(subject: str, author: str = "ed@author.example", more: str = "") -> bytes:
    return (
        f"{more}From: Ed <{author}>\r\nTo: {ANNA}\r\nSubject: {subject}\r\n"
        f"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@author.example>\r\n\r\nwords\r\n"
    ).encode()


def signed(message: bytes, key: Key, domain: str = "author.example") -> bytes:
    field: bytes = dkim.sign(message, b"s1", domain.encode(), key.pem, include_headers=[b"from", b"subject"])
    return field + message


def send(
    house: House, client: str, content: bytes, sender: str = "ed@author.example", to: str = ANNA
) -> Answer:
    with house.from_afar(client) as talk:
        talk.open("EHLO mail.author.example")
        assert talk.envelope(to, sender=sender)[0].code == 250
        return talk.content(content)


def results_of(stored: bytes) -> str:
    """Our own Authentication-Results, unfolded."""
    text = stored.replace(b"\n\t", b" ").decode()
    (found,) = [line for line in text.splitlines() if line.startswith(f"Authentication-Results: {OURS};")]
    return " ".join(found.split())


def test_the_author_s_own_server_is_told_by_all_its_names(server: Server, key: Key) -> None:
    assert send(server.house, AUTHOR, signed(mail("own"), key)).code == 250
    server.copies += 1
    stored = server.read_back("own")
    told = results_of(stored)
    for words in (
        "iprev=pass (mail.author.example) policy.iprev=198.18.0.10",
        "spf=pass smtp.mailfrom=ed@author.example",
        "dkim=pass header.d=author.example",
        "dmarc=pass (p=reject) header.from=author.example",
    ):
        assert words in told
    assert b"Received: from mail.author.example (mail.author.example [198.18.0.10])" in stored
    assert stored.index(b"Authentication-Results") < stored.index(b"Received:")


def test_a_forger_is_refused_in_words_that_help(server: Server) -> None:
    refusal = send(server.house, STRANGER, mail("forged"), sender="x@lists.example")
    assert refusal.codes == "550 5.7.26"
    assert "author.example asks to reject mail that is not its own" in refusal.text
    assert "SPF of lists.example: fail; no DKIM signature" in refusal.text


def test_what_spf_alone_speaks_against_is_taken(server: Server, key: Key) -> None:
    assert send(server.house, LIST, signed(mail("forwarded"), key)).code == 250
    server.copies += 1
    told = results_of(server.read_back("forwarded"))
    assert "spf=fail" in told
    assert "dmarc=pass" in told


def test_case_090_what_the_dns_cannot_say_refuses_nothing(server: Server) -> None:
    content = mail("unsaid", author="ed@away.example")
    assert send(server.house, STRANGER, content, sender="ed@away.example").code == 250
    server.copies += 1
    assert "dmarc=temperror" in results_of(server.read_back("unsaid"))


def test_case_099_results_that_pretend_to_be_ours_are_taken_out(server: Server) -> None:
    forged = (
        f"Authentication-Results: {OURS}; dmarc=pass header.from=bank.example\r\n"
        f'AUTHENTICATION-RESULTS : (hi) "{OURS.upper()}" 1;\r\n dkim=pass header.d=bank.example\r\n'
        "Authentication-Results: other.example; dkim=pass header.d=kept.example\r\n"
    )
    assert send(server.house, AUTHOR, mail("forgery", more=forged)).code == 250
    server.copies += 1
    stored = server.read_back("forgery")
    assert b"bank.example" not in stored
    assert b"kept.example" in stored
    assert "dmarc=pass (p=reject) header.from=author.example" in results_of(stored)


def test_case_099_in_content_on_disk_and_on_the_way_to_a_next_hop(server: Server, key: Key) -> None:
    forged = f"Authentication-Results: {OURS}; dmarc=pass header.from=bank.example\r\n"
    large = mail("large-forgery", more=forged) + b"0123456789abcdef\r\n" * 20_000
    content = signed(large, key)
    assert send(server.house, AUTHOR, content).code == 250
    server.copies += 1
    stored = server.read_back("large-forgery")
    assert b"bank.example" not in stored
    assert stored.endswith(b"0123456789abcdef\n" * 20_000)
    assert "dkim=fail" not in results_of(stored)
    assert send(server.house, AUTHOR, content, to="bob@relay.example").code == 250
    server.handed_on += 1
    handed = server.hop.messages[-1].content
    assert b"bank.example" not in handed
    assert handed.endswith(b"0123456789abcdef\r\n" * 20_000)
    assert b"dmarc=pass (p=reject) header.from=author.example" in handed


def arc_sealed(content: bytes, key: Key, results: str) -> bytes:
    """As a mailing list hands it on: with a footer, and its seal on what it had found."""
    field = f"Authentication-Results: lists.example; {results}\r\n".encode()
    whole = field + content + b"-- \r\nthe list\r\n"
    sets = dkim.arc_sign(whole, b"arc", b"lists.example", key.pem, b"lists.example")
    return b"".join(sets) + whole


@pytest.mark.parametrize("trusted", [True, False])
def test_a_trusted_sealer_is_heard_and_no_other(build: Builder, key: Key, *, trusted: bool) -> None:
    sealers = {"authentication": {"trusted_sealers": ["lists.example"]}} if trusted else {}
    house = build(tables=sealers)
    found = "dmarc=pass header.from=author.example; dkim=pass header.d=author.example"
    content = arc_sealed(signed(mail("listed"), key), key, found)
    answer = send(house, LIST, content, sender="list@lists.example")
    assert answer.code == (250 if trusted else 550)
    if trusted:
        (path,) = house.messages(ANNA)
        assert "arc=pass (lists.example)" in results_of(path.read_bytes())
        lied = arc_sealed(signed(mail("lied"), key), key, "dmarc=fail header.from=author.example")
        assert send(house, LIST, lied, sender="list@lists.example").codes == "550 5.7.26"


def test_what_is_relayed_is_sealed(build: Builder, key: Key, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "arc.pem"
    path.write_bytes(key.pem)
    path.chmod(0o600)
    sealing = {"arc_domain": "clement.example", "arc_selector": "arc", "arc_key": str(path)}
    house = build(tables={"authentication": sealing})
    assert send(house, AUTHOR, signed(mail("sealed"), key), to="bob@relay.example").code == 250
    server.handed_on += 1
    handed = server.hop.messages[-1].content

    def record(_name: bytes, **_options: object) -> bytes:
        return key.record.replace('" "', "").strip('"').encode()

    result, _sets, why = dkim.arc_verify(handed, dnsfunc=record)
    assert result == b"pass", why
    assert b"ARC-Authentication-Results: i=1; mx.clement.example;" in handed


def test_a_name_that_dkim_proves_is_the_name_a_directive_means(build: Builder, key: Key) -> None:
    accept = "directive add accept --for anna@local.example --from @author.example --note friend"
    house = build("directive add refuse --for site --from @author.example", accept)
    assert send(house, LIST, signed(mail("friend"), key)).code == 250
    assert send(house, AUTHOR, mail("by-spf")).code == 250
    refusal = send(house, STRANGER, mail("not-the-friend", author="x@lists.example"))
    assert refusal.codes == "550 5.7.1"
    assert len(house.messages(ANNA)) == 2


def test_a_group_may_refuse_what_spf_refuses_but_not_what_is_signed(build: Builder, key: Key) -> None:
    house = build("group change local --policy spf_fail=refuse --policy dmarc_reject=accept")
    refusal = send(house, STRANGER, mail("unsigned"))
    assert refusal.codes == "550 5.7.23"
    assert "SPF of author.example does not allow 198.18.0.66" in refusal.text
    assert send(house, STRANGER, signed(mail("signed"), key)).code == 250


def test_everything_found_is_told_to_whoever_may_read_the_log(build: Builder, key: Key) -> None:
    house = build()
    send(house, AUTHOR, signed(mail("told"), key))
    (transaction_id,) = house.wait_for_row("select id from clement_transaction")[:1]
    house.wait_for_story(transaction_id)
    told = house.verb(f"explain {transaction_id}")
    for words in (
        "author.example allows 198.18.0.10",
        "author.example has signed it",
        "author.example by dkim",
    ):
        assert words in told
    path = house.folder / "mail.eml"
    path.write_bytes(mail("forged"))
    simulated = house.verb(
        f"simulate {path} --client {STRANGER} --from x@lists.example --to {ANNA}", fails=True
    )
    assert "550 5.7.26 author.example asks to reject" in simulated
