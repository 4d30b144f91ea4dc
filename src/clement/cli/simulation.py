"""A session that never happened: the real policy on a message from a file, touching nothing.

The protocol core, the checks, `decide` and the records are those of service;
only what would leave a trace is replaced: transports say yes without asking
anybody, nothing is written down, and a login is believed.
"""

from __future__ import annotations

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec

from clement.cli import wiring
from clement.cli.authentication import authentication_for
from clement.cli.database import connected
from clement.cli.dns_list_watch import Unreported
from clement.cli.dns_list_wiring import dns_lists
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.learned_model import key_of, learned_file
from clement.cli.listeners import SERVICES
from clement.cli.paths import Paths
from clement.cli.scanner_wiring import scanner_for
from clement.config.listener import ListenerKind
from clement.config.settings import Settings
from clement.delivery.nowhere import NowhereHolder, NowhereTransport
from clement.delivery.routing import Transports
from clement.journal.records import Record, SessionRecord, TransactionRecord
from clement.message.grammar import examine
from clement.policy.directory import Directory
from clement.policy.pipeline import Plan
from clement.policy.plan import standard_plan
from clement.policy.ports import Scanner
from clement.policy.study import ContentStudy
from clement.server.admission import Unlimited
from clement.server.authentication import Authentication
from clement.server.conversation import Conversation
from clement.server.greylist import Greylist
from clement.server.greylist_memory import GreylistMemory
from clement.server.peer import Door, client
from clement.server.services import Clocks, Services, SessionLimits
from clement.server.slot_table import UnfitTable
from clement.server.splitting import SplitMemory
from clement.server.study import study
from clement.smtp import ContentWriter as WireContent
from clement.smtp import Extensions, ServerSession, replies
from clement.spool.content import Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.workers import Workers


class SimulationRequest(msgspec.Struct, frozen=True):
    """A message and the circumstances of its arrival. `login`: the person who posts it, "" for a stranger."""

    content: bytes
    client: str
    hello: str
    reverse_path: str
    recipients: tuple[str, ...]
    kind: ListenerKind = ListenerKind.MX
    tls: bool = False
    login: str = ""


class SimulationReport(msgspec.Struct, frozen=True):
    """What would have been recorded: every command, finding and reply, each recipient's own verdict.

    split: without PRDR the answers could not share one reply, and the client would be told 451 first.
    """

    session: SessionRecord
    transactions: tuple[TransactionRecord, ...]
    split: bool


def simulate(settings: Settings, request: SimulationRequest) -> SimulationReport:
    """Play the session with the directory as SQL has it now.

    Raises Failure when `client` is no address, or SQL is away.
    """
    with connected(settings.database):
        from clement.store.snapshot import load_directory

        directory = load_directory()
    try:
        return asyncio.run(play(settings, directory, request))
    except ValueError as fault:
        raise Failure(ExitCode.USAGE, str(fault)) from None


async def play(settings: Settings, directory: Directory, request: SimulationRequest) -> SimulationReport:
    """Play the session with this directory. Raises ValueError when `client` is no address."""
    listener = _Ear()
    workers = Workers()
    resolver = wiring.resolver_for(settings)
    lists = dns_lists(settings, resolver, lambda: wiring.resolver_for(settings), Unreported())
    if lists is not None:
        await lists.test()
    learned = learned_file(Paths.of(settings).learned, enabled=settings.learning.enabled)
    services = _services(
        settings,
        directory,
        listener,
        workers,
        standard_plan(
            resolver,
            lists=lists,
            postmaster=settings.site.postmaster_address,
            judge=learned,
            identities=settings.authentication.enabled,
            scanner=settings.scanner.enabled,
        ),
        scanner_for(settings, wiring.receiver_count(settings)),
        authentication_for(settings, resolver, workers),
        key_of(learned),
    )
    door = Door("simulation", SERVICES[request.kind], replies.SERVICE_READY)
    mechanisms = ("PLAIN",) if request.login else ()
    core = ServerSession(
        service=door.service,
        hostname=settings.site.hostname,
        offer=Extensions(
            size_limit_bytes=settings.limits.size_bytes,
            prdr=request.kind is not ListenerKind.LMTP,
            auth_mechanisms=mechanisms,
            auth_without_tls=True,
        ),
    )
    conversation = Conversation(services, door, core, client(request.client, 0), Unlimited())
    if request.tls:
        conversation.tls_established("TLSv1.3", "simulated")
    try:
        await _play(conversation, core, request)
    finally:
        conversation.end("simulated")
        await resolver.close()
        workers.stop()
    return listener.report()


async def _play(conversation: Conversation, core: ServerSession, request: SimulationRequest) -> None:
    opening = conversation.open()
    if opening is not None:
        await opening
    for said in _commands(request):
        core.receive_data(said)
        while (event := core.next_event()) is not None:
            waiting = conversation.take(event)
            if waiting is not None:
                await waiting
        reply = core.data_to_send()
        if said is _DATA and not reply.startswith(_GO_ON):
            break


