"""Every setting of clement.toml except listeners and limits, and `Settings`, which holds them all.

The strings beneath the fields are what `clement init` writes into a new file and what
docs/settings.md shows: there is no second place where a setting is described.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from clement.config.digest import DigestSettings
from clement.config.dns_list import DnsListSettings
from clement.config.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from clement.config.held import HeldSettings
from clement.config.learning import LearningSettings
from clement.config.limits import LimitSettings
from clement.config.listener import ListenerSettings
from clement.config.mesh import MeshSettings
from clement.config.object_store import ObjectStoreSettings
from clement.config.reputation import ReputationSettings
from clement.config.score import ScoreSettings, TaggingSettings
from clement.config.secret import Secret
from clement.config.values import (
    Bytes,
    Count,
    CountOrAuto,
    CountOrNone,
    HostName,
    Mode,
    NodeName,
    Port,
    Seconds,
    UserId,
    Weight,
    WholeDaysOrNone,
)


class TlsVersion(StrEnum):
    """Versions of TLS that may still be spoken (RFC 8996 buried those before)."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class Engine(StrEnum):
    """A database that holds the directory and the log."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are."""

    hostname: HostName
    """Our name in the greeting, in EHLO and in Received. It should resolve to this machine."""
    node: NodeName = ""
    """How the log calls this machine where several share a database; by default the hostname."""
    postmaster: str = ""
    """Who answers for this site, shown to refused clients (RFC 5321 §4.5.1); by default
    postmaster at the hostname."""

    @property
    def node_name(self) -> str:
        """`node`, or the hostname."""
        return self.node or self.hostname

    @property
    def postmaster_address(self) -> str:
        """`postmaster`, or postmaster at the hostname."""
        return self.postmaster or f"postmaster@{self.hostname}"


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate for STARTTLS and TLS listeners. Without one, TLS and so AUTH are not offered."""

    certificate: Path | None = None
    """The certificate and its chain, PEM."""
    key: Path | None = None
    """Its private key, PEM, not readable by others."""
    minimum_version: TlsVersion = TlsVersion.TLS_1_2
    """The oldest version still spoken (RFC 8996)."""


class ProcessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of `clement serve`, and whom they run as."""

    receivers: CountOrAuto = 0
    """Processes that own SMTP sessions. 0: one for each CPU."""
    checkers: CountOrAuto = 0
    """Processes that take small contents apart; one more does so with large ones. 0: half as many as CPUs, at
    least two."""
    user: str = ""
    """Become this user once the ports are open; needs a start as root."""
    group: str = ""
    """And this group; by default the user's own."""
    run_folder: Path = Path("run")
    """For what lives as long as the processes do: sockets, counters."""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The directory and the log. Mail flows without it for a while; the journal catches up."""

    engine: Engine = Engine.SQLITE
    """sqlite (embedded), postgresql, or mariadb (which is also MySQL)."""
    path: Path = Path("clement.sqlite3")
    """The file of an SQLite database."""
    host: str = "localhost"
    """Where a database server is: a name, an address, or the folder (PostgreSQL) or path of its socket."""
    port: Port | None = None
    """Its port; by default 5432 or 3306."""
    name: str = "clement"
    """The database on that server."""
    user: str = "clement"
    """Who we are there."""
    password: Secret | None = None
    """"file:PATH" or "env:NAME", never the password itself."""
    connect_timeout_s: Seconds = 5
    """Wait for a connection before the database counts as away."""
    keep_log_days: WholeDaysOrNone = 90
    """Days that the log of sessions is kept. 0: for ever."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Local mailboxes (Maildir)."""

    mail_root: Path = Path("mail")
    """The folder that holds every Maildir."""
    folder_mode: Mode = 0o700
    """Permissions of new folders (0o770 when an IMAP server runs as another user of our group)."""
    file_mode: Mode = 0o600
    """Permissions of new messages."""
    owner_uid: UserId | None = None
    """Give new mail to this user; by default it stays with the user we run as."""
    owner_gid: UserId | None = None
    """Give new mail to this group."""


class SpoolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Content while it is judged."""

    folder: Path = Path("spool")
    """Where content waits; fastest on the same file system as the mail root."""
    memory_bytes: Bytes = 65_536
    """A message up to this size stays in memory until it is placed."""
    free_space_bytes: Bytes = 134_217_728
    """Below this much free space mail is deferred with 452 (Postfix queue_minfree asks for at least
    1.5 times the size limit)."""


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, on its way into the database."""

    folder: Path = Path("journal")
    """Where records wait; on a local disk, never on a network file system."""
    limit_bytes: Bytes = 1_073_741_824
    """Waiting records at most; near it the least valuable are shortened or dropped, counted, and told
    in the log. Mail goes on."""


class ScannerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ClamAV, asked while the client waits."""

    enabled: bool = True
    """false: content is not scanned at all."""
    addresses: tuple[Endpoint, ...] = (UnixEndpoint(Path("/run/clamav/clamd.ctl")),)
    """Where clamd listens: "unix:PATH" or "ADDRESS:PORT", the second and later ones in reserve."""
    scans_at_once: CountOrAuto = 0
    """Scans at once in all receivers together. 0: two for each CPU; more only slow each other down."""
    waiting: CountOrNone = 100
    """Messages that may wait for a free scan; the next one is deferred at once."""
    connect_timeout_s: Seconds = 5
    """Wait for clamd to take a connection."""
    wait_timeout_s: Seconds = 60
    """Wait for a free scan."""
    timeout_s: Seconds = 60
    """Wait for a result, however small the message."""
    timeout_per_mebibyte_s: Seconds = 4
    """And this much longer for each MiB (clamd scans about 17 MB a second on one core)."""
    hold_bytes: Bytes = 65_536
    """Content kept back before a connection is opened, so that a slow client holds no scan."""


class DnsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The DNS."""

    servers: tuple[Endpoint, ...] = ()
    """Resolvers as "ADDRESS:PORT"; by default those of /etc/resolv.conf."""
    timeout_s: Seconds = 5
    """Wait for one answer."""
    cache_entries: Count = 50_000
    """Answers remembered by each receiver."""
    list_threshold: Weight = 3
    """From this weight on, that of all [[dns_list]] together, a client counts as listed; what follows is
    the group's policy dns_listed."""
    list_test_every_s: Seconds = 3600
    """Look so often whether each list can still be believed."""
    list_retry_s: Seconds = 300
    """Look again so soon at a list that could not; from time to time less often, up to list_test_every_s."""


class AuthenticationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling and who wrote it: SPF, DKIM, ARC, DMARC. What it is worth, each group says."""

    enabled: bool = True
    """false: nobody's identity is looked at, and no Authentication-Results are written."""
    timeout_s: Seconds = 10
    """Time that all questions about one message may take together; what is not answered counts as
    temperror, and nothing is refused for it."""
    questions: Count = 200
    """Questions to the DNS about one message. SPF, the names, the keys, ARC and DMARC have each a part of
    their own, so that nothing a stranger publishes can keep DMARC from being asked for."""
    dmarc_tree_walk: bool = False
    """true: find DMARC records by walking up the tree (psd=, np=, t=), as the successor of RFC 7489 has
    it; false: by the public suffix list."""
    received_spf: bool = False
    """true: also write Received-SPF (RFC 7208 §9.1)."""
    trusted_sealers: tuple[HostName, ...] = ()
    """Domains whose ARC seals are believed, those below them too: mailing lists and forwarders."""
    arc_domain: HostName | None = None
    """Seal what is relayed in this domain's name (RFC 8617); needs arc_selector and arc_key."""
    arc_selector: str = ""
    """Where the public key stands: SELECTOR._domainkey.DOMAIN."""
    arc_key: Path | None = None
    """The private key, PEM, RSA or Ed25519, not readable by others."""


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The web pages."""

    address: Endpoint | None = TcpEndpoint("127.0.0.1", 8025)
    """Where the web process listens, behind a reverse proxy where others shall reach it."""
    url: str = ""
    """How people reach it, such as "https://mail.example.org"; without it, digests have no links."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in clement.toml. Paths are absolute: relative ones were taken from the file's folder."""

    site: SiteSettings
    listener: tuple[ListenerSettings, ...]
    tls: TlsSettings = TlsSettings()
    limits: LimitSettings = LimitSettings()
    processes: ProcessSettings = ProcessSettings()
    database: DatabaseSettings = DatabaseSettings()
    store: StoreSettings = StoreSettings()
    spool: SpoolSettings = SpoolSettings()
    journal: JournalSettings = JournalSettings()
    scanner: ScannerSettings = ScannerSettings()
    dns: DnsSettings = DnsSettings()
    authentication: AuthenticationSettings = AuthenticationSettings()
    reputation: ReputationSettings = ReputationSettings()
    dns_list: tuple[DnsListSettings, ...] = ()
    web: WebSettings = WebSettings()
    digest: DigestSettings = DigestSettings()
    mesh: MeshSettings = MeshSettings()
    held: HeldSettings = HeldSettings()
    learning: LearningSettings = LearningSettings()
    object_store: ObjectStoreSettings = ObjectStoreSettings()
    score: ScoreSettings = ScoreSettings()
    tagging: TaggingSettings = TaggingSettings()
