"""`clement serve`: open the ports, give up root, fork the house and watch over it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from clement.cli.database import connected
from clement.cli.directory import keeper_of
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.listeners import ListenerFault, Sockets
from clement.cli.processes import roles
from clement.cli.wiring import Outside, Paths, postmaster
from clement.config import ConfigurationError
from clement.config.inspection import find_faults
from clement.config.load import load_with_blame
from clement.config.settings import Settings
from clement.server.privileges import NoSuchUser, drop
from clement.server.supervisor import Role, Supervisor
from clement.telemetry import events as log_events
from clement.telemetry.collect import fold
from clement.telemetry.log import Log

log = Log("serve")


class WrongDatabase(Exception):
    """The database answers, but has not the tables of this version: no snapshot may stand in for it."""


class ReloadRefused(Exception):
    """The new configuration cannot be used; the message says why."""


def serve(settings: Settings, config_path: Path, outside: Outside | None = None) -> None:
    """Serve until SIGTERM. Raises Failure when the house cannot be opened."""
    outside = outside or Outside()
    # Modes are given with every file; whatever they say, others get nothing.
    os.umask(0o007)
    sockets = Sockets()
    try:
        listeners = sockets.open(settings)
        drop(settings.processes.user, settings.processes.group)
        Paths.of(settings).make()
    except (ListenerFault, NoSuchUser) as fault:
        raise Failure(ExitCode.CONFIGURATION, str(fault)) from None
    except OSError as fault:
        raise Failure(ExitCode.CONFIGURATION, f"cannot start: {fault}") from None
    _prepare_directory(settings)

    def load() -> Sequence[Role]:
        """The roles of the configuration as it is now."""
        try:
            fresh, blame = load_with_blame(config_path)
            find_faults(fresh, blame)
            if blame.problems:
                raise ConfigurationError(blame.problems)
            Paths.of(fresh).make()
            return roles(fresh, sockets.open(fresh), outside)
        except (ConfigurationError, ListenerFault, OSError) as fault:
            raise ReloadRefused(str(fault)) from fault

    log.info(log_events.SERVING, addresses=[str(listener.address) for listener in settings.listener])
    tidy = partial(fold_quietly, Paths.of(settings).metrics)
    tidy()
    Supervisor(load, ReloadRefused, tidy).run(roles(settings, listeners, outside))


def fold_quietly(metrics: Path) -> None:
    """Add what dead processes had counted to the totals; counting is not worth a fault."""
    with suppress(OSError):
        fold(metrics)


def _warn_of_lost_postmaster(settings: Settings) -> None:
    """RFC 5321 §4.5.1: postmaster must be reachable; where the mailbox is missing, say so at the start."""
    from clement.policy.directory import Local, Relayed
    from clement.store.snapshot import load_directory

    mailbox = postmaster(settings)
    if not isinstance(load_directory().route(mailbox.local_part, mailbox.domain), Local | Relayed):
        log.warning(log_events.POSTMASTER_LOST, address=str(mailbox), setting="site.postmaster")


def _prepare_directory(settings: Settings) -> None:
    """A fresh snapshot from SQL; when SQL is away, the last one will do."""
    path = Paths.of(settings).directory
    try:
        with connected(settings.database):
            from clement.store.durability import unsafe_settings
            from clement.store.schema import WrongSchema, require_current_schema

            try:
                require_current_schema()
            except WrongSchema as fault:
                raise WrongDatabase(str(fault)) from None
            for sentence in unsafe_settings():
                log.warning(log_events.DATABASE_UNSAFE, why=sentence)
            keeper_of(settings).step()
            _warn_of_lost_postmaster(settings)
    except WrongDatabase as fault:
        raise Failure(ExitCode.DATABASE_AWAY, str(fault)) from None
    except Failure as failure:
        if failure.code is not ExitCode.DATABASE_AWAY or not path.exists():
            raise
        log.warning(log_events.DIRECTORY_UNAVAILABLE, fault=failure.text)
    if not path.exists():
        raise Failure(
            ExitCode.DATABASE_AWAY, "the directory cannot be read from the database, and no snapshot is left"
        )
