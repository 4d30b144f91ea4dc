"""One exchange with a peer of the mesh, from the client's side. docs/mesh.md §5, §7.

The peer is as little to be trusted as any server: its proof comes before its words, its words are judged one
by one, and how much of them is heard is bounded.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import msgspec

from clement.net.hop_connection import (
    HopConnection,
    HopTimeouts,
    HopUnavailable,
    TlsContexts,
    open_connection,
)
from clement.policy.directory import NextHop, TlsUse
from clement.policy.mesh.acceptance import FAULTS, Refusal, judge
from clement.policy.mesh.assertion import Assertion
from clement.policy.mesh.exchange import (
    KEYWORD,
    VERSION,
    Entry,
    ExchangeMalformed,
    Page,
    parse_page,
    parse_proven,
    parse_welcome,
)
from clement.policy.mesh.key import PrivateKey
from clement.policy.mesh.proof import NONCE_OCTETS, Meeting, Role, certificate_hash, nonce
from clement.policy.mesh.roster import Peer, Roster
from clement.policy.mesh.snapshot import MeshSnapshot
from clement.smtp import Reply

TIMEOUTS: Final = HopTimeouts(connect_s=15.0, tls_s=15.0, greeting_s=30.0, command_s=30.0)
WHOLE_EXCHANGE_S: Final = 300.0


class ExchangeFailed(Exception):
    """The exchange came to nothing, or to an early end; the text says why, for the log."""


class Ourselves(msgspec.Struct, frozen=True):
    """What we are in an exchange. random_octets: fit for nonces. log: what we tell."""

    hostname: str
    key: PrivateKey
    roster: Roster
    log: MeshSnapshot
    now_s: Callable[[], float]
    random_octets: Callable[[int], bytes]


class HeardEntry(msgspec.Struct, frozen=True):
    """An entry of the peer's log, and why it is not to be taken, if it is not."""

    entry: Entry
    refusal: Refusal | None = None


class Heard(msgspec.Struct):
    """What came of an exchange. until: up to where we have the peer's log now."""

    until: int
    entries: list[HeardEntry] = []
    told: int = 0
    faults: int = 0
    failure: str = ""


async def exchange(host: str, port: int, peer: Peer, ours: Ourselves, after: int, most: int) -> Heard:
    """Call a peer: hear its log behind `after`, at most so many entries, and tell it what it lacks of ours.

    Raises ExchangeFailed when nothing was heard; what fails later stands in `Heard.failure`.
    """
    heard = Heard(after)
    try:
        async with asyncio.timeout(WHOLE_EXCHANGE_S):
            line = await _call(host, port, ours)
            try:
                have = await line.prove(peer, ours)
                await _pull(line, peer, ours, heard, most)
                await _push(line, peer, ours, heard, have)
            finally:
                line.leave()
    except (HopUnavailable, ExchangeMalformed, ExchangeFailed, TimeoutError) as error:
        heard.failure = str(error) or "it took too long"
        if heard.until == after and not heard.entries:
            raise ExchangeFailed(heard.failure) from error
    return heard


class _Line:
    """A connection on which XMESH is spoken."""

    def __init__(self, connection: HopConnection) -> None:
        self._connection = connection

    def say(self, text: str) -> None:
        self._connection.session.mesh(text.encode("ascii"))

    async def reply(self) -> Reply:
        return (await self._connection.reply(TIMEOUTS.command_s)).reply

    async def ask(self, text: str) -> Reply:
        """Say something and have it answered with 2yz. Raises ExchangeFailed for all else."""
        self.say(text)
        reply = await self.reply()
        if not reply.is_positive:
            raise ExchangeFailed(f"answered {text.split(' ', 1)[0]} with {reply.shown[:200]}")
        return reply

    async def prove(self, peer: Peer, ours: Ourselves) -> int:
        """Prove to each other who we are; returns up to where the peer has our log."""
        own_nonce = nonce(ours.random_octets(NONCE_OCTETS))
        welcome = await self.ask(f"HELLO {VERSION} {ours.key.public.id} {own_nonce}")
        certificate = certificate_hash(self._connection.peer_certificate)
        meeting = Meeting(ours.key.public.id, peer.id, own_nonce, parse_welcome(welcome.text[0]), certificate)
        proven = await self.ask(f"PROVE {ours.key.sign(meeting.signed_octets(Role.CLIENT))}")
        signature, have = parse_proven(proven.text[0])
        if not peer.key.verifies(signature, meeting.signed_octets(Role.SERVER)):
            raise ExchangeFailed("whoever answers there has not the peer's key")
        return have

    def leave(self) -> None:
        self._connection.leave()


async def _call(host: str, port: int, ours: Ourselves) -> _Line:
    hop = NextHop(host=host, port=port, tls=TlsUse.REQUIRED)
    connection = await open_connection(hop, ours.hostname, TIMEOUTS, _any_certificate())
    if KEYWORD not in connection.session.peer:
        connection.leave()
        raise ExchangeFailed("XMESH is not offered to us there")
    return _Line(connection)


def _any_certificate() -> TlsContexts:
    """TLS is required, and who is at its other end is found out by the proofs."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return TlsContexts(context, context)


async def _pull(line: _Line, peer: Peer, ours: Ourselves, heard: Heard, most: int) -> None:
    while len(heard.entries) < most:
        page = parse_page((await line.ask(f"PULL {heard.until}")).text, heard.until)
        if not _take(page, peer, ours, heard, most) or not page.has_more:
            return


def _take(page: Page, peer: Peer, ours: Ourselves, heard: Heard, most: int) -> bool:
    """Judge the entries of a page; False when no more shall be heard in this exchange."""
    for entry in page.entries:
        judged = judge(entry, peer, ours.roster, ours.now_s())
        if judged is Refusal.FUTURE or len(heard.entries) >= most:
            return False
        heard.entries.append(HeardEntry(entry, None if isinstance(judged, Assertion) else judged))
        heard.until = entry.position
        if judged in FAULTS:
            heard.faults += 1
            if heard.faults > peer.quotas.faults_per_session:
                raise ExchangeFailed("it breaks the rules too often")
    heard.until = page.until
    return True


async def _push(line: _Line, peer: Peer, ours: Ourselves, heard: Heard, have: int) -> None:
    """Tell what the peer lacks, a page at a time, until it has had enough."""
    while True:
        page = ours.log.page(peer.id, have)
        for entry in page.entries:
            line.say(f"PUSH {entry.encode()}")
        is_enough = False
        for _entry in page.entries:
            reply = await line.reply()
            is_enough = is_enough or reply.is_transient
            heard.told += reply.is_positive
        if is_enough or not page.has_more:
            return
        have = page.until
