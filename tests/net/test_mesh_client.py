"""Calling a peer: whoever answers proves itself first, and whatever it says ends in a result or a failure."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from clement.cli.certificate import make_certificate
from clement.net.mesh_client import ExchangeFailed, Heard, Ourselves, exchange
from clement.policy.mesh.acceptance import Refusal
from clement.policy.mesh.assertion import Evidence, Kind, Statement, sign
from clement.policy.mesh.key import PrivateKey
from clement.policy.mesh.proof import Meeting, Role, certificate_hash
from clement.policy.mesh.roster import Peer, Roster
from clement.policy.mesh.snapshot import LoggedEntry, MeshSnapshot

NOW_S = 1_790_000_000
OURS, ANNA, STRANGER = (PrivateKey(bytes([number]) * 32) for number in range(1, 4))
PEER = Peer("anna", ANNA.public)
EHLO = "250-peer.example\r\n250-XMESH 1\r\n250 PIPELINING\r\n"

Answers = Callable[[str], str]


def ban(number: int = 1, *, key: PrivateKey = ANNA, ahead_s: int = 0) -> str:
    statement = Statement(
        key.public.id,
        (NOW_S + ahead_s) * 1_000_000 + number,
        Kind.BAN,
        ip_network(f"198.51.100.{number}/32"),
        NOW_S + 86_400,
        Evidence((("content", 3),), NOW_S - 60, NOW_S - 30),
    )
    return sign(statement, key).encode()


class FalseServer:
    """A server that speaks as much SMTP as it takes to come to XMESH, and then says what the test wants."""

    def __init__(self, folder: Path, answers: Answers, key: PrivateKey = ANNA, ehlo: str = EHLO) -> None:
        certificate, private = folder / "certificate.pem", folder / "key.pem"
        make_certificate(certificate, private, ["peer.example"])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, private)
        self._shown = certificate_hash(ssl.PEM_cert_to_DER_cert(certificate.read_text()))
        self._answers = answers
        self._key = key
        self._ehlo = ehlo
        self._hello: list[str] = []
        self.heard: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 peer.example ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            self.heard.append(line)
            if line == "STARTTLS":
                writer.write(b"220 2.0.0 go\r\n")
                await writer.drain()
                await writer.start_tls(self._context)
                continue
            writer.write(self._answer(line).encode())
        writer.close()

    def _answer(self, line: str) -> str:
        words = line.split(" ")
        if words[0] == "EHLO":
            return self._ehlo
        if words[:2] == ["XMESH", "HELLO"]:
            self._hello = words
            return f"250 2.0.0 {'n' * 22}\r\n"
        if words[:2] == ["XMESH", "PROVE"]:
            meeting = Meeting(OURS.public.id, ANNA.public.id, self._hello[4], "n" * 22, self._shown)
            assert OURS.public.verifies(words[2], meeting.signed_octets(Role.CLIENT))
            return f"250 2.7.0 {self._key.sign(meeting.signed_octets(Role.SERVER))} 0\r\n"
        return self._answers(line)


@asynccontextmanager
async def listening(serve: Callable[..., Awaitable[None]]) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def call(server: FalseServer, log: MeshSnapshot | None = None, most: int = 100) -> Heard:
    ours = Ourselves(
        "us.example",
        OURS,
        Roster(OURS.public.id, [PEER]),
        log or MeshSnapshot(),
        lambda: NOW_S,
        os.urandom,
    )

    async def run() -> Heard:
        async with listening(server) as port:
            return await exchange("127.0.0.1", port, PEER, ours, 0, most)

    return asyncio.run(run())


def offering(text: str = "250-STARTTLS") -> str:
    return f"250-peer.example\r\n{text}\r\n250-XMESH 1\r\n250 PIPELINING\r\n"


def page(*lines: str) -> Answers:
    said = "".join(f"250-2.0.0 {line}\r\n" for line in lines[:-1]) + f"250 2.0.0 {lines[-1]}\r\n"
    return lambda line: said if line.startswith("XMESH PULL") else "250 2.0.0 OK\r\n"


def test_what_the_peer_says_is_heard_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    server = FalseServer(tmp_path, page(f"5 0 {ban(1)}", f"6 0 {ban(2)}", "9 END"), ehlo=offering())
    log = MeshSnapshot((LoggedEntry(3, 0, OURS.public.id, "", ban(3, key=OURS)),), until=3)
    heard = call(server, log)
    assert [each.refusal for each in heard.entries] == [None, None]
    assert (heard.until, heard.told, heard.failure) == (9, 1, "")
    assert any(line.startswith("XMESH PUSH 3 0 1 ") for line in server.heard)


def test_whoever_has_not_the_peer_s_key_is_told_nothing(tmp_path: Path) -> None:
    server = FalseServer(tmp_path, page("9 END"), key=STRANGER, ehlo=offering())
    with pytest.raises(ExchangeFailed, match="not the peer's key"):
        call(server)
    assert not any("PULL" in line or "PUSH" in line for line in server.heard)


def test_without_tls_or_without_the_extension_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExchangeFailed, match="TLS is required"):
        call(FalseServer(tmp_path, page("9 END")))
    ordinary = "250-peer.example\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
    other = tmp_path / "other"
    other.mkdir()
    server = FalseServer(other, page("9 END"), ehlo=ordinary)
    with pytest.raises(ExchangeFailed, match="XMESH is not offered"):
        call(server)
    assert not any(line.startswith("XMESH") for line in server.heard)


@pytest.mark.parametrize(
    "answer",
    [
        "250 2.0.0 nonsense\r\n",
        "250-2.0.0 5 0 1 x\r\n250 2.0.0 4 END\r\n",
        "250 2.0.0 0 MORE\r\n",
        "421 4.7.0 go away\r\n",
        "500 5.5.1 what?\r\n",
        "\xff\xfe\r\n",
        "250 2.0.0 " + "x" * 4000 + "\r\n",
    ],
)
def test_nonsense_is_a_failure_and_no_more(tmp_path: Path, answer: str) -> None:
    with pytest.raises(ExchangeFailed):
        call(FalseServer(tmp_path, lambda _line: answer, ehlo=offering()))


def test_a_peer_without_end_is_heard_for_as_much_as_it_may_say(tmp_path: Path) -> None:
    def endless(line: str) -> str:
        after = int(line.split(" ")[2]) if "PULL" in line else 0
        lines = "".join(f"250-2.0.0 {after + n} 0 {ban(n)}\r\n" for n in range(1, 33))
        return f"{lines}250 2.0.0 {after + 32} MORE\r\n" if "PULL" in line else "250 2.0.0 OK\r\n"

    heard = call(FalseServer(tmp_path, endless, ehlo=offering()), most=70)
    assert len(heard.entries) == 70
    assert heard.until == 70


def test_the_position_does_not_move_beyond_a_statement_of_the_future(tmp_path: Path) -> None:
    lines = (f"5 0 {ban(1)}", f"6 0 {ban(2, ahead_s=3_600)}", f"7 0 {ban(3)}", "9 END")
    heard = call(FalseServer(tmp_path, page(*lines), ehlo=offering()))
    assert len(heard.entries) == 1
    assert heard.until == 5


def test_too_many_faults_end_the_exchange_and_are_remembered(tmp_path: Path) -> None:
    lines = [f"{number} 0 {ban(number)[:-86]}{'A' * 86}" for number in range(1, 30)]
    heard = call(FalseServer(tmp_path, page(*lines, "40 END"), ehlo=offering()))
    assert heard.failure == "it breaks the rules too often"
    assert {each.refusal for each in heard.entries} == {Refusal.SIGNATURE}
    assert len(heard.entries) == 11
