"""Where the parts are put together: settings in, the services of a receiver out."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from secrets import token_bytes

import msgspec

from clement.cli.authentication import authentication_for
from clement.cli.dns_list_watch import DnsListReporter, list_series
from clement.cli.dns_list_wiring import dns_lists, zones
from clement.cli.held_parts import held_memory, holder_for
from clement.cli.learned_model import key_of, learned_file, lessons_of
from clement.cli.mesh_parts import desk_of
from clement.cli.paths import Paths
from clement.cli.scanner_wiring import scanner_for, scanner_watch
from clement.config.endpoint import TcpEndpoint
from clement.config.limits import LimitSettings
from clement.config.settings import Settings
from clement.delivery.maildir import MaildirTransport
from clement.delivery.maildir_store import MaildirOptions
from clement.delivery.relay import RelayOptions, RelayTransport
from clement.delivery.routing import Transports
from clement.journal.journal import Journal, JournalLimits
from clement.journal.proportion import Proportion
from clement.journal.segments import SegmentFiles
from clement.message.foreign_fields import ForeignFields
from clement.net.hop_connection import TlsContexts
from clement.net.resolver import DnsResolver, ResolverSettings
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import Directory
from clement.policy.plan import standard_plan
from clement.policy.score import Thresholds
from clement.server.checker import Study
from clement.server.checking import HeaderReader, Lane
from clement.server.content_reader import ContentReader, Lanes
from clement.server.directory_file import DirectoryFile
from clement.server.failure_memory import FailureMemory
from clement.server.flushing import FlushSoon
from clement.server.gate import Crowd, Timeouts
from clement.server.greylist import Greylist, GreylistKeeper
from clement.server.mesh_file import MeshFile
from clement.server.passwords import Argon2Check
from clement.server.rates import RateLimits
from clement.server.receiver import Running
from clement.server.services import Clocks, Services, SessionLimits
from clement.server.slot_table import SlotTable
from clement.server.splitting import SplitMemory
from clement.server.study import study as study_content
from clement.server.tagging import Tagging
from clement.server.tarpit import TarpitLimits
from clement.smtp import Mailbox, parse_mailbox
from clement.spool.content import ContentWriter
from clement.spool.filesystem import FileSystem, OsFileSystem
from clement.spool.points import Point
from clement.spool.space import Room
from clement.spool.sweep import sweep_folder, sweep_maildirs
from clement.spool.workers import Workers
from clement.telemetry.metrics import DIRECTORY_VERSION, Metrics

MOST_LARGE_WAITING = 50
"""Large contents of one receiver that wait for a checker; each holds a descriptor, and its client."""


class Outside(msgspec.Struct, frozen=True):
    """What tests and benchmarks put in the place of this machine's own."""

    filesystem: FileSystem = msgspec.field(default_factory=OsFileSystem)
    journal_files: SegmentFiles = msgspec.field(default_factory=SegmentFiles)
    transports: Callable[[Settings, FileSystem, Workers], Transports] | None = None
    study: Study = study_content


def timeouts(settings: Settings) -> Timeouts:
    """How long clients may take."""
    limits = settings.limits
    return Timeouts(
        greeting_s=limits.greeting_timeout_s,
        command_s=limits.command_timeout_s,
        answer_s=limits.data_done_timeout_s,
        content_init_s=limits.data_init_timeout_s,
        content_s=limits.data_block_timeout_s,
        session_s=limits.session_time_s,
        write_s=limits.write_timeout_s,
        tls_s=limits.tls_timeout_s,
        drain_s=limits.drain_timeout_s,
        content_bytes_per_s=limits.content_bytes_per_s,
    )


def crowd(settings: Settings) -> Crowd:
    """How many clients there may be."""
    limits = settings.limits
    return Crowd(limits.sessions, limits.sessions_per_client, rate_limits(limits), tarpit_limits(limits))


def rate_limits(limits: LimitSettings) -> RateLimits:
    """Who may have how much; both have the same names for it."""
    return RateLimits(*[getattr(limits, name) for name in RateLimits.__struct_fields__])


def tarpit_limits(limits: LimitSettings) -> TarpitLimits:
    """How long and how many are held."""
    return TarpitLimits(
        delay_s=limits.tarpit_delay_s,
        session_s=limits.tarpit_session_s,
        sessions=limits.tarpit_sessions,
        sessions_per_client=limits.tarpit_sessions_per_client,
    )


def session_limits(limits: LimitSettings) -> SessionLimits:
    """What the session itself watches."""
    return SessionLimits(
        auth_failures=limits.auth_failures,
        errors_borne=limits.errors_borne,
        greeting_delay_s=limits.greeting_delay_s,
        refuse_early_talkers=limits.refuse_early_talkers,
        refuse_unpermitted_pipelining=limits.refuse_unpermitted_pipelining,
    )


