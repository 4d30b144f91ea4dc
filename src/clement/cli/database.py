"""The store as verbs use it: connected by the settings, its refusals and failures turned into exit codes."""

from __future__ import annotations

import gc
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import load_settings

if TYPE_CHECKING:
    from clement.config.settings import DatabaseSettings as Configured
    from clement.store.access.actor import Actor
    from clement.store.database import DatabaseSettings


OPTIONS = {
    "sender_pattern": "--from",
    "recipient_pattern": "--to",
    "scope_name": "--for",
    "client_network": "--client",
    "expires_at_s": "--expires",
    "quota_bytes": "--quota",
    "owner_login": "--owner",
    "catch_all": "--catch-all",
    "subaddress_separator": "--separator",
    "next_hops": "--relay-to or --lmtp-to",
    "with_mailboxes": "--with-mailboxes",
}
"""What the command line calls the fields of the store that it has options for."""


def store_settings(configured: Configured) -> DatabaseSettings:
    """The `[database]` table as `clement.store` wants it. Raises Failure when the password cannot be read."""
    from clement.store.database import DatabaseSettings, Engine

    engine = Engine(configured.engine.value)
    if engine is Engine.SQLITE:
        return DatabaseSettings(path=str(configured.path))
    is_socket = configured.host.startswith("/")
    try:
        password = configured.password.reveal() if configured.password else ""
    except ValueError as error:
        raise Failure(ExitCode.CONFIGURATION, f"database.password: {error}") from None
    return DatabaseSettings(
        engine=engine,
        name=configured.name,
        host="" if is_socket else configured.host,
        socket=configured.host if is_socket else "",
        port=configured.port or 0,
        user=configured.user,
        password=password,
        connect_timeout_s=max(1, round(configured.connect_timeout_s)),
    )


@contextmanager
def operator(config: Path | None) -> Iterator[Actor]:
    """The store, connected, for whoever runs commands on this machine; he counts as root.

    Raises Failure for whatever the store refuses, does not find or cannot do.
    """
    configured = load_settings(config).database
    if configured.engine == "sqlite" and not configured.path.exists():
        raise Failure(ExitCode.DATABASE_AWAY, f"there is no {configured.path}: `clement init` makes it")
    with connected(configured):
        yield operating_person()


def operating_person() -> Actor:
    """Whoever runs this command, for the audit log."""
    from clement.store.access.actor import shell_actor

    try:
        return shell_actor(f"{getpass.getuser()} (shell)")
    except (KeyError, OSError):
        return shell_actor("(shell)")


@contextmanager
def connected(configured: Configured) -> Iterator[None]:
    """The store, connected. Raises Failure as `operator` does."""
    from clement.store.database import DatabaseMisconfigured, connect, disconnect

    try:
        connect(store_settings(configured))
    except DatabaseMisconfigured as error:
        raise Failure(ExitCode.CONFIGURATION, f"database: {error}") from None
    with _failures_explained():
        # What was imported until now stays: `main` kept the collector from looking at it over and over.
        gc.freeze()
        gc.enable()
        try:
            yield
        finally:
            disconnect()


@contextmanager
def _failures_explained() -> Iterator[None]:
    """Imports only now, because the store's models need `connect` first."""
    from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

    from clement.store.access.actor import NotFound
    from clement.store.actions.change import ActionRefused, StoreUnavailable

    try:
        yield
    except NotFound as error:
        raise Failure(ExitCode.NOT_FOUND, str(error)) from None
    except ActionRefused as error:
        option = OPTIONS.get(error.field, error.field)
        raise Failure(ExitCode.NEGATIVE, f"{option}: {error.reason}") from None
    except StoreUnavailable as error:
        raise Failure(ExitCode.DATABASE_AWAY, str(error)) from None
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        raise _cannot_be_asked(error) from None
    except DatabaseError as error:
        raise Failure(ExitCode.DATABASE_AWAY, f"the database refused: {error}") from None


def _cannot_be_asked(error: Exception) -> Failure:
    """Tables of another version miss what we ask for; each database says so in its own words."""
    from django.db import Error

    from clement.store.schema import WrongSchema, require_current_schema

    text = f"the database cannot be asked: {error}"
    try:
        require_current_schema()
    except WrongSchema as fault:
        text = str(fault)
    except Error:
        pass  # it is away, as has been said
    return Failure(ExitCode.DATABASE_AWAY, text)