_DATA = b"DATA\r\n"
_GO_ON = replies.START_CONTENT.encode()[:3]


def _commands(request: SimulationRequest) -> list[bytes]:
    wire = WireContent()
    greeting = "LHLO" if request.kind is ListenerKind.LMTP else "EHLO"
    commands = [f"{greeting} {request.hello}\r\n".encode("utf-8", "surrogateescape")]
    if request.login:
        token = b64encode(f"\0{request.login}\0simulated".encode()).decode()
        commands.append(f"AUTH PLAIN {token}\r\n".encode())
    prdr = " PRDR" if len(request.recipients) > 1 and request.kind is not ListenerKind.LMTP else ""
    international = (
        "" if request.reverse_path.isascii() and all(r.isascii() for r in request.recipients) else " SMTPUTF8"
    )
    commands.append(f"MAIL FROM:<{request.reverse_path}>{prdr}{international}\r\n".encode())
    commands += [f"RCPT TO:<{recipient}>\r\n".encode() for recipient in request.recipients]
    return [*commands, _DATA, wire.write(request.content) + wire.finish(), b"QUIT\r\n"]


class _Ear:
    """Takes the records that would have been written down."""

    def __init__(self) -> None:
        self._sessions: list[SessionRecord] = []
        self._transactions: list[TransactionRecord] = []

    def append(self, record: Record) -> None:
        if isinstance(record, TransactionRecord):
            self._transactions.append(record)

    def flush(self) -> bool:
        return True

    def record(self, session: SessionRecord, transactions: Sequence[TransactionRecord] = ()) -> None:
        self._sessions.append(session)
        self._transactions.extend(transactions)

    def refused(self, client: str, reason: str, at_s: float, build: object) -> bool:
        self.record(*build())  # type: ignore[operator]
        return False

    def report(self) -> SimulationReport:
        session, transactions = self._sessions[0], tuple(self._transactions)
        # What was said at RCPT needs no share in the reply to the content.
        at_rcpt = {said.reply for said in session.transcript if said.command[:4].upper() == "RCPT"}
        judged = {
            (each.outcome, each.reason)
            for one in transactions
            for each in one.recipients
            if _saw_content(one) and each.reply not in at_rcpt
        }
        return SimulationReport(session, transactions, split=len(judged) > 1)


def _saw_content(transaction: TransactionRecord) -> bool:
    return transaction.size_bytes > 0


def _remembered(paths: Paths, directory: Directory) -> GreylistMemory | None:
    """What receivers remember, for looking only. Raises Failure when it may not be read."""
    if not directory.greylists:
        return None
    try:
        return GreylistMemory.look(paths.greylist)
    except (FileNotFoundError, UnfitTable):
        return GreylistMemory.empty()
    except PermissionError:
        raise Failure(
            ExitCode.NEGATIVE, f"cannot read {paths.greylist}: run as root or as Clement's user"
        ) from None


class _Still:
    """A directory that does not change."""

    def __init__(self, current: Directory) -> None:
        self.current = current


def _read(content: Content, key: bytes) -> ContentStudy:
    """Here and at once: whoever simulates may wait."""
    return study(b"".join(content.chunks()), key)


async def _believe(password_hash: str, password: bytes) -> bool:  # noqa: ARG001 - any password will do
    return bool(password_hash)


def _services(
    settings: Settings,
    directory: Directory,
    ear: _Ear,
    workers: Workers,
    plan: Plan,
    scanner: Scanner | None,
    authentication: Authentication | None,
    key: Callable[[], bytes],
) -> Services:
    filesystem, paths, agreeable = OsFileSystem(), Paths.of(settings), NowhereTransport()
    folder = str(paths.staging)
    return Services(
        hostname=settings.site.hostname,
        node=settings.site.node_name,
        postmaster=wiring.postmaster(settings),
        own_names=wiring.own_names(settings),
        limits=SessionLimits(),
        plan=plan,
        feed=_Still(directory),
        transports=Transports(agreeable, agreeable, agreeable),
        scanner=scanner,
        examine=lambda content: examine(content.header_block),
        new_content=lambda: ContentWriter(filesystem, folder, workers, settings.limits.size_bytes),
        room_for=lambda _size: True,
        splits=SplitMemory.of_this_process(time.time),
        greylist=Greylist(lambda _series: None, _remembered(paths, directory)),
        journal=ear,
        proportion=ear,
        check_password=_believe,
        clocks=Clocks(time.time, time.monotonic),
        random_bits=random.getrandbits,
        reached=filesystem.reached,
        count=lambda _series: None,
        flush_soon=lambda: None,
        authentication=authentication,
        holder=NowhereHolder(),
        read_content=lambda content: _read(content, key()),
        thresholds=wiring.site_thresholds(settings),
        tagging=wiring.tagging_for(settings),
    )
