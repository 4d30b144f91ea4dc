"""`clement init`: everything that has to be there before the first `clement serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.exit_codes import ExitCode, Failure

if TYPE_CHECKING:
    from clement.config import Settings

LOCAL_HOSTNAME = "localhost"


def init(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="CLEMENT_CONFIG",
            help="Where the configuration is to be: clement.toml, or var/clement.toml with --local.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="The folder for mail, database, spool and journal; by default that of the configuration.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    hostname: Annotated[
        str | None, typer.Option(help="Our name in SMTP; by default this machine's.", show_default=False)
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="For trying things: 127.0.0.1:2525, local.example and relay.example."),
    ] = False,
) -> None:
    """Make what is missing: configuration, folders, certificate, database, a first administrator.

    Nothing that exists is overwritten, so it can be run again, and after every upgrade. The
    administrator's password is shown once.

    Examples:
    clement init --config /etc/clement/clement.toml --state /var/lib/clement

    clement init --local && clement serve --config var/clement.toml
    """
    from clement.cli.terminal import say
    from clement.config import load

    path = config or Path("var/clement.toml" if local else "clement.toml")
    folder = (state or path.parent).absolute()
    _make_folder(folder)
    if _write_configuration(path, folder, hostname, is_local=local):
        say(f"wrote {path}")
    settings = load(path)
    _make_folders(settings)
    if _make_certificate(settings):
        say(f"made {settings.tls.certificate}, a self-made certificate for {settings.site.hostname}")


def _write_configuration(path: Path, state: Path, hostname: str | None, *, is_local: bool) -> bool:
    import socket

    from clement.cli.profile import host_profile, local_profile, write_configuration

    if path.exists():
        return False
    _make_folder(path.parent)
    profile = (
        local_profile(hostname or LOCAL_HOSTNAME) if is_local else host_profile(hostname or socket.getfqdn())
    )
    text = write_configuration(profile, state, path.parent.absolute())
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failure(ExitCode.CONFIGURATION, f"cannot write {path}: {error.strerror}") from None
    return True


def _make_folders(settings: Settings) -> None:
    folders = [
        settings.store.mail_root,
        settings.spool.folder,
        settings.journal.folder,
        settings.processes.run_folder,
    ]
    for folder in folders:
        _make_folder(folder)
    if settings.tls.certificate is not None and settings.tls.key is not None:
        _make_folder(settings.tls.certificate.parent)
        _make_folder(settings.tls.key.parent)


def _make_folder(folder: Path) -> None:
    """Mail is nobody else's business: folders are made for our user alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(ExitCode.CONFIGURATION, f"cannot make {folder}: {error.strerror}") from None


def _make_certificate(settings: Settings) -> bool:
    certificate, key = settings.tls.certificate, settings.tls.key
    if certificate is None or key is None or certificate.exists() or key.exists():
        return False
    from clement.cli.certificate import make_certificate

    make_certificate(certificate, key, [settings.site.hostname, "localhost", "127.0.0.1", "::1"])
    return True