def site_thresholds(settings: Settings) -> Thresholds:
    """Scores from which on something follows where nobody narrower says otherwise."""
    score = settings.score
    return Thresholds(score.tag_at, score.quarantine_at, score.refuse_at)


def tagging_for(settings: Settings) -> Tagging:
    """How delivered mail is marked."""
    tagging = settings.tagging
    ours = (tagging.score_field, tagging.flag_field, tagging.level_field, tagging.reason_field)
    # Whatever a site calls its own fields: that one of them is missing must mean something too.
    foreign = ForeignFields([*tagging.remove, *filter(None, ours)])
    return Tagging(*ours, tagging.subject_prefix, foreign)


def postmaster(settings: Settings) -> Mailbox:
    """Whose mailbox takes what is addressed to postmaster (RFC 5321 §4.5.1)."""
    return parse_mailbox(settings.site.postmaster_address.encode("utf-8"), smtputf8=True)


async def start_receiver(
    settings: Settings, number: int, outside: Outside, failures: SlotTable | None = None
) -> Running:
    """The services of one receiver process, made inside its running loop. Raises OSError.

    failures: contents that cannot be read, known to all receivers.
    """
    paths, first = Paths.of(settings), number == 0
    of_lists = list_series(zones(settings))
    metrics = Metrics.open(paths.metrics, f"receiver-{number}")
    journal = Journal(
        settings.journal.folder,
        settings.site.node_name,
        limits=JournalLimits(limit_bytes=settings.journal.limit_bytes),
        files=outside.journal_files,
        metrics_of_process=metrics,
    )
    proportion = Proportion(
        journal, settings.site.node_name, now_s=time.monotonic(), metrics_of_process=metrics
    )
    greylist = Greylist(metrics.add)
    greylist_keeper = GreylistKeeper(greylist, paths.greylist)
    feed = DirectoryFile(paths.directory, _noting(metrics, greylist_keeper))
    await feed.until_known()
    greylist_keeper.tend(feed.current)
    mesh_feed = MeshFile(paths.mesh)
    mesh_feed.refresh()
    learned = learned_file(paths.learned, enabled=settings.learning.enabled)
    workers = Workers()
    lanes = Lanes(light=Lane(paths.checkers), large=Lane(paths.large_checkers, MOST_LARGE_WAITING))
    resolver = resolver_for(settings)
    lists = dns_lists(settings, resolver, lambda: resolver_for(settings), DnsListReporter(of_lists, metrics))
    failed = FailureMemory(time.time, failures)
    reader = ContentReader(lanes, failed, workers, key_of(learned), metrics)
    lessons = lessons_of(settings, paths.learned, learned, journal, reader, workers)
    passwords = Argon2Check(token_bytes(32))
    memory = held_memory(settings)
    splits = SplitMemory.open(paths.splits, time.time)
    services = Services(
        hostname=settings.site.hostname,
        node=settings.site.node_name,
        postmaster=postmaster(settings),
        own_names=own_names(settings),
        limits=session_limits(settings.limits),
        plan=standard_plan(
            resolver,
            lists=lists,
            postmaster=settings.site.postmaster_address,
            judge=learned,
            identities=settings.authentication.enabled,
            scanner=settings.scanner.enabled,
        ),
        feed=feed,
        transports=(outside.transports or transports)(settings, outside.filesystem, workers),
        scanner=scanner_for(settings, receiver_count(settings), paths.long_scans),
        examine=HeaderReader(lanes.light),
        new_content=content_writers(settings, paths, outside.filesystem, workers),
        room_for=room_for(settings, outside.filesystem),
        splits=splits,
        greylist=greylist,
        journal=journal,
        proportion=proportion,
        check_password=passwords,
        clocks=Clocks(time.time, time.monotonic),
        random_bits=random.Random(token_bytes(32)).getrandbits,  # noqa: S311 - ids are no secrets
        reached=outside.filesystem.reached,
        count=metrics.add,
        flush_soon=FlushSoon(asyncio.get_running_loop(), journal),
        mesh=desk_of(settings, journal, mesh_feed),
        authentication=authentication_for(settings, resolver, workers),
        holder=holder_for(settings, outside.filesystem, workers, journal, metrics.add, memory),
        reconciler=memory,
        thresholds=site_thresholds(settings),
        tagging=tagging_for(settings),
        read_content=reader,
        lessons=lessons,
    )
    return Running(
        services,
        every_second=(
            lambda: greylist_keeper.tend(feed.current),
            *((mesh_feed.refresh,) if settings.mesh.enabled else ()),
            *((learned.refresh,) if learned is not None else ()),
            *((lessons.tend,) if lessons is not None else ()),
            lambda: proportion.tick(time.monotonic()),
        ),
        background=(
            feed.watch,
            *(
                (scanner_watch(settings, receiver_count(settings)),)
                if first and settings.scanner.enabled
                else ()
            ),
            *((lists.watch,) if lists is not None else ()),
        ),
        at_end=(
            _closing(proportion.close, journal.close, passwords.close, greylist_keeper.close, splits.close),
            resolver.close,
        ),
    )


