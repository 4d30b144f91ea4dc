"""What only a look at the machine can tell: files, folders, certificates, ports.

`find_faults` is what `clement serve` refuses to start with; `find_obstacles` adds what
`clement check` can try while nothing runs, `find_cautions` what it warns of. None changes anything.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import ssl
from pathlib import Path

from clement.config.convert import Blame
from clement.config.dns_list_sense import find_list_cautions
from clement.config.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from clement.config.locate import KeyPath
from clement.config.secret import require_private
from clement.config.settings import Engine, Settings
from clement.message.authentication.signing_key import SigningKey
from clement.policy.mesh.key import PrivateKey, parse_private_key


def find_faults(settings: Settings, blame: Blame) -> None:
    """Note certificates, keys, secrets and folders that cannot be used."""
    _inspect_certificates(settings, blame)
    _inspect_secret(settings, blame)
    _inspect_sealing_key(settings, blame)
    _inspect_account(settings, blame)
    _inspect_mesh(settings, blame)
    for table, key, folder in (
        ("store", "mail_root", settings.store.mail_root),
        ("spool", "folder", settings.spool.folder),
        ("journal", "folder", settings.journal.folder),
        ("held", "folder", settings.held.folder),
        ("processes", "run_folder", settings.processes.run_folder),
    ):
        _inspect_folder(folder, (table, key), blame)


def find_database_faults(settings: Settings, blame: Blame) -> None:
    """Note a file for the database that cannot be. Not among what keeps a server from starting.

    One whose database is away goes by the directory that it knew last.
    """
    database = settings.database
    if database.engine is not Engine.SQLITE:
        return
    folder = database.path.parent
    if database.path.is_dir():
        blame.add(("database", "path"), f"{database.path} is a folder; it is the database's file")
    elif not folder.is_dir():
        blame.add(("database", "path"), f"the folder {folder} does not exist")
    elif not os.access(folder, os.W_OK | os.X_OK):
        blame.add(("database", "path"), f"nothing can be written in {folder}, as the database needs")


def find_obstacles(settings: Settings, blame: Blame) -> None:
    """Note addresses that cannot be listened on now, such as a port that another program holds."""
    for index, listener in enumerate(settings.listener):
        _try_address(listener.address, ("listener", index, "address"), blame)
    if settings.web.address is not None:
        _try_address(settings.web.address, ("web", "address"), blame)


def find_cautions(settings: Settings, blame: Blame) -> None:
    """Warn of what works and is not wise."""
    if stays_root(settings):
        text = "empty; started as root, as now, every process stays root"
        blame.warn(("processes", "user"), text)
    mail_root = settings.store.mail_root
    if not mail_root.exists():
        text = f"{mail_root} does not exist; until it does, mail is deferred, and `clement init` makes it"
        blame.warn(("store", "mail_root"), text)
    find_list_cautions(settings, blame)


def stays_root(settings: Settings) -> bool:
    """Whether what root starts here would read strangers' mail as root."""
    return os.geteuid() == 0 and not settings.processes.user


def _inspect_certificates(settings: Settings, blame: Blame) -> None:
    pairs: list[tuple[Path | None, Path | None, KeyPath]] = [
        (settings.tls.certificate, settings.tls.key, ("tls",)),
        *(
            (listener.certificate, listener.key, ("listener", n))
            for n, listener in enumerate(settings.listener)
        ),
    ]
    for certificate, key, table in pairs:
        if certificate is not None and key is not None:
            _inspect_certificate(certificate, key, table, blame)


def _inspect_certificate(certificate: Path, key: Path, table: KeyPath, blame: Blame) -> None:
    try:
        certificate.open("rb").close()
    except OSError as error:
        blame.add((*table, "certificate"), f"cannot read {certificate}: {error.strerror}")
        return
    try:
        require_private(key)
        key.open("rb").close()
    except OSError as error:
        blame.add((*table, "key"), f"cannot read {key}: {error.strerror}")
        return
    except ValueError as error:
        blame.add((*table, "key"), str(error))
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not PEM"
        blame.add((*table, "certificate"), f"{certificate} and its key cannot be used: {_words(reason)}")


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()


def _inspect_secret(settings: Settings, blame: Blame) -> None:
    for secret, key in (
        (settings.database.password, ("database", "password")),
        (settings.object_store.secret, ("object_store", "secret")),
    ):
        try:
            if secret is not None:
                secret.reveal()
        except ValueError as error:
            blame.add(key, str(error))


def _inspect_account(settings: Settings, blame: Blame) -> None:
    processes = settings.processes
    if processes.user:
        try:
            pwd.getpwnam(processes.user)
        except (KeyError, ValueError):
            blame.add(("processes", "user"), f"this machine has no user {processes.user}")
    if processes.group:
        try:
            grp.getgrnam(processes.group)
        except (KeyError, ValueError):
            blame.add(("processes", "group"), f"this machine has no group {processes.group}")


def _inspect_mesh(settings: Settings, blame: Blame) -> None:
    if not settings.mesh.enabled:
        return
    try:
        read_mesh_key(settings.mesh.key)
    except ValueError as error:
        blame.add(("mesh", "key"), f"{error}; `clement mesh init` makes a key")


def read_mesh_key(path: Path) -> PrivateKey:
    """Our key in the mesh. Raises ValueError when there is none, or others can read it."""
    require_private(path)
    try:
        if path.stat().st_mode & 0o077:
            raise ValueError(f"{path} can be read by others than our own user: chmod 600 {path}")
        return parse_private_key(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None


def _inspect_sealing_key(settings: Settings, blame: Blame) -> None:
    path = settings.authentication.arc_key
    if path is None:
        return
    try:
        require_private(path)
        SigningKey.from_pem(path.read_bytes())
    except OSError as error:
        blame.add(("authentication", "arc_key"), f"cannot read {path}: {error.strerror}")
    except ValueError as error:
        blame.add(("authentication", "arc_key"), f"{path}: {error}")


def _inspect_folder(folder: Path, key: KeyPath, blame: Blame) -> None:
    """A folder may be missing where its parent lets us make it."""
    if not folder.exists():
        parent = folder.parent
        if not parent.is_dir():
            blame.add(key, f"{folder} does not exist, nor does the folder above it")
        elif not os.access(parent, os.W_OK | os.X_OK):
            blame.add(key, f"{folder} does not exist and cannot be made in {parent}")
    elif not folder.is_dir():
        blame.add(key, f"{folder} is not a folder")
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        blame.add(key, f"{folder} cannot be written to")


def _try_address(address: Endpoint, key: KeyPath, blame: Blame) -> None:
    if isinstance(address, UnixEndpoint):
        _inspect_folder(address.path.parent, key, blame)
    if not isinstance(address, TcpEndpoint):
        return
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address.host, address.port))
            trial.listen(1)
        except OSError as error:
            blame.add(key, _bind_problem(address, error))


def _bind_problem(address: TcpEndpoint, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken by another program (or Clement runs already)"
    if error.errno == errno.EACCES:
        return f"{address} needs the rights of root (ports below 1024)"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is not an address of this machine"
    return f"cannot listen on {address}: {error.strerror}"
