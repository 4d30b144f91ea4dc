"""`clement init`: everything that has to be there before the first `clement serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.paging import all_pages
from clement.cli.paths import state_folders
from clement.cli.terminal import progress, say

if TYPE_CHECKING:
    from clement.config import Settings
    from clement.store.access.actor import Actor

LOCAL_HOSTNAME = "mail.local.example"
ROOT_LOGIN = "admin"


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
    from clement.config import load

    # The database holds password hashes, and everything here is about somebody's mail.
    os.umask(0o077)
    path = config or Path("var/clement.toml" if local else "clement.toml")
    folder = (state or path.parent).absolute()
    _make_folder(folder)
    if _write_configuration(path, folder, hostname, is_local=local):
        say(f"wrote {path}")
    settings = load(path)
    _make_folders(settings)
    if _make_certificate(settings):
        say(f"made {settings.tls.certificate}, a self-made certificate for {settings.site.hostname}")
    _prepare_store(settings, is_local=local)


def _prepare_store(settings: Settings, *, is_local: bool) -> None:
    """Tables, a first administrator, and for `--local` somebody to write to."""
    from clement.cli.database import connected, operating_person

    with connected(settings.database):
        _migrate()
        actor = operating_person()
        _make_root(actor)
        if is_local:
            _furnish(actor)


def _migrate() -> None:
    from clement.store.schema import WrongSchema, migrate

    try:
        with progress() as bar:
            task = bar.add_task("preparing the database", total=None)
            count = migrate(lambda done, total, _name: bar.update(task, completed=done, total=total))
    except WrongSchema as error:
        raise Failure(ExitCode.DATABASE_AWAY, str(error)) from None
    if count:
        say(f"prepared the database ({count} migrations)")


def _make_root(actor: Actor) -> None:
    """A first root-admin, where nobody is one."""
    from clement.cli.password import make_password
    from clement.store.access import directory
    from clement.store.actions.person import add_person
    from clement.store.actions.role import grant_role
    from clement.store.records import Role

    people = all_pages(lambda after: directory.persons(actor, after=after), "", lambda row: row.login)
    if any(grant.role is Role.ROOT for row in people for grant in row.grants):
        return
    password = make_password()
    add_person(actor, ROOT_LOGIN, password)
    grant_role(actor, ROOT_LOGIN, Role.ROOT)
    say(f"administrator: {ROOT_LOGIN}, password {password} (shown this once)")


def _furnish(actor: Actor) -> None:
    from clement.cli.local_site import PEOPLE, furnish
    from clement.cli.password import make_password

    for resident in furnish(actor, {name: make_password() for name in PEOPLE}):
        say(f"mailbox and login: {resident.login}, password {resident.password} (shown this once)")


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
    for folder in (settings.store.mail_root, *state_folders(settings)):
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