def _noting(metrics: Metrics, greylist_keeper: GreylistKeeper) -> Callable[[Directory], None]:
    """What a receiver does with a directory it has read: once all it asks for is there, it says so."""
    loop = asyncio.get_running_loop()

    def note(directory: Directory) -> None:
        greylist_keeper.tend(directory)
        metrics.set(DIRECTORY_VERSION, directory.version)

    def in_the_loop(directory: Directory) -> None:
        with suppress(RuntimeError):  # the loop has ended while this was read: nobody is served any more
            loop.call_soon_threadsafe(note, directory)

    return in_the_loop


def _closing(*calls: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        for call in calls:
            call()

    return close


def own_names(settings: Settings) -> frozenset[str]:
    """Names that only we may give ourselves: the host name and the literals of the addresses we listen on."""
    names = {settings.site.hostname.lower()}
    for listener in settings.listener:
        if isinstance(listener.address, TcpEndpoint):
            host = listener.address.host
            names.add(f"[ipv6:{host}]" if ":" in host else f"[{host}]")
    return frozenset(names)


def transports(settings: Settings, filesystem: FileSystem, workers: Workers) -> Transports:
    """The ways mail leaves a session on this machine."""
    maildir = MaildirTransport(filesystem, maildir_options(settings), workers, time.time)
    next_hops = SmtpClient(settings.site.hostname, time.monotonic, TlsContexts.standard())
    answer_s = settings.limits.data_done_timeout_s
    times = RelayOptions(content_s=min(RelayOptions().content_s, answer_s), answer_s=answer_s)
    relay = RelayTransport(next_hops, filesystem, workers, time.monotonic, times)
    return Transports(maildir, relay, relay)


def maildir_options(settings: Settings) -> MaildirOptions:
    """Where and as whose the mail is stored."""
    store = settings.store
    owner = None
    if store.owner_uid is not None or store.owner_gid is not None:
        owner = (
            -1 if store.owner_uid is None else store.owner_uid,
            -1 if store.owner_gid is None else store.owner_gid,
        )
    return MaildirOptions(
        mail_root=str(store.mail_root),
        host_name=settings.site.hostname,
        folder_mode=store.folder_mode,
        file_mode=store.file_mode,
        owner=owner,
    )


def resolver_for(settings: Settings) -> DnsResolver:
    """The DNS as it is configured."""
    dns = settings.dns
    return DnsResolver(
        ResolverSettings(
            servers=tuple(str(server) for server in dns.servers),
            timeout_s=dns.timeout_s,
            max_entries=dns.cache_entries,
        )
    )


def content_writers(
    settings: Settings, paths: Paths, filesystem: FileSystem, workers: Workers
) -> Callable[[], ContentWriter]:
    """Makes the writer of one message's content."""
    folder, memory_bytes = str(paths.staging), settings.spool.memory_bytes
    return lambda: ContentWriter(filesystem, folder, workers, memory_bytes)


def room_for(settings: Settings, filesystem: FileSystem) -> Callable[[int], bool]:
    """Whether both the spool and the mail root have room for another message."""
    folders = settings.spool.folder, settings.store.mail_root
    return Room(filesystem, folders, settings.spool.free_space_bytes, time.monotonic).room_for


def sweep(settings: Settings, filesystem: FileSystem, now_s: float) -> int:
    """Remove what crashes have left behind; how many files went."""
    paths, mail_root = Paths.of(settings), str(settings.store.mail_root)
    swept = 0
    with suppress(OSError):
        swept += sweep_folder(filesystem, str(paths.staging), now_s, Point.MAILDIR_TAKEN_BACK)
    with suppress(OSError):
        swept += sweep_maildirs(filesystem, mail_root, now_s)
    return swept


def receiver_count(settings: Settings) -> int:
    """Configured, or one for each CPU."""
    return settings.processes.receivers or os.cpu_count() or 1


def checker_count(settings: Settings) -> int:
    """Configured, or half as many as CPUs, at least two: while one is stuck, the other goes on."""
    return settings.processes.checkers or max(2, (os.cpu_count() or 1) // 2)


def run_loop(life: Awaitable[None]) -> None:
    """Run a coroutine on uvloop where it is installed, on asyncio otherwise."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main(life))
    else:
        uvloop.run(_main(life))


async def _main(life: Awaitable[None]) -> None:
    await life
